"""`kubelite up` and `down` on a machine that has neither run before."""

from __future__ import annotations

import os
import pathlib
import subprocess

from tests.e2e.conftest import eventually
from tests.e2e.machine import KUBELITE, Machine

TABLES = ("nat", "filter", "mangle", "raw")


def rules(machine: Machine) -> list[str]:
    """All packet rules without counters and comments."""
    dump = machine.run("iptables-save").stdout + machine.run("ip6tables-save").stdout
    chains = [line.split(" [")[0] for line in dump.splitlines() if line.startswith((":", "-A", "*"))]
    # Tables that were touched once stay registered with their empty built-in chains.
    return sorted(c for c in chains if not c.startswith("*") and not c.endswith(("ACCEPT", "DROP")))


def cgroups(machine: Machine) -> set[str]:
    return {root for root, _, _ in os.walk("/sys/fs/cgroup") if f"kubelite/{machine.namespace}" in root}


def snapshot(machine: Machine) -> dict[str, object]:
    """What `down` must leave as it was."""
    holder = machine.holder.pid
    mounts = pathlib.Path(f"/proc/{holder}/mountinfo").read_text().splitlines()
    links = machine.run("ip", "-o", "link").stdout.splitlines()
    sysctls = ("net.ipv4.ip_forward", "net.ipv4.conf.all.route_localnet")
    return {
        "processes": sorted(machine.processes().values()),
        "rules": rules(machine),
        "links": sorted(line.split(":")[1].strip() for line in links),
        "routes": machine.run("ip", "route").stdout,
        # What other machines of this host have mounted comes and goes.
        "mounts": sorted(
            p for p in (line.split()[4] for line in mounts) if not p.startswith(("/run/netns/", "/var/tmp/"))
        ),
        "namespaces": sorted(machine.run("ip", "netns", "list", check=False).stdout.split()),
        "cgroups": sorted(cgroups(machine)),
        "sysctls": [machine.run("sysctl", "-n", name).stdout for name in sysctls],
    }


def test_up_again_and_down_leaves_nothing(machine: Machine, tars: list[pathlib.Path]) -> None:
    machine.run("iptables", "-t", "nat", "-A", "PREROUTING", "-p", "tcp", "--dport", "9", "-j", "RETURN")
    before = snapshot(machine)

    first = machine.kubelite("up").stdout
    assert "Ready after" in first
    assert "container runtime" in first
    nodes = machine.kubelite("get", "nodes", "--no-headers").stdout.split()
    assert nodes[:2] == ["alone", "Ready"]

    assert "already running" in machine.kubelite("up").stdout
    status = machine.kubelite("status").stdout
    assert "apiserver" in status
    assert "not running" not in status

    machine.kubelite("image", "import", *map(str, tars))
    machine.kubelite("run", "web", "--image=kubelite.test/web:1", "--port=8080", "--expose")
    machine.kubelite("wait", "--for=condition=Ready", "pod/web", "--timeout=60s")
    titles = [title for title in machine.processes().values() if title.startswith("kubelite ")]
    for component in (
        "apiserver",
        "controller-manager",
        "scheduler",
        "kubelet",
        "proxy",
        "network",
        "dns",
        "supervisor",
    ):
        assert any(title.startswith(f"kubelite {component}") for title in titles), component

    down = machine.kubelite("down")
    assert "kubelite is down" in down.stdout
    for what, left in snapshot(machine).items():
        assert left == before[what], what
    assert machine.kubelite("down").returncode == 0
    assert "not running" in machine.kubelite("status", check=False).stderr


def test_state_survives_down_and_up(machine: Machine) -> None:
    machine.kubelite("up", "--wait=0")
    machine.kubelite("create", "configmap", "kept", "--from-literal=color=blue")
    machine.kubelite("down")
    machine.kubelite("up", "--wait=0")
    assert machine.kubelite("get", "configmap", "kept", "-o", "jsonpath={.data.color}").stdout == "blue"


def test_a_missing_program_is_named(machine: Machine) -> None:
    done = machine.run("env", "PATH=/nowhere", str(KUBELITE), "up", check=False)
    assert done.returncode == 1
    assert "apt-get install" in done.stderr
    assert "containerd" in done.stderr


def test_state_lives_in_etcd_when_asked(machine: Machine) -> None:
    data = machine.disk / "etcd"
    url = "http://127.0.0.1:23790"
    etcd = subprocess.Popen(
        machine.argv(
            "etcd",
            f"--data-dir={data}",
            f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}",
            "--listen-peer-urls=http://127.0.0.1:23800",
            "--log-level=error",
        ),
        stdin=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: machine.run("curl", "-s", f"{url}/health", check=False).returncode == 0)
        machine.kubelite("up", f"--etcd-servers={url}")
        machine.kubelite("create", "configmap", "in-etcd", "--from-literal=a=b")
        keys = machine.run(
            "etcdctl",
            f"--endpoints={url}",
            "get",
            "--prefix",
            "--keys-only",
            "/registry/configmaps/default/",
            env={"ETCDCTL_API": "3"},
        ).stdout.split()
        assert "/registry/configmaps/default/in-etcd" in keys
        machine.kubelite("down")
    finally:
        etcd.terminate()
        etcd.wait()

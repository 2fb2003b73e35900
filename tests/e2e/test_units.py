"""The command lines of the systemd units bring a machine to a Ready node, without `kubelite up`."""

from __future__ import annotations

import os
import signal
import subprocess

from tests.e2e.conftest import eventually
from tests.e2e.machine import KUBELITE, Machine
from tools.generate_units import PROGRAM, units


def command(unit: str) -> str:
    """A unit's ExecStart as a line of shell, with this checkout's program."""
    text = units()[unit].split("ExecStart=", 1)[1]
    lines = []
    for line in text.splitlines():
        lines.append(line.removesuffix("\\").strip())
        if not line.endswith("\\"):
            break
    return " ".join(lines).replace(PROGRAM, str(KUBELITE))


def test_the_units_command_lines_make_a_ready_node(machine: Machine) -> None:
    environment = "set -a; . /etc/kubelite/kubelite.env; set +a; exec "
    machine.run("bash", "-c", command("kubelite-prepare.service"))
    machine.run("bash", "-c", command("kubelite-prepare.service"))
    names = [unit for unit in units() if unit.endswith(".service") and "ExecStart=/usr/bin/containerd" in units()[unit]]
    names += [unit for unit in units() if "--kubeconfig=" in units()[unit] or "apiserver" in unit]
    assert len(names) == 9
    running = []
    try:
        for name in names:
            argv = machine.argv("bash", "-c", environment + command(name))
            log = machine.disk / f"{name}.log"
            with log.open("wb") as output:
                running.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output))
        machine.run("bash", "-c", command("kubelite-services.service"))
        eventually(
            lambda: (
                machine.kubelite("get", "nodes", "--no-headers", check=False).stdout.split()[:2] == ["alone", "Ready"]
            ),
            60,
            lambda: {process.args[-1][-200:]: process.poll() for process in running},  # type: ignore[index]
        )
        assert machine.kubelite("get", "service", "kube-dns", "-n", "kube-system", "-o", "name").stdout
        assert [process.args for process in running if process.poll() is not None] == []
    finally:
        for process in running:
            os.kill(process.pid, signal.SIGTERM)
        for process in running:
            process.wait(30)

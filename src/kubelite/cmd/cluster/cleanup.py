"""The traces of a node in the kernel, and how each is removed.

What: pods, shims, mounts, links, packet rules, network namespaces, cgroups. Why: `kubelite down` promises to leave none.
Only what carries the cluster's own names or paths is touched; a second call finds nothing to do.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import time

from kubelite.cmd.cluster.config import Paths, load

BRIDGE = "kubelite0"
ADDRESS_LABEL = "lo:kubelite"
"""What the network agent calls the load balancer addresses that it adds."""
OWN_CHAINS = ("KUBE-", "KUBELITE-", "CNI-HOSTPORT-", "CNI-DN-")
"""Chains of the proxy, of the network agent and of the portmap plugin, which pods' host ports need."""
CGROUPS = pathlib.Path("/sys/fs/cgroup")
RPC_SECONDS = 20
UNMOUNT_TRIES = 20


def remove_pods() -> None:
    """Stops and removes every sandbox over CRI, which also undoes its network."""
    if not Paths.socket.exists():
        return
    import grpc

    from kubelite.rpc import cri_v1_pb2 as cri
    from kubelite.rpc import cri_v1_pb2_grpc as stubs

    with grpc.insecure_channel(f"unix://{Paths.socket}") as channel:
        runtime = stubs.RuntimeServiceStub(channel)
        sandboxes = runtime.ListPodSandbox(cri.ListPodSandboxRequest(), timeout=RPC_SECONDS).items
        stopping = [
            runtime.StopContainer.future(cri.StopContainerRequest(container_id=c.id, timeout=2), timeout=RPC_SECONDS)
            for c in runtime.ListContainers(cri.ListContainersRequest(), timeout=RPC_SECONDS).containers
        ]
        for call in stopping:
            with contextlib.suppress(grpc.RpcError):  # what does not stop in time is killed with its sandbox
                call.result()
        for sandbox in sandboxes:
            runtime.StopPodSandbox(cri.StopPodSandboxRequest(pod_sandbox_id=sandbox.id), timeout=RPC_SECONDS)
            runtime.RemovePodSandbox(cri.RemovePodSandboxRequest(pod_sandbox_id=sandbox.id), timeout=RPC_SECONDS)


def _shims() -> list[int]:
    """Pids of the shims that serve this node's containerd."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            same = os.stat(process / "ns" / "mnt").st_ino == os.stat("/proc/self/ns/mnt").st_ino
            if b"containerd-shim" in words[0] and str(Paths.socket).encode() in words and same:
                found.append(int(process.name))
    return found


def kill_shims() -> None:
    """Ends shims that outlived containerd, with the processes below them."""
    for shim in _shims():
        children = pathlib.Path(f"/proc/{shim}/task/{shim}/children")
        with contextlib.suppress(OSError):
            for child in children.read_text().split():
                os.kill(int(child), signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(shim, signal.SIGKILL)


def mounts() -> list[str]:
    """The mount points below the cluster's folders, the deepest first."""
    roots = tuple(f"{path}/" for path in (Paths.run, Paths.containerd_root, Paths.kubelet))
    lines = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
    points = [line.split()[4].encode().decode("unicode_escape") for line in lines]
    return sorted((point for point in points if point.startswith(roots)), key=len, reverse=True)


def unmount() -> None:
    """Unmounts what lies below the cluster's folders. One unmount may take others along, and dying shims add none but are
    slow to let go: so it looks again until nothing is left."""
    for _ in range(UNMOUNT_TRIES):
        points = mounts()
        if not points:
            return
        for point in points:
            subprocess.run(["umount", "--lazy", point], check=False, capture_output=True)
        time.sleep(0.05)
    raise RuntimeError(f"still mounted: {', '.join(mounts())}")


def delete_links() -> None:
    """Removes the bridge and load balancer addresses; the bridge's ports went with the pods' namespaces.

    /sys may show another network namespace than ours.
    """
    if subprocess.run(["ip", "link", "show", BRIDGE], check=False, capture_output=True).returncode == 0:
        subprocess.run(["ip", "link", "delete", BRIDGE], check=True, capture_output=True)
    shown = subprocess.run(
        ["ip", "-4", "-o", "address", "show", "dev", "lo"], check=False, capture_output=True, text=True
    )
    for words in (line.replace("\\", " ").split() for line in shown.stdout.splitlines()):
        if ADDRESS_LABEL in words:
            subprocess.run(["ip", "-4", "address", "delete", words[3], "dev", "lo"], check=False, capture_output=True)


def own_rules(dump: str) -> list[str]:
    """The lines for `iptables-restore --noflush` that remove our chains and the jumps to them, and nothing else.

    `dump` is the output of iptables-save: `*table`, `:CHAIN policy`, `-A CHAIN …`, `COMMIT`.
    """
    out: list[str] = []
    chains: list[str] = []
    deletions: list[str] = []
    for line in dump.splitlines():
        if line.startswith("*"):
            chains, deletions = [], []
            out.append(line)
        elif line.startswith(":") and line[1:].startswith(OWN_CHAINS):
            chains.append(line[1:].split()[0])
        elif line.startswith("-A "):
            # A comment is one word, whatever it says.
            words = shlex.split(line)
            jumps = "-j" in words and words[words.index("-j") + 1].startswith(OWN_CHAINS)
            if jumps and not words[1].startswith(OWN_CHAINS):
                deletions.append(f"-D{line[2:]}")
        elif line == "COMMIT":
            out += [*deletions, *(f":{c} - [0:0]" for c in chains), *(f"-X {c}" for c in chains), "COMMIT"]
    return out


def delete_rules() -> None:
    """Removes the chains of the proxy, of the network agent and of the CNI plugins from both address families."""
    for family in ("iptables", "ip6tables"):
        if shutil.which(f"{family}-save") is None:
            continue
        dump = subprocess.run([f"{family}-save"], capture_output=True, text=True, check=True).stdout
        if not any(f":{prefix}" in dump for prefix in OWN_CHAINS):
            continue
        text = "\n".join(own_rules(dump)) + "\n"
        done = subprocess.run(
            [f"{family}-restore", "--noflush"], input=text, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"{family}-restore: {done.stderr.strip()}")


def delete_network() -> None:
    """Removes routes into the pod range and the CNI configuration. Pods' namespaces are mounts below the state folder."""
    config = load()
    if config is not None:
        pods = ipaddress.ip_network(config.pod_cidr)
        shown = subprocess.run(["ip", "-4", "route", "show"], capture_output=True, text=True, check=True).stdout
        for line in shown.splitlines():
            target = line.split()[0]
            if target != "default" and "/" in target and ipaddress.ip_network(target).subnet_of(pods):  # type: ignore[arg-type]
                subprocess.run(["ip", "route", "delete", *line.split()[:3]], check=False, capture_output=True)
    Paths.cni.unlink(missing_ok=True)
    shutil.rmtree(Paths.cni_state / "networks" / "kubelite", ignore_errors=True)
    shutil.rmtree(Paths.cni_state / "results", ignore_errors=True)


def delete_cgroups() -> None:
    """Removes the node's cgroups in every hierarchy (v1) or in the one tree (v2), the deepest first."""
    config = load()
    name = config.cgroup_root.strip("/") if config is not None else ""
    if not name:
        return
    for root in {CGROUPS, *(p for p in CGROUPS.iterdir() if p.is_dir() and not p.is_symlink())}:
        top = root / name
        if not top.is_dir():
            continue
        for folder, _, _ in os.walk(top, topdown=False):
            _remove_cgroup(pathlib.Path(folder))
        with contextlib.suppress(OSError):  # another node of this machine may still use the parent
            top.parent.rmdir()


def _remove_cgroup(path: pathlib.Path) -> None:
    """A cgroup can be removed once the kernel has reaped its last process, which takes a moment after a kill."""
    for _ in range(40):
        try:
            path.rmdir()
            return
        except FileNotFoundError:
            return
        except OSError:
            for pid in (path / "cgroup.procs").read_text().split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            time.sleep(0.05)
    path.rmdir()

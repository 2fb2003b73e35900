"""Machines for end-to-end tests: each is a network, mount and UTS namespace of this host.

What: `Lan` is a bridge, `Machine` a host on it with its own /run, /etc/kubelite, /var/lib/kubelite, logs and CNI state.
Why: a cluster under test must neither meet another one nor leave anything on the host, and several nodes fit on one host.
Flow: `Machine.run(argv)` enters the namespaces with nsenter (not `ip netns exec`, which hides the cgroup trees).
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parents[2]
KUBELITE = ROOT / ".venv" / "bin" / "kubelite"
PRIVATE = ("/etc/kubelite", "/var/lib/kubelite", "/var/lib/cni", "/etc/cni/net.d", "/var/log")
NUMBERS = itertools.count(1)


def call(*argv: str, check: bool = True, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Runs a command on the host; raises with its complaint if it fails."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip() or done.stdout.strip()}")
    return done


@dataclass
class Lan:
    """A bridge in a network namespace of its own, 10.77.N.0/24. `machine(n)` gets .10+n; the bridge is .1."""

    number: int = field(default_factory=lambda: os.getpid() % 200 + next(NUMBERS))
    machines: list[Machine] = field(default_factory=list)
    _tries: Iterator[int] = field(default_factory=itertools.count, repr=False)

    @property
    def name(self) -> str:
        return f"kl{self.number}lan"

    def __enter__(self) -> Lan:
        while call("ip", "netns", "add", self.name, check=False).returncode != 0:
            # Taken by another run of the tests.
            self.number = self.number % 250 + 1
            if next(self._tries) > 250:
                raise RuntimeError("no free number for a LAN")
        self._ip("link", "add", "lan", "type", "bridge")
        self._ip("address", "add", f"10.77.{self.number}.1/24", "dev", "lan")
        self._ip("link", "set", "lan", "up")
        self._ip("link", "set", "lo", "up")
        return self

    def _ip(self, *words: str) -> None:
        call("ip", "-n", self.name, *words)

    def machine(self, name: str = "") -> Machine:
        """A new machine, plugged in."""
        index = len(self.machines) + 1
        machine = Machine(name or f"node-{index}", f"10.77.{self.number}.{10 + index}", self, index)
        self.machines.append(machine)
        machine.start()
        return machine

    def __exit__(self, *_: object) -> None:
        with contextlib.ExitStack() as stack:
            stack.callback(call, "ip", "netns", "delete", self.name)
            for machine in self.machines:
                stack.callback(machine.stop)


@dataclass
class Machine:
    """A host with a name and an address. Its files lie below `disk` on the real host."""

    name: str
    address: str
    lan: Lan
    index: int
    disk: pathlib.Path = field(init=False)
    holder: subprocess.Popen[bytes] = field(init=False)

    @property
    def namespace(self) -> str:
        return f"kl{self.lan.number}n{self.index}"

    def start(self) -> None:
        self.disk = pathlib.Path(tempfile.mkdtemp(prefix=f"kubelite-{self.name}-", dir="/var/tmp"))
        inside, outside = f"kl{self.lan.number}v{self.index}", f"kl{self.lan.number}p{self.index}"
        call("ip", "netns", "add", self.namespace)
        call("ip", "link", "add", inside, "type", "veth", "peer", "name", outside)
        call("ip", "link", "set", outside, "netns", self.lan.name)
        call("ip", "link", "set", inside, "netns", self.namespace)
        call("ip", "-n", self.lan.name, "link", "set", outside, "master", "lan", "up")
        for words in (
            ("link", "set", inside, "name", "eth0"),
            ("address", "add", f"{self.address}/24", "dev", "eth0"),
            ("link", "set", "eth0", "up"),
            ("link", "set", "lo", "up"),
            ("route", "add", "default", "via", f"10.77.{self.lan.number}.1"),
        ):
            call("ip", "-n", self.namespace, *words)
        self._hold()

    def _hold(self) -> None:
        """Makes the mount and UTS namespaces and keeps them open with a sleeping process."""
        steps = ["set -e", "mount --make-rshared /", f"hostname {self.name}", "mount -t tmpfs -o mode=755 run /run"]
        for path in PRIVATE:
            own = self.disk / path.strip("/").replace("/", "_")
            own.mkdir()
            steps += [f"mkdir -p {path}", f"mount --bind {own} {path}"]
        steps += ["mkdir -p /run/lock", f"echo 127.0.0.1 localhost > {self.disk}/hosts", "touch /run/ready"]
        steps.append("exec sleep infinity")
        netns = f"--net=/run/netns/{self.namespace}"
        self.holder = subprocess.Popen(
            ["nsenter", netns, "unshare", "--mount", "--uts", "--propagation", "private", "sh", "-c", "; ".join(steps)],
            stdin=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 10
        while not pathlib.Path(f"/proc/{self.holder.pid}/root/run/ready").exists():
            if self.holder.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"machine {self.name} does not start")
            time.sleep(0.02)

    def argv(self, *argv: str) -> list[str]:
        """The command line that runs `argv` on the machine."""
        return ["nsenter", "-t", str(self.holder.pid), "--mount", "--uts", "--net", f"--wd={ROOT}", *argv]

    def run(
        self,
        *argv: str,
        check: bool = True,
        timeout: float = 120,
        stdin: str = "",
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command on the machine; raises with its output if it fails and `check`."""
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        environment["KUBECONFIG"] = "/etc/kubelite/admin.kubeconfig"
        done = subprocess.run(
            self.argv(*argv),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env={**environment, **(env or {})},
            cwd=ROOT,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(argv)} → {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def kubelite(self, *argv: str, **options: object) -> subprocess.CompletedProcess[str]:
        """Runs our command. The machines of a host share its cgroups, so each node gets a root of its own there."""
        if argv[0] == "up":
            argv = (*argv, f"--cgroup-root=/kubelite/{self.namespace}")
        return self.run(str(KUBELITE), *argv, **options)  # type: ignore[arg-type]

    def processes(self) -> dict[int, str]:
        """pid → command line of everything that runs in the machine's mount namespace, the holder left out."""
        own = os.stat(f"/proc/{self.holder.pid}/ns/mnt").st_ino
        found = {}
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if os.stat(entry / "ns" / "mnt").st_ino == own and int(entry.name) != self.holder.pid:
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
        return found

    def stop(self) -> None:
        """Ends what still runs, then the namespaces, then the files. A test that needs a clean end calls `down` itself."""
        with contextlib.suppress(Exception):
            self.kubelite("down", "--purge", check=False, timeout=90)
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.holder.kill()
        self.holder.wait()
        call("ip", "netns", "delete", self.namespace, check=False)
        for _ in range(50):
            shutil.rmtree(self.disk, ignore_errors=True)
            if not self.disk.exists():
                return
            time.sleep(0.1)


def first_program(*names: str) -> str | None:
    """The first of the programs that exists on this host."""
    return next((found for name in names if (found := shutil.which(name))), None)


__all__: Sequence[str] = ("KUBELITE", "ROOT", "Lan", "Machine", "call", "first_program")

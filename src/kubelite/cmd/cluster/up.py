"""`kubelite up`: from an installed program to a Ready node, showing each step and how long it took.

What: keys, host settings, supervisor, then waiting until the API server, the container runtime and the node are ready.
Why: one command, which a second call finds done. Flow: flags → /etc/kubelite → supervisor → progress lines → exit code 0
when the node is Ready, 1 with the component's last words when it does not get there.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime

from kubelite.cmd.cluster import addons, certificates, containerd, host, image
from kubelite.cmd.cluster.api import AdminApi
from kubelite.cmd.cluster.config import Config, Paths, complete, load, save
from kubelite.cmd.cluster.supervisor import running, supervisor_pid
from kubelite.util import flags

PROGRAMS = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "catatonit": "catatonit",
    "iptables-restore": "iptables",
    "ip": "iproute2",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
}


class Failed(Exception):
    """A step that did not succeed; the text says what to do next."""


class Steps:
    """Prints one line a step, with its time."""

    def __init__(self) -> None:
        self.began = time.monotonic()

    def run(self, text: str, act: Callable[[], object]) -> None:
        began = time.monotonic()
        print(f"  {text} … ", end="", flush=True)
        try:
            act()
        except BaseException:
            print("failed", flush=True)
            raise
        print(f"{time.monotonic() - began:.2f} s", flush=True)

    def total(self) -> float:
        return time.monotonic() - self.began


def check_host() -> None:
    """Refuses a machine on which the cluster cannot work, naming what is missing."""
    if os.geteuid() != 0:
        raise Failed("root is needed to run containers and to set up networks: try `sudo kubelite up`")
    missing = sorted({package for program, package in PROGRAMS.items() if shutil.which(program) is None})
    if missing:
        raise Failed(f"programs are missing: apt-get install {' '.join(missing)}  (or run `make up`, which does it)")


def unpack(bundle: str, config: Config) -> Config:
    """Lays out the credentials with which this machine joins a cluster."""
    try:
        with tarfile.open(bundle) as tar:
            tar.extractall(Paths.etc, filter="data")
    except (OSError, tarfile.TarError) as error:
        raise Failed(f"--join {bundle}: {error}") from error
    joined = load()
    if joined is None:
        raise Failed(f"--join {bundle}: not a file made by `kubelite node-bundle`")
    return complete(replace(joined, join=bundle, wait=config.wait, cgroup_root=config.cgroup_root))


def launch() -> None:
    """Starts the supervisor, detached from this terminal."""
    Paths.log.mkdir(parents=True, exist_ok=True)
    with (Paths.log / "supervisor.log").open("ab") as output:
        subprocess.Popen(
            (sys.executable, "-m", "kubelite.cmd.main", "supervisor"),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd="/",
        )


def wait(seconds: float, done: Callable[[], bool], process: str, what: str) -> None:
    """Polls until `done`; fails with the last lines of the process's log."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise Failed(f"{what} after {seconds:.0f} s\n{last_words(process)}")
        time.sleep(0.05)


def last_words(process: str) -> str:
    path = Paths.log / f"{process}.log"
    lines = path.read_text(errors="replace").splitlines()[-8:] if path.exists() else ["(no log)"]
    return f"The last lines of {path}:\n" + "\n".join(f"    {line}" for line in lines)


def start(config: Config, steps: Steps) -> None:
    """The whole way, a step a line."""
    complaints: list[str] = []
    began = datetime.now(UTC)
    steps.run(
        "keys and certificates", (lambda: None) if config.join else (lambda: certificates.issue_control_plane(config))
    )
    steps.run("host settings", lambda: complaints.extend(host.prepare()))
    containerd.write_config()
    save(config)
    steps.run("processes", launch)
    limit = float(max(config.wait, 20))
    api = AdminApi()
    if not config.join:
        steps.run("API server", lambda: wait(limit, api.ready, "apiserver", "the API server is not ready"))
        steps.run("cluster services", lambda: addons.ensure(api, config))

    def runtime() -> None:
        if not containerd.wait_for_socket(limit):
            raise Failed(f"containerd does not answer\n{last_words('containerd')}")
        image.ensure_pause()

    steps.run("container runtime", runtime)
    if config.wait and not config.join:
        node, ready = config.node_name, functools.partial(api.node_ready, config.node_name, began)
        steps.run(f"node {node}", lambda: wait(config.wait, ready, "kubelet", f"node {node} is not Ready"))
    for complaint in complaints:
        print(f"  note: the kernel refused {complaint}")


def already_running(config: Config) -> bool:
    """Whether a healthy cluster is there; a changed flag is refused, since processes keep the old one."""
    if supervisor_pid() is None or not running():
        return False
    before = load()
    changed = [
        name
        for name, value in asdict(config).items()
        if before is not None and name not in ("wait", "join") and value != asdict(before)[name]
    ]
    if changed:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in changed)
        raise Failed(f"the cluster runs with another {names}: `kubelite down` first")
    return True


def merged(argv: Sequence[str]) -> Config:
    """The flags over what the last `up` saved."""
    given = flags.parse(
        Config, argv, program="kubelite up", description="Start a cluster on this machine, or join one with --join."
    )
    before = load()
    if before is None:
        return complete(given)
    default = asdict(Config())
    kept = {
        name: value for name, value in asdict(before).items() if asdict(given)[name] == default[name] and name != "wait"
    }
    return complete(replace(given, **kept))


def main(argv: Sequence[str]) -> int:
    steps = Steps()
    try:
        check_host()
        config = merged(argv)
        if config.join and supervisor_pid() is None:
            config = unpack(config.join, config)
        if already_running(config):
            print(f"The cluster is already running. Try:  kubectl --kubeconfig {Paths.admin} get nodes")
            return 0
        print(f"Starting kubelite on {config.node_name} ({config.node_ip})")
        start(config, steps)
    except (Failed, OSError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"Ready after {steps.total():.1f} s.")
    if not config.join:
        print(
            f"\nTry:  export KUBECONFIG={Paths.admin}\n      kubelite get nodes\n      kubelite run web --image=IMAGE --port=80"
        )
    return 0

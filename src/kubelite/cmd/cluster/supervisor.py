"""`kubelite supervisor`: keeps the processes of this machine running.

What: starts each process, restarts one that ends (back-off 0.2 s to 10 s), stops all on SIGTERM. Why: on a machine without
systemd something has to; it is a plain loop on signals so that it costs no memory and no wake-ups to speak of.
Flow: processes.py → child processes; their output → /var/log/kubelite/NAME.log (cut at 10 MB); their pids → processes.json.
A supervisor that was killed leaves its children running; the next one ends those that it cannot adopt, containers stay.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

from kubelite.cmd.cluster.config import Paths, load
from kubelite.cmd.cluster.processes import Process, wanted

FIRST_DELAY, LAST_DELAY = 0.2, 10.0
STEADY_SECONDS = 30.0
STOP_SECONDS = 10.0
LOG_LIMIT = 10 * 1024 * 1024
HOUSEKEEPING_SECONDS = 60.0
SIGNALS = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT}


def start_time(pid: int) -> int:
    """The moment a process started, in clock ticks since boot: with the pid it names a process for good. 0: gone."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    fields = stat.rpartition(")")[2].split()
    return 0 if fields[0] == "Z" else int(fields[19])


def running() -> dict[str, int]:
    """The pids of the machine's processes that are alive, by name, as the supervisor wrote them down."""
    try:
        recorded: dict[str, list[int]] = json.loads(Paths.groups.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return {name: pid for name, (pid, started) in recorded.items() if start_time(pid) == started}


def end(pids: dict[str, int], seconds: float) -> None:
    """Asks processes to stop, and kills those that do not in time."""
    started = {pid: start_time(pid) for pid in pids.values()}
    for number in (signal.SIGTERM, signal.SIGKILL):
        alive = [pid for pid, at in started.items() if at and start_time(pid) == at]
        for pid in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while any(start_time(pid) == at for pid, at in started.items() if at) and time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(-1, os.WNOHANG)
            time.sleep(0.05)


class Child:
    """A process that should run."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.popen: subprocess.Popen[bytes] | None = None
        self.delay = FIRST_DELAY
        self.started = 0.0
        self.due: float | None = 0.0

    def start(self) -> None:
        Paths.log.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "MALLOC_ARENA_MAX": "1", "PYTHONUNBUFFERED": "1"}
        with (Paths.log / f"{self.process.name}.log").open("ab") as output:
            try:
                self.popen = subprocess.Popen(
                    self.process.argv,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=environment,
                    start_new_session=True,
                    # Signals that the supervisor blocks to wait for them would stay blocked in the child.
                    preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS),
                )
            except OSError as error:
                # One program that is missing must not take the others down.
                self._plan_restart(f"cannot be started ({error})")
                return
        self.started, self.due = time.monotonic(), None

    def reap(self) -> bool:
        """Whether the process has just ended; plans its restart."""
        if self.popen is None or self.popen.poll() is None:
            return False
        now = time.monotonic()
        self._plan_restart(f"ended with {self.popen.returncode}", steady=now - self.started > STEADY_SECONDS)
        self.popen = None
        return True

    def _plan_restart(self, why: str, *, steady: bool = False) -> None:
        """After 0.2 s the first time, then twice as long each time, until a process has run for a while."""
        wait = FIRST_DELAY if steady else self.delay
        self.delay = min(LAST_DELAY, wait * 2)
        self.due = time.monotonic() + wait
        print(f"{self.process.name} {why}, restart in {wait:.1f} s", file=sys.stderr)


class Supervisor:
    """The loop."""

    def __init__(self, processes: Sequence[Process]) -> None:
        self.children = [Child(process) for process in processes]

    def run(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        end({name: pid for name, pid in running().items() if name != "containerd"}, STOP_SECONDS)
        _end_stray_containerd()
        next_housekeeping = time.monotonic() + HOUSEKEEPING_SECONDS
        while True:
            self._start_due()
            due = [child.due for child in self.children if child.due is not None]
            wait = max(0.0, min([next_housekeeping, *due]) - time.monotonic())
            received = signal.sigtimedwait(SIGNALS, wait)
            if received is not None and received.si_signo in (signal.SIGTERM, signal.SIGINT):
                break
            ended = [child for child in self.children if child.reap()]
            if ended:
                self._record()
            if time.monotonic() >= next_housekeeping:
                next_housekeeping = time.monotonic() + HOUSEKEEPING_SECONDS
                _cut_logs()
        self._stop()

    def _start_due(self) -> None:
        now = time.monotonic()
        started = [child for child in self.children if child.due is not None and child.due <= now]
        for child in started:
            child.start()
        if started:
            self._record()

    def _record(self) -> None:
        alive = {c.process.name: c.popen.pid for c in self.children if c.popen is not None}
        text = json.dumps({name: [pid, start_time(pid)] for name, pid in alive.items()})
        temporary = Paths.groups.with_suffix(".new")
        temporary.write_text(text)
        temporary.replace(Paths.groups)

    def _stop(self) -> None:
        """Those that write through the API server end before it does; containerd ends last."""
        pids = {c.process.name: c.popen.pid for c in self.children if c.popen is not None}
        last: dict[str, int] = {name: pids.pop(name) for name in ("apiserver", "containerd") if name in pids}
        end(pids, STOP_SECONDS)
        end(last, STOP_SECONDS)
        Paths.groups.unlink(missing_ok=True)
        Paths.supervisor.unlink(missing_ok=True)


def _end_stray_containerd() -> None:
    """A containerd that outlived its supervisor is replaced: its shims keep the containers running meanwhile."""
    pid = running().get("containerd")
    if pid is not None:
        end({"containerd": pid}, STOP_SECONDS)


def _cut_logs() -> None:
    """Keeps each log bounded: what is over the limit moves to NAME.log.1."""
    for path in Paths.log.glob("*.log"):
        if path.stat().st_size > LOG_LIMIT:
            path.with_suffix(".log.1").write_bytes(path.read_bytes())
            os.truncate(path, 0)


def supervisor_pid() -> int | None:
    """The pid of the supervisor that runs on this machine, if one does."""
    try:
        pid, started = json.loads(Paths.supervisor.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return int(pid) if start_time(pid) == started else None


def main(argv: Sequence[str]) -> int:
    if argv:
        print(f"error: unknown flag {argv[0]}: the supervisor reads {Paths.cluster}", file=sys.stderr)
        return 2
    config = load()
    if config is None:
        print("error: this machine has no cluster yet: run `kubelite up`", file=sys.stderr)
        return 1
    import setproctitle

    setproctitle.setproctitle("kubelite supervisor")
    Paths.run.mkdir(parents=True, exist_ok=True)
    Paths.supervisor.write_text(json.dumps([os.getpid(), start_time(os.getpid())]))
    Supervisor(wanted(config)).run()
    return 0

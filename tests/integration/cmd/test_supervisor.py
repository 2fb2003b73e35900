"""The supervisor with real child processes, its files below a temporary folder."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kubelite.cmd.cluster.supervisor import start_time

PROGRAM = """
import json, os, pathlib, sys
from kubelite.cmd.cluster import supervisor
from kubelite.cmd.cluster.config import Paths
from kubelite.cmd.cluster.processes import Process
folder = pathlib.Path(sys.argv[1])
for name, value in list(vars(Paths).items()):
    if isinstance(value, pathlib.Path):
        setattr(Paths, name, folder / value.relative_to("/"))
Paths.run.mkdir(parents=True, exist_ok=True)
Paths.supervisor.write_text(json.dumps([os.getpid(), supervisor.start_time(os.getpid())]))
supervisor.Supervisor([Process(name, tuple(argv)) for name, argv in json.loads(sys.argv[2]).items()]).run()
"""


class Machine:
    """One machine's files and the supervisors that were started on it."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder, self.started = folder, list[subprocess.Popen[str]]()

    def supervise(self, **processes: list[str]) -> subprocess.Popen[str]:
        argv = [sys.executable, "-c", PROGRAM, str(self.folder), json.dumps(processes)]
        self.started.append(subprocess.Popen(argv, stderr=subprocess.PIPE, text=True))
        return self.started[-1]

    def pids(self) -> dict[str, int]:
        """The processes that are written down and alive."""
        try:
            recorded = json.loads((self.folder / "run/kubelite/processes.json").read_text())
        except FileNotFoundError:
            return {}
        return {name: pid for name, (pid, at) in recorded.items() if start_time(pid) == at}

    def log(self, name: str) -> str:
        path = self.folder / f"var/log/kubelite/{name}.log"
        return path.read_text() if path.exists() else ""

    def close(self) -> None:
        for child in self.started:
            child.kill()
            child.communicate()
        for pid in self.pids().values():
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def machine(tmp_path: pathlib.Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    yield made
    made.close()


def until(asked: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 15
    while not (found := asked()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert found
    return found


def test_processes_are_started_logged_and_stopped(machine: Machine) -> None:
    supervisor = machine.supervise(a=["sh", "-c", "echo hello; echo oops >&2; exec sleep 600"], b=["sleep", "600"])
    pids = until(lambda: machine.pids() if len(machine.pids()) == 2 else None)
    until(lambda: machine.log("a") == "hello\noops\n")
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(15) == 0
    assert [start_time(pid) for pid in pids.values()] == [0, 0]
    assert not (machine.folder / "run/kubelite/processes.json").exists()
    assert not (machine.folder / "run/kubelite/supervisor.pid").exists()


def test_a_process_that_dies_comes_back_and_the_others_stay(machine: Machine) -> None:
    machine.supervise(a=["sleep", "600"], b=["sleep", "600"])
    before = until(lambda: machine.pids() if len(machine.pids()) == 2 else None)
    os.kill(before["a"], signal.SIGKILL)
    after = until(lambda: machine.pids() if machine.pids().get("a", before["a"]) != before["a"] else None)
    assert after["b"] == before["b"]


def test_a_process_that_ends_at_once_is_started_again_ever_later(machine: Machine) -> None:
    supervisor = machine.supervise(a=["sh", "-c", "echo run; exit 3"])
    until(lambda: machine.log("a").count("run") >= 3)
    supervisor.send_signal(signal.SIGTERM)
    _, told = supervisor.communicate(timeout=15)
    # The third restart may not have been told of when the third run was seen.
    assert told.splitlines()[:2] == [f"a ended with 3, restart in {wait} s" for wait in (0.2, 0.4)]


def test_a_missing_program_does_not_take_the_others_down(machine: Machine) -> None:
    supervisor = machine.supervise(bad=["/nonexistent/program"], good=["sleep", "600"])
    until(lambda: machine.pids().keys() == {"good"})
    assert supervisor.poll() is None


def test_a_new_supervisor_replaces_what_a_killed_one_left_behind(machine: Machine) -> None:
    first = machine.supervise(a=["sleep", "600"], containerd=["sleep", "600"])
    before = until(lambda: machine.pids() if len(machine.pids()) == 2 else None)
    first.kill()
    first.wait()
    assert machine.pids() == before
    machine.supervise(a=["sleep", "600"], containerd=["sleep", "600"])
    after = until(
        lambda: (
            machine.pids() if len(machine.pids()) == 2 and not {*machine.pids().values()} & {*before.values()} else None
        )
    )
    assert after.keys() == before.keys()
    assert [start_time(pid) for pid in before.values()] == [0, 0]


def test_a_pid_that_belongs_to_another_process_now_is_left_alone(machine: Machine) -> None:
    with subprocess.Popen(["sleep", "600"]) as stranger:
        try:
            (machine.folder / "run/kubelite").mkdir(parents=True)
            record = json.dumps({"a": [stranger.pid, start_time(stranger.pid) - 1]})
            (machine.folder / "run/kubelite/processes.json").write_text(record)
            machine.supervise(a=["sleep", "600"])
            until(lambda: machine.pids().get("a"))
            assert stranger.poll() is None
        finally:
            stranger.kill()

"""A short simulation with every run of the tests, and the promise on which all of it rests: same seed, same trace."""

from __future__ import annotations

import os
import re
import subprocess
import sys


def simulate(*flags: str) -> str:
    """What the simulation prints; fails if a rule was violated."""
    command = [sys.executable, "-m", "tests.simulation", *flags]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONHASHSEED"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=580, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_control_plane_keeps_its_promises_under_faults() -> None:
    shown = simulate("--seeds", "2", "--first", "3", "--trouble", "80")
    assert "no violations" in shown
    assert re.search(r"seeds +2\n", shown)


def test_the_same_seed_gives_the_same_trace() -> None:
    first, second = (simulate("--seed", "3", "--trouble", "20") for _ in range(2))
    trace = re.search(r"trace [0-9a-f]{64}", first)
    assert trace is not None
    assert trace[0] in second


def test_another_seed_gives_another_trace() -> None:
    one, other = (simulate("--seed", seed, "--trouble", "5") for seed in ("3", "4"))
    assert re.findall(r"trace \w+", one) != re.findall(r"trace \w+", other)

"""A few of the cases of foretold.py with every run of the tests: what `whatif` foretells is what then happens."""

from __future__ import annotations

import re
import subprocess
import sys

CASES, FIRST = 8, 34
"""Among these is each kind of question."""
KINDS = ("apply", "drain", "lose", "quota", "taint")


def test_what_is_foretold_happens() -> None:
    command = [sys.executable, "-m", "tests.simulation.foretell", "--cases", str(CASES), "--first", str(FIRST)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=580)
    assert done.returncode == 0, done.stdout + done.stderr
    told = re.search(rf"{CASES} cases [^:]*: (\d+) right, .* 0 wrong", done.stdout)
    assert told is not None, done.stdout
    assert int(told[1]) >= CASES // 2
    asked = done.stdout.partition(" cases (")[2].partition(")")[0]
    assert [word.split()[1] for word in asked.split(", ")] == list(KINDS)

"""Unit and contract tests do not wait for real time."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.arch.exceptions import REAL_SLEEPS
from tests.arch.sources import modules
from tests.arch.test_sizes import shrinking

HUNG = 60
"""`asyncio.sleep` of a minute or more stands for "never answers": the test's own time limit would end it."""
BLINK = 0.05
"""Longest pause of a loop that polls another process or thread."""


def sleeps(tree: ast.Module) -> Iterator[ast.Call]:
    """Calls of `time.sleep`, and of `asyncio.sleep` for longer than a blink."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sleep"):
            continue
        owner = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
        seconds = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
        blocks = not isinstance(seconds, int | float) or BLINK < seconds < HUNG
        if owner == "time" or (owner == "asyncio" and blocks):
            yield node


def test_unit_and_contract_tests_do_not_sleep() -> None:
    found = {m.path: len(list(sleeps(m.tree))) for m in modules("tests/unit", "tests/contract")}
    assert shrinking({path: count for path, count in found.items() if count}, REAL_SLEEPS) == []


def test_the_rule_can_fail() -> None:
    tree = ast.parse("time.sleep(0)\nasyncio.sleep(1)\nasyncio.sleep(n)\nasyncio.sleep(0)\nclock.sleep(5)\n")
    assert len(list(sleeps(tree))) == 3

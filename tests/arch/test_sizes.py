"""Modules and functions stay small, and names say what is inside."""

from __future__ import annotations

import ast
import pathlib

from tests.arch.exceptions import LONG_FUNCTIONS, LONG_MODULES
from tests.arch.sources import modules

EVERYWHERE = ("src", "tests", "tools", "bench")
MODULE_LINES = 400
FUNCTION_LINES = 50
DUMPING_GROUNDS = {"utils", "helpers", "helper", "common", "misc", "tools"}


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, the docstring left out."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    if ast.get_docstring(function) is not None:
        first = function.body[0]
        lines -= (first.end_lineno or 0) - first.lineno + 1
    return lines


def shrinking(found: dict[str, int], allowed: dict[str, int]) -> list[str]:
    """Complaints: what is new or grew, and what the list allows without need."""
    grown = [
        f"{name}: {size}, allowed {allowed.get(name, 0)}" for name, size in found.items() if size > allowed.get(name, 0)
    ]
    slack = [
        f"{name}: the list says {size}, it is {found.get(name, 'fine')}"
        for name, size in allowed.items()
        if found.get(name, 0) < size * 0.9
    ]
    return sorted({*grown, *slack})


def test_no_module_is_longer_than_400_lines() -> None:
    sizes = {module.path: len(module.text.splitlines()) for module in modules(*EVERYWHERE)}
    assert shrinking({path: size for path, size in sizes.items() if size > MODULE_LINES}, LONG_MODULES) == []


def test_no_function_is_longer_than_50_lines() -> None:
    found: dict[str, int] = {}
    # In tests long functions hold data; ruff counts their statements.
    for module in modules("src", "tools", "bench"):
        for function in module.functions:
            if length(function) > FUNCTION_LINES:
                name = f"{module.path}:{function.name}"
                found[name] = max(found.get(name, 0), length(function))
    assert shrinking(found, LONG_FUNCTIONS) == []


def test_no_file_is_a_dumping_ground() -> None:
    stems = {module.path: pathlib.PurePosixPath(module.path).stem for module in modules(*EVERYWHERE)}
    assert [path for path, stem in stems.items() if set(stem.split("_")) & DUMPING_GROUNDS] == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [m.path for m in modules("src", "tools", "bench") if m.tree.body and not ast.get_docstring(m.tree)]
    assert silent == []


def test_the_rules_can_fail() -> None:
    assert shrinking({"a": 401}, {}) == ["a: 401, allowed 0"]
    assert shrinking({}, {"a": 401}) == ["a: the list says 401, it is fine"]
    assert shrinking({"a": 405}, {"a": 405}) == []
    assert shrinking({"a": 405}, {"a": 500}) == ["a: the list says 500, it is 405"]
    tree = ast.parse('def f():\n    """One\n    two."""\n    return 1\n')
    assert isinstance(tree.body[0], ast.FunctionDef) and length(tree.body[0]) == 2

"""The list of behaviours and the tests that name them."""

from __future__ import annotations

import ast
import pathlib
import re
from typing import Any

import yaml

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FILE = HERE / "behaviours.yaml"
SIGS = {
    "sig-api-machinery": 99,
    "sig-auth": 10,
    "sig-architecture": 1,
    "sig-instrumentation": 4,
    "sig-apps": 60,
    "sig-scheduling": 11,
}
"""The groups whose behaviours are tested here, and how many each has."""
REFERENCE = re.compile(r"^\[sig-.*\[Conformance\]$", re.MULTILINE | re.DOTALL)


def shown() -> dict[str, str]:
    """Codename → the test that the file names for it."""
    return {row["behaviour"]: row["test"] for rows in _content()["shown"].values() for row in rows}


def unproven() -> dict[str, str]:
    """Codename → why no test can show it."""
    found: dict[str, str] = _content()["unproven"]
    return found


def _content() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found


def named_tests() -> dict[str, list[str]]:
    """Codename → the tests whose docstring ends with it."""
    found: dict[str, list[str]] = {}
    for path in sorted([*HERE.glob("test_*.py"), *(HERE.parent / "e2e").glob("test_*.py")]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or not node.name.startswith("test_"):
                continue
            match = REFERENCE.search(ast.get_docstring(node) or "")
            if match is not None:
                codename = " ".join(match[0].split())
                found.setdefault(codename, []).append(f"{path.relative_to(ROOT).as_posix()}::{node.name}")
    return found


def words(codename: str) -> str:
    """The codename as a function's name: without tags, with underscores."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"\[[^]]*\]", " ", codename).lower()).strip("_")

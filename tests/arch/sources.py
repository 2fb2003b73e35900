"""What the architecture tests look at: the files of this repository, parsed once.

What: `modules(...)` lists Python files with their syntax trees, generated ones left out; `texts()` all text files under version
control. Why: each rule then is a few lines.
"""

from __future__ import annotations

import ast
import pathlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "kubelite"
GENERATED = ("src/kubelite/rpc/", "src/kubelite/api/types/")
DESIGNED = ("src/kubelite/api/types/base.py",)


@dataclass(frozen=True)
class Module:
    """One Python file: its path below the root, its text and its syntax tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


@cache
def modules(*folders: str) -> tuple[Module, ...]:
    """The hand-written Python files below the folders."""
    found = []
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if name.startswith(GENERATED) and name not in DESIGNED:
                continue
            text = path.read_text(encoding="utf-8")
            found.append(Module(name, text, ast.parse(text)))
    return tuple(found)


@cache
def tracked() -> tuple[str, ...]:
    """Paths of all files under version control that exist; all files of the known folders where there is no git."""
    try:
        listed = subprocess.run(
            ["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
        ).stdout.decode()
        names = [name for name in listed.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        folders = ("src", "tests", "docs", "deploy", "scripts", "tools", "bench", "proto")
        names = [p.relative_to(ROOT).as_posix() for f in folders for p in (ROOT / f).rglob("*") if p.is_file()]
    return tuple(sorted(name for name in names if (ROOT / name).is_file() and "__pycache__" not in name))


def texts() -> Iterator[tuple[str, str]]:
    """(path, text) of the files that are text."""
    for name in tracked():
        try:
            yield name, (ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue

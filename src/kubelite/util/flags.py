"""Command-line flags from a dataclass.

What: `parse(Config, argv)` makes one flag per field and returns the frozen config.
Why: a process's settings are declared once: name, type, default and help text. In: a dataclass whose every field has a
default and a docstring line under it. `str`, `int`, `float`, `bool` and `tuple[str, ...]` (comma-separated, repeatable) are
the types. A flag that does not exist is refused by name.
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import inspect
import itertools
import textwrap
import typing
from collections.abc import Sequence
from typing import Any, TypeVar

T = TypeVar("T")


def field_docs(config: type[Any]) -> dict[str, str]:
    """The string literal under each field of a class, as text on one line."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(config)))
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    docs: dict[str, str] = {}
    for field, after in itertools.pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            value = after.value if isinstance(after, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                docs[field.target.id] = " ".join(value.value.split())
    return docs


def _boolean(text: str) -> bool:
    if text.lower() in ("true", "1", "yes"):
        return True
    if text.lower() in ("false", "0", "no"):
        return False
    raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.split(",") if word)


class _Extend(argparse.Action):
    """A repeated list flag adds to what the earlier ones gave, and replaces the default."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        given = getattr(namespace, f"_{self.dest}_given", ())
        setattr(namespace, f"_{self.dest}_given", given + values)
        setattr(namespace, self.dest, given + values)


def add_flags(parser: argparse.ArgumentParser, config: type[Any]) -> None:
    docs, hints = field_docs(config), typing.get_type_hints(config)
    for field in dataclasses.fields(config):
        default = field.default if field.default is not dataclasses.MISSING else None
        flag = f"--{field.name.replace('_', '-')}"
        shown = ",".join(default) if isinstance(default, tuple) else default
        text = docs.get(field.name, "").replace("%", "%%") + (f" (default: {shown})" if shown not in ("", None) else "")
        kind = hints[field.name]
        if kind is bool:
            parser.add_argument(flag, type=_boolean, nargs="?", const=True, default=default, metavar="BOOL", help=text)
        elif typing.get_origin(kind) is tuple:
            parser.add_argument(flag, type=_words, action=_Extend, default=default, metavar="A,B", help=text)
        else:
            parser.add_argument(flag, type=kind, default=default, metavar=kind.__name__.upper(), help=text)


def parse(config: type[T], argv: Sequence[str], *, program: str, description: str) -> T:
    """The config that `argv` asks for; ends the process with usage text on a mistake or `--help`."""
    parser = argparse.ArgumentParser(prog=program, description=description, allow_abbrev=False)
    add_flags(parser, config)
    values = vars(parser.parse_args(list(argv)))
    names = {field.name for field in dataclasses.fields(typing.cast(Any, config))}
    return config(**{name: value for name, value in values.items() if name in names})

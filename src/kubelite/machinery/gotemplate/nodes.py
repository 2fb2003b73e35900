"""The parts of a parsed template.

What: one small frozen value per construct. Why: the executor is a walk over them. Flow: `parser` → `execute`.
`at` is "line:column" and `source` the construct's own text, both for messages.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """What stands outside of the braces."""

    text: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant: str, int, float, bool, or None for nil."""

    value: str | int | float | bool | None
    source: str
    at: str


@dataclass(frozen=True, slots=True)
class Fields:
    """`.a.b`, `$x.a`, `(…).a`: the names looked up in turn, from the dot, a variable or a pipeline."""

    base: Pipeline | str
    """"" for the dot, "$x" for a variable."""
    names: tuple[str, ...]
    source: str
    at: str


@dataclass(frozen=True, slots=True)
class Function:
    """A function's name."""

    name: str
    source: str
    at: str


@dataclass(frozen=True, slots=True)
class Pipeline:
    """`$x := a | b c`: each command gets the value before it as its last argument."""

    commands: tuple[tuple[Literal | Fields | Function, ...], ...]
    variables: tuple[str, ...]
    assigns: bool
    source: str
    at: str


@dataclass(frozen=True, slots=True)
class Action:
    """A pipeline whose value is printed, unless it declares a variable."""

    pipe: Pipeline


@dataclass(frozen=True, slots=True)
class Branch:
    """`if`, `with` or `range`, with what comes after `else`."""

    word: str
    pipe: Pipeline
    body: tuple[Text | Action | Branch | Template | Jump, ...]
    otherwise: tuple[Text | Action | Branch | Template | Jump, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """`{{template "name" pipeline}}`."""

    name: str
    pipe: Pipeline | None
    at: str


@dataclass(frozen=True, slots=True)
class Jump:
    """`break` or `continue`."""

    word: str

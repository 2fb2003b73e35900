"""`Command`: what a verb is made of.

What: names, help texts and flags as data, and three functions: `complete` (look things up), `validate` (pure), `run` (do it).
Why: `main` treats every verb alike, help and completion are derived, and tests check the data of all verbs.
Flow: a verb's module has `COMMAND`; groups (`rollout`, `create`) name their subcommands as "module:constant" and load one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kubelite.cli.flags import Flag, Parsed

if TYPE_CHECKING:
    from kubelite.cli.session import Session


def _anything(options: Any) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One verb. `examples`: (what it does, command line) pairs, each of which must parse."""

    name: str
    summary: str
    usage: str
    long: str = ""
    examples: tuple[tuple[str, str], ...] = ()
    flags: tuple[Flag, ...] = ()
    refused: tuple[str, ...] = ()
    complete: Callable[[Parsed, Session], Any] | None = None
    validate: Callable[[Any], None] = _anything
    run: Callable[[Any, Session], Awaitable[int]] | None = None
    subcommands: Mapping[str, str] = field(default_factory=dict)
    """Word → "module:CONSTANT"."""
    aliases: tuple[str, ...] = ()

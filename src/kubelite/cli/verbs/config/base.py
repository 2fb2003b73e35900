"""What the `config` verbs have in common: their options and the shape of their declarations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kubelite.cli.command import Command
from kubelite.cli.failures import UsageError
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.session import Session


@dataclass(frozen=True, slots=True)
class Options:
    """The file asked for, the arguments and the flags."""

    path: str
    args: tuple[str, ...]
    parsed: Parsed


def complete(parsed: Parsed, session: Session) -> Options:
    return Options(parsed.text("kubeconfig"), tuple(parsed.args), parsed)


def one_name(opts: Options, usage: str = "") -> str:
    """The only argument. Raises UsageError."""
    if len(opts.args) != 1:
        raise UsageError(usage or f"Unexpected args: [{' '.join(opts.args)}]")
    return opts.args[0]


def command(
    name: str,
    summary: str,
    usage: str,
    run: Any,
    examples: str,
    flags: tuple[Flag, ...] = (),
    refused: tuple[str, ...] = (),
) -> Command:
    """A verb `config name` with one example."""
    return Command(
        name=name,
        summary=summary,
        usage=f"config {usage}",
        examples=((summary, f"config {examples}"),),
        flags=flags,
        refused=refused,
        complete=complete,
        run=run,
    )

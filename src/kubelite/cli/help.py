"""Help texts from the verbs' data, in kubectl's layout.

What: `of_program` (grouped verbs) and `of_command` (long text, examples, flags, usage). Why: what is shown is what the parser
knows, so help cannot rot. Flow: `registry.VERBS` or a `Command` → text.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from kubelite.cli.command import Command
from kubelite.cli.options import GLOBAL_FLAGS
from kubelite.cli.registry import REFUSED, VERBS

GROUPS_FIRST = "kubelite runs and controls a Kubernetes-compatible cluster."


def of_program(program: str, extra: Mapping[str, Mapping[str, str]]) -> str:
    """The text of `kubelite --help`; `extra` groups come first."""
    groups: dict[str, dict[str, str]] = {title: dict(words) for title, words in extra.items()}
    for word, verb in VERBS.items():
        if verb.group != REFUSED:
            groups.setdefault(verb.group, {})[word] = verb.summary
    width = max(15, *(len(word) for words in groups.values() for word in words))
    lines = [GROUPS_FIRST, ""]
    for title, words in groups.items():
        lines.append(f"{title}:")
        lines += [f"  {word:<{width}} {summary}" for word, summary in words.items()]
        lines.append("")
    lines += [
        "Usage:",
        f"  {program} [flags] [options]",
        "",
        f'Use "{program} <command> --help" for more information about a given command.',
        f'Use "{program} options" for a list of global command-line options (applies to all commands).',
    ]
    return "\n".join(lines) + "\n"


def of_command(command: Command, path: list[str], program: str) -> str:
    """The text of `kubelite VERB --help`."""
    lines = [command.summary + ("" if command.summary.endswith(".") else "."), ""]
    if command.long:
        lines += [f" {paragraph}" if paragraph else "" for paragraph in command.long.split("\n")]
        lines.append("")
    if command.aliases:
        lines += ["Aliases:", "  " + ", ".join([command.name, *command.aliases]), ""]
    if command.examples:
        lines.append("Examples:")
        for title, words in command.examples:
            lines += [f"  # {title}", f"  {program} {words}", "  "]
        lines[-1] = ""
    if command.subcommands:
        lines.append("Available Commands:")
        width = max(len(word) for word in command.subcommands) + 1
        lines += [f"  {word:<{width}} {_summary(where)}" for word, where in command.subcommands.items()]
        lines.append("")
    if command.flags:
        lines.append("Options:")
        for flag in sorted(command.flags, key=lambda flag: flag.name):
            lines += _flag_lines(flag.short, flag.name, flag.shown_default, flag.help)
        lines.append("")
    lines += ["Usage:", f"  {program} {command.usage or ' '.join(path)}", ""]
    lines.append(f'Use "{program} options" for a list of global command-line options (applies to all commands).')
    return "\n".join(lines) + "\n"


def _summary(where: str) -> str:
    module, _, constant = where.partition(":")
    return str(getattr(importlib.import_module(module), constant).summary)


def of_options(program: str) -> str:
    """The text of `kubelite options`."""
    lines = ["The following options can be passed to any command:", ""]
    for flag in sorted(GLOBAL_FLAGS, key=lambda flag: flag.name):
        if flag.name != "help":
            lines += _flag_lines(flag.short, flag.name, flag.shown_default, flag.help)
    return "\n".join(lines)


def _flag_lines(short: str, name: str, default: str, text: str) -> list[str]:
    head = f"-{short}, " if short else ""
    return [f"    {head}--{name}={default}:", f"\t{text}", ""]

"""Every verb's data holds: it loads, its flags are documented, its examples parse, nothing heavy is imported for `get`."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from kubelite.cli import help as texts
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError
from kubelite.cli.main import load, locate, parse
from kubelite.cli.options import GLOBAL_FLAGS, REFUSED_GLOBAL
from kubelite.cli.registry import REFUSED, VERBS


def _below(command: Command, path: list[str]) -> Iterator[tuple[list[str], Command]]:
    yield path, command
    for word, where in command.subcommands.items():
        yield from _below(load(where), [*path, word])


SHADOWED = {"user"}
"""Global flags that a command may use for something else, as kubectl does."""
COMMANDS = [found for word, verb in VERBS.items() if verb.where for found in _below(load(verb.where), [word])]
IDS = [" ".join(path) for path, _ in COMMANDS]


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=IDS)
def test_flags_are_documented_and_named_once(path: list[str], command: Command) -> None:
    own = [flag.name for flag in command.flags]
    names = [*own, *(flag.name for flag in GLOBAL_FLAGS if flag.name not in SHADOWED)]
    shorts = [flag.short for flag in (*command.flags, *GLOBAL_FLAGS) if flag.short]
    assert all(flag.help for flag in command.flags)
    assert len(set(names)) == len(names)
    assert len(set(shorts)) == len(shorts)


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=IDS)
def test_every_example_parses_as_this_command(path: list[str], command: Command) -> None:
    for _, words in command.examples:
        found, named, rest = locate(shlex.split(words))
        parse(found, rest)
        assert named[: len(path)] == path


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=IDS)
def test_help_names_every_flag_and_subcommand(path: list[str], command: Command) -> None:
    text = texts.of_command(command, path, "kubelite")
    assert all(f"--{flag.name}=" in text for flag in command.flags)
    assert all(f"  {word} " in text for word in command.subcommands)


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=IDS)
def test_a_command_runs_or_leads_to_others(path: list[str], command: Command) -> None:
    assert (command.run is not None and command.complete is not None) or command.subcommands


def test_the_programs_help_lists_every_verb_and_what_is_added() -> None:
    text = texts.of_program("kubelite", {"Lifecycle": {"up": "Start."}})
    assert all(f"  {word} " in text for word, verb in VERBS.items() if verb.group != REFUSED)
    assert "Lifecycle:\n  up" in text


@pytest.mark.parametrize("word", [word for word, verb in VERBS.items() if not verb.where])
def test_unsupported_verbs_are_refused_by_name(word: str) -> None:
    with pytest.raises(CliError, match=f'"{word}" is not supported by kubelite'):
        locate([word])


KUBECTL = shutil.which("kubectl.1.33") or shutil.which("kubectl")
_NEWER_OR_OLDER = {"--warnings-as-errors", "--alsologtostderr", "--windows-line-endings", "--kyaml"}


@pytest.mark.skipif(KUBECTL is None, reason="there is no kubectl to compare with")
@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=IDS)
def test_every_flag_of_kubectl_is_known_or_refused_by_name(path: list[str], command: Command) -> None:
    assert KUBECTL is not None
    if path == ["options"]:
        return
    text = subprocess.run([KUBECTL, *path, "--help"], capture_output=True, text=True, check=False).stdout
    theirs = set(re.findall(r"^    (?:-\w, )?(--[\w-]+)=", text, re.MULTILINE))
    known = {f"--{flag.name}" for flag in (*command.flags, *GLOBAL_FLAGS)}
    assert theirs - known - set(command.refused) - set(REFUSED_GLOBAL) - _NEWER_OR_OLDER == set()

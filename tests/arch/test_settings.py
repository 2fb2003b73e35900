"""What a person can set or say is explained: flags, verbs, make targets."""

from __future__ import annotations

import dataclasses
import importlib
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from kubelite.cli.command import Command
from kubelite.cli.main import locate, parse
from kubelite.cli.registry import ALIASES, VERBS
from kubelite.cmd.registry import COMPONENTS, LIFECYCLE
from kubelite.util.flags import field_docs
from tests.arch.sources import ROOT

CONFIGS = {name: command.module for name, command in COMPONENTS.items()} | {"up": "kubelite.cmd.cluster.up"}


@pytest.mark.parametrize("name", CONFIGS)
def test_every_flag_of_a_process_has_a_default_and_a_help_text(name: str) -> None:
    config = importlib.import_module(CONFIGS[name]).Config
    docs = field_docs(config)
    silent = [field.name for field in dataclasses.fields(config) if not docs.get(field.name, "").endswith(".")]
    assert silent == [], "fields without a sentence under them"
    config()


def commands(where: str, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Command]]:
    """A verb and its subcommands."""
    module, _, constant = where.partition(":")
    command: Command = getattr(importlib.import_module(module), constant)
    yield words, command
    for word, below in command.subcommands.items():
        yield from commands(below, (*words, word))


ALL: list[Any] = [
    pytest.param(words, command, id=" ".join(words))
    for verb, entry in VERBS.items()
    if entry.where
    for words, command in commands(entry.where, (verb,))
]


@pytest.mark.parametrize(("words", "command"), ALL)
def test_every_verb_has_help_with_examples(words: tuple[str, ...], command: Command) -> None:
    assert command.name == words[-1]
    assert command.summary
    assert command.usage or command.subcommands
    assert command.examples or command.subcommands, "no example"
    assert [flag.name for flag in command.flags if not flag.help] == []


@pytest.mark.parametrize(("words", "command"), ALL)
def test_every_example_is_a_command_line_of_its_verb(words: tuple[str, ...], command: Command) -> None:
    for title, line in command.examples:
        assert title
        found, path, rest = locate(shlex.split(line))
        parse(found, rest)
        assert tuple(path[: len(words)]) == words, line


def test_no_word_has_two_meanings() -> None:
    verbs = {word for word, verb in VERBS.items() if verb.where}
    assert verbs & (set(COMPONENTS) | set(LIFECYCLE)) == set()
    assert set(ALIASES) & (set(VERBS) | set(COMPONENTS) | set(LIFECYCLE)) == set()
    assert set(COMPONENTS) & set(LIFECYCLE) == set()


def test_every_lifecycle_word_has_a_main() -> None:
    for word, command in LIFECYCLE.items():
        assert callable(importlib.import_module(command.module).main), word


def test_every_make_target_has_a_help_text() -> None:
    text = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z][a-z0-9-]*):", text, re.MULTILINE)
    helped = re.findall(r"^([a-z][a-z0-9-]*):.*## \S", text, re.MULTILINE)
    phony = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)[0].split()
    assert sorted(set(targets) - set(helped)) == []
    assert sorted(set(targets) - set(phony)) == []

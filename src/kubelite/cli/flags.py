"""Command-line flags as kubectl reads them.

What: `Flag` declares one, `parse` reads a command line into `Parsed`. Why: kubectl's flags follow pflag, not argparse: flags
and arguments mix freely, `-owide`, `-it`, `--watch=false`, `--dry-run` with or without a value, and everything after `--` is
left alone; its error texts are matched by scripts. Flow: words + declared flags → `Parsed` → a verb's `complete`.
Texts follow spf13/pflag.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from kubelite.cli.failures import FlagError

_TRUE = {"1", "t", "T", "true", "TRUE", "True"}
_FALSE = {"0", "f", "F", "false", "FALSE", "False"}
_DEFAULTS: dict[str, Any] = {"bool": False, "string": "", "int": 0, "array": (), "slice": (), "duration": 0.0}


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag. `type`: bool, string, int, duration (seconds), array (one value an occurrence), slice (comma-separated).

    `bare` is the value of the flag given without one; None means that a value must follow.
    """

    name: str
    help: str
    short: str = ""
    type: str = "string"
    default: Any = None
    bare: str | None = None

    @property
    def start(self) -> Any:
        """The value of the flag that is not given."""
        return _DEFAULTS[self.type] if self.default is None else self.default

    @property
    def shown_default(self) -> str:
        """The default as `--help` writes it."""
        value = self.start
        if self.type == "bool":
            return "true" if value else "false"
        if self.type in ("array", "slice"):
            return f"[{','.join(value)}]"
        if self.type == "duration":
            from kubelite.machinery.times import duration_text

            return duration_text(value)
        return f"'{value}'" if self.type == "string" else str(value)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A command line that was read: values by flag name, arguments, and how many of them stood before `--`."""

    values: dict[str, Any]
    args: list[str]
    given: frozenset[str]
    dash: int = -1

    def text(self, name: str) -> str:
        return str(self.values[name])

    def on(self, name: str) -> bool:
        return bool(self.values[name])

    def number(self, name: str) -> int:
        return int(self.values[name])

    def seconds(self, name: str) -> float:
        return float(self.values[name])

    def many(self, name: str) -> tuple[str, ...]:
        return tuple(self.values[name])


class _Reader:
    def __init__(self, flags: Iterable[Flag], refused: Iterable[str]) -> None:
        self.by_name = {flag.name: flag for flag in flags}
        self.by_short = {flag.short: flag for flag in self.by_name.values() if flag.short}
        self.refused = set(refused)
        self.values: dict[str, Any] = {name: flag.start for name, flag in self.by_name.items()}
        self.given: set[str] = set()

    def set(self, flag: Flag, text: str) -> None:
        try:
            value = _convert(flag.type, text)
        except ValueError as error:
            label = f"-{flag.short}, --{flag.name}" if flag.short else f"--{flag.name}"
            raise FlagError(f'invalid argument "{text}" for "{label}" flag: {error}') from None
        if flag.type in ("array", "slice") and flag.name in self.given:
            value = (*self.values[flag.name], *value)
        self.values[flag.name] = value
        self.given.add(flag.name)

    def long(self, word: str, rest: list[str]) -> None:
        name, equals, text = word[2:].partition("=")
        flag = self.by_name.get(name)
        if flag is None:
            if f"--{name}" in self.refused:
                raise FlagError(f"flag --{name} is not supported by kubelite")
            raise FlagError("help requested" if name == "help" else f"unknown flag: --{name}")
        if not equals:
            bare = "true" if flag.type == "bool" else flag.bare
            if bare is not None:
                text = bare
            elif rest:
                text = rest.pop(0)
            else:
                raise FlagError(f"flag needs an argument: --{name}")
        self.set(flag, text)

    def shorts(self, word: str, rest: list[str]) -> None:
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            flag = self.by_short.get(letter)
            if flag is None:
                if f"-{letter}" in self.refused:
                    raise FlagError(f"flag -{letter} is not supported by kubelite")
                raise FlagError(f"unknown shorthand flag: '{letter}' in -{word[1:]}")
            bare = "true" if flag.type == "bool" else flag.bare
            if letters.startswith("="):
                self.set(flag, letters[1:])
                return
            if bare is not None:
                self.set(flag, bare)
                continue
            if not letters and not rest:
                raise FlagError(f"flag needs an argument: '{letter}' in -{word[1:]}")
            self.set(flag, letters or rest.pop(0))
            return


def parse(words: Sequence[str], flags: Iterable[Flag], refused: Iterable[str] = ()) -> Parsed:
    """Read `words`. Raises FlagError with pflag's text."""
    reader = _Reader(flags, refused)
    rest, dash = list(words), -1
    args: list[str] = []
    while rest:
        word = rest.pop(0)
        if word == "--":
            dash = len(args)
            args += rest
            break
        if word.startswith("--"):
            reader.long(word, rest)
        elif word.startswith("-") and word != "-":
            reader.shorts(word, rest)
        else:
            args.append(word)
    return Parsed(reader.values, args, frozenset(reader.given), dash)


def without_flags(words: Sequence[str], flags: Iterable[Flag]) -> list[int]:
    """The positions of the words that are no flags and no values of flags, as far as `flags` are known."""
    takes = {f"--{flag.name}" for flag in flags if flag.type != "bool" and flag.bare is None}
    takes |= {f"-{flag.short}" for flag in flags if flag.short and flag.type != "bool" and flag.bare is None}
    found, index = [], 0
    while index < len(words):
        word = words[index]
        if word == "--":
            break
        if word.startswith("-") and word != "-":
            index += 2 if word in takes else 1
            continue
        found.append(index)
        index += 1
    return found


def _convert(type_: str, text: str) -> Any:
    if type_ == "bool":
        if text not in _TRUE | _FALSE:
            raise ValueError(f'strconv.ParseBool: parsing "{text}": invalid syntax')
        return text in _TRUE
    if type_ == "int":
        if not re.fullmatch(r"[+-]?\d+", text):
            raise ValueError(f'strconv.ParseInt: parsing "{text}": invalid syntax')
        return int(text)
    if type_ == "duration":
        from kubelite.machinery.times import parse_duration

        return parse_duration(text)
    if type_ == "array":
        return (text,)
    if type_ == "slice":
        return tuple(text.split(",")) if text else ()
    return text

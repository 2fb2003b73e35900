"""The kubectl-compatible command line: finds the verb, reads its flags, runs it, reports how it failed.

What: `main(argv)` for the console script, `execute(argv, streams)` for the same inside a running loop. Why: only the verb asked
for is imported, so that a command starts fast. Flow: words → verb → `Command` → `complete` → `validate` → `run` → exit code.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import cast

from kubelite.cli import flags, options
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError, FlagError, UsageError, report
from kubelite.cli.registry import ALIASES, VERBS
from kubelite.cli.session import PROGRAM, Session, Streams
from kubelite.client.errors import ConfigError, ConnectionFailed
from kubelite.machinery.errors import StatusError

Extra = Mapping[str, Mapping[str, str]]


class UnknownCommand(CliError):
    """A word that is no verb."""

    def __init__(self, word: str) -> None:
        super().__init__(f'error: unknown command "{word}" for "{PROGRAM}"')
        self.word = word


def main(argv: Sequence[str], *, extra: Extra | None = None) -> int:
    """Runs one command line (without the program's name). `extra`: more words for --help, by group title."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    gc.freeze()  # what is imported lives as long as the process: a short command never needs to look at it
    gc.set_threshold(50_000)
    try:
        return asyncio.run(execute(argv, Streams(), extra=extra))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 1
    finally:
        _flush()


def _flush() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


async def execute(argv: Sequence[str], streams: Streams, *, extra: Extra | None = None) -> int:
    """The exit code of a command line, run in the present event loop."""
    words = list(argv)
    positions = flags.without_flags(words, options.GLOBAL_FLAGS)
    verb = words[positions[0]] if positions else ""
    if not verb or verb == "help":
        return _help(words, positions, streams, extra or {})
    try:
        command, path, rest = locate(words)
    except UnknownCommand as error:
        from kubelite.cli.suggestions import similar

        known = [
            *(word for word, entry in VERBS.items() if entry.where),
            *(word for group in (extra or {}).values() for word in group),
        ]
        streams.err.write(f"{error}\n{similar(error.word, known)}")
        return 1
    except CliError as error:
        streams.err.write(f"{error}\n")
        return 1
    return await _run(command, path, rest, streams)


def _help(words: list[str], positions: list[int], streams: Streams, extra: Extra) -> int:
    from kubelite.cli import help as texts

    wanted = [words[index] for index in positions[1:]]
    if wanted:
        try:
            command, path, _ = locate(wanted)
        except CliError as error:
            streams.err.write(f"{error}\n")
            return 1
        streams.out.write(texts.of_command(command, path, PROGRAM))
        return 0
    streams.out.write(texts.of_program(PROGRAM, extra))
    return 0


def load(where: str) -> Command:
    """The command at "module:CONSTANT"."""
    module, _, constant = where.partition(":")
    return cast(Command, getattr(importlib.import_module(module), constant))


def locate(words: Sequence[str]) -> tuple[Command, list[str], list[str]]:
    """(command, its words, the other words). Raises CliError for a word that is no verb."""
    rest = list(words)
    position = flags.without_flags(rest, options.GLOBAL_FLAGS)[0]
    word = ALIASES.get(rest[position], rest[position])
    entry = VERBS.get(word)
    if entry is None:
        raise UnknownCommand(rest[position])
    if not entry.where:
        raise CliError(f'error: the command "{word}" is not supported by kubelite')
    command, path = load(entry.where), [word]
    del rest[position]
    _refuse_subcommand(command, word, rest)
    while command.subcommands:
        positions = flags.without_flags(rest, (*command.flags, *options.GLOBAL_FLAGS))
        found = _subcommand(command, rest[positions[0]]) if positions else ""
        if not found:
            break
        path.append(found)
        command = load(command.subcommands[found])
        del rest[positions[0]]
    return command, path, rest


def _refuse_subcommand(command: Command, word: str, rest: Sequence[str]) -> None:
    from kubelite.cli.registry import REFUSED_SUBCOMMANDS

    refused = REFUSED_SUBCOMMANDS.get(word, ())
    positions = flags.without_flags(rest, (*command.flags, *options.GLOBAL_FLAGS)) if refused else []
    if positions and rest[positions[0]] in refused:
        raise CliError(f'error: the command "{word} {rest[positions[0]]}" is not supported by kubelite')


def _subcommand(command: Command, word: str) -> str:
    from kubelite.cli.registry import SUBCOMMAND_ALIASES

    word = SUBCOMMAND_ALIASES.get(word, word)
    return word if word in command.subcommands else ""


def parse(command: Command, words: Sequence[str]) -> flags.Parsed:
    """The words of a command line after the verb. Raises FlagError."""
    parsed = flags.parse(words, (*options.GLOBAL_FLAGS, *command.flags), (*options.REFUSED_GLOBAL, *command.refused))
    options.join_template(parsed)
    options.join_kustomization(parsed)
    return parsed


async def _run(command: Command, path: list[str], words: list[str], streams: Streams) -> int:
    name = f"{PROGRAM} {' '.join(path)}"
    try:
        parsed = parse(command, words)
    except FlagError as error:
        streams.err.write(f"error: {error}\nSee '{name} --help' for usage.\n")
        return 1
    if parsed.on("help"):
        from kubelite.cli import help as texts

        streams.out.write(texts.of_command(command, path, PROGRAM))
        return 0
    session = Session(parsed, streams)
    try:
        return await _perform(command, path, parsed, session)
    except UsageError as error:
        text = str(error)
        streams.err.write(f"{text if 'error: ' in text else f'error: {text}'}\n")
        streams.err.write(f"See '{name} -h' for help and examples\n")
        return error.code
    except Exception as error:
        if os.environ.get("KUBELITE_TRACEBACK"):
            raise
        _known(error)
        if isinstance(error, CliError):
            streams.out.write(error.shown)
        lines, code = report(error, session.server)
        streams.err.write("".join(f"{line}\n" for line in lines))
        return code
    finally:
        await session.close()


def _known(error: Exception) -> None:
    """Let what is a fault of this program, not of the user or the server, keep its traceback."""
    known = (CliError, StatusError, ConnectionFailed, ConfigError, OSError, TimeoutError)
    from kubelite.cli.failures import Several, Silent

    if not isinstance(error, (*known, Several, Silent)):
        raise error


async def _perform(command: Command, path: list[str], parsed: flags.Parsed, session: Session) -> int:
    if command.complete is None or command.run is None:
        from kubelite.cli import help as texts

        if parsed.args:
            raise CliError(f'unknown command "{parsed.args[0]}" for "{PROGRAM} {" ".join(path)}"')
        session.streams.err.write(texts.of_command(command, path, PROGRAM))
        return 1
    chosen = command.complete(parsed, session)
    command.validate(chosen)
    code = await command.run(chosen, session)
    if session.warned and parsed.on("warnings-as-errors"):
        count = len(session.warned)
        raise CliError(f"{count} warning{'s' if count > 1 else ''} received")
    return code

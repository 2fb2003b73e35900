"""`completion bash` and `options`: texts made from the tables of verbs and flags."""

from __future__ import annotations

from dataclasses import dataclass

from kubelite.cli import help as texts
from kubelite.cli.command import Command
from kubelite.cli.failures import UsageError, not_supported
from kubelite.cli.flags import Parsed
from kubelite.cli.options import GLOBAL_FLAGS
from kubelite.cli.registry import REFUSED, VERBS
from kubelite.cli.session import Session

SCRIPT = """# bash completion for {program}
_{program}() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}"
    if [[ "$word" == -* ]]; then
        COMPREPLY=($(compgen -W "{flags}" -- "$word"))
    elif [[ $COMP_CWORD -eq 1 ]]; then
        COMPREPLY=($(compgen -W "{verbs}" -- "$word"))
    elif [[ $COMP_CWORD -eq 2 ]]; then
        COMPREPLY=($(compgen -W "$({program} api-resources -o name --request-timeout=2s 2>/dev/null)" -- "$word"))
    else
        COMPREPLY=($(compgen -W "$({program} get "${{COMP_WORDS[2]}}" -o name --request-timeout=2s 2>/dev/null | cut -d/ -f2)" \\
            -- "$word"))
    fi
}}
complete -o default -F _{program} {program}
"""


@dataclass(frozen=True, slots=True)
class Options:
    """The shell."""

    args: tuple[str, ...]


def complete(parsed: Parsed, session: Session) -> Options:
    return Options(tuple(parsed.args))


def validate(opts: Options) -> None:
    if not opts.args:
        raise UsageError("Shell not specified.")
    if len(opts.args) > 1:
        raise UsageError("Too many arguments. Expected only the shell type.")
    if opts.args[0] in ("zsh", "fish", "powershell"):
        raise not_supported(f"completion for {opts.args[0]}")
    if opts.args[0] != "bash":
        raise UsageError(f'Unsupported shell type "{opts.args[0]}".')


async def run(opts: Options, session: Session) -> int:
    verbs = " ".join(word for word, verb in VERBS.items() if verb.group != REFUSED)
    flags = " ".join(f"--{flag.name}" for flag in GLOBAL_FLAGS)
    session.write(SCRIPT.format(program=session.program, verbs=verbs, flags=flags))
    return 0


async def run_options(opts: Options, session: Session) -> int:
    session.write(texts.of_options(session.program))
    return 0


COMMAND = Command(
    name="completion",
    summary="Output shell completion code for the specified shell (bash)",
    usage="completion SHELL",
    examples=(("Load completion into this shell", "completion bash"),),
    complete=complete,
    validate=validate,
    run=run,
)
OPTIONS = Command(
    name="options",
    summary="Print the list of flags inherited by all commands",
    usage="options",
    examples=(("Print the flags of all commands", "options"),),
    complete=complete,
    run=run_options,
)

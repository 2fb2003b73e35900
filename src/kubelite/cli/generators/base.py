"""What all `create KIND` commands share: flags, posting, printing.

What: `generator(...)` makes the `Command` of one kind from a pure function `build(parsed) -> object`. Why: the kinds differ only
in the object they make. Flow: flags → `build` → object → POST (or nothing with --dry-run=client) → printed.
Follows kubectl/pkg/cmd/create/create.go and its neighbours.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from kubelite.cli import options
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError, UsageError
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.outcome import Outcome, outcome, with_last_applied
from kubelite.cli.session import Object, Session
from kubelite.machinery.errors import StatusError

Build = Callable[[Parsed], Object]
FromServer = Callable[[Object, Parsed, Session], Awaitable[Object]]
_CAMEL = re.compile(r"(?<!^)(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Options:
    """The object to create and how."""

    obj: Object
    namespaced: bool
    save_config: bool
    outcome: Outcome
    parsed: Parsed | None = None
    complete_from_server: FromServer | None = None


def one_name(parsed: Parsed) -> str:
    """The only argument. Raises UsageError."""
    if len(parsed.args) != 1:
        raise UsageError(f"exactly one NAME is required, got {len(parsed.args)}")
    return parsed.args[0]


def metadata(name: str, **more: Any) -> Object:
    """The metadata of an object that is not created yet."""
    return {"name": name, "creationTimestamp": None, **more}


def generator(
    name: str,
    what: str,
    usage: str,
    build: Build,
    *,
    flags: tuple[Flag, ...] = (),
    examples: tuple[tuple[str, str], ...] = (),
    namespaced: bool = True,
    aliases: tuple[str, ...] = (),
    refused: tuple[str, ...] = (),
    complete_from_server: FromServer | None = None,
) -> Command:
    """The command that creates what `build` makes, completed with what the server knows where that is needed."""

    def complete(parsed: Parsed, session: Session) -> Options:
        obj = build(parsed)
        if namespaced and session.namespace_given:
            meta = obj["metadata"]
            obj["metadata"] = {"name": meta["name"], "namespace": session.namespace} | meta
        result = outcome(parsed, typed=parsed.text("dry-run") == "client")
        return Options(obj, namespaced, parsed.on("save-config"), result, parsed, complete_from_server)

    return Command(
        name=name,
        summary=what,
        usage=usage,
        examples=examples,
        flags=(
            *flags,
            *options.PRINT,
            options.DRY_RUN,
            options.VALIDATE,
            options.field_manager("kubectl-create"),
            Flag("save-config", "Keep the configuration in the object's annotation, for a later apply.", type="bool"),
        ),
        refused=refused,
        aliases=aliases,
        complete=complete,
        run=post,
    )


async def post(opts: Options, session: Session) -> int:
    obj = opts.obj
    if opts.complete_from_server is not None and opts.parsed is not None:
        obj = await opts.complete_from_server(obj, opts.parsed, session)
    if opts.save_config:
        obj = with_last_applied(obj)
    if not opts.outcome.client_only:
        resource = (await session.resources()).for_kind(obj["apiVersion"], obj["kind"])
        if resource is None:
            raise CliError(f'no matches for kind "{obj["kind"]}" in version "{obj["apiVersion"]}"')
        path = resource.path(session.namespace if opts.namespaced else "")
        try:
            obj = await session.json("POST", path, query=opts.outcome.query, body=obj)
        except StatusError as error:
            if error.reason == "Invalid":
                raise
            what = _CAMEL.sub(" ", obj["kind"]).lower().replace(" ", "")
            message = f"failed to create {what}: {error.message}"
            raise CliError(message) from error
    opts.outcome.show(session, obj, "created")
    return 0


def pairs(values: tuple[str, ...], flag: str) -> dict[str, str]:
    """`key=value` texts as a mapping. Raises CliError."""
    found: dict[str, str] = {}
    for value in values:
        key, equals, text = value.partition("=")
        if not equals or not key:
            raise CliError(f"invalid {flag} {value}, expected key=value")
        found[key] = text
    return found

"""`replace`: PUT what a file says in place of what there is; with --force delete and create.

Follows kubectl/pkg/cmd/replace/replace.go.
"""

from __future__ import annotations

from dataclasses import dataclass

from kubelite.cli import builder, options
from kubelite.cli.builder import Item
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError, UsageError, raise_all, sourced
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.outcome import LAST_APPLIED, Outcome, outcome, with_last_applied
from kubelite.cli.session import Object, Session
from kubelite.cli.waiting import wait_deleted
from kubelite.machinery.errors import StatusError


@dataclass(frozen=True, slots=True)
class Options:
    """The files and how to replace."""

    files: tuple[str, ...]
    args: tuple[str, ...]
    recursive: bool
    force: bool
    grace: int
    timeout: float
    save_config: bool
    subresource: str
    outcome: Outcome


def complete(parsed: Parsed, session: Session) -> Options:
    return Options(
        files=parsed.many("filename"),
        args=tuple(parsed.args),
        recursive=parsed.on("recursive"),
        force=parsed.on("force"),
        grace=parsed.number("grace-period"),
        timeout=parsed.seconds("timeout"),
        save_config=parsed.on("save-config"),
        subresource=parsed.text("subresource"),
        outcome=outcome(parsed),
    )


def validate(opts: Options) -> None:
    if opts.args:
        raise UsageError(f"Unexpected args: [{' '.join(opts.args)}]")
    if not opts.files:
        raise CliError("must specify one of -f and -k")
    if opts.grace >= 0 and not opts.force:
        raise CliError("--grace-period must have --force specified")
    if opts.timeout and not opts.force:
        raise CliError("--timeout must have --force specified")


async def run(opts: Options, session: Session) -> int:
    items = await builder.file_items(session, opts.files, opts.recursive)
    if not items:
        raise CliError("no objects passed to replace")
    errors: list[Exception] = []
    for item in items:
        try:
            await (_again(opts, session, item) if opts.force else _replace(opts, session, item))
        except StatusError as error:
            errors.append(sourced(error, "replacing", item.source))
    raise_all(errors)
    return 0


def _object(opts: Options, item: Item) -> Object:
    annotated = LAST_APPLIED in ((item.object.get("metadata") or {}).get("annotations") or {})
    return with_last_applied(item.object) if opts.save_config or annotated else item.object


async def _replace(opts: Options, session: Session, item: Item) -> None:
    obj = _object(opts, item)
    if not opts.outcome.client_only:
        path = item.resource.path(item.namespace, item.name, opts.subresource)
        obj = await session.json("PUT", path, query=opts.outcome.query, body=obj)
    opts.outcome.show(session, obj, "replaced")


async def _again(opts: Options, session: Session, item: Item) -> None:
    path = item.resource.path(item.namespace, item.name)
    body = {"gracePeriodSeconds": max(opts.grace, 0), "propagationPolicy": "Background"}
    kind = item.resource.kind.lower() + (f".{item.resource.group}" if item.resource.group else "")
    try:
        await session.json("DELETE", path, body=body)
        session.print(f'{kind} "{item.name}" deleted')
        await wait_deleted(session, item, timeout=opts.timeout)
    except StatusError as error:
        if error.code != 404:
            raise
    made = await session.json(
        "POST", item.resource.path(item.namespace), query=opts.outcome.query, body=_object(opts, item)
    )
    opts.outcome.show(session, made, "replaced")


COMMAND = Command(
    name="replace",
    summary="Replace a resource by file name or stdin",
    usage="replace -f FILENAME",
    examples=(
        ("Replace a pod using a file", "replace -f ./pod.json"),
        ("Delete and create again", "replace --force -f ./pod.json"),
    ),
    flags=(
        *options.FILES,
        *options.PRINT,
        options.DRY_RUN,
        options.VALIDATE,
        options.field_manager("kubectl-replace"),
        Flag("force", "Delete and create again.", type="bool"),
        Flag("grace-period", "Only with --force: seconds to terminate gracefully.", type="int", default=-1),
        Flag("save-config", "Keep the configuration in the object's annotation.", type="bool"),
        Flag("subresource", "Replace this subresource."),
        Flag("timeout", "Only with --force: how long to wait for the deletion.", type="duration"),
    ),
    refused=("--raw", "--cascade", "--wait"),
    complete=complete,
    validate=validate,
    run=run,
)

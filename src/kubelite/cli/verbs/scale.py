"""`scale`: set the number of replicas through the scale subresource.

Flow: arguments → items → GET scale → preconditions → PATCH scale → `scaled`. Follows kubectl/pkg/cmd/scale/scale.go.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass

from kubelite.cli import builder, options
from kubelite.cli.builder import Item, Pointer
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError, raise_all
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.outcome import Outcome, outcome
from kubelite.cli.session import Session
from kubelite.cli.waiting import follow
from kubelite.machinery.errors import StatusError


@dataclass(frozen=True, slots=True)
class Options:
    """The wanted size and what must hold before."""

    where: Pointer
    replicas: int
    current: int
    resource_version: str
    timeout: float
    outcome: Outcome


def complete(parsed: Parsed, session: Session) -> Options:
    if "replicas" not in parsed.given:
        raise CliError('required flag(s) "replicas" not set')
    return Options(
        where=builder.pointer(parsed),
        replicas=parsed.number("replicas"),
        current=parsed.number("current-replicas"),
        resource_version=parsed.text("resource-version"),
        timeout=parsed.seconds("timeout"),
        outcome=outcome(parsed),
    )


def validate(opts: Options) -> None:
    if opts.replicas < 0:
        raise CliError("The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0")
    if opts.current < -1:
        raise CliError("The --current-replicas must specify an integer of -1 or greater")


async def run(opts: Options, session: Session) -> int:
    errors: list[Exception] = []
    found = await builder.items(session, opts.where, errors=errors)
    if not found:
        text = errors[0].message if errors and isinstance(errors[0], StatusError) else ""
        raise CliError(f"no objects passed to scale {text}".rstrip())
    if len(found) > 1 and opts.resource_version:
        raise CliError("cannot use --resource-version with multiple resources")
    for item in found:
        try:
            await _scale(opts, session, item)
        except (StatusError, CliError) as error:
            errors.append(error)
            continue
        opts.outcome.show(session, item.object, "scaled")
    if opts.timeout and opts.outcome.dry_run == "none":
        await asyncio.gather(*(_reached(opts, session, item) for item in found))
    raise_all(errors)
    return 0


async def _scale(opts: Options, session: Session, item: Item) -> None:
    if "scale" not in item.resource.subresources:
        raise StatusError(404, "NotFound", "the server could not find the requested resource")
    if opts.outcome.client_only:
        return
    query = opts.outcome.query
    if opts.current < 0 and not opts.resource_version:
        patch = {"spec": {"replicas": opts.replicas}}
        await session.patch(item.resource, item.namespace, item.name, patch, "merge", subresource="scale", **query)
        return
    scale = await session.get(item.resource, item.namespace, item.name, "scale")
    replicas, version = (scale.get("spec") or {}).get("replicas", 0), scale["metadata"].get("resourceVersion")
    if opts.current >= 0 and replicas != opts.current:
        raise CliError(f"Expected replicas to be {opts.current}, was {replicas}")
    if opts.resource_version and version != opts.resource_version:
        raise CliError(f"Expected resource version to be {opts.resource_version}, was {version}")
    scale["spec"] = (scale.get("spec") or {}) | {"replicas": opts.replicas}
    path = item.resource.path(item.namespace, item.name, "scale")
    await session.json("PUT", path, body=scale, query=query)


async def _reached(opts: Options, session: Session, item: Item) -> None:
    try:
        async with asyncio.timeout(opts.timeout), aclosing(follow(session, item)) as versions:  # type: ignore[type-var]
            async for obj in versions:
                if obj is None or (obj.get("status") or {}).get("replicas", 0) == opts.replicas:
                    return
    except TimeoutError:
        raise CliError("timed out waiting for the condition") from None


COMMAND = Command(
    name="scale",
    summary="Set a new size for a deployment, replica set, or replication controller",
    usage="scale [--resource-version=version] [--current-replicas=count] --replicas=COUNT (-f FILENAME | TYPE NAME)",
    examples=(
        ("Scale a replica set named foo to 3", "scale --replicas=3 rs/foo"),
        ("Scale what a file names", "scale --replicas=3 -f foo.yaml"),
        ("Scale only if there are 2 now", "scale --current-replicas=2 --replicas=3 deployment/mysql"),
        ("Scale several", "scale --replicas=5 rc/example1 rc/example2"),
    ),
    flags=(
        *options.FILES,
        *options.PRINT,
        options.SELECTOR,
        options.ALL,
        options.DRY_RUN,
        Flag("replicas", "The wanted number of replicas. Required.", type="int", default=-1),
        Flag("current-replicas", "Only scale if this is the present number; -1 for any.", type="int", default=-1),
        Flag("resource-version", "Only scale if this is the present version."),
        Flag("timeout", "How long to wait for the new size; 0 for not at all.", type="duration"),
    ),
    complete=complete,
    validate=validate,
    run=run,
)

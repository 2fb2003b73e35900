"""`rollout status|history|undo|pause|resume|restart` of deployments, daemon sets and stateful sets.

Flow: arguments → workloads → status text (pure) or a patch. Follows kubectl/pkg/cmd/rollout and polymorphichelpers
(rollout_status.go, history.go, rollback.go, objectpauser.go, objectrestarter.go).
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from kubelite.cli import builder, history, options
from kubelite.cli.builder import Item, Pointer
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError, UsageError, raise_all
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.history import Revision
from kubelite.cli.outcome import Outcome, outcome
from kubelite.cli.rolloutstatus import status_text
from kubelite.cli.session import Object, Session
from kubelite.cli.waiting import FOREVER, follow

RESTARTED = "kubectl.kubernetes.io/restartedAt"


@dataclass(frozen=True, slots=True)
class Options:
    """What to roll out and how to wait."""

    where: Pointer
    revision: int = 0
    watch: bool = True
    timeout: float = 0.0
    outcome: Outcome | None = None


def complete(parsed: Parsed, session: Session) -> Options:
    values = parsed.values
    return Options(
        where=builder.pointer(parsed),
        revision=int(values.get("revision") or values.get("to-revision") or 0),
        watch=bool(values.get("watch", True)),
        timeout=float(values.get("timeout", 0.0)),
        outcome=outcome(parsed) if "dry-run" in values or "output" in values else None,
    )


def validate(opts: Options) -> None:
    if not opts.where.args and not opts.where.files:
        raise UsageError("required resource not specified")
    if opts.revision < 0:
        raise UsageError("revision must be a positive integer: " + str(opts.revision))


_KINDS = ("deployments.apps", "daemonsets.apps", "statefulsets.apps")


async def _workloads(opts: Options, session: Session, what: str, errors: list[Exception]) -> list[Item]:
    found = await builder.items(session, opts.where, errors=errors)
    known = _KINDS[:1] if what in ("pause", "resume") else _KINDS
    for item in found:
        if item.resource.name not in known:
            kind = ".".join(filter(None, (item.resource.kind, item.resource.group)))
            pair = f"{{{item.resource.group} {item.resource.kind}}}"
            texts = _UNSEEN if what in _UNSEEN and item.resource.name in _VISITED else _REFUSALS
            raise CliError(texts[what].format(kind=kind, pair=pair, name=f'{item.resource.name} "{item.name}"'))
    return found


# kubectl's visitors of kinds know these without having a history of them; of other kinds they know nothing.
_VISITED = ("replicasets.apps", "replicationcontrollers", "pods", "jobs.batch", "cronjobs.batch")
_UNSEEN = {
    "history": 'no history viewer has been implemented for "{kind}"',
    "undo": 'no rollbacker has been implemented for "{kind}"',
}
_REFUSALS = {
    "status": "no status viewer has been implemented for {kind}",
    "history": 'error retrieving history for "{kind}", no visitor method exists for {pair}',
    "undo": 'error retrieving rollbacker for "{kind}", no visitor method exists for {pair}',
    "pause": "{name} pausing is not supported",
    "resume": "{name} resuming is not supported",
    "restart": "{name} restarting is not supported",
}


# --- status ---------------------------------------------------------------------------------------------------------------


async def run_status(opts: Options, session: Session) -> int:
    errors: list[Exception] = []
    for item in await _workloads(opts, session, "status", errors):
        try:
            async with asyncio.timeout(opts.timeout or FOREVER):
                await _follow_status(opts, session, item)
        except TimeoutError:
            raise CliError("timed out waiting for the condition") from None
    raise_all(errors)
    return 0


async def _follow_status(opts: Options, session: Session, item: Item) -> None:
    said = ""
    async with aclosing(follow(session, item)) as versions:  # type: ignore[type-var]  # an async generator
        async for obj in versions:
            if obj is None:
                raise CliError("object has been deleted")
            text, done = status_text(obj, opts.revision)
            if text != said:
                session.write(text)
                session.streams.out.flush()
                said = text
            if done or not opts.watch:
                return


# --- history and undo -----------------------------------------------------------------------------------------------------


async def run_history(opts: Options, session: Session) -> int:
    errors: list[Exception] = []
    for item in await _workloads(opts, session, "history", errors):
        found = await history.revisions(session, item)
        if opts.outcome is not None and opts.outcome.printer is not None:
            chosen = found.get(opts.revision or max(found, default=0))
            if chosen is None:
                raise CliError("unable to find the specified revision")
            session.write(opts.outcome.printer(chosen.object))
            continue
        body = _details(session, found, opts.revision) if opts.revision else _overview(found)
        suffix = f" with revision #{opts.revision}" if opts.revision else ""
        session.print(
            f"{item.resource.kind.lower()}.{item.resource.group}/{item.name}{suffix}".rstrip()
            + ("" if opts.revision else " ")
        )
        session.print(body)
    raise_all(errors)
    return 0


def _overview(found: dict[int, Revision]) -> str:
    if not found:
        return "No rollout history found."
    rows = [[str(number), found[number].cause or "<none>"] for number in sorted(found)]
    from kubelite.cli.tabwriter import align

    return align("".join("\t".join(row) + "\n" for row in [["REVISION", "CHANGE-CAUSE"], *rows]))


def _details(session: Session, found: dict[int, Revision], revision: int) -> str:
    chosen = found.get(revision)
    if chosen is None:
        raise CliError("unable to find the specified revision")
    shown = dict(chosen.template)
    if chosen.cause and chosen.is_replica_set:
        metadata = dict(shown.get("metadata") or {})
        annotations = dict(metadata.get("annotations") or {}) | {history.CHANGE_CAUSE: chosen.cause}
        shown["metadata"] = metadata | {"annotations": annotations}
    return _template_text(session, shown)


async def run_undo(opts: Options, session: Session) -> int:
    assert opts.outcome is not None
    errors: list[Exception] = []
    for item in await _workloads(opts, session, "undo", errors):
        target = await _target(session, item, opts.revision)
        if opts.outcome.client_only:
            begin = "" if target.is_replica_set else "will roll back to "
            opts.outcome.show(session, item.object, begin + _template_text(session, target.template))
            continue
        if item.object["spec"].get("paused"):
            raise CliError(
                "you cannot rollback a paused deployment; resume it first with 'kubelite rollout resume' and try again"
            )
        if history.plain(target.template) == history.template_of(item.object):
            session.print(
                f"{_printed(item)} skipped rollback (current template already matches revision {opts.revision})"
            )
            continue
        query = {key: value for key, value in opts.outcome.query.items() if key != "fieldManager"}
        patch, way = _rollback(item, target)
        await session.patch(item.resource, item.namespace, item.name, patch, way, **query)
        opts.outcome.show(session, item.object, "rolled back")
    raise_all(errors)
    return 0


def _rollback(item: Item, target: Revision) -> tuple[Any, str]:
    """(the patch, its type): a revision is a patch by itself."""
    if not target.is_replica_set:
        return target.patch, "strategic"
    patch = [
        {"op": "replace", "path": "/spec/template", "value": history.plain(target.template)},
        {"op": "replace", "path": "/metadata/annotations", "value": _annotations(item.object, target.object)},
    ]
    if not item.object["metadata"].get("annotations"):
        patch[1]["op"] = "add"
    return patch, "json"


_KEPT = ("deployment.kubernetes.io/", "kubectl.kubernetes.io/last-applied-configuration", "deprecated.deployment")


def _annotations(deployment: Object, target: Object) -> dict[str, str]:
    """The deployment's own bookkeeping stays; all else is as it was at that revision."""
    own: dict[str, str] = deployment["metadata"].get("annotations") or {}
    then: dict[str, str] = target["metadata"].get("annotations") or {}
    kept = {key: value for key, value in own.items() if key.startswith(_KEPT)}
    return {key: value for key, value in then.items() if not key.startswith(_KEPT)} | kept


async def _target(session: Session, item: Item, revision: int) -> Revision:
    found = await history.revisions(session, item)
    earlier = sorted(found)[:-1]
    if not revision and not earlier:
        if item.resource.kind == "Deployment":
            raise CliError(f'no rollout history found for deployment "{item.name}"')
        raise CliError("no last revision to roll back to")
    chosen = found.get(revision or earlier[-1])
    if chosen is None:
        raise CliError(f"unable to find specified revision {revision} in history")
    return chosen


def _template_text(session: Session, shown: Object) -> str:
    """A template as kubectl prints it: not aligned."""
    from kubelite.cli.describe.pod import template
    from kubelite.cli.describe.text import Lines

    lines = Lines(session.now(), aligned=False)
    template(lines, shown)
    return lines.render()


def _printed(item: Item) -> str:
    return f"{item.resource.kind.lower()}.{item.resource.group}/{item.name}"


# --- pause, resume, restart -----------------------------------------------------------------------------------------------


async def run_pause(opts: Options, session: Session) -> int:
    return await _set_paused(opts, session, "pause", True)


async def run_resume(opts: Options, session: Session) -> int:
    return await _set_paused(opts, session, "resume", False)


async def _set_paused(opts: Options, session: Session, what: str, paused: bool) -> int:
    assert opts.outcome is not None
    errors: list[Exception] = []
    for item in await _workloads(opts, session, what, errors):
        if bool(item.object["spec"].get("paused")) == paused:
            already = "already paused" if paused else "not paused"
            errors.append(CliError(f'deployments.apps "{item.name}" is {already}'))
            continue
        patch = {"spec": {"paused": True if paused else None}}
        obj = await session.patch(item.resource, item.namespace, item.name, patch, "merge", **opts.outcome.query)
        opts.outcome.show(session, obj, f"{what}d")
    raise_all(errors)
    return 0


async def run_restart(opts: Options, session: Session) -> int:
    assert opts.outcome is not None
    errors: list[Exception] = []
    now = session.now().astimezone().isoformat(timespec="seconds").replace("+00:00", "Z")
    for item in await _workloads(opts, session, "restart", errors):
        if item.object["spec"].get("paused"):
            errors.append(
                CliError(f'deployments.apps "{item.name}" can\'t restart paused deployment (run rollout resume first)')
            )
            continue
        patch = {"spec": {"template": {"metadata": {"annotations": {RESTARTED: now}}}}}
        obj = await session.patch(item.resource, item.namespace, item.name, patch, "strategic", **opts.outcome.query)
        opts.outcome.show(session, obj, "restarted")
    raise_all(errors)
    return 0


_WHERE = (*options.FILES, options.SELECTOR)
_CHANGE = (*_WHERE, *options.PRINT)
_HERE = "kubelite.cli.verbs.rollout"

STATUS = Command(
    name="status",
    summary="Show the status of the rollout",
    usage="rollout status (TYPE NAME | TYPE/NAME) [flags]",
    examples=(("Watch the rollout of a deployment", "rollout status deployment/nginx"),),
    flags=(
        *_WHERE,
        Flag("revision", "Wait for this revision; 0 for the latest.", type="int"),
        Flag("timeout", "How long to wait; 0 for ever.", type="duration"),
        Flag("watch", "Watch until it is done.", short="w", type="bool", default=True),
    ),
    complete=complete,
    validate=validate,
    run=run_status,
)
HISTORY = Command(
    name="history",
    summary="View rollout history",
    usage="rollout history (TYPE NAME | TYPE/NAME) [flags]",
    examples=(
        ("View the history of a deployment", "rollout history deployment/abc"),
        ("View what revision 3 was", "rollout history deployment/abc --revision=3"),
    ),
    flags=(*_CHANGE, Flag("revision", "See the details of this revision.", type="int")),
    complete=complete,
    validate=validate,
    run=run_history,
)
UNDO = Command(
    name="undo",
    summary="Undo a previous rollout",
    usage="rollout undo (TYPE NAME | TYPE/NAME) [flags]",
    examples=(
        ("Roll back to the previous revision", "rollout undo deployment/abc"),
        ("Roll back to revision 3", "rollout undo deployment/abc --to-revision=3"),
    ),
    flags=(
        *_CHANGE,
        options.DRY_RUN,
        Flag("to-revision", "The revision to roll back to; 0 for the previous one.", type="int"),
    ),
    complete=complete,
    validate=validate,
    run=run_undo,
)
PAUSE = Command(
    name="pause",
    summary="Mark the provided resource as paused",
    usage="rollout pause RESOURCE",
    examples=(("Pause a deployment", "rollout pause deployment/nginx"),),
    flags=(*_CHANGE, options.field_manager("kubectl-rollout")),
    complete=complete,
    validate=validate,
    run=run_pause,
)
RESUME = Command(
    name="resume",
    summary="Resume a paused resource",
    usage="rollout resume RESOURCE",
    examples=(("Resume a deployment", "rollout resume deployment/nginx"),),
    flags=(*_CHANGE, options.field_manager("kubectl-rollout")),
    complete=complete,
    validate=validate,
    run=run_resume,
)
RESTART = Command(
    name="restart",
    summary="Restart a resource",
    usage="rollout restart RESOURCE",
    examples=(("Restart a deployment", "rollout restart deployment/nginx"),),
    flags=(*_CHANGE, options.field_manager("kubectl-rollout")),
    complete=complete,
    validate=validate,
    run=run_restart,
)
COMMAND = Command(
    name="rollout",
    summary="Manage the rollout of one or many resources",
    usage="rollout SUBCOMMAND",
    examples=(("Roll back to the previous deployment", "rollout undo deployment/abc"),),
    subcommands={
        "history": f"{_HERE}:HISTORY",
        "pause": f"{_HERE}:PAUSE",
        "restart": f"{_HERE}:RESTART",
        "resume": f"{_HERE}:RESUME",
        "status": f"{_HERE}:STATUS",
        "undo": f"{_HERE}:UNDO",
    },
)

"""`cordon`, `uncordon`, `drain` and `taint`: nodes taken out of service and back.

Flow: arguments → nodes → patches; drain evicts the pods, those of daemon sets and mirrors left out, and waits until they are
gone. Follows kubectl/pkg/cmd/{drain,taint} and kubectl/pkg/drain.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from kubelite.cli import builder, options
from kubelite.cli.builder import Item, Pointer
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError, UsageError, raise_all
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.outcome import Outcome, dry_run, outcome
from kubelite.cli.session import Object, Session
from kubelite.cli.waiting import wait_deleted
from kubelite.machinery.errors import StatusError

MIRROR = "kubernetes.io/config.mirror"
RETRY_SECONDS = 5.0
_SUFFIX = {"client": " (dry run)", "server": " (server dry run)"}


@dataclass(frozen=True, slots=True)
class Options:
    """Which nodes, and what of their pods may go."""

    where: Pointer
    dry_run: str
    force: bool = False
    ignore_daemonsets: bool = False
    delete_emptydir: bool = False
    disable_eviction: bool = False
    grace: int = -1
    timeout: float = 0.0
    pod_selector: str = ""


def complete(parsed: Parsed, session: Session) -> Options:
    values = parsed.values
    args = tuple(parsed.args)
    where = builder.pointer(parsed, ("nodes", *args) if args or parsed.text("selector") else ())
    return Options(
        where=where,
        dry_run=dry_run(parsed),
        force=bool(values.get("force", False)),
        ignore_daemonsets=bool(values.get("ignore-daemonsets", False)),
        delete_emptydir=bool(values.get("delete-emptydir-data", False)),
        disable_eviction=bool(values.get("disable-eviction", False)),
        grace=int(values.get("grace-period", -1)),
        timeout=float(values.get("timeout", 0.0)),
        pod_selector=str(values.get("pod-selector", "")),
    )


def _validator(name: str) -> Callable[[Options], None]:
    def validate(opts: Options) -> None:
        if not opts.where.args:
            raise UsageError(f"USAGE: {name} NODE [flags]")
        if len(opts.where.args) > 1 and opts.where.selector:
            raise UsageError("error: cannot specify both a node name and a --selector option")

    return validate


async def _cordon(opts: Options, session: Session, item: Item, wanted: bool) -> None:
    word = "cordon" if wanted else "uncordon"
    if bool((item.object.get("spec") or {}).get("unschedulable")) == wanted:
        session.print(f"node/{item.name} already {word}ed{_SUFFIX.get(opts.dry_run, '')}")
        return
    if opts.dry_run != "client":
        patch = {"spec": {"unschedulable": True if wanted else None}}
        query = {"dryRun": "All"} if opts.dry_run == "server" else {}
        await session.patch(item.resource, "", item.name, patch, "strategic", **query)
    session.print(f"node/{item.name} {word}ed{_SUFFIX.get(opts.dry_run, '')}")


async def run_cordon(opts: Options, session: Session) -> int:
    return await _each(opts, session, True)


async def run_uncordon(opts: Options, session: Session) -> int:
    return await _each(opts, session, False)


async def _each(opts: Options, session: Session, wanted: bool) -> int:
    errors: list[Exception] = []
    for item in await builder.items(session, opts.where, errors=errors):
        await _cordon(opts, session, item, wanted)
    raise_all(errors)
    return 0


# --- drain ----------------------------------------------------------------------------------------------------------------


def sort_pods(opts: Options, pods: list[Object]) -> tuple[list[Object], list[str], list[str]]:
    """(pods to remove, complaints that forbid it, warnings)."""
    chosen: list[Object] = []
    refused: dict[str, list[str]] = {}
    warned: dict[str, list[str]] = {}
    for pod in pods:
        metadata = pod["metadata"]
        name = f"{metadata['namespace']}/{metadata['name']}"
        if MIRROR in (metadata.get("annotations") or {}):
            continue
        ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        owner = next((one for one in metadata.get("ownerReferences") or () if one.get("controller")), None)
        if owner is not None and owner["kind"] == "DaemonSet" and not ended:
            if opts.ignore_daemonsets:
                warned.setdefault("ignoring DaemonSet-managed Pods", []).append(name)
            else:
                refused.setdefault(
                    "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)", []
                ).append(name)
            continue
        local = any("emptyDir" in volume for volume in (pod.get("spec") or {}).get("volumes") or ())
        if local and not ended and not opts.delete_emptydir:
            refused.setdefault(
                "cannot delete Pods with local storage (use --delete-emptydir-data to override)", []
            ).append(name)
            continue
        if owner is None and not ended:
            if not opts.force:
                refused.setdefault(
                    "cannot delete Pods that declare no controller (use --force to override)", []
                ).append(name)
                continue
            warned.setdefault("deleting Pods that declare no controller", []).append(name)
        chosen.append(pod)
    texts = [f"{why}: {', '.join(names)}" for why, names in sorted(refused.items())]
    return chosen, texts, [f"{why}: {', '.join(names)}" for why, names in warned.items()]


async def run_drain(opts: Options, session: Session) -> int:
    errors: list[Exception] = []
    nodes = await builder.items(session, opts.where, errors=errors)
    for item in nodes:
        await _cordon(opts, session, item, True)
    failed: list[str] = []
    problem = ""
    for item in nodes:
        try:
            async with asyncio.timeout(opts.timeout or None):
                await _drain(opts, session, item)
        except TimeoutError:
            problem = f"error when waiting for pods of node {item.name}: global timeout reached: {opts.timeout:g}s"
        except CliError as error:
            problem = str(error)
        else:
            session.print(f"node/{item.name} drained{_SUFFIX.get(opts.dry_run, '')}")
            continue
        failed.append(item.name)
        session.warn(f'error: unable to drain node "{item.name}" due to error: {problem}, continuing command...')
    if failed:
        session.warn("There are pending nodes to be drained:")
        for name in failed:
            session.warn(f" {name}")
        session.warn(problem)
        return 1
    raise_all(errors)
    return 0


async def _drain(opts: Options, session: Session, item: Item) -> None:
    resource = (await session.resources()).named("pods")
    pods = await session.list(resource, "", fieldSelector=f"spec.nodeName={item.name}", labelSelector=opts.pod_selector)
    chosen, refused, warned = sort_pods(opts, pods)
    if refused:
        raise CliError(f"[{', '.join(refused)}]" if len(refused) > 1 else refused[0])
    if warned:
        session.warn(f"Warning: {'; '.join(warned)}")
    items = [Item(resource, pod["metadata"]["namespace"], pod["metadata"]["name"], pod) for pod in chosen]
    for one in items:
        session.print(f"evicting pod {one.namespace}/{one.name}{_SUFFIX.get(opts.dry_run, '')}")
    session.streams.out.flush()
    if opts.dry_run != "client":
        await asyncio.gather(*(_evict(opts, session, one) for one in items))


async def _evict(opts: Options, session: Session, item: Item) -> None:
    """Evict, waiting for a disruption budget to allow it, then wait until the pod is gone."""
    delete: Object = {"gracePeriodSeconds": opts.grace} if opts.grace >= 0 else {}
    if opts.dry_run == "server":
        delete["dryRun"] = ["All"]
    path = item.resource.path(item.namespace, item.name)
    body: Object = delete
    method = "DELETE"
    if not opts.disable_eviction:
        metadata = {"name": item.name, "namespace": item.namespace}
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata, "deleteOptions": delete}
        method, path = "POST", f"{path}/eviction"
    while True:
        try:
            await session.request(method, path, body=body)
            break
        except StatusError as error:
            if error.code == 404:
                return
            if error.code != 429:
                raise CliError(
                    f'error when evicting pods/"{item.name}" -n "{item.namespace}": {error.message}'
                ) from error
            session.warn(
                f'error when evicting pods/"{item.name}" -n "{item.namespace}" (will retry after 5s): {error.message}'
            )
            await asyncio.sleep(RETRY_SECONDS)
    if opts.dry_run == "none":
        await wait_deleted(session, item, uid=item.object["metadata"]["uid"])
        session.print(f"pod/{item.name} evicted")


# --- taint ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TaintOptions:
    """Taints to set, and (key, effect) pairs to remove ("" for any effect)."""

    where: Pointer
    added: tuple[tuple[str, str, str], ...]
    removed: tuple[tuple[str, str], ...]
    overwrite: bool
    outcome: Outcome


EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def complete_taint(parsed: Parsed, session: Session) -> TaintOptions:
    args = list(parsed.args)
    first = next((i for i, arg in enumerate(args) if "=" in arg or ":" in arg or arg.endswith("-")), len(args))
    added, removed = [], []
    for text in args[first:]:
        if text.endswith("-"):
            key, _, effect = text[:-1].partition(":")
            removed.append((key.partition("=")[0], effect))
            continue
        head, colon, effect = text.partition(":")
        key, _, value = head.partition("=")
        if not colon:
            raise UsageError(f"invalid taint spec: {text}")
        if effect not in EFFECTS:
            raise UsageError(f"invalid taint effect: {effect}, unsupported taint effect")
        added.append((key, value, effect))
    where = builder.pointer(parsed, args[:first])
    return TaintOptions(where, tuple(added), tuple(removed), parsed.on("overwrite"), outcome(parsed))


def validate_taint(opts: TaintOptions) -> None:
    if not opts.where.args:
        raise UsageError("one or more resources must be specified as <resource> <name> or <resource>/<name>")
    if not opts.added and not opts.removed:
        raise CliError("at least one taint update is required")


async def run_taint(opts: TaintOptions, session: Session) -> int:
    errors: list[Exception] = []
    for item in await builder.items(session, opts.where, errors=errors):
        if item.resource.name != "nodes":
            raise CliError(f"invalid resource type {item.resource.plural}, only node types are supported")
        try:
            taints, done = new_taints(opts, item)
        except CliError as error:
            errors.append(error)
            continue
        obj = item.object
        if not opts.outcome.client_only:
            patch = {"spec": {"taints": taints or None}, "metadata": {}}
            obj = await session.patch(item.resource, "", item.name, patch, "merge", **opts.outcome.query)
        if opts.outcome.printer is None:
            session.print(f"node/{item.name} {done}")
        else:
            opts.outcome.show(session, obj, done)
    raise_all(errors)
    return 0


def new_taints(opts: TaintOptions, item: Item) -> tuple[list[Object], str]:
    """(the node's taints afterwards, what happened). Raises CliError."""
    present: list[Object] = list((item.object.get("spec") or {}).get("taints") or ())
    if not opts.overwrite:
        same = [key for key, _, effect in opts.added if any(_is(one, key, effect) for one in present)]
        if same:
            raise CliError(
                f"node {item.name} already has {', '.join(same)} taint(s) with same effect(s) and --overwrite is false"
            )
    for key, effect in opts.removed:
        if not any(_is(one, key, effect) for one in present):
            raise CliError(f'taint "{key}{":" + effect if effect else ""}" not found')
        present = [one for one in present if not _is(one, key, effect)]
    for key, value, effect in opts.added:
        present = [one for one in present if not _is(one, key, effect)]
        present.append({"key": key, "effect": effect} | ({"value": value} if value else {}))
    if opts.removed and opts.added:
        return present, "modified"
    return present, "untainted" if opts.removed else ("modified" if opts.overwrite else "tainted")


def _is(taint: Object, key: str, effect: str) -> bool:
    return bool(taint["key"] == key and effect in ("", taint.get("effect")))


_COMMON = (options.DRY_RUN, options.SELECTOR)
COMMAND = Command(
    name="cordon",
    summary="Mark node as unschedulable",
    usage="cordon NODE",
    examples=(("Mark a node as unschedulable", "cordon foo"),),
    flags=_COMMON,
    complete=complete,
    validate=_validator("cordon"),
    run=run_cordon,
)
UNCORDON = Command(
    name="uncordon",
    summary="Mark node as schedulable",
    usage="uncordon NODE",
    examples=(("Mark a node as schedulable", "uncordon foo"),),
    flags=_COMMON,
    complete=complete,
    validate=_validator("uncordon"),
    run=run_uncordon,
)
DRAIN = Command(
    name="drain",
    summary="Drain node in preparation for maintenance",
    usage="drain NODE",
    long="The node is marked unschedulable, then its pods are evicted. Pods of daemon sets cannot be: they end the command "
    "unless --ignore-daemonsets is given. Pods that no controller would replace need --force.",
    examples=(
        ("Drain a node, whatever runs on it", "drain foo --force"),
        ("Drain a node with a grace period of 15 minutes", "drain foo --grace-period=900"),
    ),
    flags=(
        *_COMMON,
        options.CHUNK_SIZE,
        Flag("delete-emptydir-data", "Go on even if pods use emptyDir.", type="bool"),
        Flag("disable-eviction", "Delete instead of evicting.", type="bool"),
        Flag("force", "Go on even if pods declare no controller.", type="bool"),
        Flag("grace-period", "Seconds for each pod to end; -1 for its own.", type="int", default=-1),
        Flag("ignore-daemonsets", "Ignore pods of daemon sets.", type="bool"),
        Flag("pod-selector", "Only pods with these labels."),
        Flag("timeout", "How long to wait; 0 for ever.", type="duration"),
    ),
    refused=("--skip-wait-for-delete-timeout",),
    complete=complete,
    validate=_validator("drain"),
    run=run_drain,
)
TAINT = Command(
    name="taint",
    summary="Update the taints on one or more nodes",
    usage="taint NODE NAME KEY_1=VAL_1:TAINT_EFFECT_1 ... KEY_N=VAL_N:TAINT_EFFECT_N",
    examples=(
        ("Taint a node", "taint nodes foo dedicated=special-user:NoSchedule"),
        ("Remove a taint with an effect", "taint nodes foo dedicated:NoSchedule-"),
        ("Remove all taints with a key", "taint nodes foo dedicated-"),
    ),
    flags=(
        *_COMMON,
        *options.PRINT,
        options.ALL,
        options.VALIDATE,
        options.field_manager("kubectl-taint"),
        Flag("overwrite", "Allow taints to be overwritten.", type="bool"),
    ),
    complete=complete_taint,
    validate=validate_taint,
    run=run_taint,
)

"""`apply`: make the cluster's objects as the files say, keeping what others have set.

Flow: file → GET → absent: POST with the last-applied annotation; present: three-way patch of (last applied, file, live) → PATCH.
Built-in kinds use strategic merge patches, others JSON merge patches. Follows kubectl/pkg/cmd/apply/{apply,patcher}.go.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from kubelite.cli import builder, options, pruning
from kubelite.cli.builder import Item
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError, UsageError, not_supported, raise_all, sourced
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.options import CASCADE
from kubelite.cli.outcome import LAST_APPLIED, Outcome, outcome, with_last_applied
from kubelite.cli.session import Object, Session
from kubelite.cli.verbs import serverside
from kubelite.machinery import strategicpatch
from kubelite.machinery.errors import StatusError

CONFLICT_RETRIES = 5
NO_ANNOTATION = (
    "Warning: resource {name} is missing the "
    + LAST_APPLIED
    + " annotation which is required by {program} apply. {program} "
    "apply should only be used on resources created declaratively by either {program} create --save-config or {program} "
    "apply. The missing annotation will be patched automatically."
)


@dataclass(frozen=True, slots=True)
class Options:
    """What `apply` was asked."""

    files: tuple[str, ...]
    args: tuple[str, ...]
    recursive: bool
    selector: str
    force: bool
    grace: int
    timeout: float
    cascade: str
    outcome: Outcome
    forced: frozenset[str] = frozenset()
    """The flags given that only mean something with --force."""
    server_side: bool = False
    force_conflicts: bool = False
    prune: bool = False
    all: bool = False
    allowed: tuple[str, ...] = ()
    """What may be pruned: group/version/kind."""


def complete(parsed: Parsed, session: Session) -> Options:
    for flag in ("overwrite", "openapi-patch", "wait"):
        if flag in parsed.given and not parsed.on(flag):
            raise not_supported(f"flag --{flag}=false")
    return Options(
        files=parsed.many("filename"),
        args=tuple(parsed.args),
        recursive=parsed.on("recursive"),
        selector=parsed.text("selector"),
        force=parsed.on("force"),
        grace=max(parsed.number("grace-period"), 0),
        timeout=parsed.seconds("timeout"),
        cascade=parsed.text("cascade"),
        outcome=_outcome(parsed),
        forced=parsed.given & {"grace-period", "timeout", "cascade", "wait"},
        server_side=parsed.on("server-side"),
        force_conflicts=parsed.on("force-conflicts"),
        prune=parsed.on("prune"),
        all=parsed.on("all"),
        allowed=(*parsed.many("prune-allowlist"), *parsed.many("prune-whitelist")),
    )


def _outcome(parsed: Parsed) -> Outcome:
    """Server-side apply has a manager of its own, unless one is named."""
    found = outcome(parsed)
    if parsed.on("server-side") and "field-manager" not in parsed.given:
        found = replace(found, manager=serverside.MANAGER)
    return found


def _validate_server_side(opts: Options) -> None:
    if opts.force_conflicts and not opts.server_side:
        raise CliError("--force-conflicts only works with --server-side")
    if not opts.server_side:
        return
    if opts.outcome.client_only:
        raise CliError("--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)")
    if opts.force:
        raise CliError("--force cannot be used with --server-side")


def _validate_prune(opts: Options) -> None:
    if opts.all and opts.selector:
        raise CliError("cannot set --all and --selector at the same time")
    if not opts.all and not opts.selector:
        raise CliError(
            "all resources selected for prune without explicitly passing --all. To prune all resources, pass the --all flag. "
            "If you did not mean to prune all resources, specify a label selector"
        )


def validate(opts: Options) -> None:
    if opts.args:
        raise UsageError(f"Unexpected args: [{' '.join(opts.args)}]")
    _validate_server_side(opts)
    if not opts.files:
        raise CliError("must specify one of -f and -k")
    if opts.prune:
        _validate_prune(opts)
    if opts.forced and not opts.force:
        raise CliError(f"--{min(opts.forced)} must have --force specified")
    if opts.cascade not in CASCADE:
        raise CliError(f'invalid cascade value ({opts.cascade}). Must be "background", "foreground", or "orphan"')
    if opts.force and opts.outcome.dry_run == "server":
        raise CliError("--dry-run=server cannot be used with --force")


async def run(opts: Options, session: Session) -> int:
    prunable = await pruning.resources_of(session, opts.allowed) if opts.prune else []
    items = await builder.file_items(session, opts.files, opts.recursive, selector=opts.selector)
    if not items:
        raise CliError("no objects passed to apply")
    errors: list[Exception] = []
    for item in items:
        try:
            if not item.name:
                raise CliError(f"error from {item.source}: {_generate_name(item.object)}")
            if opts.server_side:
                await serverside.apply_item(opts.outcome, session, item, force=opts.force_conflicts)
            else:
                await apply_item(opts, session, item)
        except (StatusError, CliError) as error:
            errors.append(error)
    raise_all(errors)
    if opts.prune:
        await pruning.prune(session, items, opts.selector, prunable, opts.outcome, CASCADE[opts.cascade])
    return 0


def _generate_name(obj: Object) -> str:
    if (obj.get("metadata") or {}).get("generateName"):
        return "cannot use generate name with apply"
    return "resource name may not be empty"


async def apply_item(opts: Options, session: Session, item: Item) -> None:
    """One object. Raises StatusError that names the file."""
    modified = with_last_applied(item.object)
    try:
        live = await session.get(item.resource, item.namespace, item.name)
    except StatusError as error:
        if error.code != 404:
            raise sourced(
                error, "retrieving current configuration of:\n" + _where(item) + "\nfrom server for", item.source
            ) from error
        await _create(opts, session, item, modified)
        return
    if LAST_APPLIED not in ((live.get("metadata") or {}).get("annotations") or {}):
        session.warn(NO_ANNOTATION.format(name=f"{item.resource.plural}/{item.name}", program=session.program))
    for attempt in range(CONFLICT_RETRIES + 1):
        patch, kind = compute_patch(item.object, modified, live)
        if not patch and not opts.outcome.client_only:
            opts.outcome.show(session, live, "unchanged")
            return
        if opts.outcome.client_only:  # always "configured", as kubectl says
            opts.outcome.show(session, _preview(live, patch, kind), "configured")
            return
        try:
            answer = await session.patch(item.resource, item.namespace, item.name, patch, kind, **opts.outcome.query)
        except StatusError as error:
            if error.code == 409 and attempt < CONFLICT_RETRIES:
                live = await session.get(item.resource, item.namespace, item.name)
                continue
            if opts.force and error.reason in ("Conflict", "Invalid"):
                await _replace(opts, session, item, modified)
                return
            raise _patch_failed(error, item, patch) from error
        opts.outcome.show(session, answer, "configured")
        return


async def _create(opts: Options, session: Session, item: Item, obj: Object) -> None:
    if not opts.outcome.client_only:
        path = item.resource.path(item.namespace)
        try:
            obj = await session.json("POST", path, query=opts.outcome.query, body=obj)
        except StatusError as error:
            raise sourced(error, "creating", item.source) from error
    opts.outcome.show(session, obj, "created")


async def _replace(opts: Options, session: Session, item: Item, obj: Object) -> None:
    """--force: delete and create again."""
    from kubelite.cli.waiting import wait_deleted

    body = {"gracePeriodSeconds": opts.grace, "propagationPolicy": CASCADE[opts.cascade]}
    await session.json("DELETE", item.resource.path(item.namespace, item.name), body=body)
    await wait_deleted(session, item, timeout=opts.timeout)
    answer = await session.json("POST", item.resource.path(item.namespace), query=opts.outcome.query, body=obj)
    opts.outcome.show(session, answer, "configured")


def compute_patch(obj: Object, modified: Object, live: Object, *, annotated: bool = True) -> tuple[dict[str, Any], str]:
    """(patch, "strategic" or "merge") that brings `live` to `modified`; {} when there is nothing to do.

    `annotated`: `modified` carries the last-applied annotation, so its absence from the original means nothing.
    """
    from kubelite.api.schemas import patch_schema

    text = ((live.get("metadata") or {}).get("annotations") or {}).get(LAST_APPLIED)
    try:
        original = json.loads(text) if text else None
    except ValueError:
        original = None
    if original is not None and annotated:
        original = with_annotation(original, str(text))
    try:
        schema = patch_schema(str(obj["apiVersion"]), str(obj["kind"]))
    except KeyError:
        return strategicpatch.create(original, modified, live, None), "merge"
    return strategicpatch.create(original, modified, live, schema), "strategic"


def with_annotation(original: Object, text: str) -> Object:
    """The last applied configuration with its own annotation, so that the annotation is not seen as removed."""
    metadata = dict(original.get("metadata") or {})
    annotations = dict(metadata.get("annotations") or {}) | {LAST_APPLIED: text}
    return original | {"metadata": metadata | {"annotations": annotations}}


def _preview(live: Object, patch: dict[str, Any], kind: str) -> Object:
    from kubelite.api.schemas import patch_schema
    from kubelite.machinery import mergepatch

    if kind == "merge":
        merged: Object = mergepatch.apply(live, patch)
        return merged
    patched: Object = strategicpatch.apply(live, patch, patch_schema(live["apiVersion"], live["kind"]))
    return patched


def _where(item: Item) -> str:
    resource = item.resource
    return (
        f'Resource: "{resource.api_version}, Resource={resource.plural}", GroupVersionKind: "{resource.api_version}, '
        f'Kind={resource.kind}"\nName: "{item.name}", Namespace: "{item.namespace}"'
    )


def _patch_failed(error: StatusError, item: Item, patch: dict[str, Any]) -> StatusError:
    text = json.dumps(patch, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    message = f'error when applying patch:\n{text}\nto:\n{_where(item)}\nfor: "{item.source}": ' + (
        f'error when patching "{item.source}": {error.message}'
    )
    return StatusError(error.code, error.reason, message, error.details)


COMMAND = Command(
    name="apply",
    summary="Apply a configuration to a resource by file name or stdin",
    usage="apply (-f FILENAME | -k DIRECTORY)",
    long="The resource name must be specified. This resource will be created if it doesn't exist yet. To use 'apply', always "
    "create the resource initially with either 'apply' or 'create --save-config'.\nJSON and YAML formats are accepted.",
    examples=(
        ("Apply the configuration in a file", "apply -f ./pod.json"),
        ("Apply the files of a directory and those below it", "apply -f ./manifests -R"),
        ("Apply what comes from stdin", "apply -f -"),
        ("See what would change", "apply -f ./pod.json --dry-run=server"),
    ),
    flags=(
        *options.FILES,
        *options.PRINT,
        options.SELECTOR,
        options.DRY_RUN,
        options.VALIDATE,
        options.field_manager("kubectl-client-side-apply"),
        Flag("force", "Delete and create again what cannot be patched.", type="bool"),
        Flag(
            "overwrite",
            "Resolve conflicts between the modified and live configuration; always so.",
            type="bool",
            default=True,
        ),
        Flag("grace-period", "Only for --force: seconds to terminate gracefully.", type="int", default=-1),
        Flag("timeout", "Only for --force: how long to wait for the deletion.", type="duration"),
        Flag("cascade", "Only for --force: background, orphan or foreground.", default="background", bare="background"),
        Flag("wait", "Only for --force: wait for the deletion; always so.", type="bool", default=True),
        Flag("openapi-patch", "Use the schemas to compute the patch; always so.", type="bool", default=True),
        Flag("server-side", "Let the server merge, and remember who set which field.", type="bool"),
        Flag("force-conflicts", "With --server-side: take the fields that other managers own.", type="bool"),
        Flag("prune", "Delete what was applied before and the files no longer have.", type="bool"),
        Flag("prune-allowlist", "The kinds to prune, as <group/version/kind>.", type="array"),
        Flag("prune-whitelist", "The former name of --prune-allowlist.", type="array"),
        Flag("all", "With --prune: choose from all objects of the kinds, not by a selector.", type="bool"),
    ),
    refused=(
        "--applyset",
        "--subresource",
    ),
    complete=complete,
    validate=validate,
    run=run,
)

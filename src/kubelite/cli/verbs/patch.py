"""`patch`: change fields of an object with a strategic merge, merge or JSON patch.

Flow: patch text (YAML or JSON) → PATCH → `patched`. Follows kubectl/pkg/cmd/patch/patch.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubelite.cli import builder, options
from kubelite.cli.builder import Item, Pointer
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError, raise_all
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.outcome import Outcome, outcome
from kubelite.cli.session import Object, Session
from kubelite.machinery import jsonpatch, mergepatch, strategicpatch
from kubelite.machinery.errors import StatusError


@dataclass(frozen=True, slots=True)
class Options:
    """The patch and what to patch."""

    where: Pointer
    kind: str
    text: str
    file: str
    subresource: str
    local: bool
    outcome: Outcome


def complete(parsed: Parsed, session: Session) -> Options:
    return Options(
        where=builder.pointer(parsed),
        kind=parsed.text("type").lower(),
        text=parsed.text("patch"),
        file=parsed.text("patch-file"),
        subresource=parsed.text("subresource"),
        local=parsed.on("local"),
        outcome=outcome(parsed),
    )


def validate(opts: Options) -> None:
    if opts.text and opts.file:
        raise CliError("cannot specify --patch and --patch-file together")
    if not opts.text and not opts.file:
        raise CliError("must specify --patch or --patch-file containing the contents of the patch")
    if opts.kind not in ("json", "merge", "strategic"):
        raise CliError(f'--type must be one of [json merge strategic], not "{opts.kind}"')
    if opts.local and not opts.where.files:
        raise CliError("cannot specify --local without --filename")


def _patch(opts: Options) -> Any:
    from kubelite.machinery import yamlcodec

    text = opts.text
    if opts.file:
        try:
            text = Path(opts.file).read_text()
        except OSError as error:
            raise CliError(f"unable to read patch file: open {opts.file}: {(error.strerror or '').lower()}") from error
    try:
        return yamlcodec.load(text)
    except yamlcodec.YAMLError as error:
        raise CliError(f'unable to parse "{text}": {error}') from error


async def run(opts: Options, session: Session) -> int:
    patch = _patch(opts)
    errors: list[Exception] = []
    if opts.local:
        found = await builder.file_items(session, opts.where.files, opts.where.recursive)
    else:
        found = await builder.items(session, opts.where, latest=False, errors=errors)
    if not found and not errors:
        raise CliError("no objects passed to patch")
    for item in found:
        try:
            await _one(opts, session, item, patch)
        except StatusError as error:
            errors.append(error)
    raise_all(errors)
    return 0


async def _one(opts: Options, session: Session, item: Item, patch: Any) -> None:
    if opts.local or opts.outcome.client_only:
        obj = item.object if opts.local else await session.get(item.resource, item.namespace, item.name)
        changed = _applied(obj, patch, opts.kind)
        opts.outcome.show(session, changed, _done(obj, changed))
        return
    before = await session.get(item.resource, item.namespace, item.name, opts.subresource)
    after = await session.patch(
        item.resource, item.namespace, item.name, patch, opts.kind, subresource=opts.subresource, **opts.outcome.query
    )
    opts.outcome.show(session, after, _done(before, after))


def _applied(obj: Object, patch: Any, kind: str) -> Object:
    from kubelite.api.schemas import patch_schema

    changed: Any
    if kind == "json":
        changed = jsonpatch.apply(obj, patch)
    elif kind == "merge":
        changed = mergepatch.apply(obj, patch)
    else:
        changed = strategicpatch.apply(obj, patch, patch_schema(str(obj["apiVersion"]), str(obj["kind"])))
    result: Object = changed
    return result


def _done(before: Object, after: Object) -> str:
    def bare(obj: Object) -> Object:
        metadata = {
            key: value
            for key, value in (obj.get("metadata") or {}).items()
            if key not in ("resourceVersion", "managedFields", "generation")
        }
        return obj | {"metadata": metadata}

    return "patched (no change)" if bare(before) == bare(after) else "patched"


COMMAND = Command(
    name="patch",
    summary="Update fields of a resource",
    usage="patch (-f FILENAME | TYPE NAME) [-p PATCH|--patch-file FILE]",
    examples=(
        ("Patch a node", """patch node k8s-node-1 -p '{"spec":{"unschedulable":true}}'"""),
        (
            "Patch with JSON operations",
            """patch pod valid-pod --type=json -p '[{"op":"remove","path":"/metadata/labels/a"}]'""",
        ),
        (
            "Patch the scale of a deployment",
            """patch deployment d --subresource=scale --type=merge -p '{"spec":{"replicas":2}}'""",
        ),
    ),
    flags=(
        *options.FILES,
        *options.PRINT,
        options.DRY_RUN,
        options.LOCAL,
        options.field_manager("kubectl-patch"),
        Flag("patch", "The patch, as JSON or YAML.", short="p"),
        Flag("patch-file", "A file with the patch."),
        Flag("subresource", "Patch this subresource."),
        Flag("type", "The kind of patch: json, merge or strategic.", default="strategic"),
    ),
    complete=complete,
    validate=validate,
    run=run,
)

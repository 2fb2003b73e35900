"""`diff`: what `apply` would change, as the output of diff; exit code 1 when there is something.

Flow: files → live object and the server's dry run of the patch → two folders of YAML → `diff -u -N`.
Follows kubectl/pkg/cmd/diff/diff.go.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from kubelite.cli import builder, options
from kubelite.cli.builder import Item
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError, Silent, UsageError
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.printers import without_managed_fields, yaml
from kubelite.cli.session import Object, Session
from kubelite.cli.verbs import serverside
from kubelite.cli.verbs.apply import compute_patch
from kubelite.machinery.errors import StatusError


@dataclass(frozen=True, slots=True)
class Options:
    """The files."""

    files: tuple[str, ...]
    args: tuple[str, ...]
    recursive: bool
    selector: str
    show_managed: bool
    manager: str = "kubectl-client-side-apply"
    server_side: bool = False
    force_conflicts: bool = False


def complete(parsed: Parsed, session: Session) -> Options:
    return Options(
        parsed.many("filename"),
        tuple(parsed.args),
        parsed.on("recursive"),
        parsed.text("selector"),
        parsed.on("show-managed-fields"),
        _manager(parsed),
        parsed.on("server-side"),
        parsed.on("force-conflicts"),
    )


def _manager(parsed: Parsed) -> str:
    if parsed.on("server-side") and "field-manager" not in parsed.given:
        return serverside.MANAGER
    return parsed.text("field-manager")


def validate(opts: Options) -> None:
    if opts.args:
        raise UsageError(f"Unexpected args: [{' '.join(opts.args)}]")
    if opts.force_conflicts and not opts.server_side:
        raise CliError("--force-conflicts only works with --server-side")
    if not opts.files:
        raise CliError("must specify one of -f and -k")


async def run(opts: Options, session: Session) -> int:
    with tempfile.TemporaryDirectory(prefix="LIVE-") as live, tempfile.TemporaryDirectory(prefix="MERGED-") as merged:
        for item in await builder.file_items(session, opts.files, opts.recursive, selector=opts.selector):
            before, after = await _versions(opts, session, item)
            resource = item.resource
            group = f"{resource.group}." if resource.group else ""
            name = f"{group}{resource.version}.{resource.kind}.{item.namespace}.{item.name}"
            for folder, obj in ((live, before), (merged, after)):
                if obj is not None:
                    shown = obj if opts.show_managed else without_managed_fields(obj)
                    (Path(folder) / name).write_text(yaml.render(_masked(shown)))
        command = os.environ.get("KUBECTL_EXTERNAL_DIFF", "diff -u -N")
        try:
            done = subprocess.run([*shlex.split(command), live, merged], check=False, stdout=subprocess.PIPE)
        except OSError as error:
            raise CliError(f"failed to run {command!r}: {error}", 2) from error
    session.streams.write_bytes(done.stdout)
    if done.returncode:
        raise Silent(done.returncode)
    return 0


async def _versions(opts: Options, session: Session, item: Item) -> tuple[Object | None, Object]:
    """(what is there, what apply would make of it)."""
    query = {"dryRun": "All", "fieldManager": opts.manager}
    try:
        live = await session.get(item.resource, item.namespace, item.name)
    except StatusError as error:
        if error.code != 404:
            raise
        if opts.server_side:
            return None, await serverside.send(session, item, item.object, query)
        return None, await session.json("POST", item.resource.path(item.namespace), query=query, body=item.object)
    if opts.server_side:
        forced = query | {"force": "true" if opts.force_conflicts else "false"}
        return live, await serverside.send(session, item, item.object, forced)
    patch, kind = compute_patch(item.object, _modified(item.object), live, annotated=False)
    if not patch:
        return live, live
    return live, await session.patch(item.resource, item.namespace, item.name, patch, kind, **query)


def _modified(obj: Object) -> Object:
    """The object with annotations, so that their absence from the file does not count as a removal of all."""
    metadata = obj.get("metadata") or {}
    return obj | {"metadata": metadata | {"annotations": metadata.get("annotations") or {}}}


def _masked(obj: Object) -> Object:
    """The values of a Secret are not shown."""
    if obj.get("kind") != "Secret" or obj.get("apiVersion") != "v1":
        return obj
    return obj | {"data": dict.fromkeys(obj.get("data") or {}, "***")}


COMMAND = Command(
    name="diff",
    summary="Diff the live version against a would-be applied version",
    usage="diff -f FILENAME",
    long="The program that KUBECTL_EXTERNAL_DIFF names shows the difference, 'diff -u -N' by default. Exit code 0: no "
    "difference, 1: differences, more: an error.",
    examples=(("Diff the resources of a file", "diff -f pod.json"), ("Diff what comes from stdin", "diff -f -")),
    flags=(
        *options.FILES,
        options.SELECTOR,
        options.SHOW_MANAGED,
        options.field_manager("kubectl-client-side-apply"),
        Flag("server-side", "Let the server merge.", type="bool"),
        Flag("force-conflicts", "With --server-side: take the fields that other managers own.", type="bool"),
    ),
    refused=(
        "--concurrency",
        "--prune",
        "--prune-allowlist",
    ),
    complete=complete,
    validate=validate,
    run=run,
)

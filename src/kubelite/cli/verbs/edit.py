"""`edit`: objects as YAML in the user's editor, the difference sent as a patch.

Flow: objects → temporary file → $KUBE_EDITOR or $EDITOR → patch → `edited`; a refused edit opens the editor again.
Follows kubectl/pkg/cmd/util/editor/editoptions.go.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from kubelite.cli import builder, options
from kubelite.cli.builder import Item, Pointer
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError, UsageError, raise_all, report
from kubelite.cli.flags import Parsed
from kubelite.cli.outcome import Outcome, outcome
from kubelite.cli.printers import without_managed_fields
from kubelite.cli.session import Object, Session
from kubelite.machinery.errors import StatusError

HEADER = (
    "# Please edit the object below. Lines beginning with a '#' will be ignored,\n"
    "# and an empty file will abort the edit. If an error occurs while saving this file will be\n"
    "# reopened with the relevant failures.\n#\n"
)
TRIES = 5


@dataclass(frozen=True, slots=True)
class Options:
    """What to edit."""

    where: Pointer
    outcome: Outcome


def complete(parsed: Parsed, session: Session) -> Options:
    return Options(builder.pointer(parsed), outcome(parsed))


def validate(opts: Options) -> None:
    if not opts.where.args and not opts.where.files:
        raise UsageError("You must provide one or more resources by argument or filename.")


async def run(opts: Options, session: Session) -> int:
    errors: list[Exception] = []
    for item in await builder.items(session, opts.where, errors=errors):
        await _edit(opts, session, item)
    raise_all(errors)
    return 0


async def _edit(opts: Options, session: Session, item: Item) -> None:
    from kubelite.cli.printers import yaml
    from kubelite.machinery import yamlcodec

    original = without_managed_fields(
        {"apiVersion": item.resource.api_version, "kind": item.resource.kind} | item.object
    )
    text, problem = yaml.render(original), ""
    for _ in range(TRIES):
        header = HEADER + "".join(f"# {line}\n" for line in problem.splitlines()) + ("#\n" if problem else "")
        edited = edit_text(header + text)
        body = without_comments(edited)
        if not body.strip():
            raise CliError("Edit cancelled, saved file was empty")
        if body == text:
            session.warn("Edit cancelled, no changes made.")
            return
        text = body
        try:
            changed = yamlcodec.load(body)
            if not isinstance(changed, dict):
                raise CliError("the edited text is not an object")
            await _save(opts, session, item, original, changed)
        except (StatusError, yamlcodec.YAMLError, CliError) as error:
            problem = "\n".join(report(error)[0])
            session.warn(problem)
            continue
        return
    raise CliError(f"{item.printed}: the edit was not accepted")


def without_comments(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.lstrip().startswith("#"))


def edit_text(text: str) -> str:
    """The text after the editor. Raises CliError when it fails."""
    editor = os.environ.get("KUBE_EDITOR") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="kubelite-edit-") as folder:
        path = Path(folder) / "object.yaml"
        path.write_text(text)
        try:
            done = subprocess.run(["sh", "-c", f'{editor} "$0"', str(path)], check=False)
        except OSError as error:
            raise CliError(f"there was a problem with the editor {editor!r}: {error}") from error
        if done.returncode:
            raise CliError(f'there was a problem with the editor "{editor}"')
        return path.read_text()


async def _save(opts: Options, session: Session, item: Item, original: Object, changed: Object) -> None:
    from kubelite.api.schemas import patch_schema
    from kubelite.machinery.strategicdiff import create_two_way

    for key in ("apiVersion", "kind"):
        if changed.get(key) != original.get(key):
            raise CliError(f"{key} cannot be changed by edit")
    if (changed.get("metadata") or {}).get("name") != item.name:
        raise CliError("At least one of apiVersion, kind and name was changed")
    try:
        schema, kind = patch_schema(item.resource.api_version, item.resource.kind), "strategic"
    except KeyError:
        schema, kind = None, "merge"  # no schema: a JSON merge patch
    patch = create_two_way(original, changed, schema)
    obj = await session.patch(item.resource, item.namespace, item.name, patch, kind, **opts.outcome.query)
    opts.outcome.show(session, obj, "edited")


COMMAND = Command(
    name="edit",
    summary="Edit a resource on the server",
    usage="edit (RESOURCE/NAME | -f FILENAME)",
    long="Opens the editor that KUBE_EDITOR or EDITOR names, vi otherwise.",
    examples=(("Edit a service", "edit svc/registry"), ("Edit a deployment", "edit deployment/mydeployment")),
    flags=(
        *options.FILES,
        *options.PRINT,
        options.VALIDATE,
        options.field_manager("kubectl-edit"),
    ),
    refused=(
        "--output-patch",
        "--save-config",
        "--subresource",
        "--windows-line-endings",
    ),
    complete=complete,
    validate=validate,
    run=run,
)

"""`create`: objects from files; `create KIND` makes one from flags (see `kubelite.cli.generators`).

Flow: files → objects → POST → `TYPE/NAME created`. A failure of one object does not stop the others.
Follows kubectl/pkg/cmd/create/create.go.
"""

from __future__ import annotations

from dataclasses import dataclass

from kubelite.cli import builder, options
from kubelite.cli.builder import Item
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError, UsageError, raise_all, sourced
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.outcome import Outcome, outcome, with_last_applied
from kubelite.cli.session import Session
from kubelite.machinery.errors import StatusError


@dataclass(frozen=True, slots=True)
class Options:
    """What `create -f` was asked."""

    files: tuple[str, ...]
    args: tuple[str, ...]
    recursive: bool
    selector: str
    save_config: bool
    raw: str
    edit: bool
    outcome: Outcome


def complete(parsed: Parsed, session: Session) -> Options:
    return Options(
        files=parsed.many("filename"),
        args=tuple(parsed.args),
        recursive=parsed.on("recursive"),
        selector=parsed.text("selector"),
        save_config=parsed.on("save-config"),
        raw=parsed.text("raw"),
        edit=parsed.on("edit"),
        outcome=outcome(parsed),
    )


def validate(opts: Options) -> None:
    if opts.args:
        raise UsageError(f"Unexpected args: [{' '.join(opts.args)}]")
    if not opts.files:
        raise CliError("must specify one of -f and -k")
    if opts.raw and (len(opts.files) > 1 or opts.edit or opts.selector):
        raise UsageError("--raw can only use a single local file or stdin")


async def run(opts: Options, session: Session) -> int:
    if opts.raw:
        return await _raw(opts, session)
    items = await builder.file_items(session, opts.files, opts.recursive, selector=opts.selector)
    if not items:
        raise CliError("no objects passed to create")
    errors: list[Exception] = []
    for item in items:
        try:
            if opts.edit and not _edited(item, session):
                continue
        except CliError as error:
            errors.append(error)
            continue
        obj = with_last_applied(item.object) if opts.save_config else item.object
        if not opts.outcome.client_only:
            path = item.resource.path(item.namespace)
            try:
                obj = await session.json("POST", path, query=opts.outcome.query, body=obj)
            except StatusError as error:
                errors.append(sourced(error, "creating", item.source))
                continue
        opts.outcome.show(session, obj, "created")
    raise_all(errors)
    return 0


def _edited(item: Item, session: Session) -> bool:
    """Lets the user edit the object; whether it is to be created. Raises CliError for a text that is no object."""
    from kubelite.cli.printers import yaml
    from kubelite.cli.verbs.edit import HEADER, edit_text, without_comments
    from kubelite.machinery import yamlcodec

    text = yaml.render(item.object)
    edited = without_comments(edit_text(HEADER + text))
    if edited == text:
        session.warn("Edit cancelled, no changes made.")
        return False
    if not edited.strip():
        session.warn("Edit cancelled, saved file was empty.")
        return False
    try:
        changed = yamlcodec.load(edited)
    except yamlcodec.YAMLError as error:
        raise CliError(f"the edited text of {item.printed} is not valid YAML: {error}") from error
    if not isinstance(changed, dict):
        raise CliError(f"{item.resource.plural} {item.name!r} is invalid: the edited text is not an object")
    item.object = changed
    return True


async def _raw(opts: Options, session: Session) -> int:
    from pathlib import Path

    name = opts.files[0]
    body = session.streams.read_stdin() if name == "-" else Path(name).read_bytes()
    session.streams.write_bytes((await session.request("POST", opts.raw, body=body)).body)
    return 0


_GENERATORS = {
    "clusterrole": "roles:CLUSTER_ROLE",
    "clusterrolebinding": "bindings:CLUSTER_ROLE_BINDING",
    "configmap": "configmap:COMMAND",
    "cronjob": "job:CRON_JOB",
    "deployment": "deployment:COMMAND",
    "ingress": "ingress:COMMAND",
    "job": "job:JOB",
    "namespace": "simple:NAMESPACE",
    "poddisruptionbudget": "limits:BUDGET",
    "priorityclass": "simple:PRIORITY_CLASS",
    "quota": "limits:QUOTA",
    "role": "roles:ROLE",
    "rolebinding": "bindings:ROLE_BINDING",
    "secret": "secret:COMMAND",
    "service": "service:COMMAND",
    "serviceaccount": "simple:SERVICE_ACCOUNT",
    "token": "token:COMMAND",
}

COMMAND = Command(
    name="create",
    summary="Create a resource from a file or from stdin",
    usage="create -f FILENAME",
    long="JSON and YAML formats are accepted.",
    examples=(
        ("Create the objects of a file", "create -f ./pod.yaml"),
        ("Create the objects of stdin", "create -f -"),
        ("See what would be created", "create -f ./pod.yaml --dry-run=server -o yaml"),
        ("Create a deployment", "create deployment web --image=nginx --replicas=3"),
    ),
    flags=(
        *options.FILES,
        *options.PRINT,
        options.SELECTOR,
        options.DRY_RUN,
        options.VALIDATE,
        options.field_manager("kubectl-create"),
        Flag("edit", "Edit the resource before creating it.", type="bool"),
        Flag("raw", "Raw URI to POST to the server."),
        Flag("save-config", "Keep the configuration in the object's annotation, for a later apply.", type="bool"),
    ),
    refused=("--windows-line-endings",),
    complete=complete,
    validate=validate,
    run=run,
    subcommands={word: f"kubelite.cli.generators.{where}" for word, where in _GENERATORS.items()},
)

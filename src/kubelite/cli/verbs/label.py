"""`label` and `annotate`: set and remove labels and annotations.

Flow: arguments → (objects, changes) → merge patch of metadata → message. Follows kubectl/pkg/cmd/{label,annotate}.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kubelite.cli import builder, options
from kubelite.cli.builder import Item, Pointer
from kubelite.cli.command import Command
from kubelite.cli.failures import CliError, UsageError
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.outcome import Outcome, outcome
from kubelite.cli.session import Session


@dataclass(frozen=True, slots=True)
class Options:
    """Which entries to set and remove. `word` is "label" or "annotation"."""

    where: Pointer
    word: str
    set: dict[str, str]
    removed: tuple[str, ...]
    overwrite: bool
    list: bool
    resource_version: str
    local: bool
    outcome: Outcome


def _is_change(arg: str) -> bool:
    """`key=value` or `key-`, not a resource."""
    return arg.find("=") > 0 or ("=" not in arg and len(arg) > 1 and arg.endswith("-"))


def _split(args: Sequence[str], word: str) -> tuple[list[str], dict[str, str], list[str]]:
    """(resource arguments, entries to set, entries to remove)."""
    first = next((index for index, arg in enumerate(args) if _is_change(arg)), len(args))
    wanted: dict[str, str] = {}
    removed: list[str] = []
    for arg in args[first:]:
        if not _is_change(arg):
            raise CliError(f"all resources must be specified before {word} changes: {arg}")
        key, equals, value = arg.partition("=")
        if equals:
            if word == "label" and "=" in value:
                raise CliError(f"invalid label spec: {arg}")
            if key in wanted:
                raise UsageError(f"invalid {word} {arg}: duplicate key")
            wanted[key] = value
        else:
            removed.append(arg[:-1])
    both = set(wanted) & set(removed)
    if both:
        raise UsageError(
            f"can not both modify and remove a{'n' if word == 'annotation' else ''} {word} in the same command"
        )
    return list(args[:first]), wanted, removed


def _completer(word: str) -> Callable[[Parsed, Session], Options]:
    def complete(parsed: Parsed, session: Session) -> Options:
        args, wanted, removed = _split(parsed.args, word)
        return Options(
            where=builder.pointer(parsed, args),
            word=word,
            set=wanted,
            removed=tuple(removed),
            overwrite=parsed.on("overwrite"),
            list=parsed.on("list"),
            resource_version=parsed.text("resource-version"),
            local=parsed.on("local"),
            outcome=outcome(parsed),
        )

    return complete


def validate(opts: Options) -> None:
    if opts.where.all and opts.where.selector:
        raise CliError("cannot set --all and --selector at the same time")
    if not opts.where.args and not opts.where.files:
        raise CliError("one or more resources must be specified as <resource> <name> or <resource>/<name>")
    if not opts.set and not opts.removed and not opts.list:
        raise CliError(f"at least one {opts.word} update is required")
    if opts.word == "label":
        from kubelite.machinery import names

        for key, value in opts.set.items():
            problems = names.label_value(value)
            if problems:
                raise CliError(f'invalid label value: "{key}={value}": {"; ".join(problems)}')


async def run(opts: Options, session: Session) -> int:
    await builder.for_each(session, opts.where, lambda item: _one(opts, session, item), local=opts.local)
    return 0


async def _one(opts: Options, session: Session, item: Item) -> None:
    field = f"{opts.word}s"
    present: dict[str, str] = (item.object.get("metadata") or {}).get(field) or {}
    if opts.list:
        for key in sorted(present):
            session.print(f"{key}={present[key]}")
        return
    _check(opts, present)
    for key in opts.removed:
        if key not in present and opts.word == "label":
            session.print(f'label "{key}" not found.')
    changes: dict[str, str | None] = {key: value for key, value in opts.set.items() if present.get(key) != value}
    changes |= {key: None for key in opts.removed if key in present}
    done = _done(opts, changes)
    updated = {key: value for key, value in (present | changes).items() if value is not None}
    obj = item.object | {"metadata": item.object["metadata"] | {field: updated}}
    if (changes or opts.resource_version) and not opts.outcome.client_only and not opts.local:
        metadata: dict[str, object] = {field: changes}
        if opts.resource_version:
            metadata["resourceVersion"] = opts.resource_version
        patch = {"metadata": metadata}
        obj = await session.patch(item.resource, item.namespace, item.name, patch, "merge", **opts.outcome.query)
    opts.outcome.show(session, obj, done)


def _check(opts: Options, present: dict[str, str]) -> None:
    if opts.overwrite:
        return
    for key, value in opts.set.items():
        if key in present and present[key] != value:
            if opts.word == "label":
                raise CliError(f"'{key}' already has a value ({present[key]}), and --overwrite is false")
            raise CliError(
                f"--overwrite is false but found the following declared annotation(s): '{key}' already has a value "
                f"({present[key]})"
            )


def _done(opts: Options, changes: dict[str, str | None]) -> str:
    if opts.word == "annotation":
        return "annotated"
    if not changes:
        return "not labeled"
    if any(value is not None for value in changes.values()):
        return "labeled"
    return "unlabeled"


_FLAGS = (
    *options.FILES,
    *options.PRINT,
    options.SELECTOR,
    options.FIELD_SELECTOR,
    options.ALL,
    options.ALL_NAMESPACES,
    options.DRY_RUN,
    options.LOCAL,
    Flag("list", "Display the entries of the resources.", type="bool"),
    Flag("overwrite", "Allow entries to be overwritten.", type="bool"),
    Flag("resource-version", "Only update if this is the present version."),
)
COMMAND = Command(
    name="label",
    summary="Update the labels on a resource",
    usage="label [--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N [--resource-version=version]",
    examples=(
        ("Label a pod", "label pods foo unhealthy=true"),
        ("Overwrite a label", "label --overwrite pods foo status=unhealthy"),
        ("Label all pods", "label pods --all status=unhealthy"),
        ("Remove a label", "label pods foo bar-"),
    ),
    flags=(*_FLAGS, options.field_manager("kubectl-label")),
    complete=_completer("label"),
    validate=validate,
    run=run,
)
ANNOTATE = Command(
    name="annotate",
    summary="Update the annotations on a resource",
    usage="annotate [--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N [--resource-version=version]",
    examples=(
        ("Annotate a pod", "annotate pods foo description='my frontend'"),
        ("Overwrite an annotation", "annotate --overwrite pods foo description='my frontend'"),
        ("Remove an annotation", "annotate pods foo description-"),
    ),
    flags=(*_FLAGS, options.field_manager("kubectl-annotate")),
    complete=_completer("annotation"),
    validate=validate,
    run=run,
)

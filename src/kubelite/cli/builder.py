"""What a command line points at: files, `TYPE NAME...`, `TYPE/NAME...`, selectors → objects.

What: `Pointer` is what the user wrote, `items` resolves it to `Item`s (resource, namespace, name, object), `file_items` reads
files only. Why: a dozen verbs take the same arguments, and the rules about which combinations make sense are many.
Flow: `Pointer` → discovery → GET or LIST → `Item`. Rules and texts follow cli-runtime/pkg/resource/builder.go.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from kubelite.cli import manifests
from kubelite.cli.failures import CliError, raise_all
from kubelite.cli.flags import Parsed
from kubelite.cli.resources import Resource
from kubelite.cli.session import Object, Session
from kubelite.client.errors import ConnectionFailed
from kubelite.machinery.errors import StatusError


@dataclass(frozen=True, slots=True)
class Pointer:
    """What to work on, as written."""

    args: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    recursive: bool = False
    selector: str = ""
    field_selector: str = ""
    all: bool = False
    all_namespaces: bool = False


@dataclass(slots=True)
class Item:
    """One object: `object` is what the server or the file has, {} when it was not looked up."""

    resource: Resource
    namespace: str
    name: str
    object: Object = field(default_factory=dict)
    source: str = ""

    @property
    def printed(self) -> str:
        """`deployment.apps/web`."""
        return f"{self.resource.printed}/{self.name}"


def pointer(parsed: Parsed, args: Sequence[str] | None = None) -> Pointer:
    """The pointer in a parsed command line that has (some of) the usual flags."""
    values = parsed.values
    return Pointer(
        args=tuple(parsed.args if args is None else args),
        files=tuple(values.get("filename", ())),
        recursive=bool(values.get("recursive") and values.get("filename")),
        selector=str(values.get("selector", "")),
        field_selector=str(values.get("field-selector", "")),
        all=bool(values.get("all", False)),
        all_namespaces=bool(values.get("all-namespaces", False)),
    )


@dataclass(frozen=True, slots=True)
class Target:
    """A resource with the names wanted of it; no names for all that the selectors let through."""

    resource: Resource
    names: tuple[str, ...] = ()


def split_args(args: Sequence[str]) -> tuple[str, list[str], list[tuple[str, str]]]:
    """(types, names, type/name pairs). Raises CliError for a mixture."""
    if not any("/" in arg for arg in args):
        return (args[0] if args else ""), list(args[1:]), []
    if "/" not in args[0] and len(args) > 1:
        raise CliError(
            "there is no need to specify a resource type as a separate argument when passing arguments in resource/name "
            "form (e.g. 'kubelite get resource/<resource_name>' instead of 'kubelite get resource resource/<resource_name>'"
        )
    pairs = []
    for arg in args:
        parts = arg.split("/")
        if len(parts) > 2:
            raise CliError("arguments in resource/name form may not have more than one slash")
        if len(parts) < 2:
            raise CliError("arguments in resource/name form must have a single resource and name")
        if not parts[0] or not parts[1]:
            raise CliError("arguments in resource/name form must have a single resource and name")
        pairs.append((parts[0], parts[1]))
    return "", [], pairs


async def targets(session: Session, where: Pointer, *, need_names: bool = False) -> list[Target]:
    """The resources and names of the arguments. `need_names`: a type alone is not enough."""
    types, names, pairs = split_args(where.args)
    if pairs:
        if where.selector or where.field_selector or where.all:
            raise CliError(
                "selectors and the all flag cannot be used when passing resource/name arguments"
                if not where.all
                else "setting 'all' parameter but found a non empty selector. "
            )
        resources = await session.resources()
        return [Target(resources.named(type_), (name,)) for type_, name in pairs]
    if not types:
        return []
    if names and (where.selector or where.field_selector):
        raise CliError("name cannot be provided when a selector is specified")
    if names and where.all:
        raise CliError("name cannot be provided when a selector is specified")
    found = (await session.resources()).expand(types)
    if need_names and not names and not (where.selector or where.field_selector or where.all or where.all_namespaces):
        raise CliError("resource(s) were provided, but no name was specified")
    return [Target(resource, tuple(names)) for resource in found]


async def items(
    session: Session,
    where: Pointer,
    *,
    latest: bool = True,
    need_names: bool = True,
    errors: list[Exception] | None = None,
) -> list[Item]:
    """Every object pointed at. `latest`: look up those that are named (files and names), else they are left as written.

    With `errors` the failures of single objects are collected there, otherwise the first one is raised.
    """
    if where.files:
        if where.args:
            raise CliError(
                "when paths, URLs, or stdin is provided as input, you may not specify a resource by arguments as well"
            )
        found = await file_items(session, where.files, where.recursive, selector=where.selector)
    else:
        found = []
        for target in await targets(session, where, need_names=need_names):
            found += await _of_target(session, where, target, errors)
    if not latest:
        return found
    out = []
    for item in found:
        if item.object and not where.files:
            out.append(item)
            continue
        try:
            item.object = await session.get(item.resource, item.namespace, item.name)
            out.append(item)
        except (StatusError, ConnectionFailed) as error:
            if errors is None or isinstance(error, ConnectionFailed):
                raise
            errors.append(error)
    return out


async def for_each(session: Session, where: Pointer, change: Callable[[Item], Awaitable[None]], *, local: bool) -> None:
    """Calls `change` for every item; `local` takes them from the files as they are. A failure does not stop the others."""
    errors: list[Exception] = []
    if local:
        found = await file_items(session, where.files, where.recursive)
    else:
        found = await items(session, where, errors=errors)
    for item in found:
        try:
            await change(item)
        except (StatusError, CliError) as error:
            errors.append(error)
    raise_all(errors)


async def _of_target(
    session: Session, where: Pointer, target: Target, errors: list[Exception] | None = None
) -> list[Item]:
    resource = target.resource
    namespace = session.namespace if resource.namespaced else ""
    if target.names:
        if where.all_namespaces and resource.namespaced:
            raise CliError("a resource cannot be retrieved by name across all namespaces")
        return [Item(resource, namespace, name) for name in target.names]
    if where.all_namespaces:
        namespace = ""
    try:
        listed = await session.list(
            resource, namespace, labelSelector=where.selector, fieldSelector=where.field_selector
        )
    except StatusError as error:
        if errors is None:
            raise
        errors.append(error)
        return []
    return [_item_of(resource, obj) for obj in listed]


def _item_of(resource: Resource, obj: Object, source: str = "") -> Item:
    metadata = obj.get("metadata") or {}
    return Item(resource, metadata.get("namespace") or "", metadata.get("name") or "", obj, source)


async def file_items(
    session: Session, files: Iterable[str], recursive: bool, *, selector: str = "", need_name: bool = False
) -> list[Item]:
    """The objects of files, with the namespace they will be in. Raises CliError."""
    read = manifests.read(session, files, recursive)
    keep = None
    if selector:
        from kubelite.machinery import labels

        try:
            keep = labels.parse(selector)
        except ValueError as error:
            raise CliError(str(error)) from error
    found = []
    for obj, source in read:
        if keep is not None and not keep.matches((obj.get("metadata") or {}).get("labels") or {}):
            continue
        found.append(await file_item(session, obj, source))
    return found


async def file_item(session: Session, obj: Object, source: str) -> Item:
    """One object of a file: its resource found, its namespace set and checked."""
    missing = [f"{key} not set" for key in ("apiVersion", "kind") if not obj.get(key)]
    if missing:
        what = missing[0] if len(missing) == 1 else f"[{', '.join(missing)}]"
        raise CliError(
            f'error validating "{source}": error validating data: {what}; if you choose to ignore these errors, turn '
            "validation off with --validate=false"
        )
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict):
        metadata = obj["metadata"] = {}
    resource = (await session.resources()).for_kind(str(obj["apiVersion"]), str(obj["kind"]))
    if resource is None:
        name, namespace = metadata.get("name") or "", metadata.get("namespace") or ""
        raise CliError(
            f'resource mapping not found for name: "{name}" namespace: "{namespace}" from "{source}": no matches for kind '
            f'"{obj["kind"]}" in version "{obj["apiVersion"]}"\nensure CRDs are installed first'
        )
    namespace = ""
    if resource.namespaced:
        namespace = str(metadata.get("namespace") or session.namespace)
        if session.namespace_given and namespace != session.namespace:
            raise CliError(
                f'the namespace from the provided object "{namespace}" does not match the namespace '
                f"\"{session.namespace}\". You must pass '--namespace={namespace}' to perform this operation."
            )
        metadata.setdefault("namespace", namespace)
    return Item(resource, namespace, str(metadata.get("name") or ""), obj, source)

"""Update: read, change, check, compare-and-swap; also the end of an object whose last finalizer is gone.

What: `update`, used by PUT, PATCH, status, scale, binding and the server itself; only the function that makes the new
object differs. Why: the rules of an update (metadata, generation, admission, validation, conflict) are in one place.
Flow: cached object → `change` → prepare → admission → validate → hooks → encode → store. A failure on a cached state
that may be old is tried again on the stored one, as upstream's GuaranteedUpdate does. Sources:
registry/generic/registry/store.go, registry/rest/update.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from kubelite.api.meta import validate_metadata_update
from kubelite.api.zeros import drop_zeros
from kubelite.apiserver.registry import create, metadata, ownership
from kubelite.apiserver.registry.ask import Ask, Written
from kubelite.apiserver.request import AdmissionRequest
from kubelite.apiserver.watchcache.entry import Entry, decode, is_same, make, splice
from kubelite.machinery import codec, errors, fielderrors
from kubelite.machinery.errors import StatusError
from kubelite.machinery.fielderrors import Path
from kubelite.machinery.kind import Kind
from kubelite.storage.interface import Conflict

if TYPE_CHECKING:
    from kubelite.apiserver.registry.registry import Registry

PATCH_TRIES = 5
UPDATE_TRIES = 64

Change = Callable[[Any], Any]
"""The present object (a copy, or with `takes_body` its bytes) → the wanted one."""


class Rules(NamedTuple):
    """What an update may change: `prepare` puts back what it may not, `validate` judges the rest, `whole`: also as an object."""

    prepare: Callable[[Any, Any], None]
    validate: Callable[[Any, Any], list[Any]]
    whole: bool = True


def rules_of(kind: Kind, subresource: str, served: Kind | None = None) -> Rules:
    """The kind's own rules, for the object or for its status, or those of the version that the client writes."""
    if served is not None and served.own_rules:
        return Rules(kind.prepare_update, served.validate_update, whole=False)
    if subresource == "status":
        return Rules(kind.prepare_status_update, kind.validate_status_update, whole=False)
    # What was wrong with a custom resource before may stay: only its `validate_update` sees the old object.
    return Rules(kind.prepare_update, kind.validate_update, whole=kind.custom is None)


async def viewed(kind: Kind, entry: Entry) -> Entry:
    """The entry in the version that is written: for custom resources not always the stored one."""
    if kind.custom is None:
        return entry
    pending = kind.custom.prepare([entry])
    if pending is not None:
        await pending
    return kind.custom.view(entry) or entry


def nothing(new: Any, old: Any) -> None:
    """Prepares nothing: the change was made by the server."""


def anything(new: Any, old: Any) -> list[Any]:
    """Any change is fine: it was made by the server."""
    return []


async def update(
    registry: Registry,
    kind: Kind,
    namespace: str,
    name: str,
    change: Change,
    ask: Ask,
    *,
    subresource: str = "",
    derives: bool = False,
    takes_body: bool = False,
    tries: int = UPDATE_TRIES,
    create_with: Callable[[], Any] | None = None,
    rules: Rules | None = None,
) -> Written:
    """Replaces an object by what `change` makes of it. Raises StatusError 404, 409, 422 and what admission refuses.

    `derives`: `change` edits the present object and keeps its revision, so that a race is no conflict but a
    reason to try again, `tries` times. `create_with` makes the object if there is none (create on update). `rules`
    replace the kind's for subresources that have their own.
    """
    entry = registry.entry(kind, namespace, name)
    current = registry.cache.is_current()
    while True:
        if entry is None and not current:
            entry, current = await registry.live(kind, namespace, name), True
        if entry is None:
            if create_with is not None:
                return await create.create(registry, kind, namespace, create_with(), ask, name=name)
            raise errors.not_found(kind.group, kind.plural, name)
        try:
            return await _attempt(
                registry, kind, entry, change, ask, subresource, rules, derives=derives, takes_body=takes_body
            )
        except StatusError:
            if current:
                raise
            fresh = await registry.live(kind, namespace, name)
            if fresh is not None and fresh.revision == entry.revision:
                raise
            entry, current = fresh, True
        except _Raced as raced:
            tries -= 1
            if not tries or (raced.conditional and raced.entry is not None):
                raise errors.modified(kind.group, kind.plural, name) from None
            entry, current = raced.entry, True


class _Raced(Exception):
    """Somebody else wrote first; `conditional`: the client insisted on the state it had seen."""

    def __init__(self, entry: Entry | None, conditional: bool) -> None:
        super().__init__("raced")
        self.entry = entry
        self.conditional = conditional


async def _attempt(
    registry: Registry,
    kind: Kind,
    entry: Entry,
    change: Change,
    ask: Ask,
    subresource: str,
    rules: Rules | None,
    *,
    derives: bool,
    takes_body: bool,
) -> Written:
    """One read-change-write on the given state."""
    entry = await viewed(kind, entry)
    rules = rules or rules_of(kind, subresource, ask.served)
    request, conditional = _drafted(registry, kind, entry, change, ask, subresource, rules, takes_body)
    new, old = request.object, request.old
    await registry.admission.mutate(request)
    if kind.custom is not None:  # what admission put in is pruned and filled in like what the client sent
        kind.set_defaults(new)
    _validate(kind, new, old, rules)
    await registry.admission.validate(request)
    if kind.warnings is not None and not subresource:
        ask.warnings.extend(kind.warnings(new, old))
    undo = await create.claim(registry, request) if not subresource else []
    try:
        written = await _store(registry, entry, new, request, conditional and not derives)
    except BaseException as error:
        create.release(undo, after=error)
        raise
    if ask.dry_run:
        create.release(undo)
    elif registry.hooks and not subresource:
        if written.gone:  # nothing held it back any more
            create.release(undo)
            request.operation = "DELETE"
        await create.settle(registry, request)
    return written


def _drafted(
    registry: Registry,
    kind: Kind,
    entry: Entry,
    change: Change,
    ask: Ask,
    subresource: str,
    rules: Rules,
    takes_body: bool,
) -> tuple[AdmissionRequest, bool]:
    """The change as admission will see it, and whether the client insists on the state that it had seen."""
    old = decode(entry.body, kind.type)
    new = change(entry.body if takes_body else decode(entry.body, kind.type))
    asked = new.metadata.resourceVersion
    conditional = asked not in ("", "0")
    _check_revision(kind, entry, asked, conditional)
    new.metadata.resourceVersion = old.metadata.resourceVersion
    metadata.prepare_update(new, old)
    with create.reading(kind):
        kind.set_defaults(new)
        rules.prepare(new, old)
    if subresource == "status" and kind.custom is None:
        drop_zeros(new.status)
    if kind.has_generation and subresource != "status":
        metadata.grow_generation(new, old, kind)
    if not ask.applies and subresource != "binding":
        ownership.updated(registry, kind, new, old, ask, subresource)
    request = AdmissionRequest(
        "UPDATE",
        kind,
        entry.namespace,
        entry.name,
        object=new,
        old=old,
        subresource=subresource,
        user=ask.user,
        dry_run=ask.dry_run,
        options=ask.options,
        warnings=ask.warnings,
        annotations=ask.annotations,
        ask=ask,
    )
    return request, conditional


def _check_revision(kind: Kind, entry: Entry, asked: str, conditional: bool) -> None:
    if not conditional:
        if not kind.unconditional_update:
            text = "Invalid value: 0x0: must be specified for an update"
            wrong = fielderrors.FieldError("FieldValueInvalid", "metadata.resourceVersion", text)
            raise errors.invalid(kind.group, kind.kind, entry.name, [wrong])
        return
    if not (asked.isascii() and asked.isdigit() and len(asked) <= 20):
        wrong = fielderrors.invalid(Path("metadata") / "resourceVersion", asked, "must be a non-negative integer")
        raise errors.invalid(kind.group, kind.kind, entry.name, [wrong])
    if int(asked) != entry.revision:
        raise errors.modified(kind.group, kind.plural, entry.name)


def _validate(kind: Kind, new: Any, old: Any, rules: Rules) -> None:
    found = [] if new.metadata == old.metadata else validate_metadata_update(new.metadata, old.metadata, kind=kind)
    if rules.whole:
        found += kind.validate(new)
    found += rules.validate(new, old)
    if found and (found := fielderrors.tolerated(found, codec.to_generic(old))):
        raise errors.invalid(kind.group, kind.kind, new.metadata.name, found)


async def _store(registry: Registry, entry: Entry, new: Any, request: AdmissionRequest, conditional: bool) -> Written:
    """Writes the new state unless nothing changed; removes the object if nothing holds it back any more."""
    kind = request.kind
    ownership.keep_times(new, request.old)
    new.metadata.resourceVersion = ""
    value = codec.encode_whole(new)
    if is_finished(kind, new) and not is_finished(kind, request.old):
        return await remove(registry, kind, entry, new, request.dry_run, conditional)
    key = kind.key(entry.namespace, entry.name)
    same = is_same(value, entry) and not entry.stale and not registry.is_stale(key)
    if same or request.dry_run:
        new.metadata.resourceVersion = str(entry.revision)
        body = splice(value, entry.revision)
        return Written(Entry(entry.key, entry.namespace, entry.name, entry.revision, body), new)
    stored = value if kind.custom is None else await kind.custom.encode(new)
    if kind.custom is None:
        registry.cache.of(kind).writing(entry.namespace, entry.name, value, new)
    try:
        revision = await registry.store.update(key, stored, entry.revision, ttl=registry.ttl(kind))
    except Conflict as found:
        raise _Raced(_seen(kind, entry, found), conditional) from None
    registry.wrote(revision)
    new.metadata.resourceVersion = str(revision)
    return Written(Entry(entry.key, entry.namespace, entry.name, revision, splice(value, revision)), new)


def _seen(kind: Kind, entry: Entry, found: Conflict) -> Entry | None:
    if found.current is None:
        return None
    return make(entry.key, found.current.value, found.current.revision, namespaced=kind.namespaced)


def is_finished(kind: Kind, obj: Any) -> bool:
    """Whether a deleted object has nothing left to wait for: no grace, no finalizer, for namespaces none in the spec."""
    metadata = obj.metadata
    if metadata.deletionTimestamp is None or metadata.finalizers or metadata.deletionGracePeriodSeconds:
        return False
    return not (kind.kind == "Namespace" and kind.group == "" and obj.spec.finalizers)


async def remove(registry: Registry, kind: Kind, entry: Entry, obj: Any, dry_run: bool, conditional: bool) -> Written:
    """Takes the object out of the store."""
    revision = entry.revision
    if not dry_run:
        try:
            revision = await registry.store.delete(kind.key(entry.namespace, entry.name), entry.revision)
        except Conflict as found:
            raise _Raced(_seen(kind, entry, found), conditional) from None
        registry.wrote(revision)
    obj.metadata.resourceVersion = ""
    body = splice(codec.encode_whole(obj), entry.revision)
    obj.metadata.resourceVersion = str(entry.revision)
    return Written(Entry(entry.key, entry.namespace, entry.name, entry.revision, body), obj, gone=True)

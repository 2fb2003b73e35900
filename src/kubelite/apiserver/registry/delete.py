"""Delete: at once, gracefully, or when the last finalizer is gone.

What: `delete` for one object, `delete_collection` for many. Why: whether an object goes now or is marked depends on
grace, finalizers and the propagation policy; the decision is made in `_mark`, apart from the writing. Flow: cached
object → preconditions → admission → mark or remove. Sources: registry/rest/delete.go,
registry/generic/registry/store.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from copy import copy
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from kubelite.api.meta import FINALIZER_FOREGROUND, FINALIZER_ORPHAN
from kubelite.api.types.meta_v1 import DeleteOptions
from kubelite.apiserver.registry import create
from kubelite.apiserver.registry.ask import Ask, Written
from kubelite.apiserver.registry.update import UPDATE_TRIES, _Raced, _seen, is_finished, remove, viewed
from kubelite.apiserver.request import AdmissionRequest
from kubelite.apiserver.watchcache.entry import Entry, decode, is_same, splice
from kubelite.machinery import codec, errors, fielderrors, times
from kubelite.machinery.errors import StatusError
from kubelite.machinery.fielderrors import Path
from kubelite.machinery.kind import Kind
from kubelite.storage.interface import Conflict

if TYPE_CHECKING:
    from kubelite.apiserver.registry.registry import Registry

POLICIES = ("Foreground", "Background", "Orphan")
AT_ONCE = 16
"""Objects of a collection that are deleted at the same time."""


def check_options(options: DeleteOptions) -> None:
    """Raises StatusError 422 for options that contradict themselves (ValidateDeleteOptions)."""
    found = []
    if options.propagationPolicy and options.orphanDependents is not None:
        found.append(
            fielderrors.invalid(
                Path("propagationPolicy"),
                options.propagationPolicy,
                "orphanDependents and deletionPropagation cannot be both set",
            )
        )
    if options.propagationPolicy and options.propagationPolicy not in POLICIES:
        known = (*POLICIES, "nil")
        path = Path("propagationPolicy")
        found.append(fielderrors.not_supported(path, options.propagationPolicy, known, as_listed=True))
    if options.dryRun not in ([], ["All"]):
        found.append(fielderrors.not_supported(Path("dryRun"), options.dryRun, ["All"]))
    if found:
        raise errors.invalid("meta.k8s.io", "DeleteOptions", "", found)


async def delete(
    registry: Registry, kind: Kind, namespace: str, name: str, options: DeleteOptions | None, ask: Ask
) -> Written:
    """Deletes one object, or marks it. `Written.gone` says which. Raises StatusError 404, 409, 422."""
    options = options or DeleteOptions()
    check_options(options)
    if options.dryRun:
        ask.dry_run = True
    entry = registry.entry(kind, namespace, name)
    current = registry.cache.is_current()
    for _ in range(UPDATE_TRIES):
        if entry is None and not current:
            entry, current = await registry.live(kind, namespace, name), True
        if entry is None:
            raise errors.not_found(kind.group, kind.plural, name)
        try:
            return await _attempt(registry, kind, entry, options, ask)
        except _Raced as raced:
            entry, current = raced.entry, True
        except StatusError:
            if current:
                raise
            entry, current = await registry.live(kind, namespace, name), True
    raise errors.modified(kind.group, kind.plural, name)


async def _attempt(registry: Registry, kind: Kind, entry: Entry, options: DeleteOptions, ask: Ask) -> Written:
    entry = await viewed(kind, entry)
    obj = decode(entry.body, kind.type)
    _check_preconditions(kind, entry, obj, options)
    request = AdmissionRequest(
        "DELETE",
        kind,
        entry.namespace,
        entry.name,
        old=obj,
        user=ask.user,
        dry_run=ask.dry_run,
        options=options,
        warnings=ask.warnings,
        annotations=ask.annotations,
        ask=ask,
    )
    if not ask.admitted:
        await registry.admission.mutate(request)
        await registry.admission.validate(request)
    marked = _to_mark(kind, obj, entry)
    if not _mark(registry, kind, marked, options):
        return Written(entry, obj)
    if is_finished(kind, marked):
        written = await remove(registry, kind, entry, marked if kind.grace_seconds else obj, ask.dry_run, False)
        if not ask.dry_run:
            await create.settle(registry, request)
        return written
    marked.metadata.resourceVersion = ""
    value = codec.encode_whole(marked)
    revision = entry.revision
    if not ask.dry_run and not is_same(value, entry):
        stored = value if kind.custom is None else await kind.custom.encode(marked)
        try:
            revision = await registry.store.update(
                kind.key(entry.namespace, entry.name), stored, entry.revision, ttl=registry.ttl(kind)
            )
        except Conflict as found:
            raise _Raced(_seen(kind, entry, found), False) from None
        registry.wrote(revision)
    marked.metadata.resourceVersion = str(revision)
    return Written(Entry(entry.key, entry.namespace, entry.name, revision, splice(value, revision)), marked)


def _to_mark(kind: Kind, obj: Any, entry: Entry) -> Any:
    """A copy of the object to be deleted that `_mark` may change: of most kinds it changes metadata only."""
    if kind.mark_deleted is not None or kind.kind == "Namespace":
        return decode(entry.body, kind.type)
    marked = copy(obj)
    marked.metadata = copy(obj.metadata)
    return marked


def _check_preconditions(kind: Kind, entry: Entry, obj: Any, options: DeleteOptions) -> None:
    wanted = options.preconditions
    if wanted is None:
        return
    if wanted.uid and wanted.uid != obj.metadata.uid:
        why = f"Precondition failed: UID in precondition: {wanted.uid}, UID in object meta: {obj.metadata.uid}"
        raise errors.conflict(kind.group, kind.plural, entry.name, why)
    if wanted.resourceVersion and wanted.resourceVersion != str(entry.revision):
        why = (
            f"Precondition failed: ResourceVersion in precondition: {wanted.resourceVersion}, "
            f"ResourceVersion in object meta: {entry.revision}"
        )
        raise errors.conflict(kind.group, kind.plural, entry.name, why)


def _mark(registry: Registry, kind: Kind, obj: Any, options: DeleteOptions) -> bool:
    """Writes the deletion into the object's metadata; False if it is being deleted already and nothing changes."""
    metadata = obj.metadata
    asked = options.gracePeriodSeconds
    if asked is not None and asked < 0:
        asked = 1  # upstream: a negative period means the shortest
    grace = kind.grace_seconds(obj, asked) if kind.grace_seconds is not None else 0
    finalizers = _finalizers(kind, metadata.finalizers, options)
    changed = finalizers != metadata.finalizers
    metadata.finalizers = finalizers
    now = registry.now()
    if metadata.deletionTimestamp is None:
        metadata.deletionTimestamp = times.now_text(now + timedelta(seconds=grace))
        metadata.deletionGracePeriodSeconds = grace
        if kind.mark_deleted is not None:
            kind.mark_deleted(obj, metadata.deletionTimestamp)
        if metadata.generation:
            metadata.generation += 1
        if kind.kind == "Namespace" and kind.group == "":
            obj.status.phase = "Terminating"
            # As upstream: a namespace waits for its finalizers, never for a period of grace.
            metadata.deletionGracePeriodSeconds = None
        return True
    before = metadata.deletionGracePeriodSeconds or 0
    if asked is not None and grace < before:
        started = times.parse(metadata.deletionTimestamp) - timedelta(seconds=before)
        metadata.deletionTimestamp = times.now_text(started + timedelta(seconds=grace))
        metadata.deletionGracePeriodSeconds = grace
        return True
    return changed or is_finished(kind, obj)


def _finalizers(kind: Kind, present: Sequence[str], options: DeleteOptions) -> list[str]:
    """The finalizers that the propagation policy wants (deletionFinalizersForGarbageCollection)."""
    policy = options.propagationPolicy
    if options.orphanDependents is not None:
        policy = "Orphan" if options.orphanDependents else "Background"
    if not policy:
        if FINALIZER_ORPHAN in present or kind.orphans_by_default:
            policy = "Orphan"
        elif FINALIZER_FOREGROUND in present:
            policy = "Foreground"
        else:
            policy = "Background"
    kept = [name for name in present if name not in (FINALIZER_ORPHAN, FINALIZER_FOREGROUND)]
    if policy == "Orphan":
        kept.append(FINALIZER_ORPHAN)
    elif policy == "Foreground":
        kept.append(FINALIZER_FOREGROUND)
    return kept


async def delete_collection(
    registry: Registry, kind: Kind, entries: Sequence[Entry], options: DeleteOptions, ask: Ask
) -> list[Entry]:
    """Deletes the given objects, some at a time; their last states. The first error ends it; what is gone already is no error."""
    done: list[Entry] = []

    async def one(entry: Entry) -> None:
        try:
            written = await delete(registry, kind, entry.namespace, entry.name, options, ask)
        except StatusError as error:
            if error.code != 404:
                raise
            return
        done.append(written.entry)

    for start in range(0, len(entries), AT_ONCE):
        results = await asyncio.gather(*(one(e) for e in entries[start : start + AT_ONCE]), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
    return done

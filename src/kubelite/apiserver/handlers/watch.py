"""Watches: where to start, what to send first, and how it ends.

What: `watch` answers with a takeover of the connection. Why: after its start a watch costs nothing but its bytes: the
cache pushes them. Flow: query → start (present state, a revision, or initial events with their bookmark) → `Watcher`
on the stream. Sources: apiserver/pkg/storage/cacher/cacher.go, apiserver/pkg/endpoints/handlers/watch.go.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Iterable
from itertools import chain
from typing import Any

import msgspec

from kubelite.apiserver.handlers.presentation import Form
from kubelite.apiserver.handlers.read import form_for, prepare
from kubelite.apiserver.handlers.revisions import ListQuery, list_query
from kubelite.apiserver.handlers.selectors import selection_of
from kubelite.apiserver.registry.registry import Registry
from kubelite.apiserver.request import Request, Response
from kubelite.apiserver.watchcache.selection import Selection
from kubelite.apiserver.watchcache.watcher import Watcher, frame
from kubelite.machinery import errors
from kubelite.machinery.kind import Kind

INITIAL_END = {"k8s.io/initial-events-end": "true"}
MAX_SECONDS = 24 * 3600
CONTENT_TYPE = "application/json"


def watch(registry: Registry, request: Request, kind: Kind, minimum_seconds: int) -> Response | Awaitable[Response]:
    """A stream of events. Raises StatusError 400, 422, 504."""
    query = list_query(request, watch=True)
    selection = selection_of(request, kind)
    form = form_for(request, kind, stream=True)
    seconds = float(query.timeout or minimum_seconds * (1 + random.random()))
    seconds = min(max(seconds, 1.0), MAX_SECONDS)
    return _watch(registry, query, selection, form, seconds)


async def _watch(registry: Registry, query: ListQuery, selection: Selection, form: Form, seconds: float) -> Response:
    cache = registry.cache
    if not cache.ready.is_set():
        await cache.ready.wait()
    revision = query.revision
    if query.initial_events:
        if not revision:
            await cache.fresh()
        elif not await cache.reach_asked(revision):
            raise errors.too_large_resource_version(revision, cache.revision)
    elif revision is None and not query.initial_events:
        await cache.fresh()
    if form.kind.custom is not None:
        await prepare(form, cache.of(form.kind), selection.namespace)

    def takeover(stream: Any) -> None:
        _start(registry, query, selection, form, seconds, stream)

    return Response(200, b"", CONTENT_TYPE, takeover=takeover)


def _start(registry: Registry, query: ListQuery, selection: Selection, form: Form, seconds: float, stream: Any) -> None:
    """Runs in one step of the event loop: between the state that is sent and the cursor nothing can happen."""
    caches = registry.cache
    cache = caches.of(selection.kind)
    watcher = Watcher(cache, selection, form, cache.end, bookmarks=query.bookmarks)
    revision = query.revision or 0
    if revision and not query.initial_events:
        if revision < cache.floor:
            watcher.sink = stream
            watcher.fail(_too_old(revision, cache.floor))
            return
        watcher.cursor = cache.cursor_after(revision)
        watcher.minimum = revision if revision > caches.revision else 0
        watcher.start(stream, seconds)
        return
    pending = form.prepare(cache.select(selection)) if form.kind.custom is not None else None
    if pending is not None:  # something was written since they were prepared: once more

        async def again() -> None:
            await pending
            _start(registry, query, selection, form, seconds, stream)

        watcher.wait(again())
        return
    first: Iterable[bytes] = ()
    if query.initial_events is not False:
        # The entries of this moment; they become events as the client reads.
        first = (frame("ADDED", form.show(entry)) for entry in list(cache.select(selection)))
        if form.kind.custom is not None:  # what was converted for it may be forgotten
            first = list(first)
    if query.initial_events and query.bookmarks:
        first = chain(first, (frame("BOOKMARK", form.bookmark(caches.revision, INITIAL_END)),))
    watcher.start(stream, seconds, first)


def _too_old(revision: int, floor: int) -> bytes:
    return msgspec.json.encode(errors.expired(f"too old resource version: {revision} ({floor})").status())

"""GET of one object and of a list.

What: `get` and `list_`. Why: a consistent read of cached bytes is the most frequent request: it answers without a
task when the cache is current. Flow: query → freshness (now, wait, or the store at a revision, also when the cache stays
behind the store) → entries → the form the client wants. Sources: apiserver/pkg/storage/cacher,
apiserver/pkg/endpoints/handlers/get.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from itertools import islice

from kubelite.apiserver.bursts import grouped
from kubelite.apiserver.handlers import negotiate
from kubelite.apiserver.handlers.presentation import Form, ListMeta, present
from kubelite.apiserver.handlers.revisions import (
    EXACT,
    ListExpired,
    ListQuery,
    decode_token,
    encode_token,
    list_query,
    parse_revision,
)
from kubelite.apiserver.handlers.selectors import selection_of
from kubelite.apiserver.registry.registry import Registry
from kubelite.apiserver.request import Request, Response
from kubelite.apiserver.watchcache.entry import Entry, make
from kubelite.apiserver.watchcache.resource import ResourceCache
from kubelite.apiserver.watchcache.selection import Selection
from kubelite.machinery import errors
from kubelite.machinery.kind import Kind
from kubelite.storage.interface import Compacted, FutureRevision


def answer(request: Request, form: Form, entry: Entry, status: int = 200) -> Response:
    """One object in the form that the client wants."""
    wanted = negotiate.choose(request.headers.get("accept", ""))
    return body_response(form.show(entry), yaml=wanted.yaml, status=status)


def body_response(body: bytes | list[bytes], *, yaml: bool, status: int = 200) -> Response:
    """JSON bytes as an answer, turned into YAML where asked for."""
    if not yaml:
        return Response(status, body)
    import msgspec
    import yaml as pyyaml

    joined = body if isinstance(body, bytes) else b"".join(body)
    text = pyyaml.safe_dump(msgspec.json.decode(joined), default_flow_style=False)
    return Response(status, text.encode(), negotiate.YAML)


def form_for(request: Request, kind: Kind, *, stream: bool = False) -> Form:
    """The form of the Accept header. Raises StatusError 406."""
    wanted = negotiate.choose(request.headers.get("accept", ""), stream=stream)
    return present(kind, wanted, request.param("includeObject") if wanted.form == "Table" else "")


def get(registry: Registry, request: Request, kind: Kind) -> Response | Awaitable[Response]:
    """One object: at once if the cache is current or the client takes what there is (resourceVersion 0)."""
    cache = registry.cache
    if cache.is_current() and not request.raw_query and kind.custom is None:
        return _get_now(registry, request, kind)
    revision = parse_revision(request.param("resourceVersion"))
    if revision == 0 and cache.ready.is_set() and kind.custom is None:
        return _get_now(registry, request, kind)
    return _get_later(registry, request, kind, revision)


async def _get_later(registry: Registry, request: Request, kind: Kind, revision: int | None) -> Response:
    behind = await _reach(registry, revision)
    info = request.info
    namespace = info.namespace if kind.namespaced else ""
    if behind:
        entry = await registry.live(kind.storage_kind, namespace, info.name)
    else:
        entry = registry.entry(kind, namespace, info.name)
    if kind.custom is not None:
        pending = kind.custom.prepare([entry]) if entry is not None else None
        if pending is not None:
            await pending
    return _answer_get(request, kind, entry)


async def prepare(form: Form, cache: ResourceCache, namespace: str) -> None:
    """Converts what a list or a watch of a custom resource is going to show, until nothing is left to convert."""
    while True:
        pending = form.prepare(cache.select(Selection(form.kind, namespace)))
        if pending is None:
            return
        await pending


def _get_now(registry: Registry, request: Request, kind: Kind) -> Response:
    info = request.info
    return _answer_get(request, kind, registry.entry(kind, info.namespace if kind.namespaced else "", info.name))


def _answer_get(request: Request, kind: Kind, entry: Entry | None) -> Response:
    form = form_for(request, kind)
    if entry is None:
        raise errors.not_found(kind.storage_kind.group, kind.plural, request.info.name)
    return answer(request, form, entry)


async def _reach(registry: Registry, revision: int | None) -> int:
    """Waits for the freshness asked for: None is everything written so far, a number is that revision or later.

    0, or for None the revision that the cache did not reach in time: then the store itself must be read.
    """
    cache = registry.cache
    if not cache.ready.is_set():
        await cache.ready.wait()
    if revision is None:
        return await cache.caught_up()
    if not await cache.reach_asked(revision):
        raise errors.too_large_resource_version(revision, cache.revision)
    return 0


def list_(registry: Registry, request: Request, kind: Kind) -> Response | Awaitable[Response]:
    """The matching objects, a page of them, or those of a past revision."""
    query = list_query(request, watch=False)
    selection = selection_of(request, kind)
    form = form_for(request, kind)
    cache = registry.cache
    plain = not query.continue_ and query.match != EXACT and kind.custom is None
    if plain and cache.ready.is_set() and (query.revision == 0 or (query.revision is None and cache.is_current())):
        return _list_cached(registry, request, query, selection, form)
    return _list_later(registry, request, query, selection, form)


async def _list_later(
    registry: Registry, request: Request, query: ListQuery, selection: Selection, form: Form
) -> Response:
    if query.continue_:
        revision, after = decode_token(query.continue_)
        if query.revision:
            raise errors.bad_request("specifying resource version is not allowed when using continue")
        if revision < 0:
            behind = await _reach(registry, None)
            if behind:
                return await _list_at(registry, request, query, selection, form, behind, after)
            await _prepare_custom(registry, selection, form)
            return _list_cached(registry, request, query, selection, form, after)
        return await _list_at(registry, request, query, selection, form, revision, after)
    if query.match == EXACT and query.revision:
        return await _list_at(registry, request, query, selection, form, query.revision, "")
    # Upstream: limit with a resourceVersion and no match means that revision exactly.
    if query.limit and query.revision and not query.match:
        return await _list_at(registry, request, query, selection, form, query.revision, "")
    behind = await _reach(registry, query.revision)
    if behind:
        return await _list_at(registry, request, query, selection, form, behind, "")
    await _prepare_custom(registry, selection, form)
    return _list_cached(registry, request, query, selection, form)


async def _prepare_custom(registry: Registry, selection: Selection, form: Form) -> None:
    if form.kind.custom is not None:
        await prepare(form, registry.cache.of(form.kind), selection.namespace)


def _list_cached(
    registry: Registry, request: Request, query: ListQuery, selection: Selection, form: Form, after: str = ""
) -> Response:
    """From the cache, at its revision. A limit is ignored for resourceVersion 0, as upstream's watch cache does."""
    cache = registry.cache.of(selection.kind)
    limit = 0 if query.revision == 0 else query.limit
    revision = registry.cache.revision
    if not limit and selection.everything and type(form) is Form and not after:
        return _whole(request, form, cache, selection.namespace, ListMeta(revision))
    if not limit:
        return _page(request, form, cache.select(selection, after), ListMeta(revision))
    found = list(islice(cache.select(selection, after), limit + 1))
    return _page(request, form, found[:limit], _page_meta(cache, selection, found, limit, revision))


KEPT_SECONDS = 2.0
KEPT_BYTES = range(1 << 20, 32 << 20)
"""Sizes of lists that are kept joined: of smaller ones it is not worth the while, larger ones would cost too much memory."""


def _whole(request: Request, form: Form, cache: ResourceCache, namespace: str, meta: ListMeta) -> Response:
    """A whole list in plain form. A large one is kept for a moment: after a restart everybody lists the same at once."""
    kept = cache.kept
    if kept is not None and kept[:2] == (namespace, cache.changed):
        items = kept[2]
    else:
        items = form.items(cache.select(Selection(cache.kind, namespace)))
        if sum(map(len, items)) in KEPT_BYTES:
            items = list(grouped(items))
            if cache.kept is None:
                asyncio.get_running_loop().call_later(KEPT_SECONDS, cache.forget_kept)
            cache.kept = (namespace, cache.changed, items)
    wanted = negotiate.choose(request.headers.get("accept", ""))
    return body_response(form.wrapped(items, meta), yaml=wanted.yaml)


def _page_meta(
    cache: ResourceCache, selection: Selection, found: Sequence[Entry], limit: int, revision: int
) -> ListMeta:
    if len(found) <= limit:
        return ListMeta(revision)
    last = found[limit - 1].key
    remaining = None
    if selection.everything:
        start, stop = cache.bounds(selection.namespace, last)
        remaining = stop - start
    return ListMeta(revision, encode_token(revision, last), remaining)


def _page(request: Request, form: Form, entries: Iterable[Entry], meta: ListMeta) -> Response:
    wanted = negotiate.choose(request.headers.get("accept", ""))
    return body_response(form.pieces(entries, meta), yaml=wanted.yaml)


async def _list_at(
    registry: Registry,
    request: Request,
    query: ListQuery,
    selection: Selection,
    form: Form,
    revision: int,
    after: str,
) -> Response:
    """The list as of a revision: from the cache if nothing changed since, else from the store."""
    caches = registry.cache
    cache = caches.of(selection.kind)
    await _prepare_custom(registry, selection, form)
    if caches.ready.is_set() and cache.changed <= revision <= caches.revision:
        found = list(islice(cache.select(selection, after), query.limit + 1 if query.limit else None))
        if not query.limit:
            return _page(request, form, found, ListMeta(revision))
        return _page(request, form, found[: query.limit], _page_meta(cache, selection, found, query.limit, revision))
    kind = selection.kind
    prefix = kind.key_prefix + (f"{selection.namespace}/" if selection.namespace and kind.namespaced else "")
    entries: list[Entry] = []
    start = kind.key_prefix + after if after else ""
    more = True
    remaining = 0
    try:
        while more and (not query.limit or len(entries) < query.limit):
            wanted = query.limit - len(entries) if query.limit else 0
            page = await registry.store.range(prefix, limit=wanted, after=start, revision=revision)
            made = [
                make(item.key[len(kind.key_prefix) :], item.value, item.revision, namespaced=kind.namespaced)
                for item in page.items
            ]
            pending = form.prepare(made)
            if pending is not None:
                await pending
            entries += filter(selection.matches, made)
            more, remaining = page.more and bool(page.items), page.remaining
            if page.items:
                start = page.items[-1].key
    except Compacted:
        if query.continue_:
            raise ListExpired(after) from None
        raise errors.expired("The resourceVersion for the provided list is too old.") from None
    except FutureRevision as future:
        raise errors.too_large_resource_version(revision, future.current) from None
    if not more:
        return _page(request, form, entries, ListMeta(revision))
    token = encode_token(revision, start[len(kind.key_prefix) :])
    return _page(request, form, entries, ListMeta(revision, token, remaining if selection.everything else None))

"""The typed client of the API server: one method per verb, for any `Kind`.

What: `Client` builds the request, sends it over the pooled `Transport`, retries what may be retried, decodes the answer.
Why: every component speaks to the API through this one lean path.
Flow: Kind + typed object → path and JSON → `Transport` → bytes → typed object, or `StatusError`, or `ConnectionFailed`.
Retry rules (client-go/rest/request.go): an answer 429 or 5xx with Retry-After is waited for and repeated, ten times at most;
a GET whose connection broke is repeated with back-off; anything else that may have been executed is not. A server that
refuses connections is retried only for `patience` seconds (0 in commands, which should fail at once).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast
from urllib.parse import quote, urlencode

import msgspec

from kubelite.api.types.meta_v1 import DeleteOptions, ListMeta
from kubelite.client.config import ClientConfig
from kubelite.client.connection import Response
from kubelite.client.credentials import Credentials
from kubelite.client.decode import decode_object, decoder
from kubelite.client.errors import ConnectionFailed, status_error
from kubelite.client.lines import event_lines
from kubelite.client.ratelimit import TokenBucket
from kubelite.client.transport import Stream, Transport
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind

if TYPE_CHECKING:
    from kubelite.util.backoff import Backoff

T = TypeVar("T")
PatchType = Literal["merge", "strategic", "json", "apply"]
PATCH_CONTENT = {
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "json": "application/json-patch+json",
    "apply": "application/apply-patch+yaml",
}
JSON = "application/json"
METADATA_OBJECT = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
RETRIES = 10
REQUEST_SECONDS = 70.0
WATCH_SECONDS = 480


class Listing(msgspec.Struct, Generic[T]):
    """One page of a list. `continue_` is "" on the last page."""

    items: list[T]
    resourceVersion: str = ""
    continue_: str = ""
    remaining: int | None = None


class WatchEvent(msgspec.Struct, Generic[T]):
    """`type` is ADDED, MODIFIED, DELETED or BOOKMARK."""

    type: str
    object: T


class _Page(msgspec.Struct, Generic[T]):
    metadata: ListMeta = msgspec.field(default_factory=ListMeta)
    items: list[T] | None = None


class _Frame(msgspec.Struct):
    type: str
    object: msgspec.Raw


_frames = msgspec.json.Decoder(_Frame)


class Client:
    """A client of one API server. Safe for any number of tasks of one event loop; `close()` it at the end."""

    def __init__(
        self, config: ClientConfig, *, user_agent: str, qps: float = 0, burst: int = 0, patience: float = 0.0
    ) -> None:
        self.config = config
        self.transport = Transport(config)
        self.credentials = Credentials(config)
        self._agent = user_agent
        self._patience = patience
        self._bucket = TokenBucket(qps, burst or int(2 * qps) or 1) if qps > 0 else None
        self._common = f" HTTP/1.1\r\nHost: {self.transport.host}\r\nUser-Agent: {user_agent}\r\n"

    @classmethod
    def from_config(cls, config: ClientConfig, *, user_agent: str, qps: float = 0, patience: float = 0.0) -> Client:
        """A client of `config`'s server; `qps` 0 is unlimited, `patience` the seconds to retry a server that is down."""
        return cls(config, user_agent=user_agent, qps=qps, patience=patience)

    async def close(self) -> None:
        await self.transport.close()

    # typed verbs

    async def get(self, kind: Kind, name: str, namespace: str = "", *, type: type[T] | None = None) -> T:
        """The object, decoded as `type` (the kind's full type by default)."""
        response = await self.request("GET", object_path(kind, namespace, name))
        return decode_object(response.body, type or kind.type)

    async def list(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        type: type[T] | None = None,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
        continue_: str = "",
        resource_version: str = "",
        metadata_only: bool = False,
    ) -> Listing[T]:
        """One page: everything when `limit` is 0. `metadata_only` asks the server to leave out the rest."""
        query = _selection(label_selector, field_selector)
        if limit:
            query["limit"] = str(limit)
        if continue_:
            query["continue"] = continue_
        if resource_version:
            query["resourceVersion"] = resource_version
        headers = {"Accept": METADATA_LIST} if metadata_only else None
        response = await self.request("GET", kind.path(namespace), query=query, headers=headers)
        of: Any = type or kind.type
        page: _Page[T] = decode_object(response.body, cast(Any, _Page)[of])
        meta = page.metadata
        return Listing(page.items or [], meta.resourceVersion, meta.continue_, meta.remainingItemCount)

    async def create(
        self, kind: Kind, obj: T, namespace: str = "", *, subresource: str = "", name: str = "", field_manager: str = ""
    ) -> T:
        """POST `obj`. With `subresource`, `name` is the parent's; the namespace is the object's unless given."""
        namespace = namespace or _metadata(obj).namespace
        path = object_path(kind, namespace, name, subresource) if name else kind.path(namespace)
        query = {"fieldManager": field_manager} if field_manager else None
        body = encode(obj, None if subresource else kind)
        response = await self.request("POST", path, body=body, query=query, headers=_SEND_JSON)
        return decode_object(response.body, obj.__class__)

    async def update(self, kind: Kind, obj: T, *, subresource: str = "") -> T:
        """PUT `obj`: only for full types, since fields that the type does not know are lost."""
        meta = _metadata(obj)
        path = object_path(kind, meta.namespace, meta.name, subresource)
        response = await self.request("PUT", path, body=encode(obj, kind), headers=_SEND_JSON)
        return decode_object(response.body, obj.__class__)

    async def patch(
        self,
        kind: Kind,
        name: str,
        patch: Any,
        namespace: str = "",
        *,
        patch_type: PatchType = "merge",
        subresource: str = "",
        field_manager: str = "",
        force: bool = False,
        type: type[T] | None = None,
    ) -> T:
        """PATCH with a value (or ready JSON bytes); "apply" needs a `field_manager`."""
        query = {"fieldManager": field_manager} if field_manager else {}
        if force:
            query["force"] = "true"
        body = patch if isinstance(patch, bytes) else msgspec.json.encode(patch)
        path = object_path(kind, namespace, name, subresource)
        headers = {"Content-Type": PATCH_CONTENT[patch_type]}
        response = await self.request("PATCH", path, body=body, query=query, headers=headers)
        return decode_object(response.body, type or kind.type)

    async def delete(self, kind: Kind, name: str, namespace: str = "", *, options: DeleteOptions | None = None) -> None:
        """DELETE one object; `options` carries grace period, preconditions and propagation."""
        path = object_path(kind, namespace, name)
        await self.request("DELETE", path, body=_options(options), headers=_SEND_JSON)

    async def delete_collection(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        options: DeleteOptions | None = None,
    ) -> None:
        """DELETE all selected objects of a namespace (or of a cluster-scoped kind)."""
        query = _selection(label_selector, field_selector)
        await self.request("DELETE", kind.path(namespace), query=query, body=_options(options), headers=_SEND_JSON)

    async def watch(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        resource_version: str,
        type: type[T] | None = None,
        label_selector: str = "",
        field_selector: str = "",
        bookmarks: bool = True,
        metadata_only: bool = False,
        seconds: int = WATCH_SECONDS,
    ) -> AsyncIterator[WatchEvent[T]]:
        """Events after `resource_version` until the server ends the watch (about `seconds`), then it just stops.

        Raises `StatusError` (410 for a version too old) and `ConnectionFailed`. Wrap it in `contextlib.aclosing` when
        leaving early.
        """
        query = _selection(label_selector, field_selector)
        query |= {"watch": "true", "resourceVersion": resource_version, "timeoutSeconds": str(seconds)}
        if bookmarks:
            query["allowWatchBookmarks"] = "true"
        headers = {"Accept": METADATA_OBJECT} if metadata_only else None
        stream = await self.stream("GET", kind.path(namespace), query=query, headers=headers)
        of: Any = type or kind.type
        wanted: Callable[[msgspec.Raw], T] = decoder(of)
        stream.expire(seconds + 60)  # the server ends it before; this is for one that no longer can
        try:
            async for line in event_lines(stream):
                frame = _frames.decode(line)
                if frame.type == "ERROR":
                    raise status_error(500, bytes(frame.object))
                yield WatchEvent(frame.type, wanted(frame.object))
        except msgspec.DecodeError as error:
            raise ConnectionFailed(f"unable to decode an event from the watch stream: {error}", sent=True) from error
        finally:
            stream.close()

    # raw requests

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        raw: bool = False,
        seconds: float = REQUEST_SECONDS,
    ) -> Response:
        """A whole answer; `StatusError` for a status >= 400 unless `raw`."""
        if self._bucket is not None:
            await self._bucket.take()
        attempts: Backoff | None = None
        give_up = asyncio.get_running_loop().time() + self._patience if self._patience else 0.0
        refreshed = False
        while True:
            head = self._head(method, path, query, headers, len(body), await self.credentials.headers())
            try:
                response = await self.transport.request(head, body, seconds)
            except ConnectionFailed as error:
                attempts = attempts or _attempts()
                await self._after_failure(error, method, attempts, give_up)
                continue
            if response.status < 400:
                return response
            if response.status == 401 and not refreshed and await self.credentials.refresh():
                refreshed = True
                continue
            wait = _retry_after(response)
            attempts = attempts or _attempts()
            if wait is not None and attempts.failures < RETRIES:
                attempts.next()
                await asyncio.sleep(wait)
                continue
            if raw:
                return response
            raise status_error(response.status, response.body)

    async def stream(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        seconds: float = REQUEST_SECONDS,
    ) -> Stream:
        """An answer whose bytes are read as they come (logs, watch); `seconds` bounds the wait for its start."""
        head = self._head(method, path, query, headers, len(body), await self.credentials.headers())
        stream = await self.transport.stream(head, body, seconds)
        if stream.status < 400:
            return stream
        try:
            raise status_error(stream.status, await stream.read())
        finally:
            stream.close()

    async def _after_failure(self, error: ConnectionFailed, method: str, attempts: Backoff, give_up: float) -> None:
        """Wait before another attempt, or raise `error` when there must be none."""
        if error.sent:
            repeat = method == "GET" and attempts.failures < 3
        else:
            repeat = asyncio.get_running_loop().time() < give_up
        if not repeat:
            raise error
        await asyncio.sleep(attempts.next())

    def _head(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        length: int,
        identity: bytes,
    ) -> bytes:
        """The request line and headers, as bytes."""
        if self.credentials.certificate is not None:
            self.transport.set_certificate(self.credentials.certificate)
        target = f"{self.transport.prefix}{path}"
        if query:
            target += ("&" if "?" in target else "?") + urlencode(query, quote_via=quote)
        lines = f"{method} {target}{self._common}"
        if headers is None:
            lines += "Accept: application/json\r\n"
        else:
            if "Accept" not in headers:
                lines += "Accept: application/json\r\n"
            for name, value in headers.items():
                lines += f"{name}: {value}\r\n"
        if length or method in ("POST", "PUT", "PATCH"):
            lines += f"Content-Length: {length}\r\n"
        return lines.encode("latin-1") + identity + b"\r\n"


def _attempts() -> Backoff:
    """Made only after a failure: seeding its random numbers costs as much as a request."""
    from kubelite.util.backoff import Backoff  # random numbers: 4 ms that a command without failures saves

    return Backoff(initial=0.05, cap=2.0, jitter=0.5)


_SEND_JSON = {"Content-Type": JSON}


def object_path(kind: Kind, namespace: str, name: str, subresource: str = "") -> str:
    """The URL path of an object; a name that cannot be one (empty, or with a slash) is refused here."""
    if not name or "/" in name or "%" in name or name in (".", ".."):
        raise StatusError(400, "BadRequest", f"invalid resource name {name!r}")
    return kind.path(namespace, name if name.isascii() else quote(name), subresource)


def encode(obj: Any, kind: Kind | None) -> bytes:
    """JSON of a typed object or mapping; apiVersion and kind are filled in where they are empty."""
    if kind is not None:
        if isinstance(obj, dict):
            obj = {"apiVersion": kind.api_version, "kind": kind.kind} | obj
        elif not getattr(obj, "kind", "x"):
            obj.apiVersion, obj.kind = kind.api_version, kind.kind
    return msgspec.json.encode(obj)


class _Names(msgspec.Struct):
    name: str = ""
    namespace: str = ""


def _metadata(obj: Any) -> Any:
    if isinstance(obj, Mapping):
        meta = obj.get("metadata") or {}
        return _Names(meta.get("name") or "", meta.get("namespace") or "")
    return getattr(obj, "metadata", None) or _Names()


def _options(options: DeleteOptions | None) -> bytes:
    if options is None:
        return b""
    options.apiVersion, options.kind = "v1", "DeleteOptions"
    return msgspec.json.encode(options)


def _selection(label_selector: str, field_selector: str) -> dict[str, str]:
    query = {}
    if label_selector:
        query["labelSelector"] = label_selector
    if field_selector:
        query["fieldSelector"] = field_selector
    return query


def _retry_after(response: Response) -> float | None:
    """Seconds that a 429 or 5xx answer asks to wait, None where it asks nothing."""
    if response.status != 429 and response.status < 500:
        return None
    try:
        return min(60.0, float(response.headers.get("retry-after", "")))
    except ValueError:
        return None

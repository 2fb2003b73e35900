"""The contract between the parts of the API server: requests, responses, users, and the protocols of the handler chain.

What: plain values (`Request`, `Response`, `UserInfo`, `RequestInfo`, `Attributes`, `AdmissionRequest`) and protocols
(`Authenticator`, `Authorizer`, `Admission`, `WriteHook`, `Connection`). Why: transport, security and storage are
built apart and meet only here. Flow: `http` makes a Request, `handlers.chain` fills `info` and `user`, a handler
returns a Response.

The parts that `server.py` puts together, by the names it imports them under (all optional while it is being built):
- `authn.build(config, registry) -> Authenticator`, `authz.build(config, registry) -> Authorizer`,
  `admission.build(config, registry) -> Admission`, `allocators.build(config, registry) -> Sequence[WriteHook]`
- `connect.resource_handlers(config, registry) -> Mapping[(group, resource, subresource), Handler]`: asked before the
  generic verbs, so it also carries resources without storage (reviews, with subresource "") and pods/log, serviceaccounts/token
- `discovery|health|openapi.path_handlers(config, registry) -> Mapping[path, Handler]`: a path ending in "/" takes its subtree
- `bootstrap.ensure(config, registry) -> None`: awaited once after the caches are filled and before the port opens
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from kubelite.machinery.kind import Kind


@dataclass(frozen=True, slots=True)
class UserInfo:
    """Who asks. `groups` includes system:authenticated or system:unauthenticated; `extra` keys are lower case."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(slots=True)
class RequestInfo:
    """What the URL asks for (apiserver/pkg/endpoints/request/requestinfo.go).

    `verb` is the API verb (get, list, watch, create, update, patch, delete, deletecollection, proxy) for a resource
    and the lower-case method for any other path. `rest` is what follows the subresource in the path ("" or "a/b").
    """

    path: str
    verb: str
    is_resource: bool = False
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    rest: str = ""


class Connection(Protocol):
    """The client's connection, as handlers may use it."""

    peer_certificate: bytes | None
    """The verified client certificate as DER; None without one."""
    peer_address: str
    memo: dict[str, Any]
    """Lives as long as the connection: an authenticator remembers here what a certificate means."""

    def hijack(self) -> tuple[asyncio.Transport, bytes]:
        """Takes the raw transport and the bytes that arrived after the head; the HTTP side forgets the connection.

        The caller sets its own protocol on the transport, writes the answer (101) itself, resumes reading, closes it in the
        end, and returns `HIJACKED`.
        """


class Request:
    """One HTTP request with its whole body (at most the configured limit; beyond it the client got 413)."""

    __slots__ = (
        "_query",
        "annotations",
        "audit",
        "audit_id",
        "body",
        "connection",
        "deadline",
        "headers",
        "info",
        "method",
        "path",
        "raw_path",
        "raw_query",
        "reply_head",
        "span",
        "started",
        "user",
        "warnings",
    )

    def __init__(
        self,
        method: str,
        path: str,
        raw_query: str = "",
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        connection: Connection | None = None,
    ) -> None:
        self.method = method
        self.path = path
        """Percent-decoded."""
        self.raw_path = ""
        """As the client sent it, where that is not `path`."""
        self.raw_query = raw_query
        self.headers: dict[str, str] = headers if headers is not None else {}
        """Names in lower case; repeated headers joined with ",". """
        self.body = body
        self.connection = connection
        self.user: UserInfo | None = None
        self.info = RequestInfo(path, method.lower())
        self.started = 0.0
        """`time.perf_counter()` at its arrival."""
        self.deadline = 0.0
        """`loop.time()` at which the request times out; 0 for long-running ones."""
        self.warnings: list[str] = []
        """Texts for Warning headers of the answer."""
        self.annotations: dict[str, str] = {}
        """Annotations for the audit log."""
        self.audit_id = ""
        self.audit: Any = None
        """What the audit log keeps of the request; None while it is not audited."""
        self.reply_head = b""
        """Header lines for the answer, whatever it will be, ready to be sent."""
        self.span: Any = None
        """The trace of the request, if it has one."""
        self._query: dict[str, list[str]] | None = None

    @property
    def query(self) -> dict[str, list[str]]:
        """The decoded query: name → values in order."""
        if self._query is None:
            self._query = parse_qs(self.raw_query, keep_blank_values=True) if self.raw_query else {}
        return self._query

    def param(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        values = self.query.get(name)
        return values[0] if values else default

    @property
    def is_upgrade(self) -> bool:
        return "upgrade" in self.headers.get("connection", "").lower() and "upgrade" in self.headers


Body = bytes | list[bytes] | AsyncIterator[bytes]


class Response:
    """An answer. `body`: bytes, a list of pieces (sent with one Content-Length), or an async iterator (sent in chunks).

    `takeover`, if set, is called with the connection's stream after the head was written (watches).
    """

    __slots__ = ("body", "content_type", "headers", "status", "takeover")

    def __init__(
        self,
        status: int = 200,
        body: Body = b"",
        content_type: str = "application/json",
        headers: Iterable[tuple[str, str]] = (),
        takeover: Callable[[Any], None] | None = None,
    ) -> None:
        self.status = status
        self.body = body
        self.content_type = content_type
        self.headers = headers
        self.takeover = takeover


HIJACKED = Response(0)
"""Returned by a handler that took the transport and answered by itself."""

Handler = Callable[[Request], Response | Awaitable[Response]]
"""A handler may answer at once (no task is made) or return an awaitable. It raises StatusError to refuse."""

ResourceHandlers = Mapping[tuple[str, str, str], Handler]
PathHandlers = Mapping[str, Handler]


class Authenticator(Protocol):
    """Finds out who asks."""

    def authenticate(self, request: Request) -> UserInfo | Awaitable[UserInfo | None] | None:
        """The user; None for an anonymous request that the configuration does not admit. Raises StatusError 401."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """What an authorizer decides on (authorizer.Attributes). `path` is set for requests that name no resource."""

    verb: str
    namespace: str = ""
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""
    is_resource: bool = True
    path: str = ""
    label_selector: str = ""
    field_selector: str = ""


class Authorizer(Protocol):
    """Decides from caches, in microseconds and at once; only where a webhook has to be asked the answer is an awaitable."""

    def authorize(self, user: UserInfo, attributes: Attributes) -> tuple[bool, str] | Awaitable[tuple[bool, str]]:
        """(allowed, reason); the reason is shown to the refused user."""


@dataclass(slots=True)
class AdmissionRequest:
    """One write on its way to the store.

    `operation`: CREATE, UPDATE, DELETE or CONNECT. `object` is typed and may be changed in place by `mutate` (None for DELETE),
    `old` is typed and must not be changed (None for CREATE). `warnings` go to the client as headers,
    `annotations` to the audit log.
    """

    operation: str
    kind: Kind
    namespace: str
    name: str
    object: Any = None
    old: Any = None
    subresource: str = ""
    user: UserInfo | None = None
    dry_run: bool = False
    options: Any = None
    warnings: list[str] = field(default_factory=list)
    annotations: dict[str, str] = field(default_factory=dict)
    ask: Any = None
    """The `Ask` of the write: the version that the client writes, its field manager."""
    again: Any = None
    """Kept by admission while it mutates: who has to look again, because somebody after them changed the object."""


class Admission(Protocol):
    """The chain of admission plugins; raises StatusError (mostly 403) to refuse."""

    async def mutate(self, request: AdmissionRequest) -> None: ...

    async def validate(self, request: AdmissionRequest) -> None: ...


class WriteHook(Protocol):
    """A part of the write path that owns something outside the object (addresses, ports).

    Called after admission and validation, before the write, only for the kinds in `kinds`.
    """

    kinds: Sequence[Kind]

    async def before_write(self, request: AdmissionRequest) -> Callable[[], None] | None:
        """Claims what the object needs (and fills it in); returns the undo, called if the write fails or is a dry run."""

    async def after_write(self, request: AdmissionRequest) -> None:
        """Releases what the object no longer needs. For DELETE `old` is the object that went."""


class AdmitAll:
    """Admission that changes and refuses nothing."""

    async def mutate(self, request: AdmissionRequest) -> None:
        return None

    async def validate(self, request: AdmissionRequest) -> None:
        return None

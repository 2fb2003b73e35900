"""Connections to the members of an etcd cluster, and the rules for trying again.

What: one connection for each endpoint, of which one is in use. Why: a member that is gone must cost no request, and a
write must never be done twice. Flow: `read` repeats on the next endpoint until `READ_SECONDS` are over; `write` does so
only while nothing was sent; every other failure of a write is `Unavailable`, its outcome unknown.
etcd's refusals become the store's errors here.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from kubelite.rpc import etcd_v3_pb2 as pb
from kubelite.storage import etcd_call as rpc
from kubelite.storage import etcd_headers as headers
from kubelite.storage.etcd_call import Call, RpcError
from kubelite.storage.etcd_http2 import Http2
from kubelite.storage.interface import StoreError, Unavailable
from kubelite.util.backoff import Backoff

CALL_SECONDS = 10.0
READ_SECONDS = 5.0
PING_SECONDS = 2.0
CONNECT_SECONDS = 3.0

T = TypeVar("T")


class Method(NamedTuple):
    """A method of etcd's services, and what its answers are."""

    path: str
    answer: Any


RANGE = Method("/etcdserverpb.KV/Range", pb.RangeResponse.FromString)
TXN = Method("/etcdserverpb.KV/Txn", pb.TxnResponse.FromString)
COMPACT = Method("/etcdserverpb.KV/Compact", pb.CompactionResponse.FromString)
LEASE_GRANT = Method("/etcdserverpb.Lease/LeaseGrant", pb.LeaseGrantResponse.FromString)
WATCH = Method("/etcdserverpb.Watch/Watch", pb.WatchResponse.FromString)


class CompactedRefusal(StoreError):
    """etcd says that the revision is compacted; it does not say which is the oldest."""


class FutureRefusal(StoreError):
    """etcd says that the revision does not exist yet; it does not say which is the newest."""


class LeaseNotFound(StoreError):
    """The lease of a write is over; nothing was written."""


class Stream(Generic[T]):
    """The answers of a streaming call."""

    def __init__(self, connection: Http2, call: Call, answer: Callable[[bytes], T]) -> None:
        self._connection = connection
        self._call = call
        self._answer = answer

    async def read(self) -> T | None:
        """The next answer; None at the end. Raises `RpcError`."""
        found = await self._connection.read(self._call)
        return None if found is None else self._answer(found)

    def cancel(self) -> None:
        self._connection.cancel(self._call)


class Member:
    """One endpoint: its connection, which is opened when first needed and anew after it broke."""

    def __init__(self, endpoint: str, tls: ssl.SSLContext | None) -> None:
        scheme, _, target = endpoint.rpartition("://")
        target = target.rstrip("/")
        if scheme not in ("https", "http", "") or (scheme == "https" and tls is None):
            raise ValueError(f"etcd endpoint {endpoint!r} is neither http:// nor https://")
        host, _, port = target.rpartition(":")
        if not host or not port.isdigit():
            host, port = target, "2379"
        self._host, self._port = host.strip("[]"), int(port)
        self._target = target
        self._tls = tls if scheme == "https" else None
        self._connection: Http2 | None = None
        self._opening: asyncio.Task[Http2] | None = None
        self._blocks: dict[tuple[str, tuple[tuple[str, str], ...]], bytes] = {}

    async def call(self, method: Method, request: Any, seconds: float = CALL_SECONDS) -> Any:
        """The answer to one request. Raises `RpcError`."""
        connection, call = await self._start(method, request, (), seconds, streams=False)
        try:
            return method.answer(await call.answered)
        except asyncio.CancelledError:
            connection.cancel(call)
            raise

    async def stream(self, method: Method, request: Any, metadata: tuple[tuple[str, str], ...] = ()) -> Stream[Any]:
        """Sends one request and leaves the call open. Raises `RpcError`; `Stream.cancel` must be called in the end."""
        connection, call = await self._start(method, request, metadata, 0, streams=True)
        return Stream(connection, call, method.answer)

    async def _start(
        self, method: Method, request: Any, metadata: tuple[tuple[str, str], ...], seconds: float, *, streams: bool
    ) -> tuple[Http2, Call]:
        connection = self._connection
        if connection is None or not connection.usable:
            connection = await self._opened()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds if seconds else 0.0
        body = rpc.message(request.SerializeToString())
        call = Call(loop, self._block(method.path, metadata), body, deadline, streams=streams)
        connection.start(call)
        return connection, call

    def _block(self, path: str, metadata: tuple[tuple[str, str], ...]) -> bytes:
        """The header block of a method's requests, made once."""
        found = self._blocks.get((path, metadata))
        if found is None:
            scheme = headers.SCHEME_HTTPS if self._tls is not None else headers.SCHEME_HTTP
            fields = (
                (":path", path),
                (":authority", self._target),
                ("content-type", "application/grpc"),
                ("te", "trailers"),
                *metadata,
            )
            found = self._blocks[(path, metadata)] = headers.encode((headers.METHOD_POST, scheme), fields)
        return found

    async def _opened(self) -> Http2:
        """A connection, opened once for all who wait for it."""
        if self._opening is None:
            self._opening = asyncio.ensure_future(self._open())
            self._opening.add_done_callback(self._done_opening)
        return await asyncio.shield(self._opening)

    def _done_opening(self, done: asyncio.Task[Http2]) -> None:
        self._opening = None
        if not done.cancelled():
            done.exception()  # whoever still waits gets it

    async def _open(self) -> Http2:
        loop = asyncio.get_running_loop()
        connection = Http2(loop, self._closed)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await loop.create_connection(lambda: connection, self._host, self._port, ssl=self._tls)
                await connection.ready
        except (OSError, TimeoutError) as error:
            connection.close()
            raise RpcError(rpc.UNAVAILABLE, f"cannot connect to {self._target}: {error}", sent=False) from error
        if not connection.usable:
            raise RpcError(rpc.UNAVAILABLE, f"{self._target} closed the connection", sent=False)
        self._connection = connection
        return connection

    def _closed(self, connection: Http2) -> None:
        if self._connection is connection:
            self._connection = None

    async def close(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
        if self._connection is not None:
            self._connection.close()


def tls_context(ca: str, cert: str, key: str) -> ssl.SSLContext:
    """For https endpoints; paths of PEM files, "" for none. Raises OSError for files that cannot be read."""
    context = ssl.create_default_context(cafile=ca or None)
    context.set_alpn_protocols(["h2"])
    if cert:
        context.load_cert_chain(cert, key or None)
    return context


class Connections:
    """The members; `member` is the one in use. Files are paths, "" for none; `ca` "" trusts the system's authorities."""

    def __init__(self, endpoints: Sequence[str], ca: str = "", cert: str = "", key: str = "") -> None:
        if not endpoints:
            raise ValueError("no etcd endpoint is given")
        secure = any(endpoint.startswith("https://") for endpoint in endpoints)
        context = tls_context(ca, cert, key) if secure else None
        self._members = [Member(endpoint, context) for endpoint in endpoints]
        self.member = self._members[0]
        self.closed = False

    def failed(self, member: Member) -> None:
        """Moves on to the next endpoint, unless somebody else already did."""
        if member is self.member:
            place = self._members.index(member) + 1
            self.member = self._members[place % len(self._members)]

    async def read(self, call: Callable[[Member], Awaitable[T]], seconds: float = READ_SECONDS) -> T:
        """Awaits `call(member)`, on other members too, until it answers."""
        deadline = time.monotonic() + seconds
        backoff = Backoff(initial=0.02, cap=0.5)
        while True:
            member = self._open_member()
            try:
                return await call(member)
            except RpcError as error:
                if error.code != rpc.UNAVAILABLE or time.monotonic() > deadline:
                    raise self._refusal(error) from error
                self.failed(member)
            await asyncio.sleep(backoff.next())

    async def write(self, request: pb.TxnRequest) -> pb.TxnResponse:
        """Commits a transaction once. Raises `Unavailable` when it may or may not have happened."""
        attempts = 0
        while True:
            member = self._open_member()
            try:
                response: pb.TxnResponse = await member.call(TXN, request)
                return response
            except RpcError as error:
                if error.code == rpc.UNAVAILABLE:
                    self.failed(member)
                    attempts += 1
                    if attempts < 2 * len(self._members) and not error.sent:
                        await asyncio.sleep(0.02 * attempts)
                        continue
                raise self._refusal(error) from error

    async def close(self) -> None:
        self.closed = True
        for member in self._members:
            await member.close()

    def _open_member(self) -> Member:
        if self.closed:
            raise Unavailable("the store is closed")
        return self.member

    @staticmethod
    def _refusal(error: RpcError) -> StoreError:
        """The store's error for one of gRPC."""
        details = error.details
        if error.code == rpc.OUT_OF_RANGE:
            return CompactedRefusal(details) if "compacted" in details else FutureRefusal(details)
        if error.code == rpc.NOT_FOUND and "lease" in details:
            return LeaseNotFound(details)
        if error.code == rpc.RESOURCE_EXHAUSTED and "larger than max" in details:
            return StoreError(f"etcd: request is too large: {details}")
        if error.code == rpc.INVALID_ARGUMENT:
            return StoreError(details)
        return Unavailable(f"etcd: gRPC status {error.code}: {details}")

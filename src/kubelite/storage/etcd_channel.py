"""Connections to the members of an etcd cluster, and the rules for trying again.

What: one gRPC channel for each endpoint, of which one is in use. Why: a member that is gone must cost no request, and a
write must never be done twice. Flow: `read` repeats on the next endpoint until `READ_SECONDS` are over; `write` does so
only while nothing was sent; every other failure of a write is `Unavailable`, its outcome unknown.
etcd's refusals become the store's errors here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import grpc
import grpc.aio

from kubelite.rpc import etcd_v3_pb2 as pb
from kubelite.rpc import etcd_v3_pb2_grpc as stubs
from kubelite.storage.interface import StoreError, Unavailable
from kubelite.util.backoff import Backoff

CALL_SECONDS = 10.0
READ_SECONDS = 5.0
PING_SECONDS = 2.0
OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 3_000),
    ("grpc.enable_retries", 0),
)
NOT_SENT = ("failed to connect to all addresses", "connection refused", "name resolution", "dns resolution")

T = TypeVar("T")


class CompactedRefusal(StoreError):
    """etcd says that the revision is compacted; it does not say which is the oldest."""


class FutureRefusal(StoreError):
    """etcd says that the revision does not exist yet; it does not say which is the newest."""


class LeaseNotFound(StoreError):
    """The lease of a write is over; nothing was written."""


class Member:
    """One endpoint's channel and the stubs on it."""

    def __init__(self, endpoint: str, credentials: grpc.ChannelCredentials | None) -> None:
        scheme, _, target = endpoint.rpartition("://")
        target = target.rstrip("/")
        if scheme == "https" and credentials is not None:
            self.channel = grpc.aio.secure_channel(target, credentials, options=OPTIONS)
        elif scheme in ("http", ""):
            self.channel = grpc.aio.insecure_channel(target, options=OPTIONS)
        else:
            raise ValueError(f"etcd endpoint {endpoint!r} is neither http:// nor https://")
        self.kv = stubs.KVStub(self.channel)
        self.watch = stubs.WatchStub(self.channel)
        self.lease = stubs.LeaseStub(self.channel)


def _read_file(path: str) -> bytes | None:
    if not path:
        return None
    with open(path, "rb") as handle:
        return handle.read()


class Connections:
    """The members; `member` is the one in use. Files are paths, "" for none; `ca` "" trusts the system's authorities."""

    def __init__(self, endpoints: Sequence[str], ca: str = "", cert: str = "", key: str = "") -> None:
        if not endpoints:
            raise ValueError("no etcd endpoint is given")
        credentials = None
        if any(endpoint.startswith("https://") for endpoint in endpoints):
            credentials = grpc.ssl_channel_credentials(_read_file(ca), _read_file(key), _read_file(cert))
        self._members = [Member(endpoint, credentials) for endpoint in endpoints]
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
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE or time.monotonic() > deadline:
                    raise self._refusal(error) from error
                self.failed(member)
            await asyncio.sleep(backoff.next())

    async def write(self, request: pb.TxnRequest) -> pb.TxnResponse:
        """Commits a transaction once. Raises `Unavailable` when it may or may not have happened."""
        attempts = 0
        while True:
            member = self._open_member()
            try:
                response: pb.TxnResponse = await member.kv.Txn(request, timeout=CALL_SECONDS)
                return response
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.UNAVAILABLE:
                    self.failed(member)
                    attempts += 1
                    if attempts < 2 * len(self._members) and self._not_sent(error):
                        await asyncio.sleep(0.02 * attempts)
                        continue
                raise self._refusal(error) from error

    async def close(self) -> None:
        self.closed = True
        for member in self._members:
            await member.channel.close()

    def _open_member(self) -> Member:
        if self.closed:
            raise Unavailable("the store is closed")
        return self.member

    @staticmethod
    def _not_sent(error: grpc.aio.AioRpcError) -> bool:
        details = (error.details() or "").lower()
        return any(text in details for text in NOT_SENT)

    @staticmethod
    def _refusal(error: grpc.aio.AioRpcError) -> StoreError:
        """The store's error for one of gRPC."""
        details = error.details() or ""
        if error.code() is grpc.StatusCode.OUT_OF_RANGE:
            return CompactedRefusal(details) if "compacted" in details else FutureRefusal(details)
        if error.code() is grpc.StatusCode.NOT_FOUND and "lease" in details:
            return LeaseNotFound(details)
        if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in details:
            return StoreError(f"etcd: request is too large: {details}")
        if error.code() is grpc.StatusCode.INVALID_ARGUMENT:
            return StoreError(details)
        return Unavailable(f"etcd: {error.code().name}: {details}")

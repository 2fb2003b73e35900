"""`EtcdStore`: the store on an etcd cluster, versions 3.4 to 3.6.

What: each call is one gRPC request. Why: etcd is what highly available clusters run on, and other Kubernetes programs can
share it: keys and semantics are those of the Kubernetes API server. Flow: a write is one transaction that compares the
key's last revision and, when that fails, reads the key, so that a conflict needs no second request; a long range is read
in pages at one revision. The rules for failing members are in `etcd_channel`, those for watches in `etcd_watch`.

etcd deletes all keys of an expired lease at one revision: those events share it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from kubelite.rpc import etcd_v3_pb2 as pb
from kubelite.storage.etcd_channel import (
    COMPACT,
    PING_SECONDS,
    RANGE,
    CompactedRefusal,
    Connections,
    FutureRefusal,
    LeaseNotFound,
)
from kubelite.storage.etcd_compact import COMPACT_SECONDS, compact_loop
from kubelite.storage.etcd_lease import Leases
from kubelite.storage.etcd_watch import range_end, watch
from kubelite.storage.interface import (
    Compacted,
    Conflict,
    FutureRevision,
    KeyExists,
    KeyValue,
    RangeResult,
    Unavailable,
    WatchBatch,
)

PAGE = 1000
HEALTH_KEY = b"health"
MOD, EQUAL = pb.Compare.MOD, pb.Compare.EQUAL


def _entry(kv: pb.KeyValue) -> KeyValue:
    return KeyValue(kv.key.decode(), kv.value, kv.mod_revision, kv.create_revision)


class EtcdStore:
    """Made by `open`; belongs to the event loop that opened it."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._leases = Leases(connections)
        self._compacting: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls,
        endpoints: Sequence[str],
        ca: str = "",
        cert: str = "",
        key: str = "",
        *,
        compact_seconds: float = COMPACT_SECONDS,
    ) -> EtcdStore:
        """The store on these endpoints ("https://host:2379"); `ca`, `cert`, `key` are paths of PEM files.

        Does not wait for etcd: `ping` tells whether it answers. `compact_seconds` 0 leaves compaction to others.
        """
        store = cls(Connections(endpoints, ca, cert, key))
        if compact_seconds:
            store._compacting = asyncio.create_task(compact_loop(store, compact_seconds), name="etcd-compaction")
        return store

    async def get(self, key: str, *, revision: int = 0) -> tuple[KeyValue | None, int]:
        response = await self._range(pb.RangeRequest(key=key.encode(), revision=revision))
        found = _entry(response.kvs[0]) if response.kvs else None
        return found, revision or response.header.revision

    async def range(self, prefix: str, *, limit: int = 0, after: str = "", revision: int = 0) -> RangeResult:
        start = prefix.encode()
        end = range_end(start)
        key = max(start, after.encode() + b"\0") if after else start or b"\0"
        items: list[KeyValue] = []
        while True:
            wanted = min(PAGE, limit - len(items)) if limit else PAGE
            request = pb.RangeRequest(key=key, range_end=end, limit=wanted, revision=revision)
            response = await self._range(request)
            revision = revision or response.header.revision
            items.extend(map(_entry, response.kvs))
            if not response.more or len(items) == limit:
                return RangeResult(items, revision, response.more, response.count - len(response.kvs))
            key = response.kvs[-1].key + b"\0"

    async def create(self, key: str, value: bytes, *, ttl: int = 0) -> int:
        response = await self._put(key, value, 0, ttl)
        if not response.succeeded:
            raise KeyExists(key)
        return int(response.header.revision)

    async def update(self, key: str, value: bytes, expected: int, *, ttl: int = 0) -> int:
        return self._outcome(key, await self._put(key, value, expected if expected > 0 else -1, ttl))

    async def delete(self, key: str, expected: int) -> int:
        name = key.encode()
        request = self._transaction(name, expected if expected > 0 else -1)
        request.success.add().request_delete_range.key = name
        return self._outcome(key, await self._connections.write(request))

    async def watch(self, prefix: str, after: int) -> AsyncIterator[WatchBatch]:
        # etcd would wait for a revision of the future; a read at the revision tells.
        await self._range(pb.RangeRequest(key=HEALTH_KEY, revision=max(after, 1), count_only=True))
        async with contextlib.aclosing(watch(self._connections, prefix, after)) as batches:
            async for batch in batches:
                yield batch

    async def revision(self) -> int:
        response = await self._range(pb.RangeRequest(key=HEALTH_KEY, count_only=True))
        return int(response.header.revision)

    async def compact(self, revision: int) -> None:
        request = pb.CompactionRequest(revision=revision)
        try:
            await self._connections.read(lambda member: member.call(COMPACT, request))
        except CompactedRefusal:
            return  # Somebody else already did.
        except FutureRefusal as error:
            raise FutureRevision(await self.revision()) from error

    async def ping(self) -> None:
        request = pb.RangeRequest(key=HEALTH_KEY, count_only=True)
        await self._connections.read(lambda member: member.call(RANGE, request, PING_SECONDS), PING_SECONDS)

    async def close(self) -> None:
        if self._compacting is not None:
            self._compacting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._compacting
        await self._connections.close()

    async def _range(self, request: pb.RangeRequest) -> pb.RangeResponse:
        try:
            return await self._connections.read(lambda member: member.call(RANGE, request))
        except CompactedRefusal as error:
            raise Compacted(await self._oldest(request.revision)) from error
        except FutureRefusal as error:
            raise FutureRevision(await self.revision()) from error

    async def _oldest(self, refused: int) -> int:
        """The compacted revision, which etcd tells only to a watch that starts before it."""
        probe = watch(self._connections, HEALTH_KEY.decode(), refused - 1)
        try:
            async with asyncio.timeout(PING_SECONDS), contextlib.aclosing(probe) as batches:
                await anext(batches)
        except Compacted as answer:
            return answer.oldest
        except (TimeoutError, StopAsyncIteration):
            pass
        return refused + 1

    async def _put(self, key: str, value: bytes, expected: int, ttl: int) -> pb.TxnResponse:
        name = key.encode()
        request = self._transaction(name, expected)
        put = request.success.add().request_put
        put.key, put.value = name, value
        if not ttl:
            return await self._connections.write(request)
        put.lease = await self._leases.lease(ttl)
        try:
            return await self._connections.write(request)
        except LeaseNotFound:
            self._leases.forget(ttl)
            put.lease = await self._leases.lease(ttl)
        try:
            return await self._connections.write(request)
        except LeaseNotFound as error:
            raise Unavailable("etcd forgot a lease that it had just granted") from error

    @staticmethod
    def _transaction(key: bytes, expected: int) -> pb.TxnRequest:
        """If the key's last write was `expected` (0: the key is absent, -1: never), then …; else read the key."""
        request = pb.TxnRequest()
        request.compare.add(key=key, target=MOD, result=EQUAL, mod_revision=expected)
        if expected:
            request.failure.add().request_range.key = key
        return request

    @staticmethod
    def _outcome(key: str, response: pb.TxnResponse) -> int:
        if response.succeeded:
            return int(response.header.revision)
        found = response.responses[0].response_range.kvs
        raise Conflict(key, _entry(found[0]) if found else None)

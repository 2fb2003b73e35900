"""The watch on an etcd cluster.

What: one watch call with previous values, that lives on through the loss of members.
Why: the API server's caches must see every event once, in order. Flow: responses → `WatchBatch`es; after a broken call a
new one starts on another member after the last revision handed out. Responses split into fragments are put together.

The call watches all keys, and those without the prefix only move the revision on: consistent reads wait until the cache has
reached the store's revision, which other programs' writes raise too, and etcd tells of its progress by itself only every ten
minutes (and, asked before 3.4.25 and 3.5.8, sometimes too early).
When the consumer is slow, nothing is read, gRPC's flow control stops etcd from sending, and etcd reads the events from its
history later; if they are compacted meanwhile, the watch raises `Compacted`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from kubelite.rpc import etcd_v3_pb2 as pb
from kubelite.storage.etcd_call import RpcError
from kubelite.storage.etcd_channel import WATCH, Connections, Member
from kubelite.storage.interface import Compacted, Event, WatchBatch
from kubelite.util.backoff import Backoff

REQUIRE_LEADER = (("hasleader", "true"),)
"""A member that lost its leader ends the call instead of keeping silent."""

EVERYTHING = b"\0"
"""The first of all keys; as the end of a range, the end of all keys."""


def range_end(prefix: bytes) -> bytes:
    """The key after all keys with this prefix, as etcd wants it; all keys for an empty prefix."""
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes([kept[-1] + 1]) if kept else b"\0"


def decode(event: pb.Event) -> Event:
    """One of etcd's events as the store's."""
    key = event.kv.key.decode()
    previous = event.prev_kv.value if event.prev_kv.mod_revision else None
    if event.type == pb.Event.DELETE:
        return Event(key, None, previous, event.kv.mod_revision, event.prev_kv.create_revision)
    return Event(key, event.kv.value, previous, event.kv.mod_revision, event.kv.create_revision)


async def watch(connections: Connections, prefix: str, after: int) -> AsyncGenerator[WatchBatch, None]:
    """All events after revision `after`; ends when the connections are closed. Raises `Compacted`."""
    backoff = Backoff(initial=0.05, cap=5.0)
    while not connections.closed:
        member = connections.member
        try:
            async with aclosing(_call(member, prefix, after)) as batches:
                async for batch in batches:
                    backoff.reset()
                    after = batch.revision
                    yield batch
        except RpcError:
            pass
        if not connections.closed:
            connections.failed(member)
            await asyncio.sleep(backoff.next())


async def _call(member: Member, prefix: str, after: int) -> AsyncGenerator[WatchBatch, None]:
    """One watch call, until it ends or fails."""
    wanted = prefix.encode()
    create = pb.WatchCreateRequest(
        key=EVERYTHING,
        range_end=EVERYTHING,
        start_revision=after + 1,
        progress_notify=True,
        prev_kv=True,
        fragment=True,
    )
    call = await member.stream(WATCH, pb.WatchRequest(create_request=create), REQUIRE_LEADER)
    try:
        events: list[Event] = []
        reached = 0
        while (response := await call.read()) is not None:
            if response.canceled:
                if response.compact_revision:
                    raise Compacted(response.compact_revision)
                return
            if response.created:
                continue
            events.extend(decode(event) for event in response.events if event.kv.key.startswith(wanted))
            if response.events:
                reached = response.events[-1].kv.mod_revision
            if response.fragment:
                continue
            # The header's revision may be ahead of events still to come, except in a progress notification.
            reached = reached or response.header.revision
            if events or reached > after:
                after = reached
                yield WatchBatch(events, reached)
            events, reached = [], 0
    finally:
        call.cancel()

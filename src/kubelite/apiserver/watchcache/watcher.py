"""One watch: a cursor in a resource's history and a client's stream.

What: `Watcher.flush` sends what follows the cursor. Why: no task and no queue per watch; watchers that want the same
bytes get the same bytes object. Flow: `WatchCache` calls `flush` on all watchers of a changed resource, with a dict
shared by this round; the stream calls back when a slow client reads again.

When a client does not read: it is skipped; when its cursor falls off the history it is cut off (the body ends without
error, as upstream ends the watch of a slow client), and it resumes or relists.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from typing import Any, Protocol

import msgspec

from kubelite.apiserver.bursts import BURST, grouped
from kubelite.apiserver.watchcache.entry import ADDED, DELETED, MODIFIED, Change, Entry
from kubelite.apiserver.watchcache.resource import ResourceCache
from kubelite.apiserver.watchcache.selection import Selection
from kubelite.machinery.errors import StatusError


class Presentation(Protocol):
    """How a client wants to see objects; watchers with equal `key` see the same bytes."""

    key: str

    def prepare(self, entries: list[Entry]) -> Awaitable[None] | None:
        """What must be awaited before these can be shown; None if nothing."""

    def show(self, entry: Entry) -> bytes:
        """The object as JSON."""

    def bookmark(self, revision: int, annotations: dict[str, str] | None = None) -> bytes:
        """The object of a BOOKMARK event."""


class Sink(Protocol):
    """What a watcher writes to (`http.stream.Stream`)."""

    chunked: bool
    closed: bool
    on_drain: Callable[[], None]
    on_lost: Callable[[], None]

    @property
    def full(self) -> bool: ...

    def write(self, framed: bytes) -> None: ...

    def end(self) -> None: ...

    def abort(self) -> None: ...


def frame(type_: str, shown: bytes) -> bytes:
    """A watch event: one line of JSON."""
    return b'{"type":"%b","object":%b}\n' % (type_.encode(), shown)


Round = dict[tuple[Any, ...], tuple[bytes, int]]
"""Made in one round of flushes: (cursor, selection, presentation) → the joined events, and how many they are."""


class Watcher:
    """`bookmarks`: the client allows BOOKMARK events."""

    __slots__ = (
        "_ender",
        "_initial",
        "_loop",
        "_preparing",
        "behind",
        "bookmarks",
        "cache",
        "cursor",
        "minimum",
        "on_end",
        "presentation",
        "selection",
        "sink",
        "stuck_since",
    )

    def __init__(
        self, cache: ResourceCache, selection: Selection, presentation: Presentation, cursor: int, *, bookmarks: bool
    ) -> None:
        self.cache = cache
        self.selection = selection
        self.presentation = presentation
        self.cursor = cursor
        self.bookmarks = bookmarks
        self.behind = True
        """Changes after the cursor may concern it; otherwise only those of the next round may."""
        self.minimum = 0
        """Changes up to this revision are not sent (a watch from the future)."""
        self.sink: Sink | None = None
        self.on_end: Callable[[], None] | None = None
        self.stuck_since = 0.0
        self._ender: asyncio.TimerHandle | None = None
        self._initial: Iterator[bytes] | None = None
        """The initial events that are still to be sent."""
        self._preparing: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()

    def start(self, sink: Sink, seconds: float, first: Iterable[bytes] = ()) -> None:
        """Sends the initial events, then follows the cache, for `seconds`."""
        self.sink = sink
        sink.on_drain = self._drained
        sink.on_lost = self.stop
        self.cache.watchers.add(self)
        self._ender = self._loop.call_later(seconds, self.finish)
        self._initial = grouped(first)
        self._send_initial()

    def _send_initial(self) -> None:
        """Sends a burst of the initial events; the next follows in its turn, or when the client has read."""
        sink, initial, sent = self.sink, self._initial, 0
        if sink is None or initial is None or sink.full:
            return
        for piece in initial:
            self._send(piece)
            sent += len(piece)
            if sink.full:
                return
            if sent >= BURST:
                self._loop.call_soon(self._send_initial)
                return
        self._initial = None
        self.flush({})

    def flush(self, round_: Round, start: int = 0) -> None:
        """Sends the changes after the cursor, unless the client is not reading.

        `start`: where the round begins; who was not behind has nothing to hear of what was before.
        """
        sink, cache = self.sink, self.cache
        if not self.behind and start > self.cursor:
            self.cursor = start
        if sink is None or self.cursor == cache.end:
            self.behind = False
            return
        self.behind = True
        if self.cursor < cache.first:
            self._cut_off()
            return
        if sink.full or self._preparing is not None or self._initial is not None:
            return
        if self.selection.kind.custom is not None and self._must_wait():
            return
        key = (self.cursor, self.selection.key, self.presentation.key, self.minimum)
        # Only framed bytes are shared: a stream without HTTP chunks must not get them.
        made = round_.get(key) if sink.chunked else None
        if made is None:
            frames = self._frames(cache.since(self.cursor))
            joined = b"".join(frames)
            if joined and sink.chunked:
                joined = b"%x\r\n%b\r\n" % (len(joined), joined)
            made = (joined, len(frames))
            if sink.chunked:
                round_[key] = made
        self.cursor, self.behind = cache.end, False
        if made[1]:
            cache.sent += made[1]
            sink.write(made[0])

    def _must_wait(self) -> bool:
        """Whether the next changes have to be converted first; then a task does it and flushes again."""
        entries = [change.entry for change in self.cache.since(self.cursor)]
        entries += [change.previous for change in self.cache.since(self.cursor) if change.previous is not None]
        pending = self.presentation.prepare(entries)
        if pending is None:
            return False
        self._preparing = self._loop.create_task(self._prepare(pending))
        return True

    def wait(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs what must be done before the watch can start."""
        self._preparing = self._loop.create_task(work)

    async def _prepare(self, pending: Awaitable[None]) -> None:
        try:
            await pending
        except StatusError as error:
            self._preparing = None
            self.fail(msgspec.json.encode(error.status()))
            return
        self._preparing = None
        self.flush({})

    def _frames(self, changes: list[Change]) -> list[bytes]:
        selection, show, minimum = self.selection, self.presentation.show, self.minimum
        if selection.everything and not selection.namespace and not minimum:
            return [frame(change.type, show(change.entry)) for change in changes]
        out = []
        for change in changes:
            if change.revision <= minimum:
                continue
            type_ = self._type_seen(change)
            if type_ == DELETED and change.type != DELETED and change.previous is not None:
                out.append(frame(type_, show(self._left(change))))
            elif type_:
                out.append(frame(type_, show(change.entry)))
        return out

    def _type_seen(self, change: Change) -> str:
        """The event as this selection sees it: an object that starts to match is ADDED, one that stops is DELETED; "" is none."""
        matches = self.selection.matches
        before = change.previous is not None and matches(change.previous)
        if change.type == DELETED:
            return DELETED if before else ""
        after = matches(change.entry)
        if after:
            return MODIFIED if before else ADDED
        return DELETED if before else ""

    def _left(self, change: Change) -> Entry:
        """The last state that matched, with the revision of the change that ended it (upstream: cacheWatcher)."""
        previous = change.previous
        if previous is None:
            return change.entry
        custom = self.selection.kind.custom
        if custom is not None:
            previous = custom.view(previous) or previous
        old = b'"resourceVersion":"%d"' % previous.revision
        new = b'"resourceVersion":"%d"' % change.revision
        return Entry(
            previous.key, previous.namespace, previous.name, change.revision, previous.body.replace(old, new, 1)
        )

    def bookmark(self, revision: int) -> None:
        """A progress mark, if the client allows it and has got everything up to `revision`."""
        cache = self.cache
        told = not self.behind and self._initial is None and (self.cursor == cache.end or cache.flushed == cache.end)
        if self.bookmarks and self.sink is not None and not self.sink.full and told:
            self._send(frame("BOOKMARK", self.presentation.bookmark(max(revision, self.minimum))))

    def fail(self, status: bytes) -> None:
        """Ends the watch with an ERROR event."""
        if self.sink is not None:
            self._send(frame("ERROR", status))
        self.finish()

    def finish(self) -> None:
        """Ends the watch in good order."""
        sink = self.sink
        self.stop()
        if sink is not None:
            sink.end()

    def stop(self) -> None:
        """Forgets the client; called by the stream when it is gone."""
        self.cache.watchers.discard(self)
        self.sink = self._initial = None
        if self._preparing is not None:
            self._preparing.cancel()
            self._preparing = None
        if self._ender is not None:
            self._ender.cancel()
            self._ender = None
        if self.on_end is not None:
            self.on_end()
            self.on_end = None

    def _cut_off(self) -> None:
        sink = self.sink
        self.stop()
        if sink is not None:
            sink.abort()

    def _drained(self) -> None:
        if self._initial is not None:
            self._send_initial()
        elif self.behind:
            self.flush({})

    def _send(self, data: bytes) -> None:
        sink = self.sink
        if sink is not None:
            sink.write(b"%x\r\n%b\r\n" % (len(data), data) if sink.chunked else data)

"""Which event is new, which is the same again, and which is too much: pure bookkeeping.

What: `Correlator.see(event)` returns what to write: a new event, a higher count on an old one, or nothing.
Why: a container that fails every second must be one line with a count, not a full store.
Rules of client-go/tools/record/events_cache.go: a bucket of 25 events per object and source, refilled by one in five
minutes; more than ten events in ten minutes that differ only in their message become "(combined from similar events)";
equal events become one whose count grows.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kubelite.client.ratelimit import TokenBucket

CACHE = 4096
SPAM_BURST = 25
SPAM_RATE = 1 / 300
SIMILAR_MAX = 10
SIMILAR_SECONDS = 600.0
COMBINED = "(combined from similar events): "


class Occurrence(NamedTuple):
    """An event before it is written."""

    source: str
    object_key: Hashable
    type: str
    reason: str
    message: str


@dataclass(slots=True)
class Seen:
    """An event as last written: its name, its version, when it first came and how often."""

    name: str
    first: Any
    count: int = 1
    written: bool = False


@dataclass(slots=True)
class _Similar:
    messages: set[str] = field(default_factory=set)
    last: float = 0.0


class _Recent(OrderedDict[Hashable, Any]):
    """The `CACHE` entries used last."""

    def put(self, key: Hashable, value: Any) -> None:
        self[key] = value
        self.move_to_end(key)
        if len(self) > CACHE:
            self.popitem(last=False)


class Correlator:
    """The memory of one recorder. `now` is monotonic seconds."""

    def __init__(self) -> None:
        self._buckets = _Recent()
        self._similar = _Recent()
        self._seen = _Recent()
        self._now = 0.0

    def see(self, event: Occurrence, *, now: float, name: str, time: Any) -> tuple[Seen, str] | None:
        """What to write for `event` as (state, message), None for nothing. `name` and `time` serve a new event."""
        self._now = now
        if not self._allowed((event.source, event.object_key)):
            return None
        message, key = self._aggregate(event)
        seen: Seen | None = self._seen.get(key)
        if seen is None:
            seen = Seen(name, time)
        else:
            seen.count += 1
        self._seen.put(key, seen)
        return seen, message

    def _allowed(self, key: Hashable) -> bool:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = TokenBucket(SPAM_RATE, SPAM_BURST, lambda: self._now)
        self._buckets.put(key, bucket)
        allowed: bool = bucket.allow()
        return allowed

    def _aggregate(self, event: Occurrence) -> tuple[str, Hashable]:
        group = (event.source, event.object_key, event.type, event.reason)
        similar: _Similar = self._similar.get(group) or _Similar()
        if self._now - similar.last > SIMILAR_SECONDS:
            similar = _Similar()
        similar.last = self._now
        if len(similar.messages) < SIMILAR_MAX:
            similar.messages.add(event.message)
        self._similar.put(group, similar)
        if len(similar.messages) < SIMILAR_MAX:
            return event.message, (*group, event.message)
        return COMBINED + event.message, group

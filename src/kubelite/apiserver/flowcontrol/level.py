"""One priority level at work: its seats, and the queues of those who wait for one.

What: `Level.enter` gives a seat at once or queues the request, `Level.leave` gives the seat back and dispatches. Why: a free
seat must cost a microsecond, and who waits must be served fairly among flows. Flow: `controller` → `enter` → handler →
`leave`.

A request that finds a free seat leaves no trace in any queue. One that does not is put in the shortest queue of its flow's
hand; a full queue refuses it. Queues are served in the order of their virtual finish times (fair queuing): a queue's time
moves on by the seconds and seats that its requests took. Bounds: `queues` * `length` requests wait, each at most `wait`
seconds. Source: apiserver/pkg/util/flowcontrol/fairqueuing/queueset/queueset.go.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from kubelite.apiserver.flowcontrol import matching
from kubelite.apiserver.flowcontrol.demand import Integrator
from kubelite.apiserver.flowcontrol.shares import Limits

SERVICE_SECONDS = 0.003
"""What a request is taken to need before it is known."""
FULL, NO_SEAT, TIMED_OUT, CANCELLED = "queue-full", "concurrency-limit", "time-out", "cancelled"


class Rejected(Exception):
    """The level has no room: the reason is the metric's label."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class SchemaStats:
    """Numbers of one FlowSchema at one level, for the metrics."""

    schema: str
    dispatched: int = 0
    executing: int = 0
    executing_seats: int = 0
    queued: int = 0
    queued_seats: int = 0


class Flow:
    """The requests that are alike to their FlowSchema: same level, same distinguisher."""

    __slots__ = ("distinguisher", "hand", "head", "level", "row", "schema", "stats")

    def __init__(self, schema: str, distinguisher: str, level: Level, head: bytes, stats: SchemaStats) -> None:
        self.schema = schema
        self.distinguisher = distinguisher
        self.level = level
        self.head = head
        """Header lines for answers."""
        self.stats = stats
        self.hand: tuple[int, ...] = ()
        self.row: list[float] | None = None
        """Where the metrics count how long its requests ran."""


@dataclass(slots=True, eq=False)
class Waiting:
    """A request in a queue; `turn` is done when it gets its seat."""

    flow: Flow
    width: int
    arrived: float
    turn: asyncio.Future[None]
    queue: Queue
    verb: str = ""
    path: str = ""


@dataclass(slots=True, eq=False)
class Queue:
    """`moved`: the virtual time at which its next request may start."""

    waiting: deque[Waiting] = field(default_factory=deque)
    moved: float = 0.0
    seats: int = 0
    """In use by requests that came out of this queue."""
    seats_waiting: int = 0


class Seat:
    """What `leave` needs to know."""

    __slots__ = ("flow", "queue", "started", "width")

    def __init__(self, flow: Flow, width: int, started: float, queue: Queue | None = None) -> None:
        self.flow = flow
        self.width = width
        self.started = started
        self.queue = queue


class Level:
    """`limit`: seats it may use now; `queues` 0 refuses what finds no seat."""

    def __init__(self, name: str, uid: str, *, exempt: bool, now: float) -> None:
        self.name, self.uid, self.exempt = name, uid, exempt
        self.limits = Limits(0, 0, 0)
        self.limit = 0
        self.hand_size = self.length = 0
        self.queues: list[Queue] = []
        self.seats = 0
        self.waiting = 0
        self.seats_waiting = 0
        self.demand = Integrator(now)
        self.stats: dict[str, SchemaStats] = {}
        self.target = 0.0
        self._virtual = 0.0
        self._virtual_at = now
        self._last = 0

    def configure(self, queues: int, hand_size: int, length: int) -> None:
        """Sets the queues; who waits keeps its place as far as the number of queues allows."""
        self.hand_size, self.length = hand_size, length
        if queues == len(self.queues):
            return
        old = [one for queue in self.queues for one in queue.waiting]
        self.queues = [Queue() for _ in range(queues)]
        left = self.queues or [Queue()]
        for number, one in enumerate(sorted(old, key=lambda one: one.arrived)):
            queue = left[number % len(left)]
            one.queue = queue
            queue.waiting.append(one)
            queue.seats_waiting += one.width
        if not self.queues and old:
            self.queues = left

    def stats_of(self, schema: str) -> SchemaStats:
        found = self.stats.get(schema)
        if found is None:
            found = self.stats[schema] = SchemaStats(schema)
        return found

    # -- the fast path

    def enter(self, flow: Flow, width: int, now: float) -> Seat | None:
        """A seat if one is free and nobody waits for it."""
        if not self.exempt and (self.waiting or self.seats + width > self.limit) and not self._alone(width):
            return None
        self._take(flow, width, now)
        return Seat(flow, width, now)

    def _alone(self, width: int) -> bool:
        """A request that is wider than the level runs when nothing else does."""
        return width > self.limit and not self.seats and not self.waiting and self.limit > 0

    def _take(self, flow: Flow, width: int, now: float) -> None:
        self.seats += width
        stats = flow.stats
        stats.dispatched += 1
        stats.executing += 1
        stats.executing_seats += width
        self.demand.change(self.seats + self.seats_waiting, now)

    def leave(self, seat: Seat, now: float) -> None:
        """Gives the seat back; whoever is next gets it."""
        width, stats = seat.width, seat.flow.stats
        self.seats -= width
        stats.executing -= 1
        stats.executing_seats -= width
        queue = seat.queue
        if queue is not None:
            queue.seats -= width
            queue.moved += (now - seat.started - SERVICE_SECONDS) * width
        if self.waiting:
            self.dispatch(now)
        self.demand.change(self.seats + self.seats_waiting, now)

    # -- waiting

    def wait(self, flow: Flow, width: int, now: float, verb: str, path: str) -> Waiting:
        """A place in the shortest queue of the flow's hand. Raises `Rejected`."""
        if not self.queues:
            raise Rejected(NO_SEAT)
        if not flow.hand or max(flow.hand) >= len(self.queues):
            flow.hand = matching.hand(flow.schema, flow.distinguisher, len(self.queues), self.hand_size)
        queue = min((self.queues[card] for card in flow.hand), key=lambda one: one.seats_waiting + one.seats)
        if len(queue.waiting) >= self.length:
            raise Rejected(FULL)
        self._move_time(now)
        if not queue.waiting and not queue.seats:
            queue.moved = max(queue.moved, self._virtual)
        one = Waiting(flow, width, now, asyncio.get_running_loop().create_future(), queue, verb, path)
        queue.waiting.append(one)
        queue.seats_waiting += width
        self.waiting += 1
        self.seats_waiting += width
        flow.stats.queued += 1
        flow.stats.queued_seats += width
        self.demand.change(self.seats + self.seats_waiting, now)
        self.dispatch(now)
        return one

    def forget(self, one: Waiting, now: float) -> None:
        """A request stops waiting without a seat."""
        if one in one.queue.waiting:
            one.queue.waiting.remove(one)
            self._unqueue(one)
            self.demand.change(self.seats + self.seats_waiting, now)

    def _unqueue(self, one: Waiting) -> None:
        one.queue.seats_waiting -= one.width
        self.waiting -= 1
        self.seats_waiting -= one.width
        one.flow.stats.queued -= 1
        one.flow.stats.queued_seats -= one.width

    def dispatch(self, now: float) -> None:
        """Gives free seats to those who wait, in fair order."""
        self._move_time(now)
        while self.waiting:
            queue = self._next()
            one = queue.waiting[0]
            if (
                not self.exempt
                and self.seats + one.width > self.limit
                and not (one.width > self.limit > 0 == self.seats)
            ):
                return
            queue.waiting.popleft()
            self._unqueue(one)
            if one.turn.done():
                continue
            queue.moved += SERVICE_SECONDS * one.width
            queue.seats += one.width
            self._take(one.flow, one.width, now)
            one.turn.set_result(None)

    def _next(self) -> Queue:
        """The queue whose first request has the earliest virtual finish; among equals, in turn."""
        queues, count = self.queues, len(self.queues)
        best, finish = -1, 0.0
        for step in range(1, count + 1):
            index = (self._last + step) % count
            queue = queues[index]
            if queue.waiting:
                ends = queue.moved + SERVICE_SECONDS * queue.waiting[0].width
                if best < 0 or ends < finish:
                    best, finish = index, ends
        self._last = best
        return queues[best]

    def _move_time(self, now: float) -> None:
        """Virtual time runs at the seats that each active queue gets."""
        past, self._virtual_at = now - self._virtual_at, now
        active = sum(1 for queue in self.queues if queue.waiting or queue.seats)
        if active and past > 0:
            wanted = self.seats_waiting + sum(queue.seats for queue in self.queues)
            self._virtual += past * min(wanted, max(self.limit, 1)) / active


def seat_of(one: Waiting, now: float) -> Seat:
    """The seat of a request whose turn came."""
    return Seat(one.flow, one.width, now, one.queue)

"""What flow control is doing now, for /debug/api_priority_and_fairness/.

What: tables as comma-separated text: levels, queues, waiting requests. Why: an administrator who sees 429 must see who waits
where. Flow: path handlers read the live controller. Source: apiserver/pkg/util/flowcontrol/apf_controller_debug.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic

from kubelite.apiserver.flowcontrol.controller import FlowControl
from kubelite.apiserver.request import Handler, Response

ROOT = "/debug/api_priority_and_fairness/"
LEVELS = (
    "PriorityLevelName",
    "ActiveQueues",
    "IsIdle",
    "IsQuiescing",
    "WaitingRequests",
    "ExecutingRequests",
    "DispatchedRequests",
    "RejectedRequests",
    "TimedoutRequests",
    "CancelledRequests",
)
QUEUES = (
    "PriorityLevelName",
    "Index",
    "PendingRequests",
    "ExecutingSeats",
    "SeatsInUse",
    "NextDispatchR",
    "InitialSeatsSum",
)
REQUESTS = (
    "PriorityLevelName",
    "FlowSchemaName",
    "QueueIndex",
    "RequestIndexInQueue",
    "FlowDistingsher",
    "ArriveTime",
    "InitialSeats",
    "FinalSeats",
    "Verb",
    "Path",
)


def path_handlers(control: FlowControl, refused: Mapping[tuple[str, str], int]) -> Mapping[str, Handler]:
    """`refused` counts refusals by (level, reason)."""
    return {
        f"{ROOT}dump_priority_levels": lambda request: _table(LEVELS, levels(control, refused)),
        f"{ROOT}dump_queues": lambda request: _table(QUEUES, queues(control)),
        f"{ROOT}dump_requests": lambda request: _table(REQUESTS, requests(control)),
    }


Rows = Iterator[tuple[object, ...]]


def levels(control: FlowControl, refused: Mapping[tuple[str, str], int]) -> Rows:
    """A row for each priority level."""
    for name, level in sorted(control.levels.items()):
        active = sum(1 for queue in level.queues if queue.waiting or queue.seats)
        count = {reason: number for (one, reason), number in refused.items() if one == name}
        executing = sum(stats.executing for stats in level.stats.values())
        yield (
            name,
            active,
            _flag(not executing and not level.waiting),
            "false",
            level.waiting,
            executing,
            sum(stats.dispatched for stats in level.stats.values()),
            count.get("queue-full", 0) + count.get("concurrency-limit", 0),
            count.get("time-out", 0),
            count.get("cancelled", 0),
        )


def queues(control: FlowControl) -> Rows:
    """A row for each queue."""
    for name, level in sorted(control.levels.items()):
        for index, queue in enumerate(level.queues):
            yield (
                name,
                index,
                len(queue.waiting),
                queue.seats,
                queue.seats,
                f"{queue.moved:.8f}ss",
                queue.seats_waiting,
            )


def requests(control: FlowControl) -> Rows:
    """A row for each request that waits."""
    now, clock = monotonic(), datetime.now(UTC)
    for name, level in sorted(control.levels.items()):
        for index, queue in enumerate(level.queues):
            for place, one in enumerate(queue.waiting):
                arrived = (clock - timedelta(seconds=now - one.arrived)).isoformat()
                flow = one.flow
                yield name, flow.schema, index, place, flow.distinguisher, arrived, one.width, 0, one.verb, one.path


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    lines = [",".join(str(cell).replace(",", " ") for cell in row) for row in (head, *rows)]
    text = "".join(f"{line}\n" for line in lines)
    return Response(200, text.encode(), "text/plain; charset=utf-8", (("X-Content-Type-Options", "nosniff"),))

"""Priority and fairness: which level a request belongs to, and whether there is a seat.

What: the gate that the handler chain asks. Why: a client that floods the server must not starve the others. Flow: FlowSchemas
and PriorityLevelConfigurations from the cache → levels with seats → `enter` for each request: remembered classification → a
free seat, a place in a queue, or `TooMany`. Every ten seconds `run` lends seats to the levels that need them.

Remembered classifications are bounded: at `MOST_FLOWS` all are forgotten and found again. Source:
apiserver/pkg/util/flowcontrol/apf_controller.go, apf_filter.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from time import monotonic
from typing import Any

from kubelite.api.types.flowcontrol_v1 import FlowSchema, PriorityLevelConfiguration
from kubelite.apiserver.flowcontrol import defaults, matching, shares, width
from kubelite.apiserver.flowcontrol.dropped import Refusals
from kubelite.apiserver.flowcontrol.level import CANCELLED, TIMED_OUT, Flow, Level, Rejected, Seat, Waiting, seat_of
from kubelite.apiserver.flowcontrol.refusal import TooMany
from kubelite.apiserver.request import Request

MOST_FLOWS = 8192
ADJUST_SECONDS = 10.0
Observe = Callable[[Level, Flow, str, float], None]
"""(level, flow, "wait", "run" or a reason of refusal, seconds)."""


class Ticket:
    """A seat that is held; `leave` gives it back."""

    __slots__ = ("_owner", "_seat")

    def __init__(self, owner: FlowControl, seat: Seat) -> None:
        self._owner = owner
        self._seat = seat

    def leave(self) -> None:
        seat, now = self._seat, monotonic()
        level = seat.flow.level
        level.leave(seat, now)
        self._owner.observe(level, seat.flow, "run", now - seat.started)


class FlowControl:
    """`total` seats, shared among the levels; who waits does so for at most `wait_seconds`."""

    def __init__(self, registry: Any, total: int, wait_seconds: float, observe: Observe) -> None:
        self.registry = registry
        self.total = total
        self.wait_seconds = wait_seconds
        self.observe = observe
        self.levels: dict[str, Level] = {}
        self.schemas: list[FlowSchema] = []
        self.fair_fraction = 1.0
        self._found_schemas: dict[str, FlowSchema] = {}
        self._found_levels: dict[str, PriorityLevelConfiguration] = {}
        self._flows: dict[tuple[Any, ...], Flow] = {}
        self._refusals: dict[str, Refusals] = {}
        self._stale: asyncio.Handle | None = None
        self.changed = asyncio.Event()
        """Set when the configuration was taken over; `maintain` waits for it."""
        self.rebuild()

    # -- configuration

    def schema_changed(self, namespace: str, name: str, found: FlowSchema | None) -> None:
        self._note(self._found_schemas, name, found)

    def level_changed(self, namespace: str, name: str, found: PriorityLevelConfiguration | None) -> None:
        self._note(self._found_levels, name, found)

    def _note(self, known: dict[str, Any], name: str, found: Any) -> None:
        if found is None:
            known.pop(name, None)
        else:
            known[name] = found
        if self._stale is None:
            # Many change together: the configuration is built once, at the end of this round of the loop.
            self._stale = asyncio.get_running_loop().call_soon(self.rebuild)

    def rebuild(self) -> None:
        """Takes over the objects as they are; what is mandatory exists also while the store lacks it."""
        self._stale = None
        levels = self._found_levels or _by_name(defaults.SUGGESTED_LEVELS)
        levels = {**_by_name(defaults.MANDATORY_LEVELS), **levels}
        schemas = self._found_schemas or _by_name(defaults.SUGGESTED_SCHEMAS)
        schemas = {**_by_name(defaults.MANDATORY_SCHEMAS), **schemas}
        self.schemas = matching.in_order(schemas.values())
        now, all_shares = monotonic(), sum(shares.shares_of(one.spec) for one in levels.values())
        before, self.levels = self.levels, {}
        for name, found in levels.items():
            spec = found.spec
            exempt = spec.type == "Exempt"
            level = before.get(name)
            if level is None or level.exempt != exempt:
                level = Level(name, found.metadata.uid, exempt=exempt, now=now)
            level.uid = found.metadata.uid
            response = spec.limited.limitResponse if spec.limited is not None else None
            queuing = response.queuing if response is not None and response.type == "Queue" else None
            if queuing is None:
                level.configure(0, 0, 0)
            else:
                level.configure(queuing.queues or 64, queuing.handSize or 8, queuing.queueLengthLimit or 50)
            limits = shares.limits_of(spec, self.total, all_shares)
            if limits != level.limits:
                level.limits, level.limit = limits, limits.nominal
            self.levels[name] = level
            level.dispatch(now)
        self._flows.clear()
        self.changed.set()

    def adjust(self) -> None:
        """Lends seats: each level gets in proportion to what it needed, within its bounds."""
        now = monotonic()
        limited = [level for level in self.levels.values() if not level.exempt]
        left = float(self.total)
        for level in self.levels.values():
            demand = level.demand.close(now)
            level.target = max(level.demand.smoothed, 0.0)
            if level.exempt:
                left -= min(demand.envelope, left)
        wishes = []
        for level in limited:
            limits = level.limits
            least = max(limits.lowest, min(limits.nominal, level.demand.highest))
            wishes.append(shares.Wish(least, limits.highest, max(least, level.target)))
        if not wishes:
            return
        for level, seats in zip(limited, shares.divide(left, wishes), strict=True):
            level.limit = max(round(seats), 1 if level.limits.nominal else 0)
            level.dispatch(now)

    async def run(self) -> None:
        """Adjusts the limits; never returns."""
        while True:
            await asyncio.sleep(ADJUST_SECONDS)
            self.adjust()

    # -- requests

    def flow_of(self, request: Request) -> Flow:
        """The flow of a request whose user is known."""
        info, user = request.info, request.user
        if user is None:
            raise ValueError("a request without a user belongs to no flow")
        key: tuple[Any, ...]
        if info.is_resource:
            key = (user.name, user.groups, info.verb, info.resource, info.namespace, info.group, info.subresource)
        else:
            key = (user.name, user.groups, info.verb, info.path)
        flow = self._flows.get(key)
        if flow is None:
            if len(self._flows) >= MOST_FLOWS:
                self._flows.clear()
            flow = self._flows[key] = self._classified(request)
        return flow

    def _classified(self, request: Request) -> Flow:
        user, info = request.user, request.info
        assert user is not None
        for schema in self.schemas:
            reference = schema.spec.priorityLevelConfiguration
            level = self.levels.get(reference.name if reference is not None else "")
            if level is not None and matching.matches(schema.spec, user, info):
                break
        else:
            schema, level = defaults.MANDATORY_SCHEMAS[-1], self.levels[defaults.CATCH_ALL]
        name = schema.metadata.name
        head = (
            f"X-Kubernetes-Pf-Flowschema-Uid: {schema.metadata.uid}\r\n"
            f"X-Kubernetes-Pf-Prioritylevel-Uid: {level.uid}\r\n"
        )
        flow = matching.distinguisher(schema.spec, user, info)
        return Flow(name, flow, level, head.encode("latin-1", "replace"), level.stats_of(name))

    def enter(self, request: Request, *, long: bool) -> Ticket | Awaitable[Ticket] | None:
        """A seat, at once or later; None for a stream, which needs none. Raises `TooMany`."""
        info = request.info
        if long and info.verb != "watch":
            return None
        flow = self.flow_of(request)
        request.reply_head += flow.head
        level, now = flow.level, monotonic()
        seats = width.seats(info, request, self.registry, level.limits.nominal) if info.verb == "list" else 1
        seat = level.enter(flow, seats, now)
        if seat is not None:
            return Ticket(self, seat)
        try:
            waiting = level.wait(flow, seats, now, info.verb, request.path)
        except Rejected as error:
            raise self._too_many(flow, error.reason, now) from None
        return self._wait(request, level, waiting)

    async def _wait(self, request: Request, level: Level, waiting: Waiting) -> Ticket:
        seconds = self.wait_seconds
        loop = asyncio.get_running_loop()
        if request.deadline:
            seconds = min(seconds, max(request.deadline - loop.time(), 0.0))
        timer = loop.call_later(seconds, waiting.turn.cancel)
        try:
            await waiting.turn
        except asyncio.CancelledError:
            now = monotonic()
            level.forget(waiting, now)
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                self.observe(level, waiting.flow, CANCELLED, now - waiting.arrived)
                if waiting.turn.done() and not waiting.turn.cancelled():
                    level.leave(seat_of(waiting, now), now)
                raise
            raise self._too_many(waiting.flow, TIMED_OUT, waiting.arrived) from None
        finally:
            timer.cancel()
        now = monotonic()
        self.observe(level, waiting.flow, "wait", now - waiting.arrived)
        return Ticket(self, seat_of(waiting, now))

    def _too_many(self, flow: Flow, reason: str, since: float) -> TooMany:
        now = monotonic()
        self.observe(flow.level, flow, reason, now - since)
        refusals = self._refusals.setdefault(flow.level.name, Refusals())
        return TooMany(refusals.note(now), reason)


def _by_name(objects: Iterable[Any]) -> dict[str, Any]:
    return {one.metadata.name: one for one in objects}

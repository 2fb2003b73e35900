"""Who gets to run when many want to: priority and fairness, or the simple limit in flight.

`build` makes the gate of a server; `tasks` are what it does in the background; `path_handlers` show what it is doing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from kubelite.apiserver.config import Config
from kubelite.apiserver.flowcontrol.inflight import InFlight
from kubelite.apiserver.lookup import Lookup
from kubelite.apiserver.request import Handler, Request

__all__ = ["Gate", "Held", "build", "ensure", "path_handlers", "tasks"]

GROUP = "flowcontrol.apiserver.k8s.io"
WAIT_PART = 0.25
"""The part of a request's time that it may wait in a queue."""


class Held(Protocol):
    """Room that a request has; `leave` must be called once."""

    def leave(self) -> None: ...


class Gate(Protocol):
    """What the handler chain asks."""

    def enter(self, request: Request, *, long: bool) -> Held | Awaitable[Held] | None:
        """Room for the request, now or later; None if it needs none. Raises `refusal.TooMany`."""


_parts: WeakKeyDictionary[Any, tuple[Any, Any]] = WeakKeyDictionary()


def build(config: Config, registry: Any) -> Gate:
    """The gate of a server."""
    if not config.enable_priority_and_fairness:
        return InFlight(config.max_requests_inflight, config.max_mutating_requests_inflight)
    from kubelite.api.types.flowcontrol_v1 import FlowSchema, PriorityLevelConfiguration
    from kubelite.apiserver.flowcontrol.controller import FlowControl
    from kubelite.apiserver.flowcontrol.numbers import Numbers, publish

    total = config.max_requests_inflight + config.max_mutating_requests_inflight
    if total <= 0:
        raise ValueError(
            "--max-requests-inflight and --max-mutating-requests-inflight must be more than 0 together"
            " for priority and fairness"
        )
    numbers = Numbers()
    control = FlowControl(registry, total, config.request_timeout_seconds * WAIT_PART, numbers.observe)
    publish(control)
    lookup = Lookup(registry)
    lookup.follow("prioritylevelconfigurations", GROUP, PriorityLevelConfiguration, control.level_changed)
    lookup.follow("flowschemas", GROUP, FlowSchema, control.schema_changed)
    _parts[registry] = (control, numbers)
    registry.flow_control = True
    return control


def tasks(registry: Any) -> Sequence[tuple[str, Callable[[], Coroutine[Any, Any, None]]]]:
    """(name, coroutine function) of what goes on in the background."""
    parts = _parts.get(registry)
    if parts is None:
        return ()
    from kubelite.apiserver.flowcontrol.maintain import Maintainer

    control = parts[0]
    return (("flow control", control.run), ("flow control objects", Maintainer(registry, control).run))


async def ensure(registry: Any) -> None:
    """Brings the default objects into being, once at start; trouble is left to the background work."""
    parts = _parts.get(registry)
    if parts is not None:
        from kubelite.apiserver.flowcontrol.maintain import Maintainer

        await Maintainer(registry, parts[0]).try_all()


def path_handlers(registry: Any) -> Mapping[str, Handler]:
    """Handlers of /debug/api_priority_and_fairness/; none without priority and fairness."""
    parts = _parts.get(registry)
    if parts is None:
        return {}
    from kubelite.apiserver.flowcontrol import dump

    return dump.path_handlers(parts[0], parts[1].refused)

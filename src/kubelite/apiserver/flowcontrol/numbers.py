"""The metrics of flow control, under upstream's names.

What: `Numbers.observe` is called where something took time or was refused; everything that is a state is read when it is
scraped. Why: dashboards made for Kubernetes work, and a request that finds a seat pays for one histogram only. Flow:
`controller` → `observe`; /metrics → `publish`'s readers. Source: apiserver/pkg/util/flowcontrol/metrics/metrics.go.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator

from kubelite.apiserver import metrics
from kubelite.apiserver.flowcontrol.controller import FlowControl
from kubelite.apiserver.flowcontrol.level import Flow, Level

PREFIX = "apiserver_flowcontrol_"
BOTH = ("priority_level", "flow_schema")
BUCKETS = (0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30)

REJECTED = metrics.REGISTRY.counter(
    f"{PREFIX}rejected_requests_total", "Number of requests rejected by API Priority and Fairness subsystem",
    (*BOTH, "reason"),
)  # fmt: skip
WAIT = metrics.REGISTRY.histogram(
    f"{PREFIX}request_wait_duration_seconds", "Length of time a request spent waiting in its queue",
    (*BOTH, "execute"), BUCKETS,
)  # fmt: skip
RUN = metrics.REGISTRY.histogram(
    f"{PREFIX}request_execution_seconds",
    "Duration of request execution (of a watch: until its first events) in the API Priority and Fairness subsystem",
    (*BOTH, "type"),
    BUCKETS,
)


class Numbers:
    """`refused`: refusals by (level, reason)."""

    def __init__(self) -> None:
        self.refused: dict[tuple[str, str], int] = {}

    def observe(self, level: Level, flow: Flow, what: str, seconds: float) -> None:
        """`what`: "run", "wait", or why the request was refused."""
        if what == "run":
            row = flow.row
            if row is None:
                row = flow.row = RUN.row(level.name, flow.schema, "regular")
            row[bisect_left(BUCKETS, seconds)] += 1
            row[-1] += seconds
        elif what == "wait":
            WAIT.observe(seconds, level.name, flow.schema, "true")
        else:
            key = (level.name, what)
            self.refused[key] = self.refused.get(key, 0) + 1
            REJECTED.inc(level.name, flow.schema, what)
            WAIT.observe(seconds, level.name, flow.schema, "false")


_STATES = (
    ("dispatched_requests_total", "Number of requests executed", "counter", "dispatched"),
    ("current_executing_requests", "Number of requests that are executing", "gauge", "executing"),
    ("current_executing_seats", "Number of seats that executing requests occupy", "gauge", "executing_seats"),
    ("current_inqueue_requests", "Number of requests pending in queues", "gauge", "queued"),
    ("current_inqueue_seats", "Number of seats pending in queues", "gauge", "queued_seats"),
)
Cells = Iterator[tuple[tuple[str, ...], float]]


def publish(control: FlowControl) -> None:
    """Makes the states readable for /metrics."""

    def stats(attribute: str) -> Callable[[], Cells]:
        def read() -> Cells:
            for level in control.levels.values():
                for one in level.stats.values():
                    yield (level.name, one.schema), float(getattr(one, attribute))

        return read

    def levels(value: Callable[[Level], float]) -> Callable[[], Cells]:
        def read() -> Cells:
            for level in control.levels.values():
                yield (level.name,), float(value(level))

        return read

    collect = metrics.REGISTRY.collect
    for name, text, kind, attribute in _STATES:
        collect(f"{PREFIX}{name}", f"{text} in the API Priority and Fairness subsystem", kind, BOTH, stats(attribute))
    limits: tuple[tuple[str, str, Callable[[Level], float]], ...] = (
        ("nominal_limit_seats", "Nominal number of execution seats", lambda one: one.limits.nominal),
        ("lower_limit_seats", "Configured lower bound on number of execution seats", lambda one: one.limits.lowest),
        ("upper_limit_seats", "Configured upper bound on number of execution seats", lambda one: one.limits.highest),
        ("current_limit_seats", "Current derived number of execution seats", lambda one: one.limit),
        ("demand_seats_high_watermark", "High watermark of the seat demand", lambda one: one.demand.highest),
        ("demand_seats_smoothed", "Smoothed seat demands", lambda one: one.demand.smoothed),
        ("target_seats", "Seat allocation targets", lambda one: one.target),
    )
    for name, text, value in limits:
        collect(f"{PREFIX}{name}", f"{text} of each priority level", "gauge", ("priority_level",), levels(value))

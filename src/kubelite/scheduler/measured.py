"""How long the scheduler's parts take, for dashboards, measured around them.

What: `Measures` holds the histograms; `MeasuredScheduler`, `MeasuredPods` and `MeasuredHints` are the parts with a stopwatch.
Why: the parts themselves have no clock, and a decision of a tenth of a millisecond must not pay much for being measured.
Flow: each extension point of each decision is timed, the numbers are sorted into buckets later; single plugins and single hints
are timed in one decision and one call of `SAMPLE`. What upstream does at PreFilter and PreScore is part of Filter and Score here.
Upstream: pkg/scheduler/metrics, framework/runtime.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import Any, TypeVar

from kubelite.scheduler.cycle import Scheduler
from kubelite.scheduler.events import Hints
from kubelite.scheduler.framework import Cycle, Diagnosis, FilterPlugin, PodRefused, Rejection, Scores, Why, World
from kubelite.scheduler.nodes import Mask
from kubelite.scheduler.pods import PodInfo
from kubelite.scheduler.profile import Profile
from kubelite.scheduler.queue import FIRST_BACKOFF, LAST_BACKOFF, PendingPods
from kubelite.util.metrics import Histogram

SAMPLE = 64
MOST_TIMES = 2048
POINTS = tuple(0.0001 * 2**n for n in range(12))
PLUGINS = tuple(0.00001 * 1.5**n for n in range(20))
SUCCESS, SKIP, UNSCHEDULABLE, UNRESOLVABLE = "Success", "Skip", "Unschedulable", "UnschedulableAndUnresolvable"
Row = list[float]
T = TypeVar("T")
FEASIBLE, TOTALS = Scheduler.feasible, Scheduler.totals


def note(row: Row, buckets: tuple[float, ...], seconds: float) -> None:
    """`Histogram.observe` for a row that is at hand."""
    row[bisect_left(buckets, seconds)] += 1
    row[-1] += seconds


class Times:
    """Seconds that are not in their histogram yet: to append one costs a tenth of finding its bucket."""

    def __init__(self, row: Row) -> None:
        self._row = row
        self.waiting: list[float] = []

    def sort(self) -> None:
        """Brings the histogram up to date."""
        for seconds in self.waiting:
            note(self._row, POINTS, seconds)
        self.waiting.clear()


class Measures:
    """The histograms of one scheduler process."""

    def __init__(self) -> None:
        self.points = Histogram(
            "scheduler_framework_extension_point_duration_seconds",
            "Latency for running all plugins of a specific extension point.",
            ("extension_point", "status", "profile"),
            POINTS,
        )
        self.plugins = Histogram(
            "scheduler_plugin_execution_duration_seconds",
            f"Duration for running a plugin at a specific extension point; of one decision in {SAMPLE}.",
            ("plugin", "extension_point", "status"),
            PLUGINS,
        )
        self.events = Histogram(
            "scheduler_event_handling_duration_seconds", "Event handling latency in seconds.", ("event",), POINTS
        )
        self.hints = Histogram(
            "scheduler_queueing_hint_execution_duration_seconds",
            f"Duration for running a queueing hint function of a plugin; of one call in {SAMPLE}.",
            ("plugin", "event", "hint"),
            PLUGINS,
        )

        self.times: list[Times] = []

    def scheduler(self, world: World, profile: Profile) -> MeasuredScheduler:
        return MeasuredScheduler(world, profile, self)

    def each(self, point: str, profile: str) -> Times:
        """Where the times of an extension point go that is passed in each decision."""
        made = Times(self.points.row(point, SUCCESS, profile))
        self.times.append(made)
        return made

    def sort(self) -> None:
        """Brings all histograms up to date."""
        for times in self.times:
            times.sort()

    def pods(self, first: float = FIRST_BACKOFF, last: float = LAST_BACKOFF) -> MeasuredPods:
        return MeasuredPods(self, first, last)


class MeasuredPlugin(FilterPlugin):
    """A plugin with a stopwatch."""

    def __init__(self, plugin: Any, measures: Measures) -> None:
        self._plugin, self._row = plugin, measures.plugins.row
        self.name = plugin.name
        self.narrows = getattr(plugin, "narrows", False)

    def narrow(self, cycle: Cycle) -> frozenset[str] | None:
        found: frozenset[str] | None = self._plugin.narrow(cycle)
        return found

    def filter(self, cycle: Cycle) -> Mask | None:
        began = perf_counter()
        mask: Mask | None = self._plugin.filter(cycle)
        self._note("Filter", mask, perf_counter() - began)
        return mask

    def explain(self, cycle: Cycle) -> list[Why]:
        found: list[Why] = self._plugin.explain(cycle)
        return found

    def score(self, cycle: Cycle, fitting: Mask) -> Scores | None:
        began = perf_counter()
        scores: Scores | None = self._plugin.score(cycle, fitting)
        self._note("Score", scores, perf_counter() - began)
        return scores

    def _note(self, point: str, answer: Any, seconds: float) -> None:
        note(self._row(self.name, point, SKIP if answer is None else SUCCESS), PLUGINS, seconds)


class MeasuredScheduler(Scheduler):
    """A scheduler of one profile whose steps are timed."""

    def __init__(self, world: World, profile: Profile, measures: Measures) -> None:
        super().__init__(world, profile)
        self.measures = measures
        self._filtering, self._scoring = measures.each("Filter", profile.name), measures.each("Score", profile.name)
        self._decisions = 0
        self._filtered_at = 0.0
        self._timed: tuple[Any, Any, Profile] = (None, None, profile)

    def feasible(self, cycle: Cycle) -> tuple[Mask, list[Rejection]]:
        self._decisions += 1
        began = perf_counter()
        try:
            found = self._sampled(FEASIBLE, cycle) if self._decisions % SAMPLE == 0 else FEASIBLE(self, cycle)
        except PodRefused:
            self.measures.points.observe(perf_counter() - began, "PreFilter", UNRESOLVABLE, self.profile.name)
            raise
        self._filtered_at = now = perf_counter()
        self._filtering.waiting.append(now - began)
        return found

    def totals(self, cycle: Cycle, fitting: Mask) -> Scores:
        if self._decisions % SAMPLE == 0:
            found = self._sampled(TOTALS, cycle, fitting)
        else:
            found = TOTALS(self, cycle, fitting)
        self._scoring.waiting.append(perf_counter() - self._filtered_at)
        return found

    def diagnose(self, *args: Any, **named: Any) -> Diagnosis:
        began = perf_counter()
        found = super().diagnose(*args, **named)
        if self.profile.preemption is not None:
            status = SUCCESS if found.preemption is not None else UNSCHEDULABLE
            self.measures.points.observe(perf_counter() - began, "PostFilter", status, self.profile.name)
        return found

    def _sampled(self, step: Callable[..., T], *args: Any) -> T:
        """Runs a step with plugins that are timed; they are made anew when the user's plugins have changed."""
        plain = self.profile
        if len(self._filtering.waiting) > MOST_TIMES:
            self.measures.sort()
        if self._timed[0] is not plain.filters or self._timed[1] is not plain.scores:
            timed = replace(
                plain,
                filters=[MeasuredPlugin(plugin, self.measures) for plugin in plain.filters],
                scores=[(MeasuredPlugin(plugin, self.measures), weight) for plugin, weight in plain.scores],
            )
            self._timed = plain.filters, plain.scores, timed
        self.profile = self._timed[2]
        try:
            return step(self, *args)
        finally:
            self.profile = plain


class MeasuredHints(Hints):
    """Hints of which some are timed: one change of a node can ask thousands of waiting pods."""

    def __init__(self, measures: Measures) -> None:
        super().__init__()
        self._row, self._calls = measures.hints.row, 0

    def helps(self, info: PodInfo, name: str, event: str, old: Any, new: Any) -> bool:
        self._calls += 1
        if self._calls % SAMPLE:
            return super().helps(info, name, event, old, new)
        began = perf_counter()
        found = super().helps(info, name, event, old, new)
        note(self._row(name, event, "Queue" if found else "QueueSkip"), PLUGINS, perf_counter() - began)
        return found


class MeasuredPods(PendingPods):
    """A queue that tells how long it takes to hear of an event."""

    def __init__(self, measures: Measures, first: float = FIRST_BACKOFF, last: float = LAST_BACKOFF) -> None:
        super().__init__(MeasuredHints(measures), first, last)
        self._row = measures.events.row

    def happened(self, event: str, now: float, old: Any = None, new: Any = None) -> None:
        began = perf_counter()
        super().happened(event, now, old, new)
        note(self._row(event), POINTS, perf_counter() - began)

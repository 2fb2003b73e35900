"""The admission plugins in their order.

What: `Chain.mutate` and `Chain.validate`. Why: most plugins care for few requests, so which ones are called is decided once per
(operation, kind, subresource) and remembered, with where the time of each is counted. Flow: the write path calls `mutate` before
validation and `validate` after it; the first refusal ends both. If a webhook or a policy changed the object, all mutating plugins
run once more (`again`), so that none is circumvented.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import NamedTuple

from kubelite.apiserver.admission import observed
from kubelite.apiserver.admission.plugin import Plugin
from kubelite.apiserver.request import AdmissionRequest

ADMIT, VALIDATE = "admit", "validate"
_BUCKETS = observed.CONTROLLER.buckets
_FIRST = _BUCKETS[0]


class Step(NamedTuple):
    """One plugin at one kind of request. `row` is where its time is counted while it refuses nothing."""

    call: Callable[[AdmissionRequest], Awaitable[None] | None]
    row: list[float]
    name: str
    phase: str


Steps = tuple[tuple[Step, ...], tuple[Step, ...]]


class Chain:
    """The plugins of one server."""

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        self.plugins = tuple(plugins)
        self._steps: dict[tuple[str, str, str, str], Steps] = {}

    async def mutate(self, request: AdmissionRequest) -> None:
        """Lets the plugins complete the object."""
        steps = self._for(request)[0]
        await _run(steps, request)
        again = request.again
        if again is not None and again.wanted:
            again.second = True
            await _run(steps, request)

    async def validate(self, request: AdmissionRequest) -> None:
        """Lets the plugins refuse the complete object."""
        await _run(self._for(request)[1], request)

    async def close(self) -> None:
        """Closes the connections of plugins."""
        for plugin in self.plugins:
            await plugin.close()

    def _for(self, request: AdmissionRequest) -> Steps:
        kind = request.kind
        key = (request.operation, kind.group, kind.plural, request.subresource)
        steps = self._steps.get(key)
        if steps is None:
            concerned = [one for one in self.plugins if one.handles(request.operation, kind, request.subresource)]

            def step(one: Plugin, phase: str) -> Step:
                row = observed.CONTROLLER.row(one.name or type(one).__name__, request.operation, "false", phase)
                return Step(one.mutate if phase == ADMIT else one.validate, row, one.name, phase)

            steps = self._steps[key] = (
                tuple(step(one, ADMIT) for one in concerned if type(one).mutate is not Plugin.mutate),
                tuple(step(one, VALIDATE) for one in concerned if type(one).validate is not Plugin.validate),
            )
        return steps


async def _run(steps: tuple[Step, ...], request: AdmissionRequest) -> None:
    before, step = perf_counter(), None
    try:
        for step in steps:
            call, row, _, _ = step  # unpacked: some twenty of these run with every write
            waiting = call(request)
            if waiting is not None:
                await waiting
            now = perf_counter()
            seconds = now - before
            row[0 if seconds <= _FIRST else bisect_left(_BUCKETS, seconds)] += 1
            row[-1] += seconds
            before = now
    except BaseException:
        if step is not None:
            observed.CONTROLLER.observe(perf_counter() - before, step.name, request.operation, "true", step.phase)
        raise

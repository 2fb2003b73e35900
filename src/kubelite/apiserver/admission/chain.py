"""The admission plugins in their order.

What: `Chain.mutate` and `Chain.validate`. Why: most plugins care for few requests, so which ones are called is decided once per
(operation, kind, subresource) and remembered. Flow: the write path calls `mutate` before validation and `validate` after it; the
first refusal ends both.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from kubelite.apiserver.admission.plugin import Plugin
from kubelite.apiserver.request import AdmissionRequest

Step = Callable[[AdmissionRequest], Awaitable[None] | None]
Steps = tuple[tuple[Step, ...], tuple[Step, ...]]


class Chain:
    """The plugins of one server."""

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        self.plugins = tuple(plugins)
        self._steps: dict[tuple[str, str, str, str], Steps] = {}

    async def mutate(self, request: AdmissionRequest) -> None:
        """Lets the plugins complete the object."""
        await _run(self._for(request)[0], request)

    async def validate(self, request: AdmissionRequest) -> None:
        """Lets the plugins refuse the complete object."""
        await _run(self._for(request)[1], request)

    def _for(self, request: AdmissionRequest) -> Steps:
        kind = request.kind
        key = (request.operation, kind.group, kind.plural, request.subresource)
        steps = self._steps.get(key)
        if steps is None:
            concerned = [one for one in self.plugins if one.handles(request.operation, kind, request.subresource)]
            steps = self._steps[key] = (
                tuple(one.mutate for one in concerned if type(one).mutate is not Plugin.mutate),
                tuple(one.validate for one in concerned if type(one).validate is not Plugin.validate),
            )
        return steps


async def _run(steps: tuple[Step, ...], request: AdmissionRequest) -> None:
    for step in steps:
        waiting = step(request)
        if waiting is not None:
            await waiting

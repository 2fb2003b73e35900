"""Takes back the mark of a disruption that did not come.

What: whoever evicts a pod first says so in its condition DisruptionTarget, and may die before the deletion. Why: a Job would
take the next failure of such a pod for a disruption. Flow: changes of pods → key → `left` → after two minutes the condition is
False. Upstream: pkg/controller/disruption (syncStalePodDisruption).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from kubelite.api.logic import podstatus
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change, object_key
from kubelite.controllers.context import Context
from kubelite.controllers.disruption import take_back
from kubelite.controllers.objects import Pod
from kubelite.controllers.podindex import pods_informer
from kubelite.machinery import times

NAME = "stale-disruptions"
TIMEOUT = timedelta(minutes=2)
BY_KUBELET = "TerminationByKubelet"
"""The reason of a kubelet, which may take any time to end a pod."""


def left(pod: Pod, now: datetime) -> float | None:
    """Seconds until the mark of the pod is stale, 0 when it is; None for a pod without one, or that goes."""
    if podstatus.is_terminating(pod) or podstatus.is_terminal(pod):
        return None
    mark = podstatus.condition(pod, podstatus.DISRUPTION_TARGET)
    if mark is None or mark.status != "True" or mark.reason == BY_KUBELET:
        return None
    since = times.parse(mark.lastTransitionTime) if mark.lastTransitionTime else now - TIMEOUT
    return max((since + TIMEOUT - now).total_seconds(), 0.0)


class StaleMarks:
    """The loop over marked pods."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._clock = context.clock
        self._pods = pods_informer(context)
        self.loop = Controller(NAME, self.reconcile, workers=1, observe=context.observe)
        self.loop.watch(self._pods, _marked)

    async def run(self) -> None:
        await self.loop.run(self._pods)

    async def reconcile(self, key: str) -> Result | None:
        """Wait for the deletion of one pod, or take its mark back."""
        pod = self._pods.get(key)
        seconds = left(pod, self._clock.now()) if pod is not None else None
        if pod is None or seconds is None:
            return None
        if seconds:
            return Result(seconds)
        await take_back(self._client, pod, self._clock.now())
        return None


def _marked(change: Change[Pod]) -> Sequence[str]:
    pod = change.new
    if pod is None or not podstatus.condition_is_true(pod, podstatus.DISRUPTION_TARGET):
        return ()
    return (object_key(pod),)

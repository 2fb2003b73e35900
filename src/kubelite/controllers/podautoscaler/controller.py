"""Sizes workloads by what is measured of them, for each HorizontalPodAutoscaler.

What: the wiring of `plan`. Flow: every `sync_period` seconds, and when an autoscaler is new or its spec has changed: the target's
scale → its pods and metrics → plan → the scale written → status and events. Failures are told and tried again in the next round,
never faster. What was recommended and done is remembered by this process only.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kubelite.api.autoscaling.horizontal_pod_autoscaler import HORIZONTAL_POD_AUTOSCALER
from kubelite.api.types.autoscaling_v1 import Scale
from kubelite.api.types.autoscaling_v2 import (
    CrossVersionObjectReference,
    HorizontalPodAutoscaler,
    MetricSpec,
    MetricStatus,
)
from kubelite.client.controller import Controller, Result
from kubelite.client.errors import ConnectionFailed
from kubelite.client.informer import Change, Informer, object_key, split_key
from kubelite.controllers.context import Context
from kubelite.controllers.kinds import POD
from kubelite.controllers.podautoscaler.behavior import History, remember
from kubelite.controllers.podautoscaler.metrics import INTERNAL, NONE, SPEC, AutoscalerMetrics, action
from kubelite.controllers.podautoscaler.plan import Observed, Plan, measures, plan
from kubelite.controllers.podautoscaler.pods import Patience, Pod
from kubelite.controllers.podautoscaler.reader import MetricsReader
from kubelite.controllers.podautoscaler.replicas import Scene, Tolerances
from kubelite.controllers.podautoscaler.sources import Question, Sources
from kubelite.controllers.podautoscaler.status import ABLE, ACTIVE, Conditions, Failure, Found
from kubelite.controllers.scale import NoSuchKind, Scales
from kubelite.machinery import labels, quantity, times
from kubelite.machinery.errors import StatusError
from kubelite.util.log import get_logger

NAME = "horizontal-pod-autoscaler"
NO_SCALE = "the HPA controller was unable to get the target's current scale"
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """As the flags of the controller manager have them, in seconds and shares."""

    sync_period: float = 15.0
    downscale_stabilization: float = 300.0
    tolerance: float = 0.1
    cpu_initialization_period: float = 300.0
    initial_readiness_delay: float = 30.0


class _Stop(Exception):
    """This round is over; everything has been said. `blame` is whose fault it was, as metrics call it."""

    def __init__(self, message: str, blame: str = INTERNAL) -> None:
        super().__init__(message)
        self.blame = blame


class AutoscalerController:
    """See the module."""

    def __init__(self, context: Context, settings: Settings) -> None:
        self._client = context.client
        self._clock = context.clock
        self._settings = settings
        self._recorder = context.recorder(NAME)
        self._autoscalers: Informer[HorizontalPodAutoscaler] = context.informers.get(HORIZONTAL_POD_AUTOSCALER)
        self._scales = Scales(context.client, context.clock.monotonic)
        self._sources = Sources(MetricsReader(context.client, context.clock.monotonic), self._scales)
        self._metrics = AutoscalerMetrics(context.metrics, lambda: len(self._autoscalers))
        self._histories: dict[str, History] = {}
        self._selectors: dict[str, str] = {}
        self.loop = Controller(NAME, self.reconcile, workers=5, observe=context.observe)
        self.loop.watch(self._autoscalers, _changed)

    async def run(self) -> None:
        await self.loop.run(self._autoscalers)

    async def reconcile(self, key: str) -> Result | None:
        """One round of one autoscaler."""
        stored = self._autoscalers.get(key)
        if stored is None:
            self._histories.pop(key, None)
            self._selectors.pop(key, None)
            self._metrics.gone(*split_key(key))
            return None
        if stored.metadata.deletionTimestamp is None:
            await self._look(key, stored)
        return Result(self._settings.sync_period)

    async def _look(self, key: str, stored: HorizontalPodAutoscaler) -> None:
        look, start, blame = _Round(self, key, stored), self._clock.monotonic(), NONE
        try:
            await look.run()
        except (_Stop, ConnectionFailed, StatusError) as error:
            blame = error.blame if isinstance(error, _Stop) else INTERNAL
            log.info("An autoscaler could not act", autoscaler=key, error=str(error))
        self._metrics.looked(look.action, blame, self._clock.monotonic() - start)


class _Round:
    """One look at one autoscaler."""

    def __init__(self, parent: AutoscalerController, key: str, stored: HorizontalPodAutoscaler) -> None:
        self._parent = parent
        self._key = key
        self._stored = stored
        self._now = parent._clock.now()
        self._conditions = Conditions(stored.status.conditions, self._now)
        self.action = NONE

    async def run(self) -> None:
        """Raises _Stop where it ends early."""
        parent, stored = self._parent, self._stored
        scale, path = await self._scale()
        current = scale.spec.replicas or 0
        answers: list[Found | Failure] = []
        if measures(stored, current):
            answers = await self._measure(scale, current)
        history = parent._histories.get(self._key, History())
        window = parent._settings.downscale_stabilization
        decided = plan(Observed(stored, current, answers, history, self._now, window), self._conditions)
        parent._histories[self._key] = decided.history
        if decided.failure:
            await self._write(current, stored.status.desiredReplicas, decided.metrics, rescaled=False)
            self._event("FailedComputeMetricsReplicas", decided.failure)
            what = f"failed to compute desired number of replicas based on listed metrics for {self._reference()}"
            raise _Stop(f"{what}: {decided.failure}")
        if decided.rescale:
            await self._rescale(path, scale, current, decided)
        desired = decided.desired if decided.rescale else current
        parent._metrics.wants(stored.metadata.namespace, stored.metadata.name, desired)
        await self._write(current, desired, decided.metrics, rescaled=decided.rescale)
        if decided.complaint:
            raise _Stop(decided.complaint)

    def _target(self) -> CrossVersionObjectReference:
        return self._stored.spec.scaleTargetRef or CrossVersionObjectReference()

    def _reference(self) -> str:
        target = self._target()
        return f"{target.kind}/{self._stored.metadata.namespace}/{target.name}"

    async def _scale(self) -> tuple[Scale, str]:
        target, namespace = self._target(), self._stored.metadata.namespace
        version = target.apiVersion or "v1"
        try:
            if version.count("/") > 1:
                raise NoSuchKind(f"unexpected GroupVersion string: {version}")
            found = await self._parent._scales.get(version, target.kind, namespace, target.name)
        except (NoSuchKind, StatusError) as error:
            self._event("FailedGetScale", str(error))
            self._conditions.set(ABLE, False, "FailedGetScale", f"{NO_SCALE}: {error}")
            await self._write_conditions()
            blame = SPEC if isinstance(error, NoSuchKind) else INTERNAL
            raise _Stop(f"failed to query scale subresource for {self._reference()}: {error}", blame) from None
        text = "the HPA controller was able to get the target's current scale"
        self._conditions.set(ABLE, True, "SucceededGetScale", text)
        return found

    async def _measure(self, scale: Scale, current: int) -> list[Found | Failure]:
        selector = await self._selector(scale, current)
        namespace = self._stored.metadata.namespace
        listed = await self._parent._client.list(
            POD, namespace, type=Pod, label_selector=selector, resource_version="0"
        )
        await self._check_alone(listed.items, selector, current)
        settings = self._parent._settings
        patience = Patience(settings.cpu_initialization_period, settings.initial_readiness_delay)
        scene = Scene(current, listed.items, self._now, self._tolerances(), patience)
        question = Question(scene, namespace, selector, scale.status.replicas or 0)
        answers = [await self._ask(spec, question) for spec in self._stored.spec.metrics]
        for answer in answers:
            if isinstance(answer, Failure):
                self._event(answer.reason, answer.detail)
        return answers

    async def _ask(self, spec: MetricSpec, question: Question) -> Found | Failure:
        """What one metric asks for, which is nothing where it fails."""
        start = self._parent._clock.monotonic()
        answer = await self._parent._sources.propose(spec, question)
        failed, before = isinstance(answer, Failure), self._stored.status.currentReplicas or 0
        what = action(before, 0 if isinstance(answer, Failure) else answer.replicas)
        seconds = self._parent._clock.monotonic() - start
        self._parent._metrics.computed(spec.type, what, INTERNAL if failed else NONE, seconds)
        return answer

    async def _selector(self, scale: Scale, current: int) -> str:
        """The target's selector of pods."""
        text = scale.status.selector
        if not text:
            await self._refuse(current, "SelectorRequired", "selector is required", "InvalidSelector")
        try:
            labels.parse(text)
        except ValueError as error:
            message = f"couldn't convert selector into a corresponding internal selector object: {error}"
            await self._refuse(current, "InvalidSelector", message, "InvalidSelector")
        self._parent._selectors[self._key] = text
        return text

    async def _check_alone(self, pods: Sequence[Pod], selector: str, current: int) -> None:
        """Two autoscalers of the same pods would fight."""
        prefix = self._stored.metadata.namespace + "/"
        others = [
            key
            for key, text in self._parent._selectors.items()
            if key.startswith(prefix) and any(labels.parse(text).matches(pod.metadata.labels) for pod in pods)
        ]
        if len(others) > 1:
            found = " ".join(sorted(others))
            message = f"pods by selector {selector} are controlled by multiple HPAs: [{found}]"
            await self._refuse(current, "AmbiguousSelector", message, "AmbiguousSelector")

    async def _refuse(self, current: int, event: str, message: str, reason: str) -> None:
        self._event(event, message)
        shown = "the HPA target's scale is missing a selector" if event == "SelectorRequired" else message
        self._conditions.set(ACTIVE, False, reason, shown)
        status = self._stored.status
        await self._write(current, status.desiredReplicas, [], rescaled=False)
        self._event("FailedComputeMetricsReplicas", message)
        raise _Stop(message)

    def _tolerances(self) -> Tolerances:
        behavior, default = self._stored.spec.behavior, self._parent._settings.tolerance

        def one(rules: Any) -> float:
            given = rules.tolerance if rules is not None else None
            return default if given is None else quantity.milli(given) / 1000

        if behavior is None:
            return Tolerances(default, default)
        return Tolerances(one(behavior.scaleDown), one(behavior.scaleUp))

    async def _rescale(self, path: str, scale: Scale, current: int, decided: Plan) -> None:
        parent, desired = self._parent, decided.desired
        try:
            await parent._scales.resize(path, scale, desired)
        except StatusError as error:
            self._event("FailedRescale", f"New size: {desired}; reason: {decided.reason}; error: {error}")
            text = f"the HPA controller was unable to update the target scale: {error}"
            self._conditions.set(ABLE, False, "FailedUpdateScale", text)
            await self._write(current, self._stored.status.desiredReplicas, decided.metrics, rescaled=False)
            raise _Stop(f"failed to rescale {self._reference()}: {error}") from None
        text = f"the HPA controller was able to update the target scale to {desired}"
        self._conditions.set(ABLE, True, "SucceededRescale", text)
        self.action = action(current, desired)
        self._event("SuccessfulRescale", f"New size: {desired}; reason: {decided.reason}", "Normal")
        behavior = self._stored.spec.behavior
        history = remember(parent._histories[self._key], current, desired, behavior, self._now)
        parent._histories[self._key] = history

    async def _write_conditions(self) -> None:
        status = self._stored.status
        await self._write(status.currentReplicas, status.desiredReplicas, status.currentMetrics, rescaled=False)

    async def _write(
        self, current: int | None, desired: int | None, metrics: list[MetricStatus], *, rescaled: bool
    ) -> None:
        changed = copy.deepcopy(self._stored)
        status = changed.status
        status.currentReplicas, status.desiredReplicas = current, desired or 0
        status.currentMetrics = metrics
        status.conditions = self._conditions.list()
        if rescaled:
            status.lastScaleTime = times.now_text(self._now)
        if status == self._stored.status:
            return
        try:
            await self._parent._client.update(HORIZONTAL_POD_AUTOSCALER, changed, subresource="status")
        except StatusError as error:
            if error.code == 404:
                return
            self._event("FailedUpdateStatus", str(error))
            raise

    def _event(self, reason: str, message: str, type_: str = "Warning") -> None:
        self._parent._recorder.event(HORIZONTAL_POD_AUTOSCALER, self._stored, type_, reason, message)


def _changed(change: Change[HorizontalPodAutoscaler]) -> list[str]:
    """News only: our own writes of the status are none."""
    old, new = change
    if old is not None and new is not None and old.spec == new.spec:
        return []
    return [object_key(change.object)]

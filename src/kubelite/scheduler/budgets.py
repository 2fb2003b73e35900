"""Pod disruption budgets as preemption sees them: which pods may still be disrupted.

What: `Budgets` holds what PodDisruptionBudgets allow; `violating` splits pods by it. Why: a preemptor prefers victims that no
budget protects. Flow: the watch calls `set`/`remove` → `violating(pods)` in the order of importance: each pod that a budget
selects uses up one disruption, and what goes beyond is a violation. Upstream: defaultpreemption.filterPodsWithPDBViolation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import msgspec

from kubelite.api.types.meta_v1 import LabelSelector
from kubelite.machinery import labels as selectors
from kubelite.scheduler.pods import PodInfo

ALWAYS_ALLOW = "AlwaysAllow"


class Meta(msgspec.Struct, gc=False):
    name: str = ""
    namespace: str = ""
    resourceVersion: str = ""
    generation: int | None = None


class Spec(msgspec.Struct, gc=False):
    selector: LabelSelector | None = None
    unhealthyPodEvictionPolicy: str = ""


class Status(msgspec.Struct, gc=False):
    observedGeneration: int | None = None
    disruptionsAllowed: int | None = None
    currentHealthy: int | None = None
    desiredHealthy: int | None = None
    disruptedPods: dict[str, str] = msgspec.field(default_factory=dict)


class PodDisruptionBudget(msgspec.Struct, gc=False):
    """What preemption reads of a budget."""

    metadata: Meta
    spec: Spec = msgspec.field(default_factory=Spec)
    status: Status = msgspec.field(default_factory=Status)


@dataclass(frozen=True, slots=True)
class Budget:
    """One budget, ready for use."""

    key: str
    namespace: str
    selector: selectors.Selector
    allowed: int
    disrupted: frozenset[str]
    policy: str = ""
    """unhealthyPodEvictionPolicy"""
    healthy: bool = False
    """Enough of its pods are ready."""
    current: bool = True
    """The numbers are those of its present spec."""

    def selects(self, info: PodInfo) -> bool:
        meta = info.pod.metadata
        return meta.namespace == self.namespace and bool(meta.labels) and self.selector.matches(meta.labels)


class Budgets:
    """All budgets by namespace. Those with an empty or bad selector protect nothing."""

    def __init__(self) -> None:
        self._by_namespace: dict[str, dict[str, Budget]] = {}
        self._listeners: list[Callable[[Budget], None]] = []

    def on_change(self, listener: Callable[[Budget], None]) -> None:
        """`listener(budget)` is called with each budget that comes, changes (both forms) or goes."""
        self._listeners.append(listener)

    def set(self, budget: PodDisruptionBudget) -> None:
        self.remove(budget)
        meta, status = budget.metadata, budget.status
        if budget.spec.selector is None:
            return
        try:
            selector = selectors.from_label_selector(budget.spec.selector)
        except ValueError:
            return
        if selector.empty:
            return
        allowed, disrupted = status.disruptionsAllowed or 0, frozenset(status.disruptedPods)
        desired = status.desiredHealthy or 0
        made = Budget(
            f"{meta.namespace}/{meta.name}",
            meta.namespace,
            selector,
            allowed,
            disrupted,
            budget.spec.unhealthyPodEvictionPolicy,
            healthy=desired > 0 and (status.currentHealthy or 0) >= desired,
            current=(status.observedGeneration or 0) >= (meta.generation or 0),
        )
        self._by_namespace.setdefault(meta.namespace, {})[meta.name] = made
        self._tell(made)

    def remove(self, budget: PodDisruptionBudget) -> None:
        meta = budget.metadata
        there = self._by_namespace.get(meta.namespace, {})
        known = there.pop(meta.name, None)
        if known is not None:
            if not there:
                del self._by_namespace[meta.namespace]
            self._tell(known)

    def spend(self, budget: Budget, number: int) -> None:
        """So many disruptions of a budget are used up; given back, if less than none."""
        there = self._by_namespace.get(budget.namespace, {})
        name = budget.key.partition("/")[2]
        if name in there:
            there[name] = replace(there[name], allowed=there[name].allowed - number)
            self._tell(there[name])

    def selecting(self, info: PodInfo) -> list[Budget]:
        """The budgets that protect a pod."""
        there = self._by_namespace.get(info.pod.metadata.namespace, {})
        return [budget for budget in there.values() if budget.selects(info)]

    def violating(self, pods: Iterable[PodInfo]) -> tuple[list[PodInfo], list[PodInfo]]:
        """(pods whose going breaks a budget, the others), each in the given order."""
        breaking: list[PodInfo] = []
        fine: list[PodInfo] = []
        left: dict[str, int] = {}
        for info in pods:
            broken = False
            for budget in self._by_namespace.get(info.pod.metadata.namespace, {}).values():
                if not budget.selects(info) or info.pod.metadata.name in budget.disrupted:
                    continue
                left[budget.key] = left.get(budget.key, budget.allowed) - 1
                broken = broken or left[budget.key] < 0
            (breaking if broken else fine).append(info)
        return breaking, fine

    def _tell(self, budget: Budget) -> None:
        for listener in self._listeners:
            listener(budget)

"""Which nodes get a pod, which pods go: the decision of the DaemonSet controller.

What: `plan(Observed) -> Plan`, pure. Why: an update must never take more nodes away than it may. Flow: one pod on each node
that wants it → when that is so, old pods replaced, by deleting them first (maxUnavailable) or by starting new ones beside them
(maxSurge). Upstream: pkg/controller/daemon (podsShouldBeOnNode, rollingUpdate).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kubelite.api.apps.daemon_set import ROLLING_UPDATE, template_generation
from kubelite.api.logic import podstatus
from kubelite.api.types.apps_v1 import DaemonSet
from kubelite.controllers.daemonset.nodes import GENERATION, NEVER, Placement, Verdict, target_of
from kubelite.controllers.history import POD_LABEL
from kubelite.machinery.intorstr import scaled

BURST = 250


@dataclass(frozen=True, slots=True)
class Observed:
    """`pods` are those held; `hash` is the present revision's; failed pods of the nodes `held_back` must wait."""

    daemon_set: DaemonSet
    nodes: Sequence[Any]
    pods: Sequence[Any]
    hash: str
    now: datetime
    held_back: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Plan:
    """Nodes to get a pod and pods to delete; `failed` and `succeeded` are those of `delete` that have ended."""

    create: tuple[str, ...] = ()
    delete: tuple[Any, ...] = ()
    failed: tuple[Any, ...] = ()
    succeeded: tuple[Any, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.create or self.delete)


@dataclass(slots=True)
class _Draft:
    create: list[str] = field(default_factory=list)
    delete: list[Any] = field(default_factory=list)
    failed: list[Any] = field(default_factory=list)
    succeeded: list[Any] = field(default_factory=list)

    def plan(self) -> Plan:
        chosen = tuple(self.delete[:BURST])
        uids = {pod.metadata.uid for pod in chosen}
        failed = tuple(pod for pod in self.failed if pod.metadata.uid in uids)
        succeeded = tuple(pod for pod in self.succeeded if pod.metadata.uid in uids)
        return Plan(tuple(self.create[:BURST]), chosen, failed, succeeded)


class View:
    """The verdict of each node and the pods for it."""

    def __init__(self, observed: Observed) -> None:
        self.observed = observed
        placement = Placement(observed.daemon_set)
        self.verdicts: dict[str, Verdict] = {node.metadata.name: placement.verdict(node) for node in observed.nodes}
        self.pods: dict[str, list[Any]] = {}
        for pod in sorted(observed.pods, key=_age):
            if podstatus.is_terminal(pod) and podstatus.is_terminating(pod):
                continue  # it only waits for its finalizers
            node = target_of(pod)
            if node:
                self.pods.setdefault(node, []).append(pod)
        self._generation = str(template_generation(observed.daemon_set))

    def is_updated(self, pod: Any) -> bool:
        """Whether the pod is of the present revision."""
        labels = pod.metadata.labels
        return bool(labels.get(POD_LABEL) == self.observed.hash or labels.get(GENERATION) == self._generation)

    def is_available(self, pod: Any) -> bool:
        return podstatus.is_available(pod, self.observed.daemon_set.spec.minReadySeconds or 0, self.observed.now)


def _age(pod: Any) -> tuple[bool, str, str]:
    """Bound pods first, then older ones."""
    return not pod.spec.nodeName, pod.metadata.creationTimestamp or "", pod.metadata.name


def plan(observed: Observed) -> Plan:
    """One pod for each node first; what is old is replaced when that is so."""
    if observed.daemon_set.metadata.deletionTimestamp is not None:
        return Plan()
    view = View(observed)
    present = _manage(view)
    if present or observed.daemon_set.spec.updateStrategy.type != ROLLING_UPDATE:
        return present
    return _update(view)


def _manage(view: View) -> Plan:
    draft = _Draft()
    for name, verdict in view.verdicts.items():
        pods = view.pods.get(name, [])
        if verdict.run and not pods:
            draft.create.append(name)
        elif verdict.stay:
            _tidy(view, name, pods, draft)
        else:
            draft.delete += [pod for pod in pods if not podstatus.is_terminating(pod)]
    for name, pods in view.pods.items():
        if name not in view.verdicts:
            # The node is gone: pods that wait for it would wait for ever. Bound ones are the pod garbage collector's.
            draft.delete += [pod for pod in pods if not pod.spec.nodeName and not podstatus.is_terminating(pod)]
    return draft.plan()


def _tidy(view: View, node: str, pods: Sequence[Any], draft: _Draft) -> None:
    """Delete what has ended and what is too many on a node."""
    running = []
    for pod in pods:
        if podstatus.is_terminating(pod):
            continue
        if pod.status.phase == podstatus.FAILED:
            if node not in view.observed.held_back:
                draft.delete.append(pod)
                draft.failed.append(pod)
        elif pod.status.phase == podstatus.SUCCEEDED:
            draft.delete.append(pod)
            draft.succeeded.append(pod)
        else:
            running.append(pod)
    if len(running) > 1:
        draft.delete += _surge_excess(view, running) if _surges(view.observed.daemon_set) else running[1:]


def _surge_excess(view: View, running: Sequence[Any]) -> list[Any]:
    """A node may have two pods while the new one is not available and the old one is ready."""
    new = [pod for pod in running if pod.metadata.labels.get(POD_LABEL) == view.observed.hash]
    old = [pod for pod in running if pod not in new]
    excess = [*new[1:], *old[1:]]
    if new and old and (not podstatus.is_ready(old[0]) or view.is_available(new[0])):
        excess.append(old[0])
    return excess


def _surges(daemon_set: DaemonSet) -> bool:
    rolling = daemon_set.spec.updateStrategy.rollingUpdate
    value = rolling.maxSurge if rolling is not None else None
    return daemon_set.spec.updateStrategy.type == ROLLING_UPDATE and bool(scaled(value or 0, 100, round_up=True))


def limits(daemon_set: DaemonSet, nodes: int) -> tuple[int, int]:
    """(maxSurge, maxUnavailable) for so many nodes; not both are 0."""
    rolling = daemon_set.spec.updateStrategy.rollingUpdate
    surge = scaled((rolling.maxSurge if rolling is not None else None) or 0, nodes, round_up=True)
    value = rolling.maxUnavailable if rolling is not None else None
    unavailable = scaled(1 if value is None else value, nodes, round_up=True)
    if nodes and not surge and not unavailable:
        unavailable = 1
    return surge, unavailable


def _pair(view: View, pods: Sequence[Any]) -> tuple[Any, Any, bool]:
    """(the new pod, the old pod, False if there is more than one of a kind)."""
    living = [pod for pod in pods if not podstatus.is_terminating(pod)]
    new = [pod for pod in living if view.is_updated(pod)]
    old = [pod for pod in living if not view.is_updated(pod)]
    if len(new) > 1 or len(old) > 1:
        return None, None, False
    return (new[0] if new else None), (old[0] if old else None), True


def _update(view: View) -> Plan:
    desired = sum(verdict.run for verdict in view.verdicts.values())
    surge, unavailable = limits(view.observed.daemon_set, desired)
    nodes = sorted(view.pods)
    return _by_surge(view, nodes, surge) if surge else _by_deletion(view, nodes, unavailable)


def _by_deletion(view: View, nodes: Sequence[str], most: int) -> Plan:
    away, broken, candidates = 0, [], []
    for name in nodes:
        new, old, clear = _pair(view, view.pods[name])
        if not clear or (new is None) == (old is None):
            away += 1  # the first stage will see to it
        elif new is not None:
            away += not view.is_available(new)
        elif not view.is_available(old):
            broken.append(old)
            away += 1
        else:
            candidates.append(old)
    return _Draft(delete=broken + candidates[: max(most - away, 0)]).plan()


def _by_surge(view: View, nodes: Sequence[str], most: int) -> Plan:
    surged, delete = 0, []
    broken: list[str] = []
    candidates: list[str] = []
    for name in nodes:
        new, old, clear = _pair(view, view.pods[name])
        if not clear:
            surged += 1
        elif old is None:
            continue
        elif new is not None:
            if view.is_available(new):
                delete.append(old)
            else:
                surged += 1
        elif not view.verdicts.get(name, NEVER).run:
            continue  # the old pod may stay, but nothing new comes here
        elif view.is_available(old):
            candidates.append(name)
        else:
            broken.append(name)
    return _Draft(create=broken + candidates[: max(most - surged, 0)], delete=delete).plan()

"""What would happen: pods that come, nodes that are drained, lost or tainted, on a `Simulation`. Nothing is written anywhere.

What: `Forecast(simulation)`; the actions take pods off nodes and queue those that their controllers would make again, `run()`
places all that wait. Why: pure, so that predictions can be compared with what the running scheduler then does. Flow: action →
`waiting` → rounds: each pod in the order of the queue (priority, then arrival) → placed, or a promise with victims, or it waits →
victims go → the next round, until nothing changes. All pods count as having come at once; ties go to the first node by name and
are told (`Outcome.equal`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from kubelite.api.logic import taints
from kubelite.api.types.core_v1 import Taint
from kubelite.scheduler.framework import Preemption
from kubelite.scheduler.offline import Simulation, Verdict
from kubelite.scheduler.pods import Meta, Node, Owner, Pod, PodInfo, Status, pod_info

ROUNDS = 50
REMADE = ("ReplicaSet", "ReplicationController", "StatefulSet", "Job")
STAYING = ("DaemonSet", "Node")
"""Controllers whose pods a drain leaves alone; Node: static pods."""
SUFFIX = "-again"
Choose = Callable[[PodInfo, tuple[str, ...]], str]


@dataclass(slots=True)
class Outcome:
    """What becomes of one pod."""

    pod: str
    node: str = ""
    """Where it goes, "" if it stays Pending."""
    equal: tuple[str, ...] = ()
    """Nodes as good as `node`: the scheduler takes any of them."""
    why: str = ""
    """Why it stays Pending."""
    instead_of: str = ""
    """The node that it leaves."""
    victims: tuple[str, ...] = ()
    """Pods that are preempted for it."""


@dataclass(slots=True)
class Result:
    """Everything that would happen."""

    pods: list[Outcome] = field(default_factory=list)
    blocked: dict[str, str] = field(default_factory=dict)
    """Pods that a drain cannot evict → why."""
    gone: list[str] = field(default_factory=list)
    """Pods that nobody makes again."""
    stay: list[str] = field(default_factory=list)
    """Pods of daemon sets, and static pods, which stay on a drained node."""
    preempted: dict[str, str] = field(default_factory=dict)
    """Victims → the pod that they go for."""

    @property
    def depends_on_timing(self) -> bool:
        """Several pods preempt at once: who gets which room depends on which victims stop first."""
        return len(set(self.preempted.values())) > 1


class Forecast:
    """One question about one simulation, which is used up by it."""

    def __init__(self, simulation: Simulation, choose: Choose | None = None, choose_room: Choose | None = None) -> None:
        """`choose` breaks ties between nodes, `choose_room` those between nodes to preempt on; else the first name."""
        self.simulation, self.result = simulation, Result()
        self.choose: Choose = choose or (lambda info, equal: equal[0])
        self.choose_room: Choose = choose_room or (lambda info, equal: equal[0])
        self.waiting: list[PodInfo] = list(simulation.pending.values())
        self._left: dict[str, str] = {}
        self._budget: dict[str, int] = {}

    # actions

    def apply(self, pods: Iterable[dict[str, Any]]) -> None:
        """These pods are created."""
        for manifest in pods:
            info = pod_info(msgspec.convert(manifest, Pod))
            self.waiting = [other for other in self.waiting if other.key != info.key]
            self.waiting.append(info)

    def cordon(self, name: str) -> None:
        """The node takes no new pods. Raises KeyError for a node that is not there."""
        node = self._node(name)
        taint = Taint(key=taints.UNSCHEDULABLE, effect=taints.NO_SCHEDULE)
        kept = [one for one in node.spec.taints if one.key != taints.UNSCHEDULABLE]
        spec = msgspec.structs.replace(node.spec, unschedulable=True, taints=[*kept, taint])
        self.simulation.world.nodes.set_node(msgspec.structs.replace(node, spec=spec))

    def drain(self, name: str) -> None:
        """The node is cordoned and its pods are evicted, as far as their disruption budgets allow."""
        self.cordon(name)
        for info in self._on(name):
            if _controller(info) in STAYING:
                self.result.stay.append(info.key)
                continue
            why = self._forbids(info)
            if why:
                self.result.blocked[info.key] = why
            else:
                self._leave(info, name)

    def lose(self, name: str) -> None:
        """The node is gone, with all that ran there; budgets do not count."""
        self._node(name)
        for info in self._on(name):
            self._leave(info, name, quiet=_controller(info) in STAYING)
        self.simulation.world.nodes.remove_node(name)

    def taint(self, name: str, key: str, value: str, effect: str, *, remove: bool = False) -> None:
        """A taint comes (or goes); NoExecute drives out the pods that do not tolerate it."""
        node = self._node(name)
        kept = [one for one in node.spec.taints if one.key != key or (effect and one.effect != effect)]
        new = Taint(key=key, value=value, effect=effect)
        spec = msgspec.structs.replace(node.spec, taints=kept if remove else [*kept, new])
        self.simulation.world.nodes.set_node(msgspec.structs.replace(node, spec=spec))
        if remove or effect != taints.NO_EXECUTE:
            return
        for info in self._on(name):
            if not taints.tolerated(new, info.tolerations) and _controller(info) != "Node":
                self._leave(info, name)

    def _node(self, name: str) -> Node:
        table = self.simulation.world.nodes
        found = table.objects[table.index[name]]
        if found is None:
            raise KeyError(name)
        return found

    def _on(self, name: str) -> list[PodInfo]:
        table = self.simulation.world.nodes
        return sorted(table.pods[table.index[name]].values(), key=lambda info: info.key)

    def _forbids(self, info: PodInfo) -> str:
        """Why the pod may not be evicted, "" if it may; one that may uses up its budget."""
        if info.pod.status.phase == "Pending":
            return ""
        found = self.simulation.world.budgets.selecting(info)
        if len(found) > 1:
            return "it has more than one disruption budget, which the eviction API does not support"
        for budget in found:
            left = self._budget.get(budget.key, budget.allowed)
            if left <= 0:
                return f"the disruption budget {budget.key.partition('/')[2]} allows no more disruptions"
            self._budget[budget.key] = left - 1
        return ""

    def _leave(self, info: PodInfo, node: str, *, quiet: bool = False) -> None:
        """The pod leaves its node; its controller makes another, unless it has done so as the pod was on its way out."""
        self.simulation.world.nodes.remove_pod(info, node)
        if info.pod.metadata.deletionTimestamp is not None:
            return
        if _controller(info) in REMADE:
            again = _again(info)
            self._left[again.key] = node
            self.waiting.append(again)
        elif not quiet:
            self.result.gone.append(info.key)

    # placing

    def run(self) -> Result:
        """Places what waits; call it once."""
        queue = sorted(self.waiting, key=lambda info: -info.priority)
        outcomes = {info.key: Outcome(info.key, instead_of=self._left.get(info.key, "")) for info in queue}
        for _ in range(ROUNDS):
            queue, progress = self._round(queue, outcomes)
            if not queue or not progress:
                break
        self.result.pods = list(outcomes.values())
        return self.result

    def _round(self, queue: list[PodInfo], outcomes: dict[str, Outcome]) -> tuple[list[PodInfo], bool]:
        """(the pods that still wait, whether anything changed)."""
        rest: list[PodInfo] = []
        leaving: list[tuple[Preemption, PodInfo]] = []
        placed = False
        for info in queue:
            verdict = self.simulation.judge(info, by_node=False)
            outcome = outcomes[info.key]
            if verdict.node:
                self._place(info, verdict, outcome)
                placed = True
                continue
            outcome.why = verdict.message
            rest.append(info)
            if verdict.preemption is not None:
                rooms = {one.node: one for one in verdict.rooms or (verdict.preemption,)}
                preemption = rooms[self.choose_room(info, tuple(rooms))]
                outcome.equal = tuple(rooms) if len(rooms) > 1 else ()
                self.simulation.promise(info, preemption)
                leaving.append((preemption, info))
        for preemption, preemptor in leaving:
            rest += self._preempt(preemption, preemptor, outcomes)
        return sorted(rest, key=lambda info: -info.priority), bool(leaving) or placed

    def _place(self, info: PodInfo, verdict: Verdict, outcome: Outcome) -> None:
        equal = verdict.equal or (verdict.node,)
        outcome.node, outcome.why = self.choose(info, equal), ""
        if len(equal) > 1:
            outcome.equal = equal
        self.simulation.settle(info, outcome.node)

    def _preempt(self, preemption: Preemption, by: PodInfo, outcomes: dict[str, Outcome]) -> list[PodInfo]:
        """The victims go; those that are made again wait with the others."""
        again = []
        going = [victim for victim in preemption.victims if victim.key not in self.result.preempted]
        self.simulation.evict(going, preemption.node)
        for victim in going:
            self.result.preempted[victim.key] = by.key
            if _controller(victim) in REMADE:
                new = _again(victim)
                outcomes[new.key] = Outcome(new.key, instead_of=preemption.node)
                again.append(new)
        outcomes[by.key].victims += tuple(victim.key for victim in going)
        return again


def _controller(info: PodInfo) -> str:
    return next((owner.kind for owner in info.pod.metadata.ownerReferences if owner.controller), "")


def _again(info: PodInfo) -> PodInfo:
    """The pod that the controller makes in place of this one; only a StatefulSet gives it the same name."""
    pod, meta = info.pod, info.pod.metadata
    name = meta.name if _controller(info) == "StatefulSet" else f"{meta.name}{SUFFIX}"
    owners: list[Owner] = meta.ownerReferences
    fresh = Meta(
        name=name, namespace=meta.namespace, uid=f"{meta.uid}{SUFFIX}", labels=meta.labels, ownerReferences=owners
    )
    spec = msgspec.structs.replace(pod.spec, nodeName="")
    return pod_info(Pod(metadata=fresh, spec=spec, status=Status()))

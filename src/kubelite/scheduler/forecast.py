"""What would happen: pods that come, nodes that are drained, lost or tainted, on a `Simulation`. Nothing is written anywhere.

What: `Forecast(simulation)`; the actions take pods off nodes and queue those that their controllers would make again, `run()`
places all that wait. Why: pure, so that predictions can be compared with what the running scheduler then does. Flow: action →
`waiting` → rounds: each pod in the order of the queue (priority, then arrival) → placed, or a promise with victims, or it waits →
victims go → the next round, until nothing changes → what leaves later (`tolerationSeconds`, budgets that recover) leaves, and so
on. Pods count as having come at once; ties go to the first node by name and are told (`Outcome.equal`). Who makes which pod again
is asked of `again`, as only somebody who knows the controllers can tell; what dice and clocks decide is asked of `Choices`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from kubelite.api.logic import podstatus, taints
from kubelite.api.types.core_v1 import Taint
from kubelite.scheduler.budgets import ALWAYS_ALLOW, Budget
from kubelite.scheduler.framework import Preemption
from kubelite.scheduler.offline import Simulation, Verdict
from kubelite.scheduler.pods import Meta, Node, Owner, Pod, PodInfo, Status, pod_info

ROUNDS = 50
ALL = 1 << 30
REMADE = ("ReplicaSet", "ReplicationController", "StatefulSet", "Job")
STAYING = ("DaemonSet", "Node")
"""Controllers whose pods a drain leaves alone; Node: static pods."""
SUFFIX = "-again"
NOBODY = "nobody makes it again"
Again = Callable[[PodInfo], PodInfo | str]
"""The pod that comes in place of one that goes, or why none does."""


def by_priority(queue: list[PodInfo]) -> list[PodInfo]:
    """Pods that came at once in the order in which the scheduler takes them up."""
    return sorted(queue, key=lambda info: -info.priority)


@dataclass(frozen=True, slots=True)
class Choices:
    """What nobody can know before: whoever has seen it happen may say it."""

    node: Callable[[PodInfo, Sequence[str]], str] = lambda info, equal: equal[0]
    """Of nodes that are equally good, else the first name."""
    room: Callable[[PodInfo, Sequence[str]], str] = lambda info, equal: equal[0]
    """Of nodes that are equally good to preempt on."""
    order: Callable[[list[PodInfo]], list[PodInfo]] = by_priority
    """In which order the scheduler takes up those that wait."""
    stay: Callable[[PodInfo], int | None] = lambda info: None
    """For how many more pods the scheduler finds something until the victims of this one are gone; else (None) all have their
    turn, unless the victims have no grace."""


@dataclass(slots=True)
class Outcome:
    """What becomes of one pod."""

    pod: str
    node: str = ""
    """Where it goes, "" if it stays Pending."""
    equal: Sequence[str] = ()
    """Nodes as good as `node`: the scheduler takes any of them."""
    why: str = ""
    """Why it stays Pending."""
    instead_of: str = ""
    """The node that it leaves."""
    victims: tuple[str, ...] = ()
    """Pods that are preempted for it."""
    after: float = 0.0
    """Seconds that the pod that goes may still stay (tolerationSeconds)."""
    once: str = ""
    """The budget that has to recover before the pod may go."""


@dataclass(slots=True)
class Result:
    """Everything that would happen."""

    pods: list[Outcome] = field(default_factory=list)
    blocked: dict[str, str] = field(default_factory=dict)
    """Pods that a drain cannot evict → why."""
    gone: dict[str, str] = field(default_factory=dict)
    """Pods that do not come again → why."""
    stay: list[str] = field(default_factory=list)
    """Pods of daemon sets, and static pods, which stay on a drained node."""
    preempted: dict[str, str] = field(default_factory=dict)
    """Victims → the pod that they go for."""
    meanwhile: bool = False
    """A pod got its place before the victims of a preemption were gone."""

    @property
    def depends_on_timing(self) -> bool:
        """Who gets which room depends on when victims stop: several pods preempt, or others get places meanwhile."""
        return len(set(self.preempted.values())) > 1 or self.meanwhile


@dataclass(slots=True, eq=False)
class _Leaving:
    """A preemption whose victims have not gone."""

    preemption: Preemption
    by: PodInfo
    stay: int


class Forecast:
    """One question about one simulation, which is used up by it."""

    def __init__(
        self,
        simulation: Simulation,
        choices: Choices | None = None,
        again: Again | None = None,
        more: Callable[[], list[PodInfo]] | None = None,
    ) -> None:
        """`more`: pods that come because others have gone, asked until there are none."""
        self.simulation, self.result = simulation, Result()
        self.choices = choices or Choices()
        self.again: Again = again or by_controller
        self.more: Callable[[], list[PodInfo]] = more or list
        self.waiting: list[PodInfo] = list(simulation.pending.values())
        self._outcomes: dict[str, Outcome] = {}
        self._left: dict[str, Outcome] = {}
        """What is known of pods that come in place of others, before they are placed."""
        self._budget: dict[str, int] = {}
        self._protecting: dict[str, Budget] = {}
        self._waits: dict[str, tuple[PodInfo, Budget, str]] = {}
        """Pods that a budget keeps from being evicted now."""
        self._evicted: dict[str, list[str]] = {}
        """Budget → the pods that came in place of those that used it up."""
        self._late: list[tuple[float, PodInfo, str]] = []
        """(seconds, pod, node) of pods that leave later."""

    # actions

    def apply(self, pods: Iterable[dict[str, Any]]) -> None:
        """These pods are created."""
        for manifest in pods:
            info = pod_info(msgspec.convert(manifest, Pod))
            self.waiting = [other for other in self.waiting if other.key != info.key]
            self.waiting.append(info)

    def drop(self, info: PodInfo, why: str) -> None:
        """A pod that waits is taken away."""
        self.waiting = [other for other in self.waiting if other.key != info.key]
        self.simulation.pending.pop(info.key, None)
        self.result.gone[info.key] = why
        self.again(info)  # nothing comes; what the pod used is free

    def cordon(self, name: str) -> None:
        """The node takes no new pods. Raises KeyError for a node that is not there."""
        node = self._node(name)
        taint = Taint(key=taints.UNSCHEDULABLE, effect=taints.NO_SCHEDULE)
        kept = [one for one in node.spec.taints if one.key != taints.UNSCHEDULABLE]
        spec = msgspec.structs.replace(node.spec, unschedulable=True, taints=[*kept, taint])
        self.simulation.world.nodes.set_node(msgspec.structs.replace(node, spec=spec))

    def drain(self, name: str) -> None:
        """The node is cordoned and its pods are evicted, as their disruption budgets allow: now, or when they recover."""
        self.cordon(name)
        for info in self._on(name):
            if _controller(info) in STAYING:
                self.result.stay.append(info.key)
            elif info.pod.metadata.deletionTimestamp is not None:
                self._leave(info, name)
            else:
                self._evict(info, name)

    def lose(self, name: str) -> None:
        """The node is gone, with all that ran there; budgets do not count."""
        self._node(name)
        ended: list[PodInfo] = []
        for info in self._on(name):
            if _controller(info) in STAYING:
                self.simulation.world.nodes.remove_pod(info, name)
                ended.append(info)
            else:
                self._leave(info, name)
        self.simulation.world.nodes.remove_node(name)
        for info in ended:
            self.again(info)  # nothing comes, as the node is gone; what the pod used is free

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
            delay = taints.eviction_delay(spec.taints, info.tolerations)
            if delay is None or _controller(info) == "Node":
                continue
            if delay:
                self._late.append((delay, info, name))
            else:
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

    def _evict(self, info: PodInfo, node: str, *, once: str = "") -> bool:
        """As the eviction API: the pod goes if its budget allows; whether it does."""
        found = [] if info.pod.status.phase == podstatus.PENDING else self.simulation.world.budgets.selecting(info)
        if len(found) > 1:
            why = "it has more than one disruption budget, which the eviction API does not support"
            self.result.blocked[info.key] = why
            return False
        budget = found[0] if found else None
        if budget is None or _is_unhealthy_and_free(budget, info):
            self._leave(info, node, once=once)
            return True
        left = self._budget.setdefault(budget.key, budget.allowed if budget.current else 0)
        if left <= 0:
            name = budget.key.partition("/")[2]
            self.result.blocked[info.key] = f"the disruption budget {name} allows no more disruptions"
            self._waits[info.key] = info, budget, node
            return False
        self._budget[budget.key] = left - 1
        self._protecting[budget.key] = budget
        self.simulation.world.budgets.spend(budget, 1)  # who preempts now finds less
        came = self._leave(info, node, once=once)
        if came:
            self._evicted.setdefault(budget.key, []).append(came)
        return True

    def _recovered(self) -> bool:
        """Evicts what budgets allow again, as what came in place of earlier pods runs elsewhere; whether any pod went."""
        for key, names in self._evicted.items():
            running = [name for name in names if name in self._outcomes and self._outcomes[name].node]
            self._budget[key] += len(running)
            self.simulation.world.budgets.spend(self._protecting[key], -len(running))
            self._evicted[key] = [name for name in names if name not in running]
        went = False
        for key, (info, budget, node) in list(self._waits.items()):
            if self._budget[budget.key] > 0:
                del self._waits[key], self.result.blocked[key]
                went = self._evict(info, node, once=budget.key.partition("/")[2]) or went
        return went

    def _expired(self) -> bool:
        """Those leave that may stay the shortest; whether there were any."""
        if not self._late:
            return False
        first = min(delay for delay, _, _ in self._late)
        now, self._late = ([one for one in self._late if (one[0] == first) is soon] for soon in (True, False))
        for delay, info, node in now:
            self._leave(info, node, after=delay)
        return True

    def _leave(self, info: PodInfo, node: str, *, after: float = 0.0, once: str = "") -> str:
        """The pod leaves its node. The key of the one that comes in its place; "" if none does, or has done so before."""
        self.simulation.world.nodes.remove_pod(info, node)
        if info.pod.metadata.deletionTimestamp is not None:
            return ""
        made = self.again(info)
        if isinstance(made, str):
            self.result.gone[info.key] = made
            return ""
        self._left[made.key] = Outcome(made.key, instead_of=node, after=after, once=once)
        self.waiting.append(made)
        return made.key

    # placing

    def run(self) -> Result:
        """Places what waits; call it once."""
        self._place_all()
        while self._expired() or self._recovered() or self._grown():
            self._place_all()
        self.result.pods = list(self._outcomes.values())
        return self.result

    def _grown(self) -> bool:
        new = self.more()
        self.waiting += new
        return bool(new)

    def _place_all(self) -> None:
        queue = self.choices.order(self.waiting)
        for info in queue:
            if info.key not in self._outcomes:
                self._outcomes[info.key] = self._left.pop(info.key, Outcome(info.key))
        for _ in range(ROUNDS):
            queue, progress = self._round(queue, self._outcomes)
            if not queue or not progress:
                break
        self.waiting = queue

    def _round(self, queue: list[PodInfo], outcomes: dict[str, Outcome]) -> tuple[list[PodInfo], bool]:
        """(the pods that still wait, whether anything changed)."""
        rest: list[PodInfo] = []
        leaving: list[_Leaving] = []
        progress = False
        for info in queue:
            verdict = self.simulation.judge(info, by_node=False)
            outcome = outcomes[info.key]
            if not verdict.node:
                outcome.why = verdict.message
                rest.append(info)
                if verdict.preemption is None:
                    continue
            progress = True
            for one in leaving:
                one.stay -= 1
            if verdict.node:
                self.result.meanwhile = self.result.meanwhile or bool(leaving)
                self._place(info, verdict, outcome)
            else:
                leaving.append(self._promise(info, verdict, outcome))
            rest += self._gone(leaving, outcomes)
        rest += self._gone(leaving, outcomes, everybody=True)
        return self.choices.order(rest), progress

    def _promise(self, info: PodInfo, verdict: Verdict, outcome: Outcome) -> _Leaving:
        assert verdict.preemption is not None
        rooms = {one.node: one for one in verdict.rooms or (verdict.preemption,)}
        preemption = rooms[self.choices.room(info, tuple(rooms))]
        outcome.equal = tuple(rooms) if len(rooms) > 1 else ()
        self.simulation.promise(info, preemption)
        stay = self.choices.stay(info)
        if stay is None:
            at_once = all(one.pod.spec.terminationGracePeriodSeconds == 0 for one in preemption.victims)
            stay = 0 if at_once else ALL
        return _Leaving(preemption, info, stay)

    def _gone(self, leaving: list[_Leaving], outcomes: dict[str, Outcome], *, everybody: bool = False) -> list[PodInfo]:
        """Takes away the victims that have stopped; what is made in their place."""
        found = []
        for one in [one for one in leaving if everybody or one.stay <= 0]:
            leaving.remove(one)
            found += self._preempt(one.preemption, one.by, outcomes)
        return found

    def _place(self, info: PodInfo, verdict: Verdict, outcome: Outcome) -> None:
        equal = verdict.equal or (verdict.node,)
        outcome.node, outcome.why = self.choices.node(info, equal), ""
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
            new = self.again(victim)
            if not isinstance(new, str):
                outcomes[new.key] = Outcome(new.key, instead_of=preemption.node)
                again.append(new)
        outcomes[by.key].victims += tuple(victim.key for victim in going)
        return again


def _controller(info: PodInfo) -> str:
    return next((owner.kind for owner in info.pod.metadata.ownerReferences if owner.controller), "")


def _is_unhealthy_and_free(budget: Budget, info: PodInfo) -> bool:
    """Whether a pod that is not ready may go without using up a disruption (unhealthyPodEvictionPolicy)."""
    return not podstatus.is_ready(info.pod) and (budget.policy == ALWAYS_ALLOW or budget.healthy)


def by_controller(info: PodInfo) -> PodInfo | str:
    """The same pod anew, if a controller of a kind that does so has made it."""
    return again(info) if _controller(info) in REMADE else NOBODY


def again(info: PodInfo) -> PodInfo:
    """The pod that the controller makes in place of this one; only a StatefulSet gives it the same name."""
    pod, meta = info.pod, info.pod.metadata
    name = meta.name if _controller(info) == "StatefulSet" else f"{meta.name}{SUFFIX}"
    owners: list[Owner] = meta.ownerReferences
    fresh = Meta(
        name=name, namespace=meta.namespace, uid=f"{meta.uid}{SUFFIX}", labels=meta.labels, ownerReferences=owners
    )
    spec = msgspec.structs.replace(pod.spec, nodeName="")
    return pod_info(Pod(metadata=fresh, spec=spec, status=Status()))

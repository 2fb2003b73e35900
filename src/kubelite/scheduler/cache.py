"""What the scheduler believes: nodes, placed pods and pending ones, fed by watches and by its own decisions.

What: `Cache` turns changes of pods and nodes into updates of the columns and of the queue. Why: a pod that was just placed must
count at once, before the API server tells of it ("assumed"); when the binding fails it is forgotten again. A pod that others make
room for is promised its node, which counts as well (`nominations`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from kubelite.scheduler import events
from kubelite.scheduler.cycle import Scheduler
from kubelite.scheduler.framework import World
from kubelite.scheduler.pods import Node, Pod, PodInfo, pod_info
from kubelite.scheduler.profile import Profile, default_profile
from kubelite.scheduler.queue import PendingPods


@dataclass(slots=True)
class Placed:
    """A pod that counts on a node. `confirmed`: the API server says so too."""

    info: PodInfo
    node: str
    confirmed: bool


class Cache:
    """Everything that decides, in one place. All methods are synchronous; times are monotonic seconds."""

    def __init__(
        self,
        profiles: Iterable[Profile] = (),
        pending: PendingPods | None = None,
        make: Callable[[World, Profile], Scheduler] = Scheduler,
    ) -> None:
        self.world = World()
        self.nodes = self.world.nodes
        self.schedulers = {p.name: make(self.world, p) for p in (*profiles,) or (default_profile(),)}
        self.pending = PendingPods() if pending is None else pending
        self.placed: dict[str, Placed] = {}
        for name, scheduler in self.schedulers.items():
            self.pending.hints.register(name, scheduler.profile.filters)

    @property
    def scheduler(self) -> Scheduler:
        """That of the first profile."""
        return next(iter(self.schedulers.values()))

    def node_changed(self, old: Node | None, new: Node | None, now: float) -> None:
        if new is None:
            if old is not None:
                self.nodes.remove_node(old.metadata.name)
                # A domain less can be one that lagged behind.
                self.pending.happened(events.NODE_DELETE, now, old, None)
            return
        self.nodes.set_node(new)
        if old is None:
            self.world.nominations.node_came(new.metadata.name)
            self.pending.happened(events.NODE_ADD, now, None, new)
            return
        if old.status.allocatable != new.status.allocatable:
            self.pending.happened(events.NODE_ALLOCATABLE, now, old, new)
        if old.metadata.labels != new.metadata.labels:
            self.pending.happened(events.NODE_LABEL, now, old, new)
        if old.spec.taints != new.spec.taints or old.spec.unschedulable != new.spec.unschedulable:
            self.pending.happened(events.NODE_TAINT, now, old, new)
        if old.status.declaredFeatures != new.status.declaredFeatures:
            self.pending.happened(events.NODE_FEATURES, now, old, new)

    def pod_changed(self, old: Pod | None, new: Pod | None, now: float) -> None:
        if new is None:
            if old is not None:
                self.pod_gone(old, now)
            return
        placed = self.placed.get(_key(new))
        if placed is not None and placed.info.uid != new.metadata.uid:
            # Another pod took the name: the deletion in between was not seen.
            self.pod_gone(placed.info.pod, now)
            placed = None
        if new.spec.nodeName:
            self.pod_placed(new, now)
        elif self.wants(new):
            if placed is None:
                self._pending(old, new, now)
        else:
            self.world.nominations.drop(_key(new))
            self.pending.remove(_key(new))

    def wants(self, pod: Pod) -> bool:
        """Whether the pod waits for this scheduler."""
        return (
            pod.spec.schedulerName in self.schedulers
            and pod.metadata.deletionTimestamp is None
            and pod.status.phase not in ("Succeeded", "Failed")
        )

    def _pending(self, old: Pod | None, new: Pod, now: float) -> None:
        info = pod_info(new)
        before, after = old.status.nominatedNodeName if old is not None else "", new.status.nominatedNodeName
        if after and after != before:
            self.world.nominations.promise(info, after)
        elif before and not after:
            self.world.nominations.drop(info.key)
        if new.spec.schedulingGates and self.schedulers[new.spec.schedulerName].profile.gates:
            self.pending.gate(info)
        else:
            self.pending.add(info, now)

    def pod_placed(self, pod: Pod, now: float) -> None:
        key = _key(pod)
        self.pending.remove(key)
        self.world.nominations.drop(key)
        known = self.placed.get(key)
        if known is not None and known.node == pod.spec.nodeName and not _counts_differently(known.info.pod, pod):
            if not known.confirmed:
                known.confirmed = True
                self.pending.happened(events.POD_ADD, now, None, known.info)
            return
        if known is not None:
            self.nodes.remove_pod(known.info, known.node)
        info = pod_info(pod)
        self.placed[key] = Placed(info, pod.spec.nodeName, True)
        self.nodes.add_pod(info, pod.spec.nodeName)
        if known is None or known.node != pod.spec.nodeName:
            self.pending.happened(events.POD_ADD, now, None, info)
            return
        if any(info.requests.get(name, 0) < number for name, number in known.info.requests.items()):
            self.pending.happened(events.POD_SCALED_DOWN, now, known.info, info)
        before, after = known.info.pod.metadata, pod.metadata
        if before.labels != after.labels or before.deletionTimestamp != after.deletionTimestamp:
            self.pending.happened(events.POD_LABEL, now, known.info, info)

    def pod_gone(self, pod: Pod, now: float) -> None:
        key = _key(pod)
        self.pending.remove(key)
        promised = self.world.nominations.promised.get(key)
        if promised is not None and promised[0].uid == pod.metadata.uid:
            self.world.nominations.drop(key)
            self.pending.happened(events.POD_DELETE, now, promised[0], None)
        known = self.placed.get(key)
        if known is not None and known.info.uid == pod.metadata.uid:
            del self.placed[key]
            self.nodes.remove_pod(known.info, known.node)
            self.pending.happened(events.POD_DELETE, now, known.info, None)

    def assume(self, info: PodInfo, node: str) -> None:
        """Counts a pod on the node that was just chosen."""
        self.world.nominations.drop(info.key)
        self.placed[info.key] = Placed(info, node, False)
        self.nodes.add_pod(info, node)

    def forget(self, info: PodInfo, now: float) -> None:
        """Undoes `assume`, unless the API server has confirmed it in the meantime."""
        known = self.placed.get(info.key)
        if known is not None and known.info.uid == info.uid and not known.confirmed:
            del self.placed[info.key]
            self.nodes.remove_pod(known.info, known.node)
            self.pending.happened(events.POD_DELETE, now, known.info, None)

    def binding_failed(self, info: PodInfo, current: Pod | None, now: float) -> bool:
        """Takes the pod off its node; `current` is what the API server last said of it: if it still waits, it is tried again.

        Whether it is.
        """
        self.forget(info, now)
        if current is None or current.metadata.uid != info.uid or current.spec.nodeName or not self.wants(current):
            return False
        self.pending.retry(pod_info(current), now)
        return True

    def namespace_changed(self, name: str, labels: dict[str, str] | None, now: float) -> None:
        """Namespace selectors ask for these labels; None: the namespace is gone."""
        known = self.world.namespaces.get(name)
        if known == labels:
            return
        if labels is None:
            del self.world.namespaces[name]
        else:
            self.world.namespaces[name] = labels
        self.world.counts.forget()
        self.pending.happened(events.NAMESPACE, now)


def _key(pod: Pod) -> str:
    return f"{pod.metadata.namespace}/{pod.metadata.name}"


def _counts_differently(old: Pod, new: Pod) -> bool:
    """Whether a change of a placed pod matters to others: what it takes, or how it is selected."""
    return (
        old.metadata.uid != new.metadata.uid
        or old.metadata.labels != new.metadata.labels
        or old.metadata.deletionTimestamp != new.metadata.deletionTimestamp
        or old.status.startTime != new.status.startTime
        or _resizes(old) != _resizes(new)
    )


def _resizes(pod: Pod) -> tuple[Any, ...]:
    """What a resize in place changes, from the wish to the end."""
    spec, status = pod.spec, pod.status
    refused = any(c.type == "PodResizePending" and c.reason == "Infeasible" for c in status.conditions)
    given = status.containerStatuses, status.initContainerStatuses, status.allocatedResources, status.resources
    return spec.containers, spec.initContainers, spec.resources, refused, *given

"""What the scheduler believes: nodes, placed pods and pending ones, fed by watches and by its own decisions.

What: `Cache` turns changes of pods and nodes into updates of the columns and of the queue. Why: a pod that was just placed must
count at once, before the API server tells of it ("assumed"); when the binding fails it is forgotten again.
"""

from __future__ import annotations

from dataclasses import dataclass

from kubelite.scheduler.cycle import Scheduler
from kubelite.scheduler.nodes import NodeTable
from kubelite.scheduler.pods import Node, Pod, PodInfo, pod_info
from kubelite.scheduler.queue import PendingPods

AFFINITY_PLUGINS = frozenset(("InterPodAffinity", "PodTopologySpread"))
SPREADING = frozenset(("PodTopologySpread",))
NAMESPACES_MATTER = frozenset(("InterPodAffinity",))


@dataclass(slots=True)
class Placed:
    """A pod that counts on a node. `confirmed`: the API server says so too."""

    info: PodInfo
    node: str
    confirmed: bool


class Cache:
    """Everything that decides, in one place. All methods are synchronous; times are monotonic seconds."""

    def __init__(self, scheduler_names: frozenset[str]) -> None:
        self.names = scheduler_names
        self.nodes = NodeTable()
        self.scheduler = Scheduler(self.nodes)
        self.pending = PendingPods()
        self.placed: dict[str, Placed] = {}

    def node_changed(self, old: Node | None, new: Node | None, now: float) -> None:
        if new is None:
            if old is not None:
                self.nodes.remove_node(old.metadata.name)
                # A domain less can be one that lagged behind.
                self.pending.something_changed(now, SPREADING)
            return
        self.nodes.set_node(new)
        if old is None or _may_help(old, new):
            self.pending.something_changed(now)

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
                self.pending.add(pod_info(new), now)
        else:
            self.pending.remove(_key(new))

    def wants(self, pod: Pod) -> bool:
        """Whether the pod waits for this scheduler."""
        return (
            pod.spec.schedulerName in self.names
            and not pod.spec.schedulingGates
            and pod.metadata.deletionTimestamp is None
            and pod.status.phase not in ("Succeeded", "Failed")
        )

    def pod_placed(self, pod: Pod, now: float) -> None:
        key = _key(pod)
        self.pending.remove(key)
        known = self.placed.get(key)
        if known is not None and known.node == pod.spec.nodeName and not _counts_differently(known.info.pod, pod):
            if not known.confirmed:
                known.confirmed = True
                self.pending.something_changed(now, AFFINITY_PLUGINS)
            return
        if known is not None:
            self.nodes.remove_pod(known.info, known.node)
        info = pod_info(pod)
        self.placed[key] = Placed(info, pod.spec.nodeName, True)
        self.nodes.add_pod(info, pod.spec.nodeName)
        if known is not None:
            self.pending.something_changed(now)
        else:
            self.pending.something_changed(now, AFFINITY_PLUGINS)

    def pod_gone(self, pod: Pod, now: float) -> None:
        key = _key(pod)
        self.pending.remove(key)
        known = self.placed.get(key)
        if known is not None and known.info.uid == pod.metadata.uid:
            del self.placed[key]
            self.nodes.remove_pod(known.info, known.node)
            self.pending.something_changed(now)

    def assume(self, info: PodInfo, node: str) -> None:
        """Counts a pod on the node that was just chosen."""
        self.placed[info.key] = Placed(info, node, False)
        self.nodes.add_pod(info, node)

    def forget(self, info: PodInfo, now: float) -> None:
        """Undoes `assume`, unless the API server has confirmed it in the meantime."""
        known = self.placed.get(info.key)
        if known is not None and known.info.uid == info.uid and not known.confirmed:
            del self.placed[info.key]
            self.nodes.remove_pod(known.info, known.node)
            self.pending.something_changed(now)

    def binding_failed(self, info: PodInfo, current: Pod | None, now: float) -> None:
        """Takes the pod off its node; `current` is what the API server last said of it: if it still waits, it is tried again."""
        self.forget(info, now)
        if current is None or current.metadata.uid != info.uid:
            return
        if not current.spec.nodeName and self.wants(current):
            self.pending.retry(pod_info(current), now)

    def namespace_changed(self, name: str, labels: dict[str, str] | None, now: float) -> None:
        """Namespace selectors ask for these labels; None: the namespace is gone."""
        known = self.scheduler.namespaces.get(name)
        if known == labels:
            return
        if labels is None:
            del self.scheduler.namespaces[name]
        else:
            self.scheduler.namespaces[name] = labels
        self.scheduler.counts.forget()
        self.pending.something_changed(now, NAMESPACES_MATTER)


def _key(pod: Pod) -> str:
    return f"{pod.metadata.namespace}/{pod.metadata.name}"


def _counts_differently(old: Pod, new: Pod) -> bool:
    """Whether a change of a placed pod matters to others: what it takes, or how it is selected."""
    return (
        old.metadata.uid != new.metadata.uid
        or old.metadata.labels != new.metadata.labels
        or old.metadata.deletionTimestamp != new.metadata.deletionTimestamp
        or old.spec.containers != new.spec.containers
    )


def _may_help(old: Node, new: Node) -> bool:
    """Whether a node's change can make a pending pod fit."""
    return (
        old.status.allocatable != new.status.allocatable
        or old.metadata.labels != new.metadata.labels
        or old.spec.taints != new.spec.taints
        or old.spec.unschedulable != new.spec.unschedulable
    )

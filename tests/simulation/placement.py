"""Rules of where pods go: not to nodes that are closed, not in place of pods that matter as much, no two of a DaemonSet.

What: `ClosedNodes`, `Victims`, `DaemonPods`, and `misplaced` for the end. Why: the scheduler decides on a cache; the cache may
be late by `MEMORY` seconds, and no more is forgiven.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

from tests.simulation.rules import MEMORY, Recent
from tests.simulation.truth import Object, Rule, Truth, controller, cpu, is_active, is_over
from tests.simulation.volumes import claims_of

CLOSING = ("NoSchedule", "NoExecute")


def owner_kind(one: Object) -> str:
    """The kind of the object's controller, or ""."""
    references = one["metadata"].get("ownerReferences") or ()
    return next((str(ref["kind"]) for ref in references if ref.get("controller")), "")


def priority(pod: Object) -> int:
    """The pod's priority."""
    return int(pod["spec"].get("priority") or 0)


def tolerates(pod: Object, taints: list[Object]) -> bool:
    """Whether the pod goes to a node with these taints; a DaemonSet's pods that it has let go still do."""
    return all(any(_covers(one, taint) for one in pod["spec"].get("tolerations") or ()) for taint in taints)


def _covers(toleration: Object, taint: Object) -> bool:
    if (
        toleration.get("effect", taint["effect"]) != taint["effect"]
        or toleration.get("key", taint["key"]) != taint["key"]
    ):
        return False
    return toleration.get("operator") == "Exists" or toleration.get("value", "") == taint.get("value", "")


class ClosedNodes(Rule):
    """No pod is bound to a node that has been cordoned, or tainted as lost, for long, unless it tolerates that."""

    def __init__(self, truth: Truth) -> None:
        super().__init__(truth)
        self._since: dict[str, float] = {}
        self._taints: dict[str, list[Object]] = {}

    def seen(self, resource: str, key: str, old: Object | None, new: Object | None) -> None:
        now = self.truth.clock()
        if resource == "nodes":
            taints = (new or {}).get("spec", {}).get("taints") or ()
            self._taints[key] = [taint for taint in taints if taint["effect"] in CLOSING]
            if self._taints[key]:
                self._since.setdefault(key, now)
            else:
                self._since.pop(key, None)
        if resource != "pods" or new is None or (old is not None and old["spec"].get("nodeName")):
            return
        name = new["spec"].get("nodeName") or ""
        since = self._since.get(name)
        if since is not None and now - since > MEMORY and not tolerates(new, self._taints[name]):
            self.truth.violated(f"{key} is bound to {name}, which has been closed for {now - since:.0f} s")


class Victims(Rule):
    """Whom the scheduler displaces is less important than somebody who waits."""

    def __init__(self, truth: Truth) -> None:
        super().__init__(truth)
        self._waiting: dict[str, tuple[float, int]] = {}

    def seen(self, resource: str, key: str, old: Object | None, new: Object | None) -> None:
        if resource != "pods":
            return
        now = self.truth.clock()
        for pod in (old, new):
            if pod is not None and not pod["spec"].get("nodeName"):
                self._waiting[pod["metadata"]["uid"]] = (now, priority(pod))
        if new is None or old is None or not _displaced(new) or _displaced(old):
            return
        uids = {one["metadata"]["uid"] for one in self.truth.of("pods") if not one["spec"].get("nodeName")}
        waiting = [value for uid, (until, value) in self._waiting.items() if uid in uids or now - until < MEMORY]
        if max(waiting, default=priority(new)) <= priority(new):
            self.truth.violated(f"{key} is displaced, and nobody more important waits")


def _displaced(pod: Object) -> bool:
    found = pod.get("status", {}).get("conditions") or ()
    return any(item.get("reason") == "PreemptionByScheduler" for item in found)


class DaemonPods(Rule):
    """A DaemonSet has one active pod on a node, two while it rolls with `maxSurge`, and those nobody could know of."""

    def __init__(self, truth: Truth, unknown: Callable[[], int]) -> None:
        super().__init__(truth)
        self._unknown = unknown
        self._surge: dict[str, Recent] = defaultdict(Recent)

    def seen(self, resource: str, key: str, old: Object | None, new: Object | None) -> None:
        if resource == "daemonsets" and new is not None:
            rolling = new["spec"].get("updateStrategy", {}).get("rollingUpdate") or {}
            surge = int(str(rolling.get("maxSurge", 0)) not in ("0", "0%"))
            self._surge[new["metadata"]["uid"]].put(self.truth.clock(), surge)
        if resource != "pods" or old is not None or new is None:
            return
        uid = controller(new)
        if uid not in self._surge:
            return
        place = _aim(new)
        there = [pod for pod in self.truth.owned("pods", uid) if is_active(pod) and _aim(pod) == place]
        most = 1 + self._surge[uid].largest(self.truth.clock()) + self._unknown()
        if len(there) > most:
            self.truth.violated(f"{key} is pod {len(there)} of its DaemonSet on {place}, at most {most} are allowed")


def _aim(pod: Object) -> str:
    """The node that a DaemonSet's pod is made for."""
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    terms = (affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}).get("nodeSelectorTerms") or ()
    for term in terms:
        for field in term.get("matchFields") or ():
            return str(field["values"][0])
    return str(pod["spec"].get("nodeName"))


def misplaced(pods: list[Object], nodes: list[Object]) -> Iterator[str]:
    """Pods that wait at the end although a node has room, or would have without less important pods."""
    living = [pod for pod in pods if not is_over(pod)]
    for pod in living:
        if pod["spec"].get("nodeName") or claims_of(pod) or owner_kind(pod) == "DaemonSet":
            continue
        if pod["spec"].get("schedulingGates"):
            continue
        for node in nodes:
            name = node["metadata"]["name"]
            room = node["status"]["allocatable"]
            stay = [one for one in living if one["spec"].get("nodeName") == name and priority(one) >= priority(pod)]
            fits = sum(map(cpu, stay)) + cpu(pod) <= int(room["cpu"]) * 1000 and len(stay) < int(room["pods"])
            if fits and not node["spec"].get("unschedulable"):
                yield f"pod {pod['metadata']['name']} waits, and {name} has room or less important pods"
                break

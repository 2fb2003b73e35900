"""The rules that hold at every write: owners, replicas, identities, nodes, quotas, disruption budgets.

What: one `Rule` a promise. Why: a cluster that ends well may have been wrong on the way. Where a controller may
rightly act on what was true a moment ago, the rule allows whatever any moment of the last `MEMORY` seconds would have
allowed, and no more.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import Any

from tests.simulation.kubelet import Machine, Script
from tests.simulation.truth import (
    Object,
    Rule,
    Truth,
    controller,
    cpu,
    is_active,
    is_charged,
    is_over,
    is_ready,
    milli,
    selects,
    share,
)

MEMORY = 90.0
"""Seconds for which an old state may still guide a controller: the longest time-out, stale cache and back-off together."""


class Recent:
    """The largest value of the last `MEMORY` seconds."""

    def __init__(self) -> None:
        self._values: deque[tuple[float, int]] = deque()
        self._last: int | None = None

    def put(self, now: float, value: int) -> None:
        if self._last is not None and self._last != value:
            self._values.append((now, self._last))  # it held until now
        self._last = value

    def largest(self, now: float) -> int:
        while self._values and self._values[0][0] < now - MEMORY:
            self._values.popleft()
        return max([self._last or 0, *(value for _, value in self._values)])


class OneOwner(Rule):
    """A pod has one controller, and does not go from one to another without having been free."""

    def seen(self, resource: str, key: str, old: Object | None, new: Object | None) -> None:
        if resource not in ("pods", "replicasets") or new is None:
            return
        owners = [ref["uid"] for ref in new["metadata"].get("ownerReferences", ()) if ref.get("controller")]
        if len(owners) > 1:
            self.truth.violated(f"{resource} {key} has {len(owners)} controllers")
        if old is None or old["metadata"]["uid"] != new["metadata"]["uid"]:
            return
        before = controller(old)
        if before and owners and owners[0] != before:
            self.truth.violated(f"{resource} {key} went from controller {before} to {owners[0]} at once")


class Surge(Rule):
    """The ReplicaSets of a Deployment together never want more than replicas and maxSurge."""

    def __init__(self, truth: Truth) -> None:
        super().__init__(truth)
        self._limits: dict[str, Recent] = defaultdict(Recent)

    def seen(self, resource: str, key: str, old: Object | None, new: Object | None) -> None:
        now = self.truth.clock()
        if resource == "deployments" and new is not None:
            spec = new["spec"]
            rolling = spec.get("strategy", {}).get("rollingUpdate") or {}
            wanted = spec["replicas"]
            surge = share(rolling.get("maxSurge", 0), wanted, up=True) if rolling else 0
            self._limits[new["metadata"]["uid"]].put(now, wanted + surge)
        if resource != "replicasets" or new is None:
            return
        uid = controller(new)
        grown = new["spec"].get("replicas", 0) - (old["spec"].get("replicas", 0) if old is not None else 0)
        if uid in self._limits and grown > 0:
            total = sum(one["spec"].get("replicas", 0) for one in self.truth.owned("replicasets", uid))
            most = self._limits[uid].largest(now)
            if total > most:
                self.truth.violated(f"Deployment of {key}: ReplicaSets want {total} pods, at most {most} are allowed")


class ReplicaCount(Rule):
    """A ReplicaSet has no more active pods than it wants, plus those whose creation was answered by nobody."""

    def __init__(self, truth: Truth) -> None:
        super().__init__(truth)
        self._limits: dict[str, Recent] = defaultdict(Recent)
        self.unknown = lambda: 0
        """How many answers the network has kept to itself."""

    def seen(self, resource: str, key: str, old: Object | None, new: Object | None) -> None:
        now = self.truth.clock()
        if resource == "replicasets" and new is not None:
            self._limits[new["metadata"]["uid"]].put(now, new["spec"].get("replicas", 0))
        if resource != "pods" or old is not None or new is None:
            return
        uid = controller(new)
        if uid in self._limits:
            count = sum(map(is_active, self.truth.owned("pods", uid)))
            most = self._limits[uid].largest(now) + self.unknown()
            if count > most:
                self.truth.violated(f"ReplicaSet of pod {key} has {count} active pods, at most {most} are allowed")


class OneIdentity(Rule):
    """No two pods of a StatefulSet with the same name run at the same time, on whatever machines."""

    def __init__(self, truth: Truth, machines: list[Machine]) -> None:
        super().__init__(truth)
        self.machines = machines
        self._members: set[str] = set()
        for machine in machines:
            machine.on_run = self.runs

    def seen(self, resource: str, key: str, old: Object | None, new: Object | None) -> None:
        if resource == "pods" and new is not None:
            kinds = [ref["kind"] for ref in new["metadata"].get("ownerReferences", ())]
            if "StatefulSet" in kinds:
                self._members.add(new["metadata"]["uid"])

    def runs(self, machine: Machine, script: Script) -> None:
        """A pod starts on a machine."""
        if script.uid not in self._members:
            return
        for other in self.machines:
            for found in other.running():
                if found.key == script.key and found.uid != script.uid:
                    self.truth.violated(f"{script.key} starts on {machine.name} and still runs on {other.name}")


class NodeRoom(Rule):
    """No pod is bound to a node that has no room for it."""

    def seen(self, resource: str, key: str, old: Object | None, new: Object | None) -> None:
        if resource != "pods" or new is None:
            return
        name = new["spec"].get("nodeName")
        if not name or (old is not None and old["spec"].get("nodeName")):
            return
        node = self.truth.objects["nodes"].get(name)
        if node is None:
            return
        room = node.get("status", {}).get("allocatable") or {}
        there = [pod for pod in self.truth.of("pods") if pod["spec"].get("nodeName") == name and not is_over(pod)]
        used = sum(map(cpu, there))
        if used > int(room.get("cpu", "0")) * 1000:
            shares = ", ".join(f"{pod['metadata']['name']} {cpu(pod)}m" for pod in there)
            self.truth.violated(f"node {name} gets {key}: {used}m CPU requested of {room.get('cpu')}: {shares}")
        if len(there) > int(room.get("pods", "0")):
            self.truth.violated(f"node {name} gets {key}: {len(there)} pods of {room.get('pods')}")


class Quota(Rule):
    """A namespace never holds more than its quota allows when a pod is added."""

    def seen(self, resource: str, key: str, old: Object | None, new: Object | None) -> None:
        if resource != "pods" or old is not None or new is None:
            return
        namespace = key.partition("/")[0]
        for quota in self.truth.of("resourcequotas", namespace):
            hard = quota["spec"].get("hard", {})
            pods = [pod for pod in self.truth.of("pods", namespace) if is_charged(pod)]
            used = sum(map(cpu, pods))
            if used > milli(hard.get("requests.cpu", f"{used}m")):
                self.truth.violated(f"{key} makes {used}m CPU in a namespace with a quota of {hard['requests.cpu']}")
            if "requests.cpu" in hard and not cpu(new):
                self.truth.violated(f"{key} asks for no CPU in a namespace whose quota counts it")
            if "pods" in hard and len(pods) > int(hard["pods"]):
                self.truth.violated(f"{key} is pod {len(pods)} in a namespace with a quota of {hard['pods']}")


class Budget(Rule):
    """No eviction that was granted leaves fewer healthy pods than the budget wants, as far as anybody could know.

    The API server knows what the budget's controller last wrote; that has seen one of the states of the moments before.
    """

    WINDOW = 5.0

    def __init__(self, truth: Truth) -> None:
        super().__init__(truth)
        self._healthy: dict[str, deque[tuple[float, int]]] = defaultdict(deque)
        self._granted: dict[str, deque[float]] = defaultdict(deque)
        self._counted: dict[str, float] = {}
        """When the controller last wrote what it had counted."""

    def seen(self, resource: str, key: str, old: Object | None, new: Object | None) -> None:
        if resource not in ("pods", "poddisruptionbudgets"):
            return
        now = self.truth.clock()
        if resource == "poddisruptionbudgets" and _count(old) != _count(new):
            self._counted[key] = now
        namespace = key.partition("/")[0]
        for budget in self.truth.of("poddisruptionbudgets", namespace):
            name = f"{namespace}/{budget['metadata']['name']}"
            if (
                resource == "pods"
                and old is not None
                and _evicted(old, new)
                and selects(budget["spec"]["selector"], old)
            ):
                self._check(name, key, budget, now)
            self._healthy[name].append((now, self._count(budget, namespace)))

    def _count(self, budget: Object, namespace: str) -> int:
        pods = self.truth.of("pods", namespace)
        return sum(selects(budget["spec"]["selector"], pod) and is_ready(pod) and is_active(pod) for pod in pods)

    def _check(self, name: str, key: str, budget: Object, now: float) -> None:
        wanted = budget["spec"].get("minAvailable")
        granted, states = self._granted[name], self._healthy[name]
        since = min(now, self._counted.get(name, now)) - self.WINDOW
        while len(states) > 1 and states[1][0] < since:
            states.popleft()
        while granted and granted[0] < since:
            granted.popleft()
        granted.append(now)
        if not isinstance(wanted, int) or not states:
            return
        best = max(count - sum(1 for one in granted if one > since) for since, count in states)
        if best < wanted:
            self.truth.violated(f"the eviction of {key} leaves {best} healthy pods, {name} wants {wanted}")


def _count(budget: Object | None) -> tuple[Any, ...]:
    """What only the controller writes into the status of a budget."""
    status = (budget or {}).get("status", {})
    return tuple(
        status.get(name) for name in ("currentHealthy", "desiredHealthy", "expectedPods", "observedGeneration")
    )


def _evicted(old: Object, new: Object | None) -> bool:
    """Whether this write marks a healthy pod for deletion after an eviction that was granted."""
    if new is None or old["metadata"].get("deletionTimestamp") or not new["metadata"].get("deletionTimestamp"):
        return False
    reasons: list[Any] = [item.get("reason") for item in new.get("status", {}).get("conditions", ())]
    return "EvictionByEvictionAPI" in reasons and is_ready(old)

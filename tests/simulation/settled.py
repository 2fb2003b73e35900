"""Whether a cluster has come to rest in the state that its users asked for.

What: `open_questions(truth)` lists, in words, what is not as wanted. Why: after faults end nothing may stay wrong.
Empty means settled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.simulation.placement import misplaced
from tests.simulation.truth import (
    Object,
    Truth,
    condition,
    controller,
    cpu,
    is_active,
    is_over,
    is_ready,
    milli,
    selects,
)
from tests.simulation.volumes import storage_questions

LARGEST = 400
"""The most milli-CPUs that a pod of this simulation asks for."""


def open_questions(truth: Truth, machines: int) -> list[str]:
    """What is not as it should be."""
    found = [*_nodes(truth, machines), *_pods(truth), *_orphans(truth)]
    found += [*_deployments(truth), *_replica_sets(truth), *_stateful_sets(truth), *_daemon_sets(truth, machines)]
    found += [*_jobs(truth), *_budgets(truth), *_quotas(truth), *misplaced(truth.of("pods"), truth.of("nodes"))]
    claims = truth.of("persistentvolumeclaims")
    found += storage_questions(truth.of("persistentvolumes"), claims, truth.of("pods"))
    return found


def _name(one: Object) -> str:
    return f"{one['metadata'].get('namespace', '')}/{one['metadata']['name']}"


def _nodes(truth: Truth, machines: int) -> Iterator[str]:
    nodes = truth.of("nodes")
    if len(nodes) != machines:
        yield f"{len(nodes)} nodes of {machines}"
    for node in nodes:
        if condition(node, "Ready") != "True" or node["spec"].get("taints"):
            yield f"node {_name(node)} is not ready or has taints"


def _is_full(truth: Truth, namespace: str) -> bool:
    """Whether the namespace's quota is used up, so that pods may be missing."""
    pods = [pod for pod in truth.of("pods", namespace) if not is_over(pod)]
    for quota in truth.of("resourcequotas", namespace):
        hard = quota["spec"]["hard"]
        if len(pods) >= int(hard.get("pods", len(pods) + 1)):
            return True
        if "requests.cpu" in hard and sum(map(cpu, pods)) + LARGEST > milli(hard["requests.cpu"]):
            return True
    return False


def _pods(truth: Truth) -> Iterator[str]:
    for pod in truth.of("pods"):
        if pod["metadata"].get("deletionTimestamp"):
            yield f"pod {_name(pod)} is still terminating"
        elif not is_over(pod) and not is_ready(pod) and condition(pod, "PodScheduled") != "False":
            yield f"pod {_name(pod)} is {pod.get('status', {}).get('phase')} and not ready"


def _orphans(truth: Truth) -> Iterator[str]:
    uids = {one["metadata"]["uid"] for kind in truth.objects.values() for one in kind.values()}
    for kind in ("pods", "replicasets", "jobs"):
        for one in truth.of(kind):
            owner = controller(one)
            if owner and owner not in uids:
                yield f"{kind} {_name(one)} has lost its owner and is still there"
    for kind in ("deployments", "replicasets", "statefulsets", "daemonsets", "jobs", "cronjobs"):
        for one in truth.of(kind):
            if one["metadata"].get("deletionTimestamp"):
                yield f"{kind} {_name(one)} is still being deleted"


def _behind(kind: str, one: Object) -> Iterator[str]:
    if one.get("status", {}).get("observedGeneration") != one["metadata"].get("generation"):
        yield f"{kind} {_name(one)}: the newest generation has not been observed"


def _members(truth: Truth, one: Object) -> list[Object]:
    return [pod for pod in truth.owned("pods", one["metadata"]["uid"]) if is_active(pod)]


def _unplaced(pods: list[Object]) -> bool:
    """Whether one waits because no node has room for it."""
    return any(not pod["spec"].get("nodeName") for pod in pods)


def _deployments(truth: Truth) -> Iterator[str]:
    for one in truth.of("deployments"):
        yield from _behind("Deployment", one)
        sets = truth.owned("replicasets", one["metadata"]["uid"])
        pods = [pod for each in sets for pod in _members(truth, each)]
        if one["spec"].get("paused") or _unplaced(pods) or _is_full(truth, one["metadata"]["namespace"]):
            continue
        wanted, status = one["spec"]["replicas"], one.get("status", {})
        for name in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"):
            if status.get(name, 0) != wanted:
                yield f"Deployment {_name(one)}: {name} is {status.get(name, 0)}, not {wanted}"
        if sum(each["spec"].get("replicas", 0) for each in sets) != wanted:
            yield f"Deployment {_name(one)}: its ReplicaSets do not add up to {wanted}"
        old = [each for each in sets if not each["spec"].get("replicas")]
        if len(old) > one["spec"].get("revisionHistoryLimit", 10) + 1:
            yield f"Deployment {_name(one)} keeps {len(old)} old ReplicaSets"


def _replica_sets(truth: Truth) -> Iterator[str]:
    for one in truth.of("replicasets"):
        yield from _behind("ReplicaSet", one)
        pods, wanted = _members(truth, one), one["spec"].get("replicas", 0)
        if len(pods) != wanted and not (len(pods) < wanted and _is_full(truth, one["metadata"]["namespace"])):
            yield f"ReplicaSet {_name(one)} has {len(pods)} pods of {wanted}"
        ready = one.get("status", {}).get("readyReplicas", 0)
        if ready != sum(map(is_ready, pods)):
            yield f"ReplicaSet {_name(one)} says that {ready} pods are ready"
        for pod in pods:
            if not selects(one["spec"]["selector"], pod):
                yield f"ReplicaSet {_name(one)} holds {_name(pod)}, which it does not select"


def _stateful_sets(truth: Truth) -> Iterator[str]:
    for one in truth.of("statefulsets"):
        yield from _behind("StatefulSet", one)
        pods, wanted = _members(truth, one), one["spec"]["replicas"]
        if _unplaced(pods) or _is_full(truth, one["metadata"]["namespace"]):
            continue
        names = sorted(pod["metadata"]["name"] for pod in pods)
        if names != sorted(f"{one['metadata']['name']}-{number}" for number in range(wanted)):
            yield f"StatefulSet {_name(one)} has {names}, {wanted} wanted"
        status = one.get("status", {})
        if status.get("readyReplicas", 0) != wanted or status.get("currentRevision") != status.get("updateRevision"):
            yield f"StatefulSet {_name(one)}: {status.get('readyReplicas', 0)} ready of {wanted}, or not rolled out"


def _daemon_sets(truth: Truth, machines: int) -> Iterator[str]:
    for one in truth.of("daemonsets"):
        yield from _behind("DaemonSet", one)
        pods = _members(truth, one)
        if _unplaced(pods) or _is_full(truth, one["metadata"]["namespace"]):
            continue
        places = Counter(pod["spec"].get("nodeName") for pod in pods)
        if len(places) != machines or max(places.values(), default=0) > 1:
            yield f"DaemonSet {_name(one)} has pods {dict(places)}"
        if one.get("status", {}).get("updatedNumberScheduled", 0) != machines:
            yield f"DaemonSet {_name(one)} is not rolled out"
        if one.get("status", {}).get("numberReady", 0) != machines:
            yield f"DaemonSet {_name(one)}: numberReady is wrong"


def _jobs(truth: Truth) -> Iterator[str]:
    for one in truth.of("jobs"):
        over = condition(one, "Complete") == "True" or condition(one, "Failed") == "True"
        pods = truth.owned("pods", one["metadata"]["uid"])
        if not over and not _unplaced(_members(truth, one)) and not _is_full(truth, one["metadata"]["namespace"]):
            yield f"Job {_name(one)} is not over"
        if over and any(pod["metadata"].get("finalizers") for pod in pods):
            yield f"Job {_name(one)} is over and holds pods by finalizers"
        if over and any(map(is_active, pods)):
            yield f"Job {_name(one)} is over and has active pods"


def _budgets(truth: Truth) -> Iterator[str]:
    for one in truth.of("poddisruptionbudgets"):
        pods = [pod for pod in truth.of("pods", one["metadata"]["namespace"]) if selects(one["spec"]["selector"], pod)]
        healthy = sum(is_ready(pod) and is_active(pod) for pod in pods)
        if one.get("status", {}).get("currentHealthy", 0) != healthy:
            yield f"PodDisruptionBudget {_name(one)} counts {one.get('status', {}).get('currentHealthy')} of {healthy}"


def _quotas(truth: Truth) -> Iterator[str]:
    for one in truth.of("resourcequotas"):
        pods = [pod for pod in truth.of("pods", one["metadata"]["namespace"]) if not is_over(pod)]
        used = one.get("status", {}).get("used", {})
        if "pods" in one["spec"]["hard"] and used.get("pods") != str(len(pods)):
            yield f"ResourceQuota {_name(one)} says {used.get('pods')} pods, there are {len(pods)}"
        real = sum(map(cpu, pods))
        if "requests.cpu" in one["spec"]["hard"] and milli(used.get("requests.cpu", "-1")) != real:
            yield f"ResourceQuota {_name(one)} says {used.get('requests.cpu')} CPUs, there are {real}m"

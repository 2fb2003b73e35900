"""One question, one answer: which rules look at which kind. `explain(facts, kind, namespace, name)` is all that others call."""

from __future__ import annotations

from collections.abc import Callable

from kubelite.api.logic.why import claims, keepers, workloads
from kubelite.api.logic.why.model import (
    Answer,
    Cause,
    Facts,
    Object,
    finalizers_left,
    flag,
    listed,
    meta,
    name_of,
    spec,
    status,
)
from kubelite.api.logic.why.node import of_node
from kubelite.api.logic.why.pod import of_pod
from kubelite.api.logic.why.service import of_service


def _of_claim(facts: Facts, claim: Object) -> tuple[str, list[Cause]]:
    cause = claims.of_claim(facts, claim)
    state = "Terminating" if meta(claim).get("deletionTimestamp") else str(status(claim).get("phase") or "Pending")
    return state, [] if cause is None else [cause]


def _of_namespace(facts: Facts, namespace: Object) -> tuple[str, list[Cause]]:
    if not meta(namespace).get("deletionTimestamp"):
        return str(status(namespace).get("phase") or "Active"), []
    name, found = name_of(namespace), []
    said = {str(c.get("type")): c for c in status(namespace).get("conditions") or () if c.get("status") == "True"}
    texts = (
        (
            "NamespaceDeletionDiscoveryFailure",
            "DiscoveryFails",
            "the server cannot say what it contains",
            "get apiservices",
        ),
        ("NamespaceDeletionContentFailure", "DeletionFails", "something in it cannot be deleted", "events -n {name}"),
        (
            "NamespaceFinalizersRemaining",
            "ContentHasFinalizers",
            "objects in it wait for finalizers",
            "get all -n {name}",
        ),
        ("NamespaceContentRemaining", "ContentRemains", "objects are still in it", "get all -n {name}"),
    )
    for type_, code, text, step in texts:
        if type_ in said:
            words = str(said[type_].get("message") or "").strip()
            more = said.get("NamespaceContentRemaining") if code == "ContentHasFinalizers" else None
            details = (str(more.get("message")),) if more else ()
            found.append(Cause(code, f"{text}: {words}", f"kubelite {step.format(name=name)}", details))
            break
    left = [str(f) for f in spec(namespace).get("finalizers") or () if f != "kubernetes"]
    if not found and (left or meta(namespace).get("finalizers")):
        names = listed([*left, *(meta(namespace).get("finalizers") or ())])
        found.append(
            Cause(
                "Finalizers",
                f"it waits for finalizers to be removed: {names}",
                f"kubelite get namespace {name} -o yaml",
            )
        )
    if not found:
        text = f"its content is being deleted (for {facts.age(meta(namespace).get('deletionTimestamp'))})"
        found.append(Cause("BeingDeleted", text, f"kubelite get namespace {name} --watch"))
    return "Terminating", found


_RULES: dict[str, Callable[[Facts, Object], tuple[str, list[Cause]]]] = {
    "Pod": of_pod,
    "Node": of_node,
    "Service": of_service,
    "PersistentVolumeClaim": _of_claim,
    "Namespace": _of_namespace,
    "Deployment": workloads.of_deployment,
    "ReplicaSet": workloads.of_replica_set,
    "StatefulSet": workloads.of_stateful_set,
    "DaemonSet": workloads.of_daemon_set,
    "Job": workloads.of_job,
    "ReplicationController": workloads.of_replication_controller,
    "CronJob": keepers.of_cron_job,
    "HorizontalPodAutoscaler": keepers.of_autoscaler,
    "PodDisruptionBudget": keepers.of_budget,
}
KINDS = tuple(_RULES)
_DELETED = ("Pod", "Node", "Service", "PersistentVolumeClaim", "Namespace")
"""Kinds whose rules know what holds up their deletion."""


def explain(facts: Facts, kind: str, namespace: str, name: str) -> Answer:
    """What is the matter with an object that was read. Raises KeyError for one that was not, or a kind without rules."""
    obj = facts.objects[kind, namespace, name]
    if meta(obj).get("deletionTimestamp") and kind not in _DELETED:
        state, causes = "Terminating", [_held(kind, obj)]
    else:
        state, causes = _RULES[kind](facts, obj)
    return Answer(kind, namespace, name, state, tuple(causes), str(meta(obj).get("uid") or ""))


def _held(kind: str, obj: Object) -> Cause:
    left = list(meta(obj).get("finalizers") or ())
    step = f"kubelite get {kind.lower()} {name_of(obj)}{flag(obj)} -o yaml"
    if left == ["foregroundDeletion"]:
        return Cause("DependentsRemain", "what it owns is deleted first (foreground deletion)", step)
    return finalizers_left(kind.lower(), obj)

"""The pods that an object stands for, as its controller writes them: pure.

What: `templates(object, nodes)` for new workloads; `replica(object, kind, name)` for one pod of a workload. A template may carry
`claims`: what a StatefulSet creates before the pod.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from kubelite.api.logic import taints

Object = dict[str, Any]
COUNTS = {
    "Deployment": "replicas",
    "ReplicaSet": "replicas",
    "StatefulSet": "replicas",
    "ReplicationController": "replicas",
    "Job": "parallelism",
}
"""Kinds that make pods in numbers → the field that says how many."""
HASH = "pod-template-hash"
MAKER = {"Deployment": "ReplicaSet"}
"""Kinds whose pods others make."""
_GROUP = {"ReplicationController": "v1", "Job": "batch/v1"}


def wanted(obj: Object) -> int:
    """How many pods a workload is to have at a time."""
    spec, kind = obj.get("spec") or {}, str(obj.get("kind") or "")
    if kind != "Job":
        count = spec.get(COUNTS.get(kind, "replicas"))
        return 1 if count is None else int(count)
    most = spec.get("parallelism")
    most = 1 if most is None else int(most)
    if spec.get("suspend"):
        return 0
    if spec.get("completions") is None:
        return most
    return max(0, min(most, int(spec["completions"]) - int((obj.get("status") or {}).get("succeeded") or 0)))


def first_ordinal(obj: Object) -> int:
    """Where a StatefulSet starts to count."""
    return int(((obj.get("spec") or {}).get("ordinals") or {}).get("start") or 0)


def templates(obj: Object, node_names: Iterable[str]) -> Iterator[Object]:
    """The pods that an object stands for; none for kinds that make no pods."""
    kind, name = str(obj.get("kind") or ""), str((obj.get("metadata") or {}).get("name") or "")
    if kind == "Pod":
        yield obj
    elif kind in COUNTS:
        first = first_ordinal(obj) if kind == "StatefulSet" else 1
        for number in range(first, first + wanted(obj)):
            yield replica(obj, kind, f"{name}-{number}")
    elif kind == "DaemonSet":
        for node in node_names:
            yield replica(obj, kind, f"{name}-{node}", node)


def replica_set(obj: Object) -> Object:
    """That of a Deployment: by what it selects, its pods are spread where they do not say how."""
    meta, spec = obj.get("metadata") or {}, obj.get("spec") or {}
    selector = spec.get("selector") or {}
    match = {**(selector.get("matchLabels") or {}), HASH: _hash(spec)}
    owner = {"name": meta.get("name"), "namespace": meta.get("namespace")}
    return {"kind": "ReplicaSet", "metadata": owner, "spec": {"selector": {**selector, "matchLabels": match}}}


def template_of(obj: Object) -> Object:
    """The spec of the workload that makes the pods: of a Deployment, that of its ReplicaSet."""
    spec: Object = obj.get("spec") or {}
    if obj.get("kind") != "Deployment":
        return spec
    template = spec.get("template") or {}
    meta = template.get("metadata") or {}
    labels = {**(meta.get("labels") or {}), HASH: _hash(spec)}
    return {**spec, "template": {**template, "metadata": {**meta, "labels": labels}}}


def _hash(spec: Object) -> str:
    """What tells the pods of a Deployment's template from those of its earlier ones."""
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    return str(labels.get(HASH) or "new")


def replica(obj: Object, kind: str, pod_name: str, node: str = "") -> Object:
    """One pod of a workload; `node`: the one that a DaemonSet's pod is for."""
    meta, spec = obj.get("metadata") or {}, obj.get("spec") or {}
    template = spec.get("template") or {}
    name, maker = str(meta.get("name") or ""), MAKER.get(kind, kind)
    owner = {"apiVersion": _GROUP.get(maker, "apps/v1"), "kind": maker, "name": name, "controller": True}
    labels = dict((template.get("metadata") or {}).get("labels") or {})
    made = dict(template.get("spec") or {})
    if kind == "DaemonSet":
        _pin(made, node)
    if kind == "Deployment":
        labels[HASH] = _hash(spec)
    if kind == "StatefulSet":
        labels |= {"statefulset.kubernetes.io/pod-name": pod_name}
        labels |= {"apps.kubernetes.io/pod-index": pod_name.rpartition("-")[2]}
    if kind == "Job":
        labels |= dict.fromkeys(("job-name", "batch.kubernetes.io/job-name"), name)
    found: Object = {
        "metadata": {
            "name": pod_name,
            "namespace": meta.get("namespace"),
            "labels": labels,
            "ownerReferences": [owner | {"uid": meta.get("uid") or name}],
        },
        "spec": made,
    }
    claims = spec.get("volumeClaimTemplates") if kind == "StatefulSet" else None
    return _with_claims(found, pod_name, claims) if claims else found


def _with_claims(pod: Object, pod_name: str, claims: list[Object]) -> Object:
    volumes, made = {}, []
    for claim in claims:
        meta = claim.get("metadata") or {}
        name = f"{meta.get('name')}-{pod_name}"
        volumes[meta.get("name")] = {"name": meta.get("name"), "persistentVolumeClaim": {"claimName": name}}
        made.append({"metadata": {**meta, "name": name}, "spec": claim.get("spec") or {}})
    others = [one for one in pod["spec"].get("volumes") or () if one.get("name") not in volumes]
    return pod | {"spec": pod["spec"] | {"volumes": [*volumes.values(), *others]}, "claims": made}


def _pin(spec: Object, node: str) -> None:
    """A DaemonSet's pod is for one node, and stays there in bad times."""
    required = {"nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}]}
    mine = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    pinned = {**mine, "requiredDuringSchedulingIgnoredDuringExecution": required}
    spec["affinity"] = {**(spec.get("affinity") or {}), "nodeAffinity": pinned}
    tolerated = taints.of_daemons(host_network=bool(spec.get("hostNetwork")))
    own = [{"key": key, "operator": "Exists", "effect": effect} for key, effect in tolerated]
    spec["tolerations"] = [*(spec.get("tolerations") or ()), *own]

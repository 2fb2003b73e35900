"""The pods that manifests would become: replicas of workloads, with what defaults and admission add, and quotas that refuse them.

What: `Admission(snapshot).pods(objects, namespace)` → manifests as the scheduler reads them; `refused` says which pods no quota
allows. Why: a pod is placed by its requests, priority and tolerations after admission, not as written. Flow: object → pod
templates → defaults → priority class → limit ranges → quotas, each pod counted for the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from kubelite.api.core.pod.kind import POD
from kubelite.api.logic import limitrange, taints
from kubelite.api.logic.quota import amounts
from kubelite.api.logic.quota.check import Refused, charge, check
from kubelite.api.logic.quota.evaluators import evaluator
from kubelite.api.types.core_v1 import LimitRange, Pod, ResourceQuota, Toleration
from kubelite.api.types.scheduling_v1 import PriorityClass
from kubelite.cli.failures import CliError
from kubelite.cmd.questions.snapshot import Snapshot
from kubelite.machinery import codec
from kubelite.machinery.errors import StatusError

Object = dict[str, Any]
GRACE = 300
"""Seconds that every pod tolerates a node that is not ready or unreachable (DefaultTolerationSeconds)."""
_COUNTS = {
    "Deployment": "replicas",
    "ReplicaSet": "replicas",
    "StatefulSet": "replicas",
    "ReplicationController": "replicas",
    "Job": "parallelism",
}
_MAKER = {"Deployment": "ReplicaSet"}


def templates(obj: Object, node_names: Iterable[str]) -> Iterator[Object]:
    """The pods that an object stands for; none for kinds that make no pods."""
    kind, spec = str(obj.get("kind") or ""), obj.get("spec") or {}
    meta = obj.get("metadata") or {}
    if kind == "Pod":
        yield obj
    elif kind in _COUNTS:
        count = spec.get(_COUNTS[kind])
        first = int((spec.get("ordinals") or {}).get("start") or 0) if kind == "StatefulSet" else 1
        for number in range(first, first + (1 if count is None else int(count))):
            yield _replica(meta, spec, _MAKER.get(kind, kind), str(number))
    elif kind == "DaemonSet":
        for name in node_names:
            made = _replica(meta, spec, kind, name)
            field = {"key": "metadata.name", "operator": "In", "values": [name]}
            required = {"nodeSelectorTerms": [{"matchFields": [field]}]}
            wanted = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
            made["spec"] = {**made["spec"], "affinity": {**(made["spec"].get("affinity") or {}), **wanted}}
            own = [{"key": key, "operator": "Exists"} for key in (taints.NOT_READY, taints.UNREACHABLE)]
            own += [{"key": taints.UNSCHEDULABLE, "operator": "Exists", "effect": taints.NO_SCHEDULE}]
            made["spec"]["tolerations"] = [*(made["spec"].get("tolerations") or ()), *own]
            yield made


def _replica(meta: Object, spec: Object, maker: str, suffix: str) -> Object:
    template = spec.get("template") or {}
    name = str(meta.get("name") or "")
    owner = {"apiVersion": "apps/v1", "kind": maker, "name": name, "uid": name, "controller": True}
    fresh = {"name": f"{name}-{suffix}", "namespace": meta.get("namespace"), "ownerReferences": [owner]}
    labels = (template.get("metadata") or {}).get("labels") or {}
    return {"metadata": {**fresh, "labels": labels}, "spec": dict(template.get("spec") or {})}


class Admission:
    """What the API server would make of new pods."""

    def __init__(self, snapshot: Snapshot, quotas: dict[tuple[str, str], dict[str, str]] | None = None) -> None:
        self.snapshot, self.now = snapshot, datetime.now(UTC)
        self.classes = {one.metadata.name: one for one in snapshot.typed("PriorityClass", PriorityClass)}
        self.limits: dict[str, list[Any]] = {}
        for limits in snapshot.typed("LimitRange", LimitRange):
            self.limits.setdefault(limits.metadata.namespace, []).extend(limits.spec.limits)
        self.quotas: dict[str, list[ResourceQuota]] = {}
        for quota in snapshot.typed("ResourceQuota", ResourceQuota):
            self.quotas.setdefault(quota.metadata.namespace, []).append(quota)
        self.refused: dict[str, str] = {}
        for (namespace, name), hard in (quotas or {}).items():
            self._change(namespace, name, hard)

    def _change(self, namespace: str, name: str, hard: dict[str, str]) -> None:
        """A quota gets other limits; what it has not counted yet is counted."""
        there = self.quotas.setdefault(namespace, [])
        quota = next((one for one in there if one.metadata.name == name), None)
        if quota is None:
            quota = msgspec.convert({"metadata": {"name": name, "namespace": namespace}}, ResourceQuota)
            there.append(quota)
        quota.status.hard = dict(hard)
        rules = evaluator("", "pods")
        names = [one for one in hard if rules.matches(one)]
        mine = [pod for pod in self.snapshot.typed("Pod", Pod) if pod.metadata.namespace == namespace]
        quota.status.used = {
            **dict.fromkeys(hard, "0"),
            **quota.status.used,
            **amounts.total([rules.usage(pod, self.now) for pod in mine], names),
        }

    def pods(self, objects: Iterable[Object], namespace: str, node_names: Iterable[str]) -> list[Object]:
        """The pods as they would be stored; those that are refused are left out. Raises CliError for one that is no pod."""
        found, names = [], list(node_names)
        for obj in objects:
            for template in templates(obj, names):
                pod = self._admitted(template, namespace)
                if pod is not None:
                    found.append(pod)
        return found

    def _admitted(self, template: Object, namespace: str) -> Object | None:
        document = {**template, "apiVersion": "v1", "kind": "Pod"}
        try:
            pod = codec.convert(document, Pod)
        except StatusError as error:
            raise CliError(f"a pod cannot be read: {error.message}") from error
        pod.metadata.namespace = pod.metadata.namespace or namespace
        key = f"{pod.metadata.namespace}/{pod.metadata.name}"
        POD.set_defaults(pod)
        why = self._change_pod(pod) or self._charge(pod)
        if why:
            self.refused[key] = why
            return None
        stored: Object = codec.to_generic(pod)
        return stored | {"kind": "Pod"}

    def _change_pod(self, pod: Pod) -> str:
        """Fills in what admission does; why the pod is refused, "" if it is not."""
        name = pod.spec.priorityClassName
        defaults = [one for one in self.classes.values() if one.globalDefault]
        found = self.classes.get(name) if name else min(defaults, key=lambda one: one.value or 0, default=None)
        if name and found is None:
            return f"no PriorityClass with name {name} was found"
        if found is not None:
            pod.spec.priority = found.value or 0
            pod.spec.preemptionPolicy = found.preemptionPolicy or "PreemptLowerPriority"
        for key in (taints.NOT_READY, taints.UNREACHABLE):
            if not any(one.key in ("", key) and one.effect in ("", taints.NO_EXECUTE) for one in pod.spec.tolerations):
                effect = taints.NO_EXECUTE
                pod.spec.tolerations.append(
                    Toleration(key=key, operator="Exists", effect=effect, tolerationSeconds=GRACE)
                )
        items = self.limits.get(pod.metadata.namespace, [])
        limitrange.set_defaults(items, pod)
        return "; ".join(limitrange.pod_errors(items, pod))

    def _charge(self, pod: Pod) -> str:
        """Counts the pod in the quotas of its namespace; why it is refused, "" if it is not."""
        quotas = self.quotas.get(pod.metadata.namespace, [])
        try:
            used = check(quotas, charge(evaluator("", "pods"), pod, None, self.now))
        except Refused as refusal:
            return str(refusal)
        for quota in quotas:
            quota.status.used = used.get(quota.metadata.name) or quota.status.used
        return ""

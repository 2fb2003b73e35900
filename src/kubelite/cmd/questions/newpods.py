"""The pods that manifests would become: replicas of workloads, with what defaults and admission add, and quotas that refuse them.

What: `Admission(snapshot).pods(objects, namespace)` → manifests as the scheduler reads them; `refused` says what no quota
allows, `made` the claims that come with the pods. Why: a pod is placed by its requests, priority and tolerations after admission,
not as written, and where its volumes can be. Flow: object → pod templates (templates.py) → defaults → priority class → limit
ranges → claims → quotas, each object counted for the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kubelite.api.core.pod.kind import POD
from kubelite.api.logic import limitrange, taints
from kubelite.api.logic.defaultclass import STORAGE_DEFAULTS, default_of
from kubelite.api.types.core_v1 import LimitRange, PersistentVolumeClaim, Pod, Toleration
from kubelite.api.types.scheduling_v1 import PriorityClass
from kubelite.api.types.storage_v1 import StorageClass
from kubelite.cli.failures import CliError
from kubelite.cmd.questions.newquota import TYPES, Quotas, resource_of
from kubelite.cmd.questions.snapshot import Snapshot
from kubelite.cmd.questions.templates import templates
from kubelite.machinery import codec
from kubelite.machinery.errors import StatusError

Object = dict[str, Any]
GRACE = 300
"""Seconds that every pod tolerates a node that is not ready or unreachable (DefaultTolerationSeconds)."""


class Admission:
    """What the API server, and the controllers that make claims, would make of new pods."""

    def __init__(self, snapshot: Snapshot, quotas: Mapping[tuple[str, str], Mapping[str, str]] | None = None) -> None:
        self.snapshot, self.quotas = snapshot, Quotas(snapshot)
        self.classes = {one.metadata.name: one for one in snapshot.typed("PriorityClass", PriorityClass)}
        self.limits: dict[str, list[Any]] = {}
        for limits in snapshot.typed("LimitRange", LimitRange):
            self.limits.setdefault(limits.metadata.namespace, []).extend(limits.spec.limits)
        self.refused: dict[str, str] = {}
        self.denied: dict[str, tuple[Object, str]] = {}
        """Pods of manifests that a quota refuses, by namespace and name → as written, namespace; their makers will ask again."""
        self.made: list[Object] = []
        """Claims that come with the pods."""
        self._known: dict[str, set[tuple[str, str]]] = {}
        self._templates: dict[tuple[str, str], Object] | None = None
        self._default_class: str | None = None
        for (namespace, name), hard in (quotas or {}).items():
            self.quotas.change(namespace, name, hard, {})

    # several objects

    def pods(
        self,
        objects: Iterable[Object],
        namespace: str,
        nodes_of: Callable[[Object], Iterable[str]] | None = None,
        order: Callable[[list[Object]], list[Object]] = list,
    ) -> list[Object]:
        """The pods as they would be stored; those that are refused are left out. Raises CliError for one that is no pod.

        `nodes_of` says where the pods of a DaemonSet belong, `order` who asks first.
        """
        asking: list[Object] = []
        makers: dict[int, tuple[Object, str]] = {}
        for obj in objects:
            where = str((obj.get("metadata") or {}).get("namespace") or namespace)
            if not self._created(obj, where):
                continue
            for template in templates(obj, nodes_of(obj) if nodes_of and obj.get("kind") == "DaemonSet" else ()):
                asking.append(template)
                makers[id(template)] = obj, where
        found = []
        for template in order(asking):
            obj, where = makers[id(template)]
            pod = self.pod(template, where)
            if pod is not None:
                found.append(pod)
            else:
                self._deny(obj, template, where)
        return found

    def _deny(self, obj: Object, template: Object, namespace: str) -> None:
        """Keeps what may be asked again; those that workloads lack are known from the workloads."""
        meta = template["metadata"]
        key = f"{meta.get('namespace') or namespace}/{meta['name']}"
        lacked = obj.get("kind") == "Pod" and meta.get("ownerReferences")
        if self.refused[key].startswith("exceeded quota") and not lacked:
            self.denied[key] = template, namespace

    def _created(self, obj: Object, namespace: str) -> bool:
        """Whether quotas let an object be that is no pod; what exists already does not count again."""
        kind, name = str(obj.get("kind") or ""), str((obj.get("metadata") or {}).get("name") or "")
        if kind == "Pod" or not self.quotas.of(namespace) or self._exists(kind, namespace, name):
            return True
        resource = resource_of(kind) or _resource_elsewhere(obj)
        if resource is None:
            return True
        typed: Any = obj
        if kind in TYPES:
            try:
                typed = codec.convert(obj, TYPES[kind])
            except StatusError as error:
                raise CliError(f"{kind}/{name} cannot be read: {error.message}") from error
        why = self.quotas.charge(resource, typed, namespace)
        if why:
            self.refused[f"{kind.lower()}/{namespace}/{name}"] = why
        return not why

    def _exists(self, kind: str, namespace: str, name: str) -> bool:
        if kind not in self._known:
            objects = self.snapshot.objects(kind)
            self._known[kind] = {(one["metadata"].get("namespace", ""), one["metadata"]["name"]) for one in objects}
        return (namespace, name) in self._known[kind]

    # one pod

    def pod(self, template: Object, namespace: str) -> Object | None:
        """The pod as it would be stored; None if it is refused, and `refused` says why."""
        document = {key: value for key, value in template.items() if key != "claims"}
        try:
            pod = codec.convert(document | {"apiVersion": "v1", "kind": "Pod"}, Pod)
        except StatusError as error:
            raise CliError(f"a pod cannot be read: {error.message}") from error
        pod.metadata.namespace = pod.metadata.namespace or namespace
        key = f"{pod.metadata.namespace}/{pod.metadata.name}"
        pod.metadata.uid = pod.metadata.uid or f"new-{key}"
        POD.set_defaults(pod)
        why = self._claims(template.get("claims") or (), pod) or self._change_pod(pod)
        why = why or self.quotas.charge(("", "pods"), pod, pod.metadata.namespace)
        if why:
            self.refused[key] = why
            return None
        self._claims_of_its_own(pod)
        stored: Object = codec.to_generic(pod)
        self._devices(stored)
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

    # claims

    def _claims(self, wanted: Iterable[Object], pod: Pod) -> str:
        """The claims that a StatefulSet makes before its pod, each once; why one is refused."""
        for claim in wanted:
            if not self._exists("PersistentVolumeClaim", pod.metadata.namespace, claim["metadata"]["name"]):
                why = self._claim(claim, pod.metadata.namespace)
                if why:
                    return why
        return ""

    def _claims_of_its_own(self, pod: Pod) -> None:
        """Those of ephemeral volumes, which a controller makes for the pod that is there; a quota may refuse them."""
        for volume in pod.spec.volumes:
            if volume.ephemeral is None or volume.ephemeral.volumeClaimTemplate is None:
                continue
            name = f"{pod.metadata.name}-{volume.name}"
            owner = {"apiVersion": "v1", "kind": "Pod", "name": pod.metadata.name, "uid": pod.metadata.uid}
            spec = codec.to_generic(volume.ephemeral.volumeClaimTemplate).get("spec") or {}
            meta = {"name": name, "ownerReferences": [owner | {"controller": True}]}
            why = self._claim({"metadata": meta, "spec": spec}, pod.metadata.namespace)
            if why:
                self.refused[f"persistentvolumeclaim/{pod.metadata.namespace}/{name}"] = why

    def _claim(self, claim: Object, namespace: str) -> str:
        name = claim["metadata"]["name"]
        meta = {**claim["metadata"], "namespace": namespace, "uid": f"new-{namespace}/{name}"}
        document = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": claim.get("spec")}
        try:
            typed = codec.convert(document, PersistentVolumeClaim)
        except StatusError as error:
            raise CliError(f"a claim of a pod cannot be read: {error.message}") from error
        if typed.spec.storageClassName is None:
            typed.spec.storageClassName = self._default() or None
        why = self.quotas.charge(("", "persistentvolumeclaims"), typed, namespace)
        if not why:
            self._known["PersistentVolumeClaim"] = self._known.get("PersistentVolumeClaim", set()) | {(namespace, name)}
            self.made.append(codec.to_generic(typed) | {"kind": "PersistentVolumeClaim"})
        return why

    def _default(self) -> str:
        if self._default_class is None:
            self._default_class = default_of(self.snapshot.typed("StorageClass", StorageClass), STORAGE_DEFAULTS)
        return self._default_class

    def _devices(self, pod: Object) -> None:
        """Claims for devices, made from their templates, with their names in the pod's status."""
        wanted = [one for one in pod["spec"].get("resourceClaims") or () if one.get("resourceClaimTemplateName")]
        if not wanted:
            return
        if self._templates is None:
            found = self.snapshot.objects("ResourceClaimTemplate")
            self._templates = {(one["metadata"]["namespace"], one["metadata"]["name"]): one for one in found}
        meta, told = pod["metadata"], []
        owner = {"apiVersion": "v1", "kind": "Pod", "name": meta["name"], "uid": meta["uid"], "controller": True}
        for one in wanted:
            template = self._templates.get((meta["namespace"], one["resourceClaimTemplateName"]))
            if template is None:
                continue  # the pod waits for it, as it would in the cluster
            name = f"{meta['name']}-{one['name']}-new"
            fresh = {"name": name, "namespace": meta["namespace"], "uid": f"new-{meta['namespace']}/{name}"}
            claim = {"kind": "ResourceClaim", "metadata": fresh | {"ownerReferences": [owner]}}
            self.made.append(claim | {"spec": template["spec"].get("spec") or {}})
            told.append({"name": one["name"], "resourceClaimName": name})
        pod["status"] = {**(pod.get("status") or {}), "resourceClaimStatuses": told}


def _resource_elsewhere(obj: Object) -> tuple[str, str] | None:
    """The resource of a built-in kind that questions do not read; None for kinds of the user's own."""
    from kubelite.api import scheme

    found = scheme().by_kind(str(obj.get("apiVersion") or ""), str(obj.get("kind") or ""))
    return (found.group, found.plural) if found is not None else None

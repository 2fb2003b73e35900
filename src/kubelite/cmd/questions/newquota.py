"""What quotas say of objects that would be created: each counts for the next, and what goes gives back what it used.

What: `Quotas(snapshot)`; `change` gives a quota other limits, `charge` counts an object or says why it is refused, `release`
gives back. Why: a quota limits pods, storage and numbers of objects of every kind, custom ones too. The rules are those of the
API server (`api.logic.quota`). What a new limit is about and nobody has counted yet is counted from the snapshot, or comes as
`counted`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from kubelite.api.logic.quota import amounts, scopes
from kubelite.api.logic.quota.check import Refused, charge, check
from kubelite.api.logic.quota.evaluators import Evaluator, evaluator, resources_of
from kubelite.api.types.base import Quantity
from kubelite.api.types.core_v1 import PersistentVolumeClaim, Pod, ResourceQuota, Service
from kubelite.api.types.resource_v1 import ResourceClaim
from kubelite.cmd.questions.places import PLACES
from kubelite.cmd.questions.snapshot import Snapshot

Resource = tuple[str, str]
"""Group and plural."""
TYPES: dict[str, type[Any]] = {
    "Pod": Pod,
    "Service": Service,
    "PersistentVolumeClaim": PersistentVolumeClaim,
    "ResourceClaim": ResourceClaim,
}
"""Kinds of which a quota looks at more than the number."""


def resource_of(kind: str) -> Resource | None:
    """The resource of a kind that questions know."""
    if kind not in PLACES:
        return None
    root, plural = PLACES[kind]
    return ("" if root == "/api/v1" else root.split("/")[2]), plural


KINDS = {resource: kind for kind in PLACES if (resource := resource_of(kind))}


class Quotas:
    """The quotas of all namespaces."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot, self.now = snapshot, datetime.now(UTC)
        self._quotas: dict[str, list[ResourceQuota]] = {}
        self._pods: dict[str, dict[str, Pod]] = {}
        for quota in snapshot.typed("ResourceQuota", ResourceQuota):
            self._quotas.setdefault(quota.metadata.namespace, []).append(quota)

    def of(self, namespace: str) -> list[ResourceQuota]:
        return self._quotas.get(namespace, [])

    def named(self, namespace: str, name: str) -> ResourceQuota:
        """The quota; a new one without limits if there is none of that name."""
        there = self._quotas.setdefault(namespace, [])
        found = next((one for one in there if one.metadata.name == name), None)
        if found is None:
            found = msgspec.convert({"metadata": {"name": name, "namespace": namespace}}, ResourceQuota)
            there.append(found)
        return found

    def uncounted(self, namespace: str, name: str, hard: Mapping[str, str]) -> set[Resource]:
        """Resources that these limits are about, that nobody has counted, and of which the snapshot knows nothing."""
        used = self.named(namespace, name).status.used
        found = {resource for limit in hard if limit not in used for resource in resources_of(limit)}
        return {resource for resource in found if KINDS.get(resource, "") not in self.snapshot.lists}

    def change(self, namespace: str, name: str, hard: Mapping[str, str], counted: Mapping[Resource, int]) -> None:
        """A quota gets these limits. `counted`: how many objects there are of what the snapshot does not know."""
        quota = self.named(namespace, name)
        used: dict[str, Quantity] = {limit: quota.status.used[limit] for limit in hard if limit in quota.status.used}
        found: dict[str, Quantity] = {}
        for resource in {one for limit in hard if limit not in used for one in resources_of(limit)}:
            rules = evaluator(*resource)
            names = [limit for limit in hard if rules.matches(limit)]
            counts = self._count(quota, namespace, rules, resource, names)
            if resource in counted:
                counts = dict.fromkeys(names, str(counted[resource]))
            found = amounts.plus(found, counts)
        quota.status.hard = dict(hard)
        quota.status.used = {**dict.fromkeys(hard, "0"), **found, **used}

    def _count(
        self, quota: ResourceQuota, namespace: str, rules: Evaluator, resource: Resource, names: list[str]
    ) -> dict[str, Any]:
        kind = KINDS.get(resource, "")
        wanted = scopes.selectors_of(quota.spec)
        type_: type[Any] = TYPES.get(kind, dict)
        found = []
        for obj in self.snapshot.typed(kind, type_):
            meta = obj["metadata"] if isinstance(obj, dict) else obj.metadata
            where = meta.get("namespace") if isinstance(meta, dict) else meta.namespace
            if where == namespace and scopes.covers(wanted, rules.traits(obj)):
                found.append(rules.usage(obj, self.now))
        return amounts.total(found, names)

    def charge(self, resource: Resource, obj: Any, namespace: str) -> str:
        """Counts an object in the quotas of its namespace; why it is refused, "" if it is not."""
        quotas = self.of(namespace)
        if not quotas:
            return ""
        try:
            used = check(quotas, charge(evaluator(*resource), obj, None, self.now))
        except Refused as refusal:
            return str(refusal)
        for quota in quotas:
            quota.status.used = used.get(quota.metadata.name) or quota.status.used
        return ""

    def release(self, namespace: str, name: str) -> bool:
        """A pod of the snapshot goes: what it used is free again. Whether that is anything."""
        quotas = self.of(namespace)
        if not quotas:
            return False
        if namespace not in self._pods:
            pods = self.snapshot.typed("Pod", Pod)
            self._pods[namespace] = {pod.metadata.name: pod for pod in pods if pod.metadata.namespace == namespace}
        pod = self._pods[namespace].pop(name, None)
        if pod is None:
            return False
        rules = evaluator("", "pods")
        usage, traits = rules.usage(pod, self.now), rules.traits(pod)
        for quota in quotas:
            if scopes.covers(scopes.selectors_of(quota.spec), traits):
                mine = amounts.only(usage, quota.status.used)
                quota.status.used = quota.status.used | amounts.only(amounts.minus(quota.status.used, mine), mine)
        return True

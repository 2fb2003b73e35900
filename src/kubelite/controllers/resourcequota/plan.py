"""What the status of a quota should say: pure.

What: `resources(quota)` names the resources to look at, `status(quota, objects, now)` the status, `is_newer` whether it is
worth a write. Why: admission only adds; this counts anew. Source: pkg/controller/resourcequota (syncResourceQuota),
apiserver/pkg/quota/v1 (CalculateUsage): what nothing uses any more is "0", what no served resource uses stays unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from kubelite.api.logic import podstatus
from kubelite.api.logic.quota import amounts, scopes
from kubelite.api.logic.quota.evaluators import DEVICE_CLAIMS, NEVER, evaluator, of_devices, resources_of
from kubelite.api.types.base import Quantity
from kubelite.api.types.core_v1 import ResourceQuota, ResourceQuotaStatus
from kubelite.api.types.resource_v1 import DeviceClass
from kubelite.controllers.objects import Pod

Resource = tuple[str, str]
"""(group, plural)."""


def device_names(classes: Iterable[DeviceClass]) -> dict[str, str]:
    """Class of devices → the extended resource by which pods ask for it."""
    return {one.metadata.name: one.spec.extendedResourceName for one in classes if one.spec.extendedResourceName}


def resources(quota: ResourceQuota, names: Mapping[str, str] | None = None) -> dict[Resource, list[str]]:
    """The resources whose objects use the quota, each with the names that they use. `names` are those of `device_names`."""
    found: dict[Resource, list[str]] = {}
    for name in quota.spec.hard:
        for resource in resources_of(name, names):
            if resource not in NEVER:
                found.setdefault(resource, []).append(name)
    return found


def status(
    quota: ResourceQuota,
    objects: Mapping[Resource, Iterable[Any]],
    now: datetime,
    names: Mapping[str, str] | None = None,
) -> ResourceQuotaStatus:
    """`objects` has those of the namespace for each resource of `resources` that is served."""
    selectors = scopes.selectors_of(quota.spec)
    counts: dict[str, Quantity] = {}
    for resource, limits in resources(quota, names).items():
        if resource not in objects:
            continue
        by = of_devices(names) if names and resource == DEVICE_CLAIMS else evaluator(*resource)
        inside = (obj for obj in objects[resource] if not selectors or scopes.covers(selectors, by.traits(obj)))
        counted = (by.usage(obj, now) for obj in inside)
        counts = amounts.plus(counts, amounts.total(counted, limits))
    used = {**quota.status.used, **counts}
    return ResourceQuotaStatus(hard=dict(quota.spec.hard), used=amounts.only(used, sorted(quota.spec.hard)))


def is_newer(wanted: ResourceQuotaStatus, present: ResourceQuotaStatus) -> bool:
    """Whether the statuses differ in more than spelling."""
    return not (amounts.same(wanted.hard, present.hard) and amounts.same(wanted.used, present.used))


def uses_otherwise(old: Pod, new: Pod) -> bool:
    """Whether a pod that changed may count differently: it ended, its spec changed, or its kubelet is done with a resize.

    The spec may have got a deadline, which is another scope, or other amounts. Getting a node is no such change.
    """
    if podstatus.is_terminal(new) and not podstatus.is_terminal(old):
        return True
    if old.metadata.generation != new.metadata.generation:
        return old.spec.nodeName == new.spec.nodeName
    return _resizes(old) and not _resizes(new)


def _resizes(pod: Pod) -> bool:
    return any(one.type in ("PodResizeInProgress", "PodResizePending") for one in pod.status.conditions)


def lowers(wanted: Mapping[str, Quantity], present: Mapping[str, Quantity]) -> bool:
    """Whether something would be given back."""
    both = {name: amount for name, amount in present.items() if name in wanted}
    return bool(amounts.exceeding(both, wanted))

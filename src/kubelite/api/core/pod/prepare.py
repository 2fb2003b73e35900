"""What happens to a Pod between defaults and storage.

What: the first status, rules that follow from the pod's own labels, and the grace period of a deletion. Why: these depend on
the verb, so they are no defaults. Flow: the Kind's prepare_* hooks; objects are changed in place. Upstream:
pkg/registry/core/pod/strategy.go.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from kubelite.api.core.pod.volume_defaults import default_folders
from kubelite.api.logic import podresources, podstatus
from kubelite.api.types import core_v1 as v1
from kubelite.api.types import meta_v1
from kubelite.machinery import errors, fielderrors


def prepare_create(pod: v1.Pod) -> None:
    """A new pod is Pending, whatever its author wrote.

    Raises StatusError (Invalid) for ephemeral containers, which only their subresource may add: later, when the pod is
    validated, a new pod cannot be told from an old one.
    """
    if pod.spec.ephemeralContainers:
        path = fielderrors.Path("spec") / "ephemeralContainers"
        raise errors.invalid("", "Pod", pod.metadata.name, [fielderrors.forbidden(path, "cannot be set on create")])
    pod.status = v1.PodStatus(phase="Pending", qosClass=podresources.qos_class(pod))
    if pod.spec.schedulingGates:
        pod.status.conditions.append(
            v1.PodCondition(
                type="PodScheduled",
                status="False",
                reason="SchedulingGated",
                message="Scheduling is blocked due to non-empty scheduling gates",
            )
        )
    if pod.spec.affinity is not None:
        _merge_affinity_label_keys(pod, pod.spec.affinity)
    for constraint in pod.spec.topologySpreadConstraints:
        if constraint.matchLabelKeys and constraint.labelSelector is not None:
            _merge_label_keys(pod, constraint.labelSelector, constraint.matchLabelKeys, "In")


def prepare_update(new: v1.Pod, old: v1.Pod) -> None:
    """An update of the pod itself leaves its status alone."""
    default_folders(old.spec)
    new.status = old.status


def prepare_status_update(new: v1.Pod, old: v1.Pod) -> None:
    """A status update leaves the spec, the deletion marks and the owners alone."""
    new.spec = old.spec
    new.metadata.deletionTimestamp = old.metadata.deletionTimestamp
    new.metadata.ownerReferences = old.metadata.ownerReferences
    new.status.qosClass = new.status.qosClass or old.status.qosClass


def prepare_ephemeral_update(new: v1.Pod, old: v1.Pod) -> None:
    """The `ephemeralcontainers` subresource changes nothing else: everything else is the old pod's."""
    added = new.spec.ephemeralContainers
    new.spec = msgspec.structs.replace(old.spec, ephemeralContainers=added)
    new.status = old.status


def prepare_resize(new: v1.Pod, old: v1.Pod) -> None:
    """The `resize` subresource changes resources and resize policies of containers, by name, and nothing else."""
    spec = msgspec.structs.replace(old.spec)
    for name in ("containers", "initContainers"):
        wanted = {container.name: container for container in getattr(new.spec, name)}
        setattr(spec, name, [_resized(container, wanted.get(container.name)) for container in getattr(old.spec, name)])
    if new.spec.resources is not None:
        spec.resources = new.spec.resources
    new.spec = spec
    new.status = old.status


def _resized(container: v1.Container, wanted: v1.Container | None) -> v1.Container:
    if wanted is None:
        return container
    return msgspec.structs.replace(container, resources=wanted.resources, resizePolicy=wanted.resizePolicy)


def grace_seconds(pod: v1.Pod, asked: int | None) -> int:
    """Seconds between the request to delete a pod and its end: none where no node runs it, or it has finished."""
    if asked is not None:
        period = asked
    elif pod.spec.terminationGracePeriodSeconds is not None:
        period = pod.spec.terminationGracePeriodSeconds
    else:
        period = 30
    if not pod.spec.nodeName or podstatus.is_terminal(pod):
        return 0
    return 1 if period < 0 else period


def _merge_affinity_label_keys(pod: v1.Pod, affinity: v1.Affinity) -> None:
    for rules in (affinity.podAffinity, affinity.podAntiAffinity):
        if rules is None:
            continue
        preferred = [w.podAffinityTerm for w in rules.preferredDuringSchedulingIgnoredDuringExecution]
        for term in (*rules.requiredDuringSchedulingIgnoredDuringExecution, *preferred):
            if term is None or term.labelSelector is None:
                continue
            _merge_label_keys(pod, term.labelSelector, term.matchLabelKeys, "In")
            _merge_label_keys(pod, term.labelSelector, term.mismatchLabelKeys, "NotIn")


def _merge_label_keys(pod: v1.Pod, selector: meta_v1.LabelSelector, keys: Iterable[str], operator: str) -> None:
    """Turn keys into requirements on the pod's own values of them; a key the pod does not have is passed over."""
    for key in keys:
        value = pod.metadata.labels.get(key)
        if value is not None:
            requirement = meta_v1.LabelSelectorRequirement(key=key, operator=operator, values=[value])
            selector.matchExpressions = [*selector.matchExpressions, requirement]

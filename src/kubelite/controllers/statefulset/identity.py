"""Who a pod of a StatefulSet is: its name, ordinal, labels, volumes and claims.

What: pure functions from a set and an ordinal to a pod and its claims, and back. Why: a pod made again must be the same one.
Upstream: pkg/controller/statefulset/stateful_set_utils.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kubelite.api.types.apps_v1 import StatefulSet
from kubelite.api.types.core_v1 import (
    PersistentVolumeClaim,
    PersistentVolumeClaimVolumeSource,
    Pod,
    PodTemplateSpec,
    Volume,
)
from kubelite.controllers.history import POD_LABEL
from kubelite.controllers.kinds import STATEFUL_SET
from kubelite.controllers.podcontrol import pod_of
from kubelite.machinery import codec

POD_NAME = "statefulset.kubernetes.io/pod-name"
POD_INDEX = "apps.kubernetes.io/pod-index"
_NAME = re.compile(r"(.*)-([0-9]{1,10})\Z", re.ASCII | re.DOTALL)


def start(stateful_set: StatefulSet) -> int:
    """The first ordinal."""
    ordinals = stateful_set.spec.ordinals
    return (ordinals.start or 0) if ordinals is not None else 0


def replicas(stateful_set: StatefulSet) -> int:
    count = stateful_set.spec.replicas
    return 1 if count is None else count


def in_range(stateful_set: StatefulSet, ordinal: int) -> bool:
    """Whether the set wants a pod with this ordinal."""
    first = start(stateful_set)
    return first <= ordinal < first + replicas(stateful_set)


def parent_and_ordinal(pod: Any) -> tuple[str, int]:
    """The name of the set that a pod's name speaks of, and its ordinal; ("", -1) if it has no such name."""
    found = _NAME.match(pod.metadata.name)
    if found is None or int(found[2]) >= 2**31:
        return "", -1
    return found[1], int(found[2])


def ordinal_of(pod: Any) -> int:
    return parent_and_ordinal(pod)[1]


def pod_name(stateful_set: StatefulSet, ordinal: int) -> str:
    return f"{stateful_set.metadata.name}-{ordinal}"


def is_member(stateful_set: StatefulSet, pod: Any) -> bool:
    """Whether the pod's name is one that the set gives."""
    return parent_and_ordinal(pod)[0] == stateful_set.metadata.name


def revision_of(pod: Any) -> str:
    """The name of the revision the pod was made from."""
    return str(pod.metadata.labels.get(POD_LABEL, ""))


def claim_name(stateful_set: StatefulSet, template: str, ordinal: int) -> str:
    return f"{template}-{stateful_set.metadata.name}-{ordinal}"


def claim_names(stateful_set: StatefulSet, ordinal: int) -> list[str]:
    """The names of the claims of one pod."""
    return [claim_name(stateful_set, t.metadata.name, ordinal) for t in stateful_set.spec.volumeClaimTemplates]


def names_claim(stateful_set: StatefulSet, name: str) -> bool:
    """Whether the set gives a claim this name."""
    found = _NAME.match(name)
    parents = (f"{t.metadata.name}-{stateful_set.metadata.name}" for t in stateful_set.spec.volumeClaimTemplates)
    return found is not None and found[1] in parents


def claims(stateful_set: StatefulSet, ordinal: int) -> list[PersistentVolumeClaim]:
    """The claims of one pod, as they are made."""
    selector = stateful_set.spec.selector
    wanted = selector.matchLabels if selector is not None else {}
    made = []
    for template in stateful_set.spec.volumeClaimTemplates:
        claim = codec.clone(template)
        claim.metadata.name = claim_name(stateful_set, template.metadata.name, ordinal)
        claim.metadata.namespace = stateful_set.metadata.namespace
        claim.metadata.labels = {**claim.metadata.labels, **wanted}
        made.append(claim)
    return made


def identity_labels(stateful_set: StatefulSet, ordinal: int) -> dict[str, str]:
    """The labels that tell a pod from its siblings."""
    return {POD_NAME: pod_name(stateful_set, ordinal), POD_INDEX: str(ordinal)}


def identity_matches(stateful_set: StatefulSet, pod: Any) -> bool:
    parent, ordinal = parent_and_ordinal(pod)
    if parent != stateful_set.metadata.name or pod.metadata.namespace != stateful_set.metadata.namespace:
        return False
    return bool(identity_labels(stateful_set, ordinal).items() <= pod.metadata.labels.items())


def storage_matches(stateful_set: StatefulSet, pod: Any) -> bool:
    """Whether the pod uses the claims that are its own."""
    ordinal = ordinal_of(pod)
    used: Mapping[str, Any] = {volume.name: volume.persistentVolumeClaim for volume in pod.spec.volumes}
    for template in stateful_set.spec.volumeClaimTemplates:
        source = used.get(template.metadata.name)
        if source is None or source.claimName != claim_name(stateful_set, template.metadata.name, ordinal):
            return False
    return True


def give_identity(stateful_set: StatefulSet, pod: Pod) -> None:
    """Write name, labels and claims into the pod, in place."""
    ordinal = ordinal_of(pod)
    pod.metadata.labels = {**pod.metadata.labels, **identity_labels(stateful_set, ordinal)}
    named = {template.metadata.name for template in stateful_set.spec.volumeClaimTemplates}
    volumes = [
        Volume(
            name=name,
            persistentVolumeClaim=PersistentVolumeClaimVolumeSource(
                claimName=claim_name(stateful_set, name, ordinal), readOnly=False
            ),
        )
        for name in sorted(named)
    ]
    pod.spec.volumes = volumes + [volume for volume in pod.spec.volumes if volume.name not in named]


def make_pod(stateful_set: StatefulSet, template: PodTemplateSpec, revision: str, ordinal: int) -> Pod:
    """The pod with this ordinal, from the template of `revision`."""
    pod = pod_of(codec.clone(template), stateful_set, STATEFUL_SET)
    pod.metadata.generateName = ""
    pod.metadata.name = pod_name(stateful_set, ordinal)
    pod.spec.hostname = pod.metadata.name
    pod.spec.subdomain = stateful_set.spec.serviceName
    give_identity(stateful_set, pod)
    pod.metadata.labels[POD_LABEL] = revision
    return pod

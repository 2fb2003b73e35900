"""Revisions: which ReplicaSet carries the present template, which carry earlier ones, and the annotations that say so.

What: finding the new set, making it, and the annotations that `kubectl rollout history` and `undo` read.
Why: a rollback is nothing but an old template that becomes present again; its old set is found and gets the next number.
Source: pkg/controller/deployment/util/deployment_util.go (FindNewReplicaSet, SetNewReplicaSetAnnotations).
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kubelite.api.types.apps_v1 import Deployment, ReplicaSet, ReplicaSetSpec
from kubelite.api.types.core_v1 import PodTemplateSpec
from kubelite.api.types.meta_v1 import LabelSelector, OwnerReference
from kubelite.controllers.deployment import sizes
from kubelite.machinery import hashing
from kubelite.machinery.names import SUBDOMAIN_MAX

HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
HISTORY_CHARS = 2000
NOT_COPIED = frozenset(
    (
        "kubectl.kubernetes.io/last-applied-configuration",
        REVISION,
        HISTORY,
        sizes.DESIRED,
        sizes.MAXIMUM,
        "deprecated.deployment.rollback.to",
    )
)


def revision(obj: Any) -> int:
    """The number in the revision annotation, 0 where there is none."""
    text = obj.metadata.annotations.get(REVISION, "")
    return int(text) if text.isascii() and text.isdigit() else 0


def shown(replica_set: ReplicaSet) -> str:
    """The revision annotation as it stands, "" where there is none."""
    return str(replica_set.metadata.annotations.get(REVISION, ""))


def same_template(first: PodTemplateSpec, second: PodTemplateSpec) -> bool:
    """Whether two templates describe the same pods; the hash label does not count."""
    return first.spec == second.spec and _plain(first) == _plain(second)


def _plain(template: PodTemplateSpec) -> tuple[Any, ...]:
    meta = template.metadata
    labels = {name: value for name, value in meta.labels.items() if name != HASH}
    return labels, meta.annotations, meta.finalizers, meta.name, meta.namespace, meta.generateName


def find_new(deployment: Deployment, replica_sets: Iterable[ReplicaSet]) -> ReplicaSet | None:
    """The set with the present template; of several, which a race may leave, the oldest."""
    for replica_set in sizes.by_age(replica_sets):
        if same_template(replica_set.spec.template, deployment.spec.template):
            return replica_set
    return None


def make_new(deployment: Deployment, old: Sequence[ReplicaSet], owner: Mapping[str, Any]) -> ReplicaSet:
    """The ReplicaSet for the present template, sized as the strategy allows beside `old`."""
    template = copy.copy(deployment.spec.template)
    template.metadata = copy.copy(template.metadata)
    word = hashing.pod_template_hash(deployment.spec.template, deployment.status.collisionCount)
    template.metadata.labels = {**template.metadata.labels, HASH: word}
    selector = copy.copy(deployment.spec.selector) or LabelSelector()
    selector.matchLabels = {**selector.matchLabels, HASH: word}
    made = ReplicaSet(
        spec=ReplicaSetSpec(
            replicas=sizes.new_set_size(deployment, old, 0),
            minReadySeconds=deployment.spec.minReadySeconds,
            selector=selector,
            template=template,
        )
    )
    made.metadata.name = f"{deployment.metadata.name[: SUBDOMAIN_MAX - len(word) - 1]}-{word}"
    made.metadata.namespace = deployment.metadata.namespace
    made.metadata.labels = template.metadata.labels
    made.metadata.ownerReferences = [OwnerReference(**owner)]
    made.metadata.annotations = annotated(deployment, {}, next_revision(old)) | size_annotations(deployment)
    return made


def next_revision(old: Iterable[ReplicaSet]) -> int:
    return max((revision(replica_set) for replica_set in old), default=0) + 1


def size_annotations(deployment: Deployment) -> dict[str, str]:
    """What the set must remember for proportional scaling."""
    count = sizes.wanted(deployment)
    return {sizes.DESIRED: str(count), sizes.MAXIMUM: str(count + sizes.max_surge(deployment))}


def annotated(deployment: Deployment, present: Mapping[str, str], number: int) -> dict[str, str]:
    """The annotations of the new set: the deployment's own, and revision `number` if that is higher than its last."""
    result = dict(present)
    result.update({k: v for k, v in deployment.metadata.annotations.items() if k not in NOT_COPIED})
    last = present.get(REVISION)
    before = int(last) if last and last.isdigit() else 0
    if before >= number:
        return result
    result[REVISION] = str(number)
    if last:
        result[HISTORY] = _append(result.get(HISTORY, ""), last)
    return result


def _append(history: str, last: str) -> str:
    """The earlier revisions, oldest dropped when the list grows too long."""
    entries = [*(entry for entry in history.split(",") if entry), last]
    while len(entries) > 1 and len(",".join(entries)) > HISTORY_CHARS:
        entries.pop(0)
    return ",".join(entries)


def refreshed(deployment: Deployment, new: ReplicaSet, old: Sequence[ReplicaSet]) -> ReplicaSet | None:
    """The new set with the annotations and minReadySeconds it should have, None if it has them."""
    annotations = annotated(deployment, new.metadata.annotations, next_revision(old))
    ready_seconds = deployment.spec.minReadySeconds
    if annotations == new.metadata.annotations and (new.spec.minReadySeconds or 0) == (ready_seconds or 0):
        return None
    changed = copy.copy(new)
    changed.metadata = copy.copy(new.metadata)
    changed.metadata.annotations = annotations
    changed.spec = copy.copy(new.spec)
    changed.spec.minReadySeconds = ready_seconds
    return changed


def to_clean(deployment: Deployment, old: Iterable[ReplicaSet]) -> list[ReplicaSet]:
    """Old sets beyond `revisionHistoryLimit`, lowest revisions first, and only those that are empty and settled."""
    limit = deployment.spec.revisionHistoryLimit
    if limit is None:
        return []
    alive = [rs for rs in old if rs.metadata.deletionTimestamp is None]
    surplus = len(alive) - limit
    if surplus <= 0:
        return []
    ordered = sorted(sizes.by_age(alive), key=revision)
    return [rs for rs in ordered[:surplus] if _idle(rs)]


def _idle(replica_set: ReplicaSet) -> bool:
    settled = (replica_set.metadata.generation or 0) <= (replica_set.status.observedGeneration or 0)
    return settled and sizes.size(replica_set) == 0 and not replica_set.status.replicas

"""Going back to an earlier template because an annotation asks for it: pure.

What: `rollback` of a Deployment and its sets. Why: the annotation is what is left of a field of old API versions, and is still
obeyed; `kubectl rollout undo` writes the old template itself. Flow: the annotation → the set of that revision → the Deployment
with its template and annotations, without the request, and what is told of it. Source: pkg/controller/deployment/rollback.go.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

from kubelite.api.types.apps_v1 import Deployment, ReplicaSet
from kubelite.controllers.deployment.revision import HASH, NOT_COPIED, revision, same_template

REQUEST = "deprecated.deployment.rollback.to"
DONE = "DeploymentRollback"
NOT_FOUND = "DeploymentRollbackRevisionNotFound"
UNCHANGED = "DeploymentRollbackTemplateUnchanged"


@dataclass(frozen=True, slots=True)
class Rollback:
    """The Deployment to write, and the event about it."""

    deployment: Deployment
    type: str
    reason: str
    message: str


def requested(deployment: Deployment) -> int | None:
    """The revision that is asked for, 0 for the one before the last; None where none is."""
    text = deployment.metadata.annotations.get(REQUEST, "")
    digits = text[1:] if text[:1] in ("-", "+") else text
    return int(text) if digits.isascii() and digits.isdigit() else None


def rollback(deployment: Deployment, replica_sets: Sequence[ReplicaSet], number: int) -> Rollback:
    """What comes of the request; in any case it is over."""
    done = copy.copy(deployment)
    done.metadata = copy.copy(deployment.metadata)
    done.metadata.annotations = {k: v for k, v in deployment.metadata.annotations.items() if k != REQUEST}
    number = number or _last(replica_sets)
    if not number:
        return Rollback(done, "Warning", NOT_FOUND, "Unable to find last revision.")
    target = next((one for one in replica_sets if revision(one) == number), None)
    if target is None:
        return Rollback(done, "Warning", NOT_FOUND, "Unable to find the revision to rollback to.")
    name = deployment.metadata.name
    if same_template(target.spec.template, deployment.spec.template):
        message = f'The rollback revision contains the same template as current deployment "{name}"'
        return Rollback(done, "Warning", UNCHANGED, message)
    template = copy.copy(target.spec.template)
    template.metadata = copy.copy(template.metadata)
    template.metadata.labels = {k: v for k, v in template.metadata.labels.items() if k != HASH}
    done.spec = copy.copy(deployment.spec)
    done.spec.template = template
    kept = {k: v for k, v in done.metadata.annotations.items() if k in NOT_COPIED}
    copied = {k: v for k, v in target.metadata.annotations.items() if k not in NOT_COPIED}
    done.metadata.annotations = {**kept, **copied}
    return Rollback(done, "Normal", DONE, f'Rolled back deployment "{name}" to revision {number}')


def _last(replica_sets: Sequence[ReplicaSet]) -> int:
    """The revision before the highest, 0 if there is none."""
    numbers = sorted({0, *(revision(one) for one in replica_sets)})
    return numbers[-2] if len(numbers) > 1 else 0

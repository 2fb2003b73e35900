"""The two kinds that the ReplicaSet controller serves, and how each is read as a ReplicaSet.

Why: one controller, no branches on the kind inside it. Flow: a stored object → `to_replica_set`; a `ReplicaSetStatus` →
`with_status` → the stored kind again.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kubelite.api.types.apps_v1 import ReplicaSet, ReplicaSetCondition, ReplicaSetSpec, ReplicaSetStatus
from kubelite.api.types.core_v1 import PodTemplateSpec, ReplicationControllerCondition, ReplicationControllerStatus
from kubelite.api.types.meta_v1 import LabelSelector
from kubelite.controllers.kinds import REPLICA_SET, REPLICATION_CONTROLLER
from kubelite.machinery import labels
from kubelite.machinery.kind import Kind


@dataclass(frozen=True, slots=True)
class Flavour:
    """A kind and its two translations. `component` names it in events and metrics."""

    kind: Kind
    component: str
    to_replica_set: Callable[[Any], ReplicaSet]
    with_status: Callable[[Any, ReplicaSetStatus], Any]
    selects: Callable[[Any, Mapping[str, str]], bool]
    counts_terminating: bool = True
    """Whether the status of the kind has `terminatingReplicas`."""


def _same(stored: Any) -> ReplicaSet:
    assert isinstance(stored, ReplicaSet)
    return stored


def _set_status(stored: Any, status: ReplicaSetStatus) -> Any:
    written = copy.copy(stored)
    written.status = status
    return written


def _set_selects(stored: Any, wanted: Mapping[str, str]) -> bool:
    return labels.from_label_selector(stored.spec.selector).matches(wanted)


def _from_controller(stored: Any) -> ReplicaSet:
    spec, status = stored.spec, stored.status
    return ReplicaSet(
        metadata=stored.metadata,
        spec=ReplicaSetSpec(
            replicas=spec.replicas,
            minReadySeconds=spec.minReadySeconds,
            selector=LabelSelector(matchLabels=spec.selector),
            template=spec.template or PodTemplateSpec(),
        ),
        status=ReplicaSetStatus(
            replicas=status.replicas,
            fullyLabeledReplicas=status.fullyLabeledReplicas,
            readyReplicas=status.readyReplicas,
            availableReplicas=status.availableReplicas,
            observedGeneration=status.observedGeneration,
            conditions=[_convert(condition, ReplicaSetCondition) for condition in status.conditions],
        ),
    )


def _convert(condition: Any, to: type[Any]) -> Any:
    return to(
        type=condition.type,
        status=condition.status,
        reason=condition.reason,
        message=condition.message,
        lastTransitionTime=condition.lastTransitionTime,
    )


def _controller_status(stored: Any, status: ReplicaSetStatus) -> Any:
    written = copy.copy(stored)
    written.status = ReplicationControllerStatus(
        replicas=status.replicas,
        fullyLabeledReplicas=status.fullyLabeledReplicas,
        readyReplicas=status.readyReplicas,
        availableReplicas=status.availableReplicas,
        observedGeneration=status.observedGeneration,
        conditions=[_convert(condition, ReplicationControllerCondition) for condition in status.conditions],
    )
    return written


def _controller_selects(stored: Any, wanted: Mapping[str, str]) -> bool:
    selector = stored.spec.selector
    return bool(selector) and selector.items() <= wanted.items()


SETS = Flavour(REPLICA_SET, "replicaset-controller", _same, _set_status, _set_selects)
CONTROLLERS = Flavour(
    REPLICATION_CONTROLLER,
    "replication-controller",
    _from_controller,
    _controller_status,
    _controller_selects,
    counts_terminating=False,
)

"""Builders of the objects that controllers decide about: each shows only the fields that matter to a test."""

from __future__ import annotations

from typing import Any

from kubelite.api.types.apps_v1 import Deployment, DeploymentStrategy, ReplicaSet, RollingUpdateDeployment
from kubelite.api.types.core_v1 import Container, Taint, Toleration
from kubelite.api.types.meta_v1 import LabelSelector, OwnerReference
from kubelite.controllers import objects
from kubelite.controllers.deployment import revision, sizes


def owner(uid: str, kind: str = "ReplicaSet", name: str = "owner") -> OwnerReference:
    return OwnerReference(apiVersion="apps/v1", kind=kind, name=name, uid=uid, controller=True, blockOwnerDeletion=True)


def pod(
    name: str = "pod",
    *,
    node: str = "node-a",
    phase: str = "Running",
    ready_since: str = "",
    created: str = "2030-01-01T00:00:00Z",
    restarts: int = 0,
    labels: dict[str, str] | None = None,
    cost: str = "",
    controller: str = "",
    deleting: bool = False,
    ip: str = "",
    tolerations: list[Toleration] | None = None,
) -> objects.Pod:
    made = objects.Pod()
    meta = made.metadata
    meta.name, meta.namespace, meta.uid, meta.creationTimestamp = name, "default", f"uid-{name}", created
    meta.labels = labels or {}
    meta.deletionTimestamp = "2030-01-01T00:00:00Z" if deleting else None
    if cost:
        meta.annotations = {"controller.kubernetes.io/pod-deletion-cost": cost}
    if controller:
        meta.ownerReferences = [owner(controller)]
    made.spec.nodeName = node
    made.spec.tolerations = tolerations or []
    made.status.phase = phase
    made.status.podIP = ip
    if ready_since:
        made.status.conditions = [objects.PodCondition(type="Ready", status="True", lastTransitionTime=ready_since)]
    made.status.containerStatuses = [objects.ContainerStatus(name="c", restartCount=restarts)]
    return made


def deployment(replicas: int = 10, surge: int | str = "25%", down: int | str = "25%", **spec: Any) -> Deployment:
    made = Deployment()
    made.metadata.name, made.metadata.namespace, made.metadata.uid = "web", "default", "uid-web"
    made.metadata.generation = 1
    made.spec.replicas = replicas
    made.spec.selector = LabelSelector(matchLabels={"app": "web"})
    rolling = RollingUpdateDeployment(maxSurge=surge, maxUnavailable=down)
    made.spec.strategy = DeploymentStrategy(type="RollingUpdate", rollingUpdate=rolling)
    made.spec.template.metadata.labels = {"app": "web"}
    made.spec.template.spec.containers = [Container(name="c", image="new")]
    made.spec.progressDeadlineSeconds = 600
    made.spec.revisionHistoryLimit = 10
    for name, value in spec.items():
        setattr(made.spec, name, value)
    return made


def replica_set(
    of: Deployment, name: str, image: str, size: int, available: int | None = None, *, number: int = 1, age: int = 0
) -> ReplicaSet:
    """A set of `of` with so many pods, all there, `available` of them (all by default) available."""
    made = ReplicaSet()
    meta = made.metadata
    meta.name, meta.namespace, meta.uid = name, "default", f"uid-{name}"
    meta.creationTimestamp = f"2030-01-01T00:{59 - age:02}:00Z"
    meta.annotations = {revision.REVISION: str(number), **revision.size_annotations(of)}
    meta.ownerReferences = [owner(of.metadata.uid, "Deployment", "web")]
    made.spec.replicas = size
    made.spec.selector = LabelSelector(matchLabels={"app": "web", revision.HASH: name})
    made.spec.template.metadata.labels = {"app": "web", revision.HASH: name}
    made.spec.template.spec.containers = [Container(name="c", image=image)]
    made.status.replicas = size
    made.status.availableReplicas = size if available is None else available
    made.status.readyReplicas = made.status.availableReplicas
    return made


def maximum(of: Deployment) -> int:
    return sizes.wanted(of) + sizes.max_surge(of)


def node(
    name: str = "node-a", ready: str = "True", *, taints: list[Taint] | None = None, **conditions: str
) -> objects.Node:
    from kubelite.api.types.core_v1 import NodeCondition

    made = objects.Node()
    made.metadata.name, made.metadata.creationTimestamp = name, "2030-01-01T00:00:00Z"
    made.spec.taints = taints or []
    states = {"Ready": ready, **conditions} if ready else conditions
    made.status.conditions = [NodeCondition(type=key, status=value) for key, value in states.items()]
    return made

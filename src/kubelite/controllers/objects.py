"""The parts of pods, nodes and services that controllers read: narrow types.

What: Structs with the wire names but only the fields that some controller decides by.
Why: the controller manager holds every pod of the cluster; as a whole Pod each takes 15 KB, narrow about 2.
Flow: shared informers decode into these; the functions of `kubelite.api.logic` read them as they read the full types.
They are never written back: changes go out as patches.
"""

from __future__ import annotations

from msgspec import field

from kubelite.api.types.base import IntOrString, Object
from kubelite.api.types.core_v1 import (
    AttachedVolume,
    NodeAddress,
    NodeCondition,
    PodResourceClaim,
    PodResourceClaimStatus,
    Taint,
    Toleration,
)
from kubelite.api.types.meta_v1 import OwnerReference


class Meta(Object):
    """Object metadata without managedFields."""

    annotations: dict[str, str] = field(default_factory=dict)
    creationTimestamp: str | None = None
    deletionGracePeriodSeconds: int | None = None
    deletionTimestamp: str | None = None
    finalizers: list[str] = field(default_factory=list)
    generation: int | None = None
    labels: dict[str, str] = field(default_factory=dict)
    name: str = ""
    namespace: str = ""
    ownerReferences: list[OwnerReference] = field(default_factory=list)
    resourceVersion: str = ""
    uid: str = ""


class Port(Object):
    """A container's port."""

    containerPort: int | None = None
    name: str = ""
    protocol: str = ""


class Container(Object):
    """A container, as far as ports and restarts go."""

    name: str = ""
    ports: list[Port] = field(default_factory=list)
    restartPolicy: str | None = None


class FieldRequirement(Object):
    """A requirement on a node's fields, such as its name."""

    key: str = ""
    operator: str = ""
    values: list[str] = field(default_factory=list)


class NodeTerm(Object):
    matchFields: list[FieldRequirement] = field(default_factory=list)


class NodeTerms(Object):
    nodeSelectorTerms: list[NodeTerm] = field(default_factory=list)


class NodeAffinity(Object):
    requiredDuringSchedulingIgnoredDuringExecution: NodeTerms | None = None


class Affinity(Object):
    """Where a pod may run, as far as it names nodes."""

    nodeAffinity: NodeAffinity | None = None


class ClaimSource(Object):
    claimName: str = ""


class EphemeralSource(Object):
    """That a volume is made for its pod; from what, only the whole pod says."""


class Volume(Object):
    """A volume, as far as it is a claim."""

    ephemeral: EphemeralSource | None = None
    name: str = ""
    persistentVolumeClaim: ClaimSource | None = None


class PodSpec(Object):
    affinity: Affinity | None = None
    containers: list[Container] = field(default_factory=list)
    hostname: str = ""
    initContainers: list[Container] = field(default_factory=list)
    nodeName: str = ""
    resourceClaims: list[PodResourceClaim] = field(default_factory=list)
    restartPolicy: str = ""
    subdomain: str = ""
    tolerations: list[Toleration] = field(default_factory=list)
    volumes: list[Volume] = field(default_factory=list)


class PodCondition(Object):
    lastTransitionTime: str | None = None
    reason: str = ""
    status: str = ""
    type: str = ""


class Terminated(Object):
    exitCode: int | None = None
    finishedAt: str | None = None


class ContainerState(Object):
    """A container's state, as far as it has ended."""

    terminated: Terminated | None = None


class ContainerStatus(Object):
    name: str = ""
    restartCount: int | None = None
    state: ContainerState | None = None


class PodAddress(Object):
    ip: str = ""


class PodStatus(Object):
    conditions: list[PodCondition] = field(default_factory=list)
    containerStatuses: list[ContainerStatus] = field(default_factory=list)
    initContainerStatuses: list[ContainerStatus] = field(default_factory=list)
    phase: str = ""
    podIP: str = ""
    podIPs: list[PodAddress] = field(default_factory=list)
    reason: str = ""
    resourceClaimStatuses: list[PodResourceClaimStatus] = field(default_factory=list)


class Pod(Object):
    metadata: Meta = field(default_factory=Meta)
    spec: PodSpec = field(default_factory=PodSpec)
    status: PodStatus = field(default_factory=PodStatus)


class NodeSpec(Object):
    podCIDR: str = ""
    podCIDRs: list[str] = field(default_factory=list)
    providerID: str = ""
    taints: list[Taint] = field(default_factory=list)
    unschedulable: bool | None = None


class NodeResources(Object):
    cpu: str = ""


class NodeStatus(Object):
    allocatable: NodeResources = field(default_factory=NodeResources)
    addresses: list[NodeAddress] = field(default_factory=list)
    conditions: list[NodeCondition] = field(default_factory=list)
    volumesAttached: list[AttachedVolume] = field(default_factory=list)
    volumesInUse: list[str] = field(default_factory=list)


class Node(Object):
    metadata: Meta = field(default_factory=Meta)
    spec: NodeSpec = field(default_factory=NodeSpec)
    status: NodeStatus = field(default_factory=NodeStatus)


class ServicePort(Object):
    appProtocol: str = ""
    name: str = ""
    port: int | None = None
    protocol: str = ""
    targetPort: IntOrString | None = None


class ServiceSpec(Object):
    clusterIP: str | None = None
    clusterIPs: list[str] = field(default_factory=list)
    ipFamilies: list[str] = field(default_factory=list)
    ports: list[ServicePort] = field(default_factory=list)
    publishNotReadyAddresses: bool | None = None
    selector: dict[str, str] = field(default_factory=dict)
    trafficDistribution: str = ""
    type: str = ""


class Service(Object):
    metadata: Meta = field(default_factory=Meta)
    spec: ServiceSpec = field(default_factory=ServiceSpec)


class Bare(Object):
    """Any object by its metadata alone."""

    metadata: Meta = field(default_factory=Meta)

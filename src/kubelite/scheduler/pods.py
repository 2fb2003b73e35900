"""What the scheduler reads of a pod, and what it works out about it once.

What: narrow types for decoding, and `PodInfo`. Why: a pod is looked at by every plugin and, once placed, by every later pod;
its requests, ports and selectors are computed when it is first seen.
"""

from __future__ import annotations

from typing import Any

import msgspec

from kubelite.api.logic import affinity, podresources, ports, topology
from kubelite.api.types.base import Quantity
from kubelite.api.types.core_v1 import (
    Affinity,
    AWSElasticBlockStoreVolumeSource,
    CSIVolumeSource,
    GCEPersistentDiskVolumeSource,
    ImageVolumeSource,
    ISCSIVolumeSource,
    PersistentVolumeClaimVolumeSource,
    PodResourceClaim,
    PodResourceClaimStatus,
    PodSchedulingGate,
    RBDVolumeSource,
    Taint,
    Toleration,
    TopologySpreadConstraint,
)

DEFAULT_CPU, DEFAULT_MEMORY = 100, 200 * 1024 * 1024
"""What a container without requests counts for when nodes are compared (milli-CPU, bytes)."""
CPU, MEMORY = "cpu", "memory"
DEFAULTS = {CPU: DEFAULT_CPU, MEMORY: DEFAULT_MEMORY}


class Owner(msgspec.Struct, gc=False):
    uid: str = ""
    apiVersion: str = ""
    kind: str = ""
    name: str = ""
    controller: bool | None = None


class Meta(msgspec.Struct, gc=False):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resourceVersion: str = ""
    generation: int | None = None
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    deletionTimestamp: str | None = None
    ownerReferences: list[Owner] = msgspec.field(default_factory=list)


class Resources(msgspec.Struct, gc=False):
    requests: dict[str, Quantity] = msgspec.field(default_factory=dict)
    limits: dict[str, Quantity] = msgspec.field(default_factory=dict)


class ContainerPort(msgspec.Struct, gc=False):
    hostPort: int | None = None
    hostIP: str = ""
    protocol: str = ""


class RestartRule(msgspec.Struct, gc=False):
    action: str = ""


class Container(msgspec.Struct, gc=False):
    name: str = ""
    image: str = ""
    restartPolicy: str = ""
    restartPolicyRules: list[RestartRule] = msgspec.field(default_factory=list)
    resources: Resources | None = None
    ports: list[ContainerPort] = msgspec.field(default_factory=list)


class Ephemeral(msgspec.Struct, gc=False):
    """A claim that is made for the pod; its name is `pod-volume`."""


class Volume(msgspec.Struct, gc=False):
    """The kinds of volumes that say where a pod can run, or should."""

    name: str = ""
    persistentVolumeClaim: PersistentVolumeClaimVolumeSource | None = None
    ephemeral: Ephemeral | None = None
    csi: CSIVolumeSource | None = None
    gcePersistentDisk: GCEPersistentDiskVolumeSource | None = None
    awsElasticBlockStore: AWSElasticBlockStoreVolumeSource | None = None
    iscsi: ISCSIVolumeSource | None = None
    rbd: RBDVolumeSource | None = None
    image: ImageVolumeSource | None = None


class Spec(msgspec.Struct, gc=False):
    nodeName: str = ""
    schedulerName: str = ""
    containers: list[Container] = msgspec.field(default_factory=list)
    initContainers: list[Container] = msgspec.field(default_factory=list)
    resources: Resources | None = None
    overhead: dict[str, Quantity] = msgspec.field(default_factory=dict)
    nodeSelector: dict[str, str] = msgspec.field(default_factory=dict)
    affinity: Affinity | None = None
    tolerations: list[Toleration] = msgspec.field(default_factory=list)
    topologySpreadConstraints: list[TopologySpreadConstraint] = msgspec.field(default_factory=list)
    schedulingGates: list[PodSchedulingGate] = msgspec.field(default_factory=list)
    priority: int | None = None
    preemptionPolicy: str | None = None
    volumes: list[Volume] = msgspec.field(default_factory=list)
    resourceClaims: list[PodResourceClaim] = msgspec.field(default_factory=list)
    hostNetwork: bool = False
    hostUsers: bool | None = None
    terminationGracePeriodSeconds: int | None = None


class Condition(msgspec.Struct, gc=False):
    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""


class ContainerStatus(msgspec.Struct, gc=False):
    """What the node has given to a container, which counts while it is being resized."""

    name: str = ""
    allocatedResources: dict[str, Quantity] = msgspec.field(default_factory=dict)
    resources: Resources | None = None


class Status(msgspec.Struct, gc=False):
    phase: str = ""
    conditions: list[Condition] = msgspec.field(default_factory=list)
    nominatedNodeName: str = ""
    startTime: str | None = None
    containerStatuses: list[ContainerStatus] = msgspec.field(default_factory=list)
    initContainerStatuses: list[ContainerStatus] = msgspec.field(default_factory=list)
    allocatedResources: dict[str, Quantity] = msgspec.field(default_factory=dict)
    resources: Resources | None = None
    resourceClaimStatuses: list[PodResourceClaimStatus] = msgspec.field(default_factory=list)


class Pod(msgspec.Struct, gc=False):
    """A pod as the scheduler sees it."""

    metadata: Meta
    spec: Spec = msgspec.field(default_factory=Spec)
    status: Status = msgspec.field(default_factory=Status)


class NodeMeta(msgspec.Struct, gc=False):
    name: str = ""
    resourceVersion: str = ""
    labels: dict[str, str] = msgspec.field(default_factory=dict)


class NodeSpec(msgspec.Struct, gc=False):
    unschedulable: bool | None = None
    taints: list[Taint] = msgspec.field(default_factory=list)


class Image(msgspec.Struct, gc=False):
    names: list[str] = msgspec.field(default_factory=list)
    sizeBytes: int = 0


class NodeStatus(msgspec.Struct, gc=False):
    allocatable: dict[str, Quantity] = msgspec.field(default_factory=dict)
    images: list[Image] = msgspec.field(default_factory=list)
    declaredFeatures: list[str] = msgspec.field(default_factory=list)


class Node(msgspec.Struct, gc=False):
    """A node as the scheduler sees it."""

    metadata: NodeMeta
    spec: NodeSpec = msgspec.field(default_factory=NodeSpec)
    status: NodeStatus = msgspec.field(default_factory=NodeStatus)


Term = affinity.AffinityTerm


STARTING = 10**14
"""The start of a pod that has not started: after all that have."""


def moment(text: str | None) -> int:
    """A whole number that orders times of the API: 2030-01-02T03:04:05Z → 20300102030405."""
    if not text:
        return STARTING
    return int(text[:4] + text[5:7] + text[8:10] + text[11:13] + text[14:16] + text[17:19])


class PodInfo(msgspec.Struct, frozen=True, gc=False):
    """A pod with what follows from it. A struct, as there are up to 100 000: quick to make, and no work for the collector."""

    pod: Pod
    key: str
    requests: dict[str, int]
    compared: tuple[int, int]
    """Milli-CPU and bytes for scoring, with the defaults for containers that ask for nothing."""
    host_ports: tuple[ports.HostPort, ...]
    hard_spreads: tuple[topology.Spread, ...]
    soft_spreads: tuple[topology.Spread, ...]
    affinity: tuple[Term, ...]
    anti_affinity: tuple[Term, ...]
    preferred: tuple[tuple[Term, int], ...]
    priority: int = 0
    tolerations: Any = ()
    claims: tuple[str, ...] = ()
    """Names of the persistent volume claims it uses, those made for it among them."""

    @property
    def started(self) -> int:
        return moment(self.pod.status.startTime)

    @property
    def importance(self) -> tuple[int, int, str]:
        """Sorts pods from the most important: by priority, then the one that runs longest (util.MoreImportantPod), then by name.

        By name, as times are whole seconds, and forecasts have to name the victim that the scheduler then takes.
        """
        return -self.priority, self.started, self.key

    @property
    def uid(self) -> str:
        return self.pod.metadata.uid


def _compared(pod: Pod, wanted: dict[str, int], resized: bool) -> tuple[int, int]:
    """Milli-CPU and bytes with defaults. Where the pod as a whole asks for one of them, no container has a default for it."""
    spec = pod.spec
    if spec.initContainers or spec.overhead or spec.resources is not None or resized:
        whole = spec.resources is not None and any(map(podresources.is_pod_level, spec.resources.requests))
        defaults = {name: n for name, n in DEFAULTS.items() if not (whole and name in wanted)}
        found = podresources.requests(pod, with_status=resized, defaults=defaults) if defaults else wanted
        return found.get(CPU, 0), found.get(MEMORY, 0)
    cpu = memory = 0
    for container in spec.containers:
        asked = container.resources.requests if container.resources is not None else {}
        cpu += podresources.amount(CPU, asked[CPU]) if CPU in asked else DEFAULT_CPU
        memory += podresources.amount(MEMORY, asked[MEMORY]) if MEMORY in asked else DEFAULT_MEMORY
    return cpu, memory


def claim_names(pod: Pod) -> tuple[str, ...]:
    """The claims that the pod's volumes name, each once, in order."""
    found: dict[str, None] = {}
    for volume in pod.spec.volumes:
        if volume.persistentVolumeClaim is not None:
            found[volume.persistentVolumeClaim.claimName] = None
        elif volume.ephemeral is not None:
            found[f"{pod.metadata.name}-{volume.name}"] = None
    return tuple(found)


def pod_info(pod: Pod) -> PodInfo:
    """Works out everything that plugins ask of a pod."""
    spec, meta = pod.spec, pod.metadata
    together = apart = None
    preferred: tuple[tuple[Term, int], ...] = ()
    if (rules := spec.affinity) is not None:
        together, apart = rules.podAffinity, rules.podAntiAffinity
        preferred = (
            *((t, t.weight) for t in affinity.preferred_terms(together, meta.namespace, meta.labels)),
            *((t, -t.weight) for t in affinity.preferred_terms(apart, meta.namespace, meta.labels)),
        )
    resized = bool(pod.status.containerStatuses) or pod.status.resources is not None
    wanted = podresources.requests(pod, with_status=resized)
    return PodInfo(
        pod=pod,
        key=f"{meta.namespace}/{meta.name}",
        requests=wanted,
        compared=_compared(pod, wanted, resized),
        host_ports=tuple(ports.host_ports(pod)),
        hard_spreads=topology.spreads(pod, "DoNotSchedule") if spec.topologySpreadConstraints else (),
        soft_spreads=topology.spreads(pod, "ScheduleAnyway") if spec.topologySpreadConstraints else (),
        affinity=affinity.required_terms(together, meta.namespace, meta.labels) if together else (),
        anti_affinity=affinity.required_terms(apart, meta.namespace, meta.labels) if apart else (),
        preferred=preferred,
        priority=spec.priority or 0,
        tolerations=tuple(spec.tolerations),
        claims=claim_names(pod) if spec.volumes else (),
    )

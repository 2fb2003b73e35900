"""Claims, volumes and what storage classes and drivers say of them, as decisions look at them.

What: narrow types for decoding, and `Storage`, which holds them by name. Why: where a pod's volumes are, or can be made, limits
its nodes. Volumes chosen by a decision whose binding is under way are `assumed`, so that the next pod does not take them too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from kubelite.api.types.base import Quantity
from kubelite.api.types.core_v1 import TopologySelectorTerm, VolumeNodeAffinity
from kubelite.api.types.meta_v1 import LabelSelector
from kubelite.machinery import quantity
from kubelite.scheduler.devices.allocation import Allotment

WAIT = "WaitForFirstConsumer"
NO_PROVISIONER = "kubernetes.io/no-provisioner"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
ONCE_POD = "ReadWriteOncePod"
OLD_CLASS = "volume.beta.kubernetes.io/storage-class"


class Owner(msgspec.Struct, gc=False):
    uid: str = ""
    controller: bool | None = None


class Meta(msgspec.Struct, gc=False):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resourceVersion: str = ""
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    annotations: dict[str, str] = msgspec.field(default_factory=dict)
    deletionTimestamp: str | None = None
    ownerReferences: list[Owner] = msgspec.field(default_factory=list)


class Requests(msgspec.Struct, gc=False):
    requests: dict[str, Quantity] = msgspec.field(default_factory=dict)


class ClaimSpec(msgspec.Struct, gc=False):
    accessModes: list[str] = msgspec.field(default_factory=list)
    resources: Requests | None = None
    selector: LabelSelector | None = None
    storageClassName: str | None = None
    volumeAttributesClassName: str | None = None
    volumeMode: str = ""
    volumeName: str = ""


class ClaimStatus(msgspec.Struct, gc=False):
    phase: str = ""


class Claim(msgspec.Struct, gc=False):
    """A PersistentVolumeClaim."""

    metadata: Meta
    spec: ClaimSpec = msgspec.field(default_factory=ClaimSpec)
    status: ClaimStatus = msgspec.field(default_factory=ClaimStatus)

    @property
    def bound(self) -> bool:
        return bool(self.spec.volumeName) and BIND_COMPLETED in self.metadata.annotations

    @property
    def storage_class(self) -> str:
        old = self.metadata.annotations.get(OLD_CLASS)
        return old if old is not None else self.spec.storageClassName or ""

    @property
    def asked(self) -> int:
        found = self.spec.resources.requests.get("storage") if self.spec.resources is not None else None
        return quantity.value(found) if found is not None else 0


class ClaimRef(msgspec.Struct, gc=False):
    namespace: str = ""
    name: str = ""
    uid: str = ""


class CSISource(msgspec.Struct, gc=False):
    driver: str = ""
    volumeHandle: str = ""


class VolumeSpec(msgspec.Struct, gc=False):
    accessModes: list[str] = msgspec.field(default_factory=list)
    capacity: dict[str, Quantity] = msgspec.field(default_factory=dict)
    claimRef: ClaimRef | None = None
    csi: CSISource | None = None
    nodeAffinity: VolumeNodeAffinity | None = None
    storageClassName: str = ""
    volumeAttributesClassName: str | None = None
    volumeMode: str = ""
    local: Any = None


class VolumeStatus(msgspec.Struct, gc=False):
    phase: str = ""


class Volume(msgspec.Struct, gc=False):
    """A PersistentVolume."""

    metadata: Meta
    spec: VolumeSpec = msgspec.field(default_factory=VolumeSpec)
    status: VolumeStatus = msgspec.field(default_factory=VolumeStatus)

    @property
    def size(self) -> int:
        found = self.spec.capacity.get("storage")
        return quantity.value(found) if found is not None else 0

    @property
    def storage_class(self) -> str:
        old = self.metadata.annotations.get(OLD_CLASS)
        return old if old is not None else self.spec.storageClassName


class StorageClass(msgspec.Struct, gc=False):
    metadata: Meta
    provisioner: str = ""
    volumeBindingMode: str = ""
    allowedTopologies: list[TopologySelectorTerm] = msgspec.field(default_factory=list)


class Count(msgspec.Struct, gc=False):
    count: int | None = None


class Driver(msgspec.Struct, gc=False):
    name: str = ""
    allocatable: Count | None = None


class CSINodeSpec(msgspec.Struct, gc=False):
    drivers: list[Driver] = msgspec.field(default_factory=list)


class CSINode(msgspec.Struct, gc=False):
    metadata: Meta
    spec: CSINodeSpec = msgspec.field(default_factory=CSINodeSpec)

    def limit(self, driver: str) -> int | None:
        """How many volumes of a driver the node takes; None for no limit."""
        found = next((d for d in self.spec.drivers if d.name == driver), None)
        return found.allocatable.count if found is not None and found.allocatable is not None else None


class AttachedSource(msgspec.Struct, gc=False):
    persistentVolumeName: str | None = None


class AttachmentSpec(msgspec.Struct, gc=False):
    attacher: str = ""
    nodeName: str = ""
    source: AttachedSource = msgspec.field(default_factory=AttachedSource)


class Attachment(msgspec.Struct, gc=False):
    """A VolumeAttachment."""

    metadata: Meta
    spec: AttachmentSpec = msgspec.field(default_factory=AttachmentSpec)


class CSIDriverSpec(msgspec.Struct, gc=False):
    storageCapacity: bool | None = None


class CSIDriver(msgspec.Struct, gc=False):
    metadata: Meta
    spec: CSIDriverSpec = msgspec.field(default_factory=CSIDriverSpec)


class Capacity(msgspec.Struct, gc=False):
    """A CSIStorageCapacity."""

    metadata: Meta
    capacity: Quantity | None = None
    maximumVolumeSize: Quantity | None = None
    nodeTopology: LabelSelector | None = None
    storageClassName: str = ""

    def room(self) -> int:
        """The size of the largest volume that can be made there."""
        largest = self.maximumVolumeSize if self.maximumVolumeSize is not None else self.capacity
        return quantity.value(largest) if largest is not None else 0


@dataclass(frozen=True, slots=True)
class Binding:
    """What has to be done for a pod's claims before it is bound to its node."""

    static: tuple[tuple[Claim, Volume], ...] = ()
    """Claims with the volumes chosen for them."""
    dynamic: tuple[Claim, ...] = ()
    """Claims for which volumes have to be made that the node can reach."""
    devices: tuple[Allotment, ...] = ()
    """Claims for devices that have to be written."""
    seconds: float = 600.0
    """How long volumes may take (bindTimeoutSeconds)."""
    devices_seconds: float = 600.0
    """How long devices may take to be ready (bindingTimeout)."""


class Storage:
    """All objects about storage, by `namespace/name` or name."""

    def __init__(self) -> None:
        self.claims: dict[str, Claim] = {}
        self.volumes: dict[str, Volume] = {}
        self.classes: dict[str, StorageClass] = {}
        self.csi_nodes: dict[str, CSINode] = {}
        self.drivers: dict[str, CSIDriver] = {}
        self.capacities: dict[str, Capacity] = {}
        self.attachments: dict[str, Attachment] = {}
        self.assumed: dict[str, str] = {}
        """Volume → the claim it is being bound to."""
        self.selected: dict[str, str] = {}
        """Claim → the node for which a volume is being asked for."""
        self.generation = 0
        """Grows with every change."""

    def put(self, table: dict[str, Any], obj: Any) -> None:
        self.generation += 1
        table[key_of(obj)] = obj

    def drop(self, table: dict[str, Any], obj: Any) -> None:
        self.generation += 1
        table.pop(key_of(obj), None)

    def assume(self, binding: Binding, node: str) -> None:
        """The chosen volumes are taken, the others will be made for the node."""
        for claim, volume in binding.static:
            self.assumed[volume.metadata.name] = key_of(claim)
        for claim in binding.dynamic:
            self.selected[key_of(claim)] = node

    def forget(self, binding: Binding) -> None:
        for _, volume in binding.static:
            self.assumed.pop(volume.metadata.name, None)
        for claim in binding.dynamic:
            self.selected.pop(key_of(claim), None)


def key_of(obj: Any) -> str:
    meta = obj.metadata
    return f"{meta.namespace}/{meta.name}" if meta.namespace else str(meta.name)

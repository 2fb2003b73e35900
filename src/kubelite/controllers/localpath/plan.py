"""The volume for a claim on a node, and what cannot be one: pure.

Rules: a directory on the node that the scheduler chose, reachable from there alone. The rules of CSI's external provisioner hold
for names, annotations and events.
"""

from __future__ import annotations

import os
from typing import Any, Final

from kubelite.api.core.volumes.shared import STORAGE
from kubelite.api.logic.localpath import CLASS, PROVISIONED_BY, PROVISIONER, folder_name
from kubelite.api.types.core_v1 import (
    HostPathVolumeSource,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    ObjectReference,
    PersistentVolume,
    PersistentVolumeClaim,
    VolumeNodeAffinity,
)
from kubelite.api.types.storage_v1 import StorageClass
from kubelite.controllers.volumebinder.step import OLD_PROVISIONER, SELECTED_NODE
from kubelite.controllers.volumebinder.step import PROVISIONER as ASKED

FINALIZER: Final = "kubelite.io/local-path"
HOSTNAME: Final = "kubernetes.io/hostname"
DEFAULT: Final = "storageclass.kubernetes.io/is-default-class"
ONE_NODE: Final = frozenset(("ReadWriteOnce", "ReadWriteOncePod"))


def default_class(*, default: bool) -> StorageClass:
    """The StorageClass of a new cluster."""
    made = StorageClass(provisioner=PROVISIONER, reclaimPolicy="Delete", volumeBindingMode="WaitForFirstConsumer")
    made.metadata.name = CLASS
    made.metadata.annotations = {DEFAULT: "true"} if default else {}
    return made


def is_ours(claim: PersistentVolumeClaim) -> bool:
    """Whether the binder has handed the claim over to this provisioner."""
    notes = claim.metadata.annotations
    asked = notes.get(ASKED, notes.get(OLD_PROVISIONER))
    return asked == PROVISIONER and not claim.spec.volumeName and claim.metadata.deletionTimestamp is None


def complaint(claim: PersistentVolumeClaim) -> str:
    """What a directory on one node cannot be; "" if it can be the claim's volume."""
    spec = claim.spec
    others = sorted(set(spec.accessModes) - ONE_NODE)
    if others:
        return f"access mode {others[0]} is not supported: a directory belongs to one node"
    if spec.volumeMode == "Block":
        return "volumeMode Block is not supported"
    if spec.selector is not None:
        return "claim Selector is not supported"
    if spec.volumeAttributesClassName:
        return "volumeAttributesClassName is not supported: a directory has no attributes to change"
    if spec.dataSource is not None or spec.dataSourceRef is not None:
        return "data sources are not supported"
    if SELECTED_NODE not in claim.metadata.annotations:
        return "no node was selected: the class must have volumeBindingMode WaitForFirstConsumer"
    return ""


def volume_of(claim: PersistentVolumeClaim, of: StorageClass, node: Any, directory: str) -> PersistentVolume:
    """The volume for a claim, on `node`."""
    meta = claim.metadata
    here = node.metadata.labels.get(HOSTNAME, node.metadata.name)
    term = NodeSelectorTerm(matchExpressions=[NodeSelectorRequirement(key=HOSTNAME, operator="In", values=[here])])
    made = PersistentVolume()
    made.metadata.name = f"pvc-{meta.uid}"
    made.metadata.annotations = {PROVISIONED_BY: PROVISIONER, SELECTED_NODE: node.metadata.name}
    made.metadata.finalizers = [FINALIZER]
    spec = made.spec
    spec.accessModes, spec.volumeMode, spec.mountOptions = list(claim.spec.accessModes), "Filesystem", []
    resources = claim.spec.resources
    spec.capacity = {STORAGE: resources.requests[STORAGE]} if resources is not None else {}
    spec.storageClassName, spec.persistentVolumeReclaimPolicy = of.metadata.name, of.reclaimPolicy or "Delete"
    path = os.path.join(directory, folder_name(meta.uid, meta.namespace, meta.name))
    spec.hostPath = HostPathVolumeSource(path=path, type="DirectoryOrCreate")
    spec.nodeAffinity = VolumeNodeAffinity(required=NodeSelector(nodeSelectorTerms=[term]))
    spec.claimRef = ObjectReference(
        apiVersion="v1", kind="PersistentVolumeClaim", namespace=meta.namespace, name=meta.name, uid=meta.uid
    )
    return made


def is_made_here(volume: PersistentVolume) -> bool:
    """Whether this provisioner made the volume."""
    return volume.metadata.annotations.get(PROVISIONED_BY) == PROVISIONER and volume.spec.hostPath is not None


def is_over(volume: PersistentVolume) -> bool:
    """Whether the volume was released by its claim and is to be deleted with its data."""
    deleted = volume.spec.persistentVolumeReclaimPolicy == "Delete" and volume.metadata.deletionTimestamp is None
    return is_made_here(volume) and deleted and volume.status.phase == "Released"


def is_waiting(volume: PersistentVolume) -> bool:
    """Whether the volume is being deleted, nobody has it, and only its directory is left to be dealt with."""
    meta = volume.metadata
    going = meta.deletionTimestamp is not None and FINALIZER in meta.finalizers
    return is_made_here(volume) and going and volume.status.phase != "Bound"

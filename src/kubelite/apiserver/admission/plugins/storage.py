"""StorageObjectInUseProtection and PersistentVolumeClaimResize: volumes do not vanish under pods, nor grow where they cannot.

Sources: plugin/pkg/admission/storage/storageobjectinuseprotection and plugin/pkg/admission/storage/persistentvolume/resize.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubelite.api.logic.defaultclass import STORAGE_ANNOTATION
from kubelite.api.types.core_v1 import PersistentVolumeClaim
from kubelite.api.types.storage_v1 import StorageClass
from kubelite.apiserver.admission.plugin import CREATE, UPDATE, Plugin, denied
from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery import quantity
from kubelite.machinery.kind import Kind

FINALIZERS = {
    "PersistentVolume": "kubernetes.io/pv-protection",
    "PersistentVolumeClaim": "kubernetes.io/pvc-protection",
    "VolumeAttributesClass": "kubernetes.io/vac-protection",
}


class StorageObjectInUseProtection(Plugin):
    """Holds new volumes, claims and attribute classes with a finalizer that a controller takes off when nobody uses them."""

    name = "StorageObjectInUseProtection"

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        return (
            operation == CREATE and kind.kind in FINALIZERS and kind.group in ("", "storage.k8s.io") and not subresource
        )

    def mutate(self, request: AdmissionRequest) -> None:
        finalizer = FINALIZERS[request.kind.kind]
        if finalizer not in request.object.metadata.finalizers:
            request.object.metadata.finalizers.append(finalizer)


class PersistentVolumeClaimResize(Plugin):
    """`find` gives a storage class by name."""

    name = "PersistentVolumeClaimResize"

    def __init__(self, find: Callable[[str], StorageClass | None]) -> None:
        self._find = find

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        return operation == UPDATE and kind.kind == "PersistentVolumeClaim" and not subresource

    def validate(self, request: AdmissionRequest) -> None:
        claim: PersistentVolumeClaim = request.object
        old: PersistentVolumeClaim = request.old
        if quantity.cmp(_size(claim), _size(old)) <= 0:
            return
        if old.status.phase != "Bound":
            raise denied(request, "Only bound persistent volume claims can be expanded")
        name = claim.metadata.annotations.get(STORAGE_ANNOTATION) or claim.spec.storageClassName
        found = self._find(name) if name else None
        if found is None or not found.allowVolumeExpansion:
            raise denied(
                request,
                "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support"
                " resize",
            )


def _size(claim: PersistentVolumeClaim) -> Any:
    resources = claim.spec.resources
    return resources.requests.get("storage", 0) if resources is not None else 0

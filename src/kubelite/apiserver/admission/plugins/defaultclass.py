"""DefaultStorageClass and DefaultIngressClass: who names no class gets the one that is marked as the default.

Of several defaults the newest wins, then the first by name. Sources: plugin/pkg/admission/storage/storageclass/setdefault and
plugin/pkg/admission/network/defaultingressclass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from kubelite.api.logic.defaultclass import STORAGE_ANNOTATION, STORAGE_DEFAULTS, default_of
from kubelite.api.types.core_v1 import PersistentVolumeClaim
from kubelite.api.types.networking_v1 import Ingress
from kubelite.apiserver.admission.plugin import CREATE, Plugin
from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery.kind import Kind

INGRESS_DEFAULTS = ("ingressclass.kubernetes.io/is-default-class",)
INGRESS_ANNOTATION = "kubernetes.io/ingress.class"

Classes = Callable[[], Iterable[Any]]


class DefaultStorageClass(Plugin):
    """Claims without a class; "" is a class: that of volumes without one."""

    name = "DefaultStorageClass"

    def __init__(self, classes: Classes) -> None:
        self._classes = classes

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        return operation == CREATE and kind.kind == "PersistentVolumeClaim" and not subresource

    def mutate(self, request: AdmissionRequest) -> None:
        claim: PersistentVolumeClaim = request.object
        if claim.spec.storageClassName is None and STORAGE_ANNOTATION not in claim.metadata.annotations:
            claim.spec.storageClassName = default_of(self._classes(), STORAGE_DEFAULTS) or None


class DefaultIngressClass(Plugin):
    """Ingresses without a class, in the spec or in the annotation that came before it."""

    name = "DefaultIngressClass"

    def __init__(self, classes: Classes) -> None:
        self._classes = classes

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        return operation == CREATE and kind.kind == "Ingress" and not subresource

    def mutate(self, request: AdmissionRequest) -> None:
        ingress: Ingress = request.object
        if ingress.spec.ingressClassName is None and INGRESS_ANNOTATION not in ingress.metadata.annotations:
            ingress.spec.ingressClassName = default_of(self._classes(), INGRESS_DEFAULTS) or None

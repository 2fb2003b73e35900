"""LimitRanger: pods and claims of a namespace get its default sizes and keep to its bounds.

Flow: LimitRanges of the namespace → `api.logic.limitrange`. Source: plugin/pkg/admission/limitranger/admission.go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kubelite.api.logic import limitrange
from kubelite.api.types.core_v1 import LimitRangeItem
from kubelite.apiserver.admission.plugin import CREATE, UPDATE, Plugin, denied
from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery.kind import Kind


class LimitRanger(Plugin):
    """`items` gives the limits of a namespace."""

    name = "LimitRanger"

    def __init__(self, items: Callable[[str], Sequence[LimitRangeItem]]) -> None:
        self._items = items

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        if kind.group:
            return False
        if kind.kind == "Pod":
            return (operation == CREATE and not subresource) or (operation == UPDATE and subresource == "resize")
        return kind.kind == "PersistentVolumeClaim" and operation in (CREATE, UPDATE) and not subresource

    def mutate(self, request: AdmissionRequest) -> None:
        items = self._items(request.namespace)
        if items and request.kind.kind == "Pod" and request.operation == CREATE:
            limitrange.set_defaults(items, request.object)

    def validate(self, request: AdmissionRequest) -> None:
        items = self._items(request.namespace)
        if not items or request.object.metadata.deletionTimestamp is not None:
            return
        check = limitrange.pod_errors if request.kind.kind == "Pod" else limitrange.claim_errors
        errors = check(items, request.object)
        if errors:
            raise denied(request, errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]")

"""RuntimeClass: a pod takes over the overhead and the scheduling rules of its runtime class.

Source: plugin/pkg/admission/runtimeclass/admission.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kubelite.api.types.base import Quantity
from kubelite.api.types.core_v1 import Pod
from kubelite.api.types.node_v1 import RuntimeClass as Class
from kubelite.apiserver.admission.plugin import CREATE, Plugin, denied
from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery import quantity
from kubelite.machinery.kind import Kind


class RuntimeClass(Plugin):
    """`find` gives a runtime class by name."""

    name = "RuntimeClass"

    def __init__(self, find: Callable[[str], Class | None]) -> None:
        self._find = find

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        return operation == CREATE and kind.kind == "Pod" and not subresource

    def mutate(self, request: AdmissionRequest) -> None:
        pod: Pod = request.object
        found = self._class_of(request, pod)
        if found is None:
            return
        overhead = found.overhead.podFixed if found.overhead is not None else {}
        if overhead:
            if pod.spec.overhead and not _equal(pod.spec.overhead, overhead):
                raise denied(request, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
            pod.spec.overhead = dict(overhead)
        if found.scheduling is None:
            return
        for key, value in found.scheduling.nodeSelector.items():
            present = pod.spec.nodeSelector.get(key, value)
            if present != value:
                raise denied(
                    request,
                    f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; pod.spec.nodeSelector[{key}] = {present}",
                )
            pod.spec.nodeSelector[key] = value
        pod.spec.tolerations += [one for one in found.scheduling.tolerations if one not in pod.spec.tolerations]

    def validate(self, request: AdmissionRequest) -> None:
        pod: Pod = request.object
        if not pod.spec.overhead:
            return
        found = self._class_of(request, pod)
        if found is None or found.overhead is None:
            raise denied(request, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead")
        if not _equal(pod.spec.overhead, found.overhead.podFixed):
            raise denied(request, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")

    def _class_of(self, request: AdmissionRequest, pod: Pod) -> Class | None:
        name = pod.spec.runtimeClassName
        if not name:
            return None
        found = self._find(name)
        if found is None:
            raise denied(request, f'pod rejected: RuntimeClass "{name}" not found')
        return found


def _equal(left: Mapping[str, Quantity], right: Mapping[str, Quantity]) -> bool:
    return left.keys() == right.keys() and all(quantity.cmp(left[key], right[key]) == 0 for key in left)

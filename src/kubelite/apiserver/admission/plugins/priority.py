"""Priority: a pod's class becomes its number; one class at most is the default.

Source: plugin/pkg/admission/priority/admission.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kubelite.api.types.core_v1 import Pod
from kubelite.api.types.scheduling_v1 import PriorityClass
from kubelite.apiserver.admission.plugin import CREATE, UPDATE, Plugin, denied
from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery.kind import Kind

PREEMPT = "PreemptLowerPriority"


class Priority(Plugin):
    """`find` gives a class by name, `classes` all of them."""

    name = "Priority"

    def __init__(
        self, find: Callable[[str], PriorityClass | None], classes: Callable[[], Iterable[PriorityClass]]
    ) -> None:
        self._find = find
        self._classes = classes

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        if subresource:
            return False
        if kind.kind == "Pod":
            return operation == CREATE
        return kind.kind == "PriorityClass" and operation in (CREATE, UPDATE)

    def mutate(self, request: AdmissionRequest) -> None:
        if request.kind.kind != "Pod":
            return
        pod: Pod = request.object
        found = self._class_of(request, pod)
        value = found.value or 0 if found is not None else 0
        policy = (found.preemptionPolicy if found is not None else "") or PREEMPT
        if found is not None and not pod.spec.priorityClassName:
            pod.spec.priorityClassName = found.metadata.name
        if pod.spec.priority is not None and pod.spec.priority != value:
            raise denied(
                request,
                f"the integer value of priority ({pod.spec.priority}) must not be provided in pod spec; priority admission"
                f" controller computed {value} from the given PriorityClass name",
            )
        pod.spec.priority = value
        if pod.spec.preemptionPolicy and pod.spec.preemptionPolicy != policy:
            raise denied(
                request,
                f"the string value of PreemptionPolicy ({pod.spec.preemptionPolicy}) must not be provided in pod spec;"
                f" priority admission controller computed {policy} from the given PriorityClass name",
            )
        pod.spec.preemptionPolicy = policy

    def _class_of(self, request: AdmissionRequest, pod: Pod) -> PriorityClass | None:
        name = pod.spec.priorityClassName
        if name:
            found = self._find(name)
            if found is None:
                raise denied(request, f"no PriorityClass with name {name} was found")
            return found
        defaults = [one for one in self._classes() if one.globalDefault]
        return min(defaults, key=lambda one: one.value or 0, default=None)

    def validate(self, request: AdmissionRequest) -> None:
        if request.kind.kind != "PriorityClass" or not request.object.globalDefault:
            return
        for other in self._classes():
            if other.globalDefault and other.metadata.name != request.object.metadata.name:
                raise denied(
                    request,
                    f"PriorityClass {other.metadata.name} is already marked as default. Only one default can exist",
                )

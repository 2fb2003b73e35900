"""TaintNodesByCondition: a node that has just registered takes no pods until it is seen to be ready.

Source: plugin/pkg/admission/nodetaint/admission.go.
"""

from __future__ import annotations

from kubelite.api.types.core_v1 import Node, Taint
from kubelite.apiserver.admission.plugin import CREATE, Plugin
from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery.kind import Kind

NOT_READY = "node.kubernetes.io/not-ready"
NO_SCHEDULE = "NoSchedule"


class TaintNodesByCondition(Plugin):
    """Adds the not-ready taint to new nodes."""

    name = "TaintNodesByCondition"

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        return kind.kind == "Node" and operation == CREATE and not subresource

    def mutate(self, request: AdmissionRequest) -> None:
        node: Node = request.object
        if all((one.key, one.effect) != (NOT_READY, NO_SCHEDULE) for one in node.spec.taints):
            node.spec.taints.append(Taint(key=NOT_READY, effect=NO_SCHEDULE))

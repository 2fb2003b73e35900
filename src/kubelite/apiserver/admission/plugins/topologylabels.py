"""PodTopologyLabels: a pod has the zone and region of its node as labels, so that it can read them of itself.

Flow: when a pod is bound, or made for a node, the node's topology labels are copied; a node that nobody knows changes nothing.
Source: plugin/pkg/admission/podtopologylabels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kubelite.apiserver.admission.plugin import CREATE, Plugin
from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery.kind import Kind

LABELS = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")

LabelsOfNode = Callable[[str], Mapping[str, str] | None]


class PodTopologyLabels(Plugin):
    """`labels` are those of a node, by its name."""

    name = "PodTopologyLabels"

    def __init__(self, labels: LabelsOfNode) -> None:
        self._labels = labels

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        if kind.kind != "Pod" or kind.group:
            return False
        return subresource == "binding" or (operation == CREATE and not subresource)

    def mutate(self, request: AdmissionRequest) -> None:
        pod = request.object
        found = self._labels(pod.spec.nodeName) if pod.spec.nodeName else None
        for name in LABELS if found else ():
            if found and name in found:
                pod.metadata.labels[name] = found[name]

"""LimitPodHardAntiAffinityTopology: required anti-affinity reaches no farther than a node. Off by default.

Source: plugin/pkg/admission/antiaffinity.
"""

from __future__ import annotations

from kubelite.apiserver.admission.plugin import CREATE, UPDATE, Plugin, denied
from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery.kind import Kind

HOSTNAME = "kubernetes.io/hostname"


class LimitPodHardAntiAffinityTopology(Plugin):
    """A pod that keeps others out of a whole zone could stop a cluster."""

    name = "LimitPodHardAntiAffinityTopology"
    default = False

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        return kind.kind == "Pod" and not kind.group and operation in (CREATE, UPDATE) and not subresource

    def validate(self, request: AdmissionRequest) -> None:
        affinity = request.object.spec.affinity
        anti = affinity.podAntiAffinity if affinity is not None else None
        for term in anti.requiredDuringSchedulingIgnoredDuringExecution if anti is not None else ():
            if term.topologyKey != HOSTNAME:
                raise denied(
                    request,
                    f"affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey {term.topologyKey} but only key "
                    f"{HOSTNAME} is allowed",
                )

"""ExtendedResourceToleration: a pod that asks for a device tolerates the taint that keeps other pods from the nodes that have it.

Source: plugin/pkg/admission/extendedresourcetoleration/admission.go.
"""

from __future__ import annotations

from kubelite.api.types.core_v1 import Pod, Toleration
from kubelite.apiserver.admission.plugin import CREATE, UPDATE, Plugin
from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery.kind import Kind


class ExtendedResourceToleration(Plugin):
    """Adds one toleration for each extended resource that a container asks for."""

    name = "ExtendedResourceToleration"
    default = False

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        return kind.kind == "Pod" and not kind.group and operation in (CREATE, UPDATE) and not subresource

    def mutate(self, request: AdmissionRequest) -> None:
        pod: Pod = request.object
        names = {
            name
            for container in (*pod.spec.containers, *pod.spec.initContainers)
            if container.resources is not None
            for name in container.resources.requests
            if is_extended(name)
        }
        for name in sorted(names):
            wanted = Toleration(key=name, operator="Exists")
            if wanted not in pod.spec.tolerations:
                pod.spec.tolerations.append(wanted)


def is_extended(name: str) -> bool:
    """Whether the resource is one that a plugin or an administrator brings: `example.com/device`."""
    domain = name.partition("/")[0] if "/" in name else ""
    return (
        bool(domain)
        and not (domain == "kubernetes.io" or domain.endswith(".kubernetes.io"))
        and not name.startswith("requests.")
    )

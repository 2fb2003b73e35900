"""DefaultTolerationSeconds: a pod outlives five minutes of a node's absence, unless it says otherwise.

Source: plugin/pkg/admission/defaulttolerationseconds/admission.go.
"""

from __future__ import annotations

from kubelite.api.types.core_v1 import Pod, Toleration
from kubelite.apiserver.admission.plugin import CREATE, UPDATE, Plugin
from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery.kind import Kind

SECONDS = 300
TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
NO_EXECUTE = "NoExecute"


class DefaultTolerationSeconds(Plugin):
    """Adds the two tolerations where no other covers their taints."""

    name = "DefaultTolerationSeconds"

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        return kind.kind == "Pod" and operation in (CREATE, UPDATE) and not subresource

    def mutate(self, request: AdmissionRequest) -> None:
        pod: Pod = request.object
        for taint in TAINTS:
            covered = any(
                one.effect in ("", NO_EXECUTE) and (one.key == taint or (not one.key and one.operator == "Exists"))
                for one in pod.spec.tolerations
            )
            if not covered:
                pod.spec.tolerations.append(
                    Toleration(key=taint, operator="Exists", effect=NO_EXECUTE, tolerationSeconds=SECONDS)
                )

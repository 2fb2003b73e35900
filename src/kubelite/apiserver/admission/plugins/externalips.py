"""DenyServiceExternalIPs: no service takes over addresses of others. Off by default.

Source: plugin/pkg/admission/denyserviceexternalips.
"""

from __future__ import annotations

from kubelite.apiserver.admission.plugin import CREATE, UPDATE, Plugin, denied
from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery.kind import Kind


class DenyServiceExternalIPs(Plugin):
    """What a service has already it may keep."""

    name = "DenyServiceExternalIPs"
    default = False

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        return kind.kind == "Service" and not kind.group and operation in (CREATE, UPDATE) and not subresource

    def validate(self, request: AdmissionRequest) -> None:
        before = request.old.spec.externalIPs if request.old is not None else ()
        if not set(request.object.spec.externalIPs) <= set(before):
            raise denied(request, "Use of external IPs is denied by admission control.")

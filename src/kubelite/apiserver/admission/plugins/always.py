"""AlwaysAdmit and AlwaysDeny: for tests of clusters. Off by default. Source: plugin/pkg/admission/{admit,deny}."""

from __future__ import annotations

from kubelite.apiserver.admission.plugin import Plugin, denied
from kubelite.apiserver.request import AdmissionRequest


class AlwaysAdmit(Plugin):
    """Changes and refuses nothing."""

    name = "AlwaysAdmit"
    default = False


class AlwaysDeny(Plugin):
    """Refuses every write."""

    name = "AlwaysDeny"
    default = False

    def mutate(self, request: AdmissionRequest) -> None:
        self.validate(request)

    def validate(self, request: AdmissionRequest) -> None:
        raise denied(request, "admission control is denying all modifications")

"""Access to devices that others use: only in namespaces that are labelled for it. Not optional and without upstream name: there,
it is part of the storage of claims (pkg/registry/resource/resourceclaim/strategy.go, dynamic-resource-allocation/admin).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kubelite.apiserver.admission.plugin import CREATE, UPDATE, Plugin
from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery import errors, fielderrors
from kubelite.machinery.fielderrors import FieldError, Path
from kubelite.machinery.kind import Kind

GROUP = "resource.k8s.io"
LABEL = "resource.kubernetes.io/admin-access"
_REFUSED = f"admin access to devices requires the `{LABEL}: true` label on the containing namespace"


class DeviceAdminAccess(Plugin):
    """Refuses claims and templates that ask for such access elsewhere."""

    name = ""

    def __init__(self, labels: Callable[[str], Mapping[str, str] | None]) -> None:
        self._labels = labels

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        named = kind.group == GROUP and kind.kind in ("ResourceClaim", "ResourceClaimTemplate")
        return named and operation in (CREATE, UPDATE) and not subresource

    def validate(self, request: AdmissionRequest) -> None:
        kind, obj = request.kind, request.object
        path = Path("spec") if kind.kind == "ResourceClaim" else Path("spec") / "spec"
        found = _wanted(obj.spec if kind.kind == "ResourceClaim" else obj.spec.spec, path)
        if not found or (self._labels(request.namespace) or {}).get(LABEL) == "true":
            return
        raise errors.invalid(kind.group, kind.kind, obj.metadata.name, found)


def _wanted(spec: Any, path: Path) -> list[FieldError]:
    """A refusal for each request that asks for it."""
    requests = spec.devices.requests if spec.devices is not None else []
    return [
        fielderrors.forbidden((path / "devices" / "requests").index(index) / "exactly" / "adminAccess", _REFUSED)
        for index, request in enumerate(requests)
        if request.exactly is not None and request.exactly.adminAccess
    ]

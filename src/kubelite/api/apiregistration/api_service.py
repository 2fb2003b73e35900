"""APIService: who serves a group version; this server itself, or a service of the cluster.

Upstream: kube-aggregator/pkg/apis/apiregistration/validation, pkg/registry/apiservice.
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Any

from kubelite.api import columns
from kubelite.api import validation as check
from kubelite.api.core import payload
from kubelite.api.types import apiregistration_v1 as v1
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import STATUS_VERBS, Column, Kind, Subresource

SPEC, STATUS = Path("spec"), Path("status")
STATUSES = ("False", "True", "Unknown")
AVAILABLE = "Available"


def set_defaults(service: v1.APIService) -> None:
    """A service listens on 443 unless told otherwise."""
    payload.check_base64("APIService", {"caBundle": service.spec.caBundle})
    if service.spec.service is not None and service.spec.service.port is None:
        service.spec.service.port = 443


def prepare_create(service: v1.APIService) -> None:
    """What this server serves itself is there from the start."""
    service.status = v1.APIServiceStatus()
    if service.spec.service is None:
        condition = v1.APIServiceCondition(
            type=AVAILABLE,
            status="True",
            reason="Local",
            message="Local APIServices are always available",
            lastTransitionTime=service.metadata.creationTimestamp,
        )
        service.status.conditions = [condition]


def check_name(name: str, is_prefix: bool) -> list[str]:
    """Names only have to fit in a path here; `validate` compares them with the spec."""
    return names.path_segment(name)


def validate(service: v1.APIService) -> FieldErrors:
    """The name says version and group; priorities are in range; a bundle and no verification exclude each other."""
    spec = service.spec
    errors: FieldErrors = []
    wanted = f"{spec.version}.{spec.group}"
    if service.metadata.name != wanted and not names.path_segment(service.metadata.name):
        detail = f'must be `spec.version+"."+spec.group`: "{wanted}"'
        errors.append(fe.invalid(Path("metadata") / "name", service.metadata.name, detail))
    if not spec.group and spec.version != "v1":
        detail = "only v1 may have an empty group and it better be legacy kube"
        errors.append(fe.required(SPEC / "group", detail))
    if spec.group:
        errors += check.complaints(SPEC / "group", spec.group, names.dns1123_subdomain(spec.group))
    errors += check.complaints(SPEC / "version", spec.version, names.dns1035_label(spec.version))
    for name, limit in (("groupPriorityMinimum", 20000), ("versionPriority", 1000)):
        number = getattr(spec, name) or 0
        if not 0 < number <= limit:
            errors.append(fe.invalid(SPEC / name, number, f"must be positive and less than {limit}"))
    return errors + (_validate_local(spec) if spec.service is None else _validate_remote(spec, spec.service))


def _validate_local(spec: v1.APIServiceSpec) -> FieldErrors:
    errors: FieldErrors = []
    if spec.caBundle:
        shown = f"{len(_bytes(spec.caBundle))} bytes"
        errors.append(fe.invalid(SPEC / "caBundle", shown, "local APIServices may not have a caBundle"))
    if spec.insecureSkipTLSVerify:
        detail = "local APIServices may not have insecureSkipTLSVerify"
        errors.append(fe.invalid(SPEC / "insecureSkipTLSVerify", True, detail))
    return errors


def _validate_remote(spec: v1.APIServiceSpec, service: v1.ServiceReference) -> FieldErrors:
    path = SPEC / "service"
    errors = [fe.required(path / name) for name in ("namespace", "name") if not getattr(service, name)]
    port = service.port or 0
    wrong = names.port_number(port)
    if wrong:
        errors.append(fe.invalid(path / "port", port, "port is not valid: " + ", ".join(wrong)))
    if spec.insecureSkipTLSVerify and spec.caBundle:
        detail = "may not be true if caBundle is present"
        errors.append(fe.invalid(SPEC / "insecureSkipTLSVerify", True, detail))
    return errors


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return b""


def validate_status_update(new: v1.APIService, old: v1.APIService) -> FieldErrors:
    """Conditions are true, false or unknown."""
    errors: FieldErrors = []
    for index, condition in enumerate(new.status.conditions):
        if condition.status not in STATUSES:
            here = (STATUS / "conditions").index(index) / "status"
            errors.append(fe.not_supported(here, condition.status, STATUSES))
    return errors


def row(service: v1.APIService, now: datetime) -> list[Any]:
    """The cells in the order of the columns."""
    target = service.spec.service
    shown = f"{target.namespace}/{target.name}" if target is not None else "Local"
    return columns.cells(service.metadata.name, service, now, shown, _availability(service))


def _availability(service: v1.APIService) -> str:
    for condition in service.status.conditions:
        if condition.type == AVAILABLE:
            known = condition.status == "True"
            return condition.status if known else f"{condition.status} ({condition.reason})"
    return "Unknown"


API_SERVICE = Kind(
    group="apiregistration.k8s.io",
    version="v1",
    kind="APIService",
    plural="apiservices",
    type=v1.APIService,
    namespaced=False,
    categories=("api-extensions",),
    subresources=(Subresource(name="status", verbs=STATUS_VERBS),),
    storage_prefix="apiregistration.k8s.io/apiservices",
    set_defaults=set_defaults,
    validate=validate,
    validate_status_update=validate_status_update,
    check_name=check_name,
    prepare_create=prepare_create,
    unconditional_update=False,
    columns=(
        Column(name="Name", format="name", description="Version and group."),
        Column(name="Service", description="Who serves it; Local for this server."),
        Column(name="Available", description="Whether it is served."),
        Column(name="Age", description="How long the object exists."),
    ),
    row=row,
)

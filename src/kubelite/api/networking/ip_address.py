"""IPAddress: an address of the cluster that is taken, and by whom. Its name is the address.

Upstream: pkg/apis/networking/validation (ValidateIPAddress), pkg/printers (printIPAddress).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import columns
from kubelite.api import validation as check
from kubelite.api.types import networking_v1 as net
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import Column, Kind

PARENT = Path("spec") / "parentRef"


def check_name(name: str, is_prefix: bool) -> list[str]:
    """An address in its one canonical text."""
    address = check.parse_ip(name)
    if address is None:
        return [f'ParseAddr("{name}"): unable to parse IP']
    return [] if str(address) == name else ["must be a canonical format IP address"]


def validate(address: net.IPAddress) -> FieldErrors:
    """Somebody has it."""
    parent = address.spec.parentRef
    if parent is None:
        return [fe.required(PARENT)]
    errors: FieldErrors = []
    if parent.group:
        errors += check.complaints(PARENT / "group", parent.group, names.dns1123_subdomain(parent.group))
    for field in ("resource", "name", "namespace"):
        value = getattr(parent, field)
        if value:
            errors += check.complaints(PARENT / field, value, names.path_segment(value))
        elif field != "namespace":
            errors.append(fe.required(PARENT / field))
    return errors


def validate_update(new: net.IPAddress, old: net.IPAddress) -> FieldErrors:
    """The owner never changes."""
    return check.immutable(PARENT, new.spec.parentRef, old.spec.parentRef)


def row(address: net.IPAddress, now: datetime) -> list[Any]:
    """The address and its owner, `services/default/kubernetes`."""
    parent, shown = address.spec.parentRef, columns.NONE
    if parent is not None:
        resource = f"{parent.resource}.{parent.group}" if parent.group else parent.resource
        shown = "/".join(part for part in (resource.lower(), parent.namespace, parent.name) if part)
    return [address.metadata.name, shown]


IP_ADDRESS = Kind(
    group="networking.k8s.io",
    version="v1",
    kind="IPAddress",
    plural="ipaddresses",
    type=net.IPAddress,
    namespaced=False,
    short_names=("ip",),
    check_name=check_name,
    validate=validate,
    validate_update=validate_update,
    columns=(
        Column(name="Name", format="name", description="The address."),
        Column(name="ParentRef", description="The object that has it."),
    ),
    row=row,
)

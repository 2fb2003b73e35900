"""ServiceCIDR: a range from which services get their addresses.

Upstream: pkg/apis/networking/validation (ValidateServiceCIDR), pkg/printers (printServiceCIDR).
"""

from __future__ import annotations

import ipaddress
from datetime import datetime
from typing import Any

from kubelite.api import columns, pod_template
from kubelite.api import validation as check
from kubelite.api.types import networking_v1 as net
from kubelite.machinery import fielderrors as fe
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import Column, Kind

CIDRS = Path("spec") / "cidrs"
_ONE_OF_EACH = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"


def prepare_create(service_cidr: net.ServiceCIDR) -> None:
    """Nothing gives addresses from a new range yet."""
    service_cidr.status = net.ServiceCIDRStatus()


def validate(service_cidr: net.ServiceCIDR) -> FieldErrors:
    """One range, or one of each family."""
    spec = service_cidr.spec
    if not spec.cidrs:
        return [fe.required(CIDRS, "at least one CIDR required")]
    if len(spec.cidrs) > 2:
        return [fe.invalid(CIDRS, spec, "may only hold up to 2 values")]
    if len(spec.cidrs) == 2 and len({_family(text) for text in spec.cidrs} & {4, 6}) != 2:
        return [fe.invalid(CIDRS, spec, _ONE_OF_EACH)]
    errors: FieldErrors = []
    for index, text in enumerate(spec.cidrs):
        errors += _canonical(text, CIDRS.index(index))
    return errors


def _family(text: str) -> int:
    """4 or 6; 0 for what is no range."""
    try:
        return ipaddress.ip_network(text, strict=False).version if "/" in text else 0
    except ValueError:
        return 0


def _canonical(text: str, path: Path) -> FieldErrors:
    errors = check.cidr(path, text)
    if errors:
        return errors
    network = ipaddress.ip_network(text)
    if str(network) != text:
        errors.append(fe.invalid(path, text, f'must be in canonical form ("{network}")'))
    return errors


def validate_update(new: net.ServiceCIDR, old: net.ServiceCIDR) -> FieldErrors:
    """A range may get one of the other family beside it; nothing else changes."""
    wanted, before = new.spec.cidrs, old.spec.cidrs
    if len(wanted) < len(before):
        return [fe.invalid(CIDRS, wanted, check.FIELD_IMMUTABLE)]
    errors: FieldErrors = []
    for index, text in enumerate(before):
        if wanted[index] != text:
            errors.append(fe.invalid(CIDRS.index(index), wanted[index], check.FIELD_IMMUTABLE))
    return errors


def row(service_cidr: net.ServiceCIDR, now: datetime) -> list[Any]:
    """The cells in the order of the columns."""
    return [service_cidr.metadata.name, ",".join(service_cidr.spec.cidrs), columns.age(service_cidr, now)]


SERVICE_CIDR = Kind(
    group="networking.k8s.io",
    version="v1",
    kind="ServiceCIDR",
    plural="servicecidrs",
    type=net.ServiceCIDR,
    namespaced=False,
    subresources=(pod_template.STATUS,),
    validate=validate,
    validate_update=validate_update,
    prepare_create=prepare_create,
    columns=(
        Column(name="Name", format="name", description="Name must be unique among ranges."),
        Column(name="CIDRs", description="The ranges."),
        Column(name="Age", description="How long the range exists."),
    ),
    row=row,
)

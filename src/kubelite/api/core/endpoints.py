"""Endpoints: the addresses behind a Service, in the old form. Rules follow ValidateEndpoints."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import addresses, columns
from kubelite.api.types.core_v1 import EndpointAddress, EndpointPort, Endpoints, EndpointSubset
from kubelite.machinery import fielderrors, names
from kubelite.machinery.fielderrors import FieldError, Path
from kubelite.machinery.kind import Column, Kind

DEPRECATED = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"


def set_defaults(endpoints: Endpoints) -> None:
    """Ports are TCP unless said otherwise."""
    for subset in endpoints.subsets:
        for port in subset.ports:
            if not port.protocol:
                port.protocol = "TCP"


def validate(endpoints: Endpoints) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, subset in enumerate(endpoints.subsets):
        errors += _validate_subset(subset, Path("subsets").index(index))
    return errors


def _validate_subset(subset: EndpointSubset, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    if not subset.addresses and not subset.notReadyAddresses:
        errors.append(fielderrors.required(path, "must specify `addresses` or `notReadyAddresses`"))
    for name in ("addresses", "notReadyAddresses"):
        for index, address in enumerate(getattr(subset, name)):
            errors += _validate_address(address, (path / name).index(index))
    for index, port in enumerate(subset.ports):
        errors += _validate_port(port, len(subset.ports) > 1, (path / "ports").index(index))
    return errors


def _validate_address(address: EndpointAddress, path: Path) -> list[FieldError]:
    errors = addresses.validate_ip(address.ip, path / "ip")
    if not errors:
        errors += addresses.validate_not_special(address.ip, path / "ip")
    if address.hostname:
        complaints = names.dns1123_label(address.hostname)
        errors += [fielderrors.invalid(path / "hostname", address.hostname, text) for text in complaints]
    if address.nodeName:
        complaints = names.dns1123_subdomain(address.nodeName)
        errors += [fielderrors.invalid(path / "nodeName", address.nodeName, text) for text in complaints]
    return errors


def _validate_port(port: EndpointPort, needs_name: bool, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    if needs_name and not port.name:
        errors.append(fielderrors.required(path / "name"))
    elif port.name:
        errors += [fielderrors.invalid(path / "name", port.name, text) for text in names.dns1123_label(port.name)]
    number = port.port or 0
    errors += [fielderrors.invalid(path / "port", number, text) for text in names.port_number(number)]
    if not port.protocol:
        errors.append(fielderrors.required(path / "protocol"))
    elif port.protocol not in addresses.PROTOCOLS:
        errors.append(fielderrors.not_supported(path / "protocol", port.protocol, addresses.PROTOCOLS))
    if port.appProtocol:
        complaints = names.qualified_name(port.appProtocol)
        errors += [fielderrors.invalid(path / "appProtocol", port.appProtocol, text) for text in complaints]
    return errors


def row(endpoints: Endpoints, now: datetime) -> list[Any]:
    found: list[str] = []
    for subset in endpoints.subsets:
        if not subset.ports:
            found += [address.ip for address in subset.addresses]
        for port in subset.ports:
            found += [_host_port(address.ip, port.port or 0) for address in subset.addresses]
    return columns.cells(endpoints.metadata.name, endpoints, now, addresses.listed(found, 3, columns.NONE))


def _host_port(ip: str, port: int) -> str:
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


ENDPOINTS = Kind(
    group="",
    version="v1",
    kind="Endpoints",
    plural="endpoints",
    singular="endpoints",
    type=Endpoints,
    short_names=("ep",),
    storage_prefix="services/endpoints",
    create_on_update=True,
    set_defaults=set_defaults,
    validate=validate,
    deprecation=DEPRECATED,
    columns=(
        Column(name="Name", format="name", description="Name must be unique within a namespace."),
        Column(name="Endpoints", description="The addresses and ports."),
        Column(name="Age", description="How long the object exists."),
    ),
    row=row,
)

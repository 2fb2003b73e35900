"""EndpointSlice: a part of the addresses behind a Service. Rules follow pkg/apis/discovery/validation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from kubelite.api import addresses, columns, meta
from kubelite.api.types.discovery_v1 import Endpoint, EndpointPort, EndpointSlice
from kubelite.machinery import fielderrors, names
from kubelite.machinery.fielderrors import FieldError, Path
from kubelite.machinery.kind import Column, Kind

ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")
MAX_ENDPOINTS = 1000
MAX_ADDRESSES = 100
MAX_PORTS = 20000
MAX_HINTS = 8
MAX_TOPOLOGY_LABELS = 16
HOSTNAME = "kubernetes.io/hostname"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
CONTROLLERS = ("endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io")


def set_defaults(slice_: EndpointSlice) -> None:
    """Ports have a name, if an empty one, and are TCP unless said otherwise."""
    if slice_.endpoints is None:
        slice_.endpoints = []
    for port in slice_.ports:
        if port.name is None:
            port.name = ""
        if not port.protocol:
            port.protocol = "TCP"


def prepare_create(slice_: EndpointSlice) -> None:
    """What older versions told of the topology is not written any more."""
    for endpoint in slice_.endpoints or []:
        endpoint.deprecatedTopology = {}


def prepare_update(new: EndpointSlice, old: EndpointSlice) -> None:
    """It may stay as long as no endpoint changes; a node that only it names gets its field."""
    if new.endpoints == old.endpoints:
        return
    known = {endpoint.deprecatedTopology.get(HOSTNAME, "") for endpoint in old.endpoints or []}
    for endpoint in new.endpoints or []:
        node = endpoint.deprecatedTopology.get(HOSTNAME, "")
        if node and not endpoint.nodeName and node in known and not names.dns1123_subdomain(node):
            endpoint.nodeName = node
        endpoint.deprecatedTopology = {}


def warnings(new: EndpointSlice, old: EndpointSlice | None) -> list[str]:
    """About names as addresses, and oddly written ones; controllers write them as they should be."""
    found = []
    if old is None and new.addressType == "FQDN":
        found.append("spec.addressType: FQDN endpoints are deprecated")
    if new.metadata.labels.get(MANAGED_BY) in CONTROLLERS:
        return found
    for index, endpoint in enumerate(new.endpoints or []):
        for number, address in enumerate(endpoint.addresses):
            here = (Path("endpoints").index(index) / "addresses").index(number)
            found += addresses.ip_warnings(here, address)
    return found


def validate(slice_: EndpointSlice) -> list[FieldError]:
    errors: list[FieldError] = []
    if not slice_.addressType:
        errors.append(fielderrors.required(Path("addressType")))
    elif slice_.addressType not in ADDRESS_TYPES:
        errors.append(fielderrors.not_supported(Path("addressType"), slice_.addressType, ADDRESS_TYPES))
    endpoints = slice_.endpoints or []
    path = Path("endpoints")
    if len(endpoints) > MAX_ENDPOINTS:
        errors.append(fielderrors.too_many(path, len(endpoints), MAX_ENDPOINTS))
    else:
        for index, endpoint in enumerate(endpoints):
            errors += _validate_endpoint(endpoint, slice_.addressType, path.index(index))
    return errors + _validate_ports(slice_.ports, Path("ports"))


def _validate_endpoint(endpoint: Endpoint, address_type: str, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    here = path / "addresses"
    count = len(endpoint.addresses)
    if not count:
        errors.append(fielderrors.required(here, "must contain at least 1 address"))
    elif count > MAX_ADDRESSES:
        errors.append(fielderrors.too_many(here, count, MAX_ADDRESSES))
    for index, address in enumerate(endpoint.addresses):
        errors += _validate_address(address, address_type, here.index(index))
    topology = path / "deprecatedTopology"
    if len(endpoint.deprecatedTopology) > MAX_TOPOLOGY_LABELS:
        errors.append(fielderrors.too_many(topology, len(endpoint.deprecatedTopology), MAX_TOPOLOGY_LABELS))
    errors += meta.validate_labels(endpoint.deprecatedTopology, topology)
    if endpoint.hostname:
        complaints = names.dns1123_label(endpoint.hostname)
        errors += [fielderrors.invalid(path / "hostname", endpoint.hostname, text) for text in complaints]
    if endpoint.nodeName:
        complaints = names.dns1123_subdomain(endpoint.nodeName)
        errors += [fielderrors.invalid(path / "nodeName", endpoint.nodeName, text) for text in complaints]
    if endpoint.hints is not None:
        zones = [one.name for one in endpoint.hints.forZones]
        nodes = [one.name for one in endpoint.hints.forNodes]
        errors += _validate_hints(zones, names.label_value, path / "hints" / "forZones")
        errors += _validate_hints(nodes, names.dns1123_subdomain, path / "hints" / "forNodes")
    return errors


def _validate_hints(found: list[str], check: Callable[[str], list[str]], path: Path) -> list[FieldError]:
    if len(found) > MAX_HINTS:
        return [fielderrors.too_many(path, len(found), MAX_HINTS)]
    errors: list[FieldError] = []
    for index, name in enumerate(found):
        here = path.index(index) / "name"
        if name in found[:index]:
            errors.append(fielderrors.duplicate(here, name))
        errors += [fielderrors.invalid(here, name, text) for text in check(name)]
    return errors


def _validate_address(address: str, address_type: str, path: Path) -> list[FieldError]:
    if address_type in ("IPv4", "IPv6"):
        errors = addresses.validate_ip(address, path, 4 if address_type == "IPv4" else 6)
        return errors + addresses.validate_not_special(address, path)
    if address_type == "FQDN":
        return _validate_domain_name(address, path)
    return []


def _validate_domain_name(address: str, path: Path) -> list[FieldError]:
    if not address:
        return [fielderrors.required(path)]
    bare = address.removesuffix(".")
    complaints = names.dns1123_subdomain(bare)
    if complaints:
        return [fielderrors.invalid(path, bare, ",".join(complaints))]
    if "." not in bare:
        return [fielderrors.invalid(path, bare, "should be a domain with at least two segments separated by dots")]
    return []


def _validate_ports(ports: list[EndpointPort], path: Path) -> list[FieldError]:
    if len(ports) > MAX_PORTS:
        return [fielderrors.too_many(path, len(ports), MAX_PORTS)]
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, port in enumerate(ports):
        here = path.index(index)
        name = port.name or ""
        if name:
            errors += [fielderrors.invalid(here / "name", name, text) for text in names.dns1123_label(name)]
        if name in seen:
            errors.append(fielderrors.duplicate(here / "name", name))
        seen.add(name)
        if port.protocol not in addresses.PROTOCOLS:
            errors.append(fielderrors.not_supported(here / "protocol", port.protocol, addresses.PROTOCOLS))
        if port.appProtocol:
            complaints = names.qualified_name(port.appProtocol)
            errors += [fielderrors.invalid(here / "appProtocol", port.appProtocol, text) for text in complaints]
    return errors


def validate_update(new: EndpointSlice, old: EndpointSlice) -> list[FieldError]:
    return list(fielderrors.immutable(Path("addressType"), new.addressType, old.addressType))


def _shown_ports(ports: Iterable[EndpointPort]) -> list[str]:
    return [str(port.port) if port.port is not None else port.name or "*" for port in ports]


def row(slice_: EndpointSlice, now: datetime) -> list[Any]:
    found = [address for endpoint in slice_.endpoints or [] for address in endpoint.addresses]
    return columns.cells(
        slice_.metadata.name,
        slice_,
        now,
        slice_.addressType,
        addresses.listed(_shown_ports(slice_.ports), 3, "<unset>"),
        addresses.listed(found, 3, "<unset>"),
    )


ENDPOINT_SLICE = Kind(
    group="discovery.k8s.io",
    version="v1",
    kind="EndpointSlice",
    plural="endpointslices",
    type=EndpointSlice,
    has_generation=True,
    labels_count=True,
    set_defaults=set_defaults,
    validate=validate,
    validate_update=validate_update,
    warnings=warnings,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    columns=(
        Column(name="Name", format="name", description="Name must be unique within a namespace."),
        Column(name="AddressType", description="IPv4, IPv6 or FQDN."),
        Column(name="Ports", description="The ports of the endpoints."),
        Column(name="Endpoints", description="The addresses of the endpoints."),
        Column(name="Age", description="How long the object exists."),
    ),
    row=row,
)

"""Ingress: leads HTTP requests from outside to services by host and path.

Upstream: pkg/registry/networking/ingress, pkg/apis/networking/validation (ValidateIngressSpec), pkg/printers (printIngress).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import columns, pod_template
from kubelite.api import validation as check
from kubelite.api.networking.references import validate_reference
from kubelite.api.types import networking_v1 as net
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import Column, Kind

CLASS_ANNOTATION = "kubernetes.io/ingress.class"
EXACT, PREFIX, IMPLEMENTATION_SPECIFIC = "Exact", "Prefix", "ImplementationSpecific"
PATH_TYPES = (EXACT, IMPLEMENTATION_SPECIFIC, PREFIX)
_BAD_SEQUENCES = ("//", "/./", "/../", "%2f", "%2F")
_BAD_ENDS = ("/..", "/.")
_HOSTS_SHOWN = 3
_ADDRESS_WIDTH = 16
_NOT_AN_IP = "must be a DNS name, not an IP address"
SPEC = Path("spec")


def prepare_create(ingress: net.Ingress) -> None:
    """No controller serves a new ingress yet."""
    ingress.status = net.IngressStatus(loadBalancer=net.IngressLoadBalancerStatus())


def validate(ingress: net.Ingress) -> FieldErrors:
    """Backends, hosts, paths, certificates, class."""
    spec = ingress.spec
    errors: FieldErrors = []
    if not spec.rules and spec.defaultBackend is None:
        errors.append(fe.invalid(SPEC, None, "either `defaultBackend` or `rules` must be specified"))
    if spec.defaultBackend is not None:
        errors += _backend(spec.defaultBackend, SPEC / "defaultBackend")
    for index, rule in enumerate(spec.rules):
        errors += _rule(rule, (SPEC / "rules").index(index))
    for index, tls in enumerate(spec.tls):
        errors += _tls(tls, (SPEC / "tls").index(index))
    if spec.ingressClassName is not None:
        name = spec.ingressClassName
        errors += check.complaints(SPEC / "ingressClassName", name, names.dns1123_subdomain(name))
    # An object without revision is new: one that already contradicts itself may still be changed otherwise.
    return errors if ingress.metadata.resourceVersion else errors + _class_is_said_once(ingress)


def _class_is_said_once(ingress: net.Ingress) -> FieldErrors:
    """The old annotation and the new field name one class."""
    wanted, said = ingress.spec.ingressClassName, ingress.metadata.annotations.get(CLASS_ANNOTATION)
    if said is None or wanted is None or said == wanted:
        return []
    path = Path("annotations") / CLASS_ANNOTATION
    return [fe.invalid(path, said, "must match `ingressClassName` when both are specified")]


def _host(host: str, path: Path) -> FieldErrors:
    found = names.wildcard_dns1123_subdomain(host) if "*" in host else names.dns1123_subdomain(host)
    return check.complaints(path, host, found)


def _rule(rule: net.IngressRule, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    if rule.host:
        if check.parse_ip(rule.host) is not None:
            errors.append(fe.invalid(path / "host", rule.host, _NOT_AN_IP))
        errors += _host(rule.host, path / "host")
    if rule.http is None:
        return errors
    paths = path / "http" / "paths"
    if not rule.http.paths:
        errors.append(fe.required(paths))
    for index, one in enumerate(rule.http.paths):
        errors += _http_path(one, paths.index(index))
    return errors


def _http_path(found: net.HTTPIngressPath, path: Path) -> FieldErrors:
    if not found.pathType:
        return [fe.required(path / "pathType", "pathType must be specified")]
    errors: FieldErrors = []
    if found.pathType not in PATH_TYPES:
        errors.append(fe.not_supported(path / "pathType", found.pathType, PATH_TYPES))
    else:
        errors += _url_path(found.path, found.pathType, path / "path")
    return errors + _backend(found.backend or net.IngressBackend(), path / "backend")


def _url_path(url_path: str, path_type: str, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    free = path_type == IMPLEMENTATION_SPECIFIC
    if not url_path.startswith("/") and not (free and not url_path):
        errors.append(fe.invalid(path, url_path, "must be an absolute path"))
    if free:
        return errors
    errors += [fe.invalid(path, url_path, f"must not contain '{bad}'") for bad in _BAD_SEQUENCES if bad in url_path]
    errors += [fe.invalid(path, url_path, f"cannot end with '{bad}'") for bad in _BAD_ENDS if url_path.endswith(bad)]
    return errors


def _backend(backend: net.IngressBackend, path: Path) -> FieldErrors:
    if backend.resource is not None and backend.service is not None:
        return [fe.invalid(path, "", "cannot set both resource and service backends")]
    if backend.resource is not None:
        return validate_reference(backend.resource, path / "resource")
    service = backend.service
    if service is None:
        return [fe.invalid(path, "", "resource or service backend is required")]
    here = path / "service"
    errors: FieldErrors = []
    if not service.name:
        errors.append(fe.required(here / "name"))
    else:
        errors += check.complaints(here / "name", service.name, names.dns1123_label(service.name))
    port = service.port or net.ServiceBackendPort()
    if port.name and port.number:
        errors.append(fe.invalid(path, "", "cannot set both port name & port number"))
    elif port.name:
        errors += check.complaints(here / "port" / "name", port.name, names.port_name(port.name))
    elif port.number:
        errors += check.port_number(here / "port" / "number", port.number)
    else:
        errors.append(fe.required(path, "port name or number is required"))
    return errors


def _tls(tls: net.IngressTLS, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    for index, host in enumerate(tls.hosts):
        errors += _host(host, (path / "hosts").index(index))
    if tls.secretName:
        errors += check.complaints(path / "secretName", tls.secretName, names.dns1123_subdomain(tls.secretName))
    return errors


def validate_status_update(new: net.Ingress, old: net.Ingress) -> FieldErrors:
    """Addresses and hosts where a controller serves it."""
    errors: FieldErrors = []
    balancer = new.status.loadBalancer or net.IngressLoadBalancerStatus()
    for index, one in enumerate(balancer.ingress):
        here = (Path("status") / "loadBalancer" / "ingress").index(index)
        if one.ip:
            errors += check.ip(here / "ip", one.ip)
        if one.hostname:
            errors += check.complaints(here / "hostname", one.hostname, names.dns1123_subdomain(one.hostname))
            if check.parse_ip(one.hostname) is not None:
                errors.append(fe.invalid(here / "hostname", one.hostname, _NOT_AN_IP))
    return errors


def warnings(new: net.Ingress, old: net.Ingress | None) -> list[str]:
    """A new ingress should name its class in the field."""
    if old is not None or CLASS_ANNOTATION not in new.metadata.annotations:
        return []
    return [f"annotation \"{CLASS_ANNOTATION}\" is deprecated, please use 'spec.ingressClassName' instead"]


def hosts_cell(rules: list[net.IngressRule]) -> str:
    """The first hosts, and how many rules are not shown."""
    hosts: list[str] = []
    more = False
    for rule in rules:
        more = more or len(hosts) == _HOSTS_SHOWN
        if not more and rule.host:
            hosts.append(rule.host)
    text = ",".join(hosts) or "*"
    return f"{text} + {len(rules) - _HOSTS_SHOWN} more..." if more else text


def addresses(ingress: net.Ingress) -> str:
    """Where controllers serve it, in order, separated by commas."""
    balancer = ingress.status.loadBalancer
    found = {one.ip or one.hostname for one in balancer.ingress} if balancer is not None else set()
    return ",".join(sorted(found - {""}))


def row(ingress: net.Ingress, now: datetime) -> list[Any]:
    """The cells in the order of `COLUMNS`."""
    spec, address = ingress.spec, addresses(ingress)
    if len(address) > _ADDRESS_WIDTH:
        address = f"{address[: _ADDRESS_WIDTH - 3]}..."
    return [
        ingress.metadata.name,
        columns.NONE if spec.ingressClassName is None else spec.ingressClassName,
        hosts_cell(spec.rules),
        address,
        "80, 443" if spec.tls else "80",
        columns.age(ingress, now),
    ]


COLUMNS = (
    Column(name="Name", format="name", description="Name of the ingress, unique within its namespace."),
    Column(name="Class", description="The class whose controller serves it."),
    Column(name="Hosts", description="The hosts of its rules."),
    Column(name="Address", description="Where it is served."),
    Column(name="Ports", description="The ports on which it is served."),
    Column(name="Age", description="How long the ingress exists."),
)

INGRESS = Kind(
    group="networking.k8s.io",
    version="v1",
    kind="Ingress",
    plural="ingresses",
    type=net.Ingress,
    short_names=("ing",),
    subresources=(pod_template.STATUS,),
    storage_prefix="ingress",
    validate=validate,
    validate_status_update=validate_status_update,
    warnings=warnings,
    prepare_create=prepare_create,
    has_generation=True,
    columns=COLUMNS,
    row=row,
)

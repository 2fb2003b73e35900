"""The declaration of the kind Service.

Upstream: pkg/registry/core/service, pkg/printers printService.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api.core.service.defaults import (
    EXTERNAL_NAME,
    LOAD_BALANCER,
    prepare_create,
    prepare_status_update,
    prepare_update,
    set_defaults,
)
from kubelite.api.core.service.validation import validate, validate_status_update, validate_update
from kubelite.api.core.service.warnings import warnings
from kubelite.api.pod_template import SELECTOR_COLUMN, labels_cell
from kubelite.api.types import core_v1 as v1
from kubelite.machinery import names, times
from kubelite.machinery.kind import STATUS_VERBS, Column, Kind, Subresource

NONE = "<none>"


def row(service: v1.Service, now: datetime) -> list[Any]:
    """The cells in the order of `COLUMNS`."""
    spec = service.spec
    return [
        service.metadata.name,
        spec.type,
        (spec.clusterIPs[0] if spec.clusterIPs else spec.clusterIP) or NONE,
        external_ip(service),
        ",".join(_port_cell(port) for port in spec.ports) or NONE,
        times.age_of(service.metadata.creationTimestamp, now),
        labels_cell(spec.selector),
    ]


def external_ip(service: v1.Service) -> str:
    """Where the service is reached from outside, as the EXTERNAL-IP column words it."""
    spec = service.spec
    if spec.type == EXTERNAL_NAME:
        return spec.externalName
    external = ",".join(spec.externalIPs)
    if spec.type != LOAD_BALANCER:
        return external or NONE
    balancer = service.status.loadBalancer
    found = {ingress.ip or ingress.hostname for ingress in balancer.ingress} if balancer is not None else set()
    balanced = ",".join(sorted(address for address in found if address))
    if balanced and external:
        return f"{balanced},{external}"
    return balanced or external or "<pending>"


def _port_cell(port: v1.ServicePort) -> str:
    number = f"{port.port}:{port.nodePort}" if port.nodePort else str(port.port)
    return f"{number}/{port.protocol}"


COLUMNS = (
    Column(name="Name", format="name", description="Name of the service, unique within its namespace."),
    Column(name="Type", description="How the service is made reachable."),
    Column(name="Cluster-IP", description="The address inside the cluster."),
    Column(name="External-IP", description="The addresses outside the cluster."),
    Column(name="Port(s)", description="The ports, with their node ports and protocols."),
    Column(name="Age", description="How long the service exists."),
    SELECTOR_COLUMN,
)

SERVICE = Kind(
    group="",
    version="v1",
    kind="Service",
    plural="services",
    type=v1.Service,
    short_names=("svc",),
    categories=("all",),
    storage_prefix="services/specs",
    subresources=(
        Subresource(name="proxy", verbs=("create", "delete", "get", "patch", "update"), kind="ServiceProxyOptions"),
        Subresource(name="status", verbs=STATUS_VERBS),
    ),
    set_defaults=set_defaults,
    check_name=names.for_prefix(names.dns1123_label),
    validate=validate,
    validate_update=validate_update,
    validate_status_update=validate_status_update,
    warnings=warnings,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    prepare_status_update=prepare_status_update,
    columns=COLUMNS,
    row=row,
    selectable={
        "spec.clusterIP": lambda service: service.spec.clusterIP or "",
        "spec.type": lambda service: service.spec.type,
    },
)

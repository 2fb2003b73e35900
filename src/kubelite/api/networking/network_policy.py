"""NetworkPolicy: which connections the pods of a namespace may have.

Upstream: pkg/registry/networking/networkpolicy, pkg/apis/networking/validation (ValidateNetworkPolicySpec), pkg/printers.
"""

from __future__ import annotations

import ipaddress
from datetime import datetime
from typing import Any

from kubelite.api import columns, pod_template
from kubelite.api import validation as check
from kubelite.api.types import networking_v1 as net
from kubelite.api.types.meta_v1 import LabelSelector
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import Column, Kind

INGRESS, EGRESS = "Ingress", "Egress"
SPEC = Path("spec")


def set_defaults(policy: net.NetworkPolicy) -> None:
    """All pods; what has rules is closed, incoming traffic always; ports are of TCP."""
    spec = policy.spec
    if spec.podSelector is None:
        spec.podSelector = LabelSelector()
    if not spec.policyTypes:
        spec.policyTypes = [INGRESS, EGRESS] if spec.egress else [INGRESS]
    for ports in (*(rule.ports for rule in spec.ingress), *(rule.ports for rule in spec.egress)):
        for port in ports:
            port.protocol = port.protocol or "TCP"


def validate(policy: net.NetworkPolicy) -> FieldErrors:
    """Selectors, peers, ports and types."""
    spec = policy.spec
    errors = check.label_selector(spec.podSelector, SPEC / "podSelector")
    for index, incoming in enumerate(spec.ingress):
        errors += _rule(incoming.ports, incoming.from_, (SPEC / "ingress").index(index), "from")
    for index, outgoing in enumerate(spec.egress):
        errors += _rule(outgoing.ports, outgoing.to, (SPEC / "egress").index(index), "to")
    types = SPEC / "policyTypes"
    if len(spec.policyTypes) > 2:
        return [*errors, fe.invalid(types, spec.policyTypes, "may not specify more than two policyTypes")]
    for index, type_ in enumerate(spec.policyTypes):
        if type_ not in (INGRESS, EGRESS):
            errors.append(fe.not_supported(types.index(index), type_, (INGRESS, EGRESS), as_listed=True))
    return errors


def _rule(
    ports: list[net.NetworkPolicyPort], peers: list[net.NetworkPolicyPeer], path: Path, field: str
) -> FieldErrors:
    errors: FieldErrors = []
    for index, port in enumerate(ports):
        errors += _port(port, (path / "ports").index(index))
    for index, peer in enumerate(peers):
        errors += _peer(peer, (path / field).index(index))
    return errors


def _port(port: net.NetworkPolicyPort, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    if port.protocol not in check.PORT_PROTOCOLS:
        errors.append(fe.not_supported(path / "protocol", port.protocol, check.PORT_PROTOCOLS, as_listed=True))
    first, last = port.port, port.endPort
    if isinstance(first, int):
        errors += check.port_number(path / "port", first)
        if last is not None:
            if last < first:
                errors.append(fe.invalid(path / "endPort", first, "must be greater than or equal to `port`"))
            errors += check.port_number(path / "endPort", last)
    elif last is not None:
        why = "non-numeric" if first is not None else "not specified"
        errors.append(fe.invalid(path / "endPort", last, f"may not be specified when `port` is {why}"))
    if isinstance(first, str):
        errors += check.complaints(path / "port", first, names.port_name(first))
    return errors


def _peer(peer: net.NetworkPolicyPeer, path: Path) -> FieldErrors:
    given = [part for part in (peer.podSelector, peer.namespaceSelector, peer.ipBlock) if part is not None]
    errors = check.label_selector(peer.podSelector, path / "podSelector")
    errors += check.label_selector(peer.namespaceSelector, path / "namespaceSelector")
    if peer.ipBlock is not None:
        errors += _ip_block(peer.ipBlock, path / "ipBlock")
    if not given:
        errors.append(fe.required(path, "must specify a peer"))
    elif len(given) > 1 and peer.ipBlock is not None:
        errors.append(fe.forbidden(path, "may not specify both ipBlock and another peer"))
    return errors


def _ip_block(block: net.IPBlock, path: Path) -> FieldErrors:
    if not block.cidr:
        return [fe.required(path / "cidr")]
    errors = check.cidr(path / "cidr", block.cidr)
    if errors:
        return errors
    whole = ipaddress.ip_network(block.cidr, strict=False)
    for index, text in enumerate(block.except_):
        here = (path / "except").index(index)
        found = check.cidr(here, text)
        if not found:
            part = ipaddress.ip_network(text, strict=False)
            inside = part.version == whole.version and part.network_address in whole
            if not inside or whole.prefixlen >= part.prefixlen:
                found = [fe.invalid(here, text, "must be a strict subset of `cidr`")]
        errors += found
    return errors


def row(policy: net.NetworkPolicy, now: datetime) -> list[Any]:
    """The cells in the order of the columns."""
    selector = pod_template.selector_cell(policy.spec.podSelector)
    return [policy.metadata.name, selector, columns.age(policy, now)]


NETWORK_POLICY = Kind(
    group="networking.k8s.io",
    version="v1",
    kind="NetworkPolicy",
    plural="networkpolicies",
    type=net.NetworkPolicy,
    short_names=("netpol",),
    set_defaults=set_defaults,
    validate=validate,
    has_generation=True,
    columns=(
        Column(name="Name", format="name", description="Name of the policy, unique within its namespace."),
        Column(name="Pod-Selector", description="The pods that it is about."),
        Column(name="Age", description="How long the policy exists."),
    ),
    row=row,
)

"""Checks of single values that several kinds share.

What: addresses, ports, numbers, selectors and keys; each function returns the mistakes found, as FieldErrors with upstream's
words. Why: a Service's port and a probe's port obey one rule. Flow: value and path in, errors out; the path is only built
further where something is wrong. Upstream: apimachinery/pkg/util/validation, pkg/apis/core/validation.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any

from kubelite.api import addresses
from kubelite.api.meta import validate_labels
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names
from kubelite.machinery.fielderrors import FieldError, FieldErrors, Path

NOT_NEGATIVE = "must be greater than or equal to 0"
NOT_POSITIVE = "must be greater than zero"
FIELD_IMMUTABLE = "field is immutable"
INT32_MAX = 2**31 - 1
PORT_PROTOCOLS = ("TCP", "UDP", "SCTP")


def complaints(path: Path, value: Any, texts: Iterable[str]) -> FieldErrors:
    """One `Invalid value` for each complaint."""
    return [fe.invalid(path, value, text) for text in texts]


def non_negative(value: int | None, path: Path) -> FieldErrors:
    """An absent number is 0."""
    return [fe.invalid(path, value, NOT_NEGATIVE)] if value is not None and value < 0 else []


def one_of(
    path: Path, value: str, allowed: Sequence[str], *, required: bool = True, as_listed: bool = False
) -> FieldErrors:
    """`value` is one of `allowed`; "" is reported as missing if it is required."""
    if value in allowed:
        return []
    if not value:
        return [fe.required(path)] if required else []
    return [fe.not_supported(path, value, allowed, as_listed=as_listed)]


def parse_ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address, or None."""
    return addresses.parse(text)


def is_ipv6(text: str) -> bool:
    address = parse_ip(text)
    return address is not None and address.version == 6


def ip(path: Path, text: str) -> FieldErrors:
    return addresses.validate_ip(text, path)


def cidr(path: Path, text: str) -> FieldErrors:
    return addresses.validate_cidr(text, path)


def not_special_ip(path: Path, text: str) -> FieldErrors:
    """Addresses that no traffic may be sent to: unspecified, loopback and link-local ones."""
    address = parse_ip(text)
    if address is None:
        return [fe.invalid(path, text, "must be a valid IP address")]
    errors: FieldErrors = []
    if address.is_unspecified:
        errors.append(fe.invalid(path, text, f"may not be unspecified ({text})"))
    if address.is_loopback:
        errors.append(fe.invalid(path, text, "may not be in the loopback range (127.0.0.0/8, ::1/128)"))
    if address.is_link_local:
        errors.append(fe.invalid(path, text, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"))
    if address.is_multicast and _is_link_local_multicast(address):
        detail = "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"
        errors.append(fe.invalid(path, text, detail))
    return errors


def _is_link_local_multicast(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    network = "224.0.0.0/24" if address.version == 4 else "ff02::/16"
    return address in ipaddress.ip_network(network)


def port_number(path: Path, number: int | None) -> FieldErrors:
    return complaints(path, number or 0, names.port_number(number or 0))


def port_number_or_name(path: Path, port: int | str | None) -> FieldErrors:
    """A port by number or by the name of a container port; absent reads as 0."""
    if isinstance(port, str):
        return complaints(path, port, names.port_name(port))
    return port_number(path, port)


def qualified_name(path: Path, value: str) -> FieldErrors:
    return complaints(path, value, names.qualified_name(value))


def label_selector(selector: Any | None, path: Path) -> FieldErrors:
    """A LabelSelector, which may be None; an empty one is fine."""
    if selector is None:
        return []
    errors: FieldErrors = []
    if selector.matchLabels:
        errors += validate_labels(selector.matchLabels, path / "matchLabels")
    for index, requirement in enumerate(selector.matchExpressions):
        errors += _requirement(requirement, (path / "matchExpressions").index(index))
    return errors


def _requirement(requirement: Any, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    operator = requirement.operator
    if operator in ("In", "NotIn"):
        if not requirement.values:
            errors.append(fe.required(path / "values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in ("Exists", "DoesNotExist"):
        if requirement.values:
            detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            errors.append(fe.forbidden(path / "values", detail))
    else:
        errors.append(fe.invalid(path / "operator", operator, "not a valid selector operator"))
    errors += qualified_name(path / "key", requirement.key)
    for index, value in enumerate(requirement.values):
        for text in names.label_value(value):
            errors.append(fe.invalid((path / "values").index(index), value, text))
    return errors


def is_empty_selector(selector: Any) -> bool:
    """Whether a LabelSelector selects everything."""
    return not selector.matchLabels and not selector.matchExpressions


def immutable(path: Path, new: Any, old: Any) -> list[FieldError]:
    """One error where the value changed."""
    return [] if new == old else [fe.invalid(path, new, FIELD_IMMUTABLE)]

"""IP addresses in objects: what may be an endpoint.

Rules and texts follow apimachinery/pkg/util/validation/ip.go and ValidateNonSpecialIP; used by Endpoints and EndpointSlice.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from kubelite.machinery import fielderrors
from kubelite.machinery.fielderrors import FieldError, Path

PROTOCOLS = ("SCTP", "TCP", "UDP")
NOT_AN_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"


def parse(text: str) -> IPv4Address | IPv6Address | None:
    """The address, or None if the text is not one (zones and leading zeros are refused)."""
    try:
        return None if "%" in text else ip_address(text)
    except ValueError:
        return None


def validate_ip(text: str, path: Path, family: int = 0) -> list[FieldError]:
    """`family` 4 or 6 demands that kind of address."""
    address = parse(text)
    if address is None and not family:
        return [fielderrors.invalid(path, text, NOT_AN_IP)]
    if address is None or (family and address.version != family):
        return [fielderrors.invalid(path, text, f"must be a valid IPv{family} address")]
    return []


def validate_not_special(text: str, path: Path) -> list[FieldError]:
    """An endpoint is no loopback, link-local or unspecified address."""
    address = parse(text)
    if address is None:
        return [fielderrors.invalid(path, text, "must be a valid IP address")]
    link_local_multicast = address.is_multicast and (
        text.startswith("224.0.0.") if address.version == 4 else int(address) >> 112 & 0xF == 2
    )
    for special, detail in (
        (address.is_unspecified, f"may not be unspecified ({address})"),
        (address.is_loopback, "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
        (address.is_link_local, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
        (link_local_multicast, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"),
    ):
        if special:
            return [fielderrors.invalid(path, text, detail)]
    return []


def listed(found: Sequence[str], limit: int, empty: str) -> str:
    """`a,b,c + 4 more...`, as the tables of endpoints print them."""
    text = ",".join(found[:limit])
    if len(found) > limit:
        return f"{text} + {len(found) - limit} more..."
    return text or empty

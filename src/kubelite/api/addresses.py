"""IP addresses and CIDRs in objects: what is one, what is written oddly, and what may be an endpoint.

What: `validate_ip`, `validate_cidr` and the warnings about forms that are right but not canonical. Why: a text that two programs
read differently (`010.0.0.1`, `10.0.0.5/24`) leads past somebody's firewall, so new ones are refused; an update may keep what the
stored object has (`fielderrors.tolerated`). Upstream: apimachinery/pkg/util/validation/ip.go, ValidateNonSpecialIP.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from kubelite.machinery import fielderrors
from kubelite.machinery.fielderrors import FieldError, Path

PROTOCOLS = ("SCTP", "TCP", "UDP")
NOT_AN_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
NOT_A_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
LONGEST = len("0000:0000:0000:0000:0000:ffff:255.255.255.255")


def parse(text: str) -> IPv4Address | IPv6Address | None:
    """The address, or None if the text is not one (zones and leading zeros are refused)."""
    return None if len(text) > LONGEST or "%" in text else _known(text)


@lru_cache(maxsize=4096)
def _known(text: str) -> IPv4Address | IPv6Address | None:
    """Remembered: the addresses of a pod are checked again with each report of its status."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def parse_sloppy(text: str) -> IPv4Address | IPv6Address | None:
    """The same with the numbers of an IPv4 address read as decimal ones, whatever zeros they begin with."""
    if len(text) > LONGEST:
        return None
    head, colon, tail = text.rpartition(":")
    parts = tail.split(".")
    if len(parts) == 4 and all(part.isascii() and part.isdigit() for part in parts):
        text = head + colon + ".".join(str(int(part)) for part in parts)
    return parse(text)


def _is_mapped(address: IPv4Address | IPv6Address) -> bool:
    return isinstance(address, IPv6Address) and address.ipv4_mapped is not None


def validate_ip(text: str, path: Path, family: int = 0) -> list[FieldError]:
    """`family` 4 or 6 demands that kind of address."""
    address = parse(text)
    if address is not None and (not family or address.version == family) and not _is_mapped(address):
        return []
    sloppy = address if address is not None else parse_sloppy(text)
    if sloppy is None and not family:
        return [fielderrors.invalid(path, text, NOT_AN_IP)]
    if sloppy is None or (family and sloppy.version != family):
        return [fielderrors.invalid(path, text, f"must be a valid IPv{family} address")]
    detail = "must not have leading 0s" if address is None else "must not be an IPv4-mapped IPv6 address"
    return [fielderrors.old_form(path, text, detail)]


def validate_cidr(text: str, path: Path) -> list[FieldError]:
    """A network with the length of its prefix, and nothing beyond it."""
    address, prefix, length = parse(text.rpartition("/")[0]), *_prefix(text)
    sloppy = address if address is not None else parse_sloppy(text.rpartition("/")[0])
    if sloppy is None or length < 0 or length > sloppy.max_prefixlen:
        return [fielderrors.invalid(path, text, NOT_A_CIDR)]
    errors: list[FieldError] = []
    if address is None or prefix != str(length):
        errors.append(fielderrors.old_form(path, text, "must not have leading 0s in IP or prefix length"))
    if _is_mapped(sloppy):
        errors.append(fielderrors.old_form(path, text, "must not have an IPv4-mapped IPv6 address"))
    if int(sloppy) & ((1 << sloppy.max_prefixlen - length) - 1):
        errors.append(fielderrors.old_form(path, text, "must not have bits set beyond the prefix length"))
    return errors


def _prefix(text: str) -> tuple[str, int]:
    """What follows the slash, as text and as number; -1 for none."""
    prefix = text.rpartition("/")[2] if "/" in text else ""
    return prefix, int(prefix) if prefix.isascii() and prefix.isdigit() and len(prefix) <= 3 else -1


def ip_warnings(path: Path, text: str) -> list[str]:
    """About an address in an odd form."""
    address, sloppy = parse(text), parse_sloppy(text)
    if sloppy is None:
        return []
    if address is None or _is_mapped(address):
        shown = sloppy.ipv4_mapped if isinstance(sloppy, IPv6Address) and sloppy.ipv4_mapped is not None else sloppy
        return [
            f'{path}: non-standard IP address "{text}" will be considered invalid in a future Kubernetes release: use "{shown}"'
        ]
    if address.version == 6 and str(address) != text:
        return [f'{path}: IPv6 address "{text}" should be in RFC 5952 canonical format ("{address}")']
    return []


def cidr_warnings(path: Path, text: str) -> list[str]:
    """About a CIDR in an odd form."""
    address = parse_sloppy(text.rpartition("/")[0])
    prefix, length = _prefix(text)
    if address is None or not 0 <= length <= address.max_prefixlen:
        return []
    network = ip_network(f"{address}/{length}", strict=False)
    found = []
    if network.network_address != address:
        single = f"{address}/{address.max_prefixlen}"
        found.append(f'{path}: CIDR value "{text}" is ambiguous in this context (should be "{network}" or "{single}"?)')
    if parse(text.rpartition("/")[0]) is None or prefix != str(length) or _is_mapped(address):
        found.append(
            f'{path}: non-standard CIDR value "{text}" will be considered invalid in a future Kubernetes release: use "{network}"'
        )
    if not found and address.version == 6 and str(network) != text:
        found.append(f'{path}: IPv6 CIDR value "{text}" should be in RFC 5952 canonical format ("{network}")')
    return found


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

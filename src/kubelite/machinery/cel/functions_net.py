"""URLs, IP addresses and CIDRs.

What: url(), ip(), cidr() and their methods. Why: rules check addresses. Flow: three libraries. Rules follow
apiserver/pkg/cel/library/urls.go, ip.go and cidr.go; addresses are as strict as Go's netip.
"""

from __future__ import annotations

import ipaddress
import re
import urllib.parse
from collections.abc import Callable
from typing import Any

from kubelite.machinery.cel.declarations import Library, opaque_name
from kubelite.machinery.cel.errors import EvaluationError
from kubelite.machinery.cel.values import Opaque

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*")
_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})")
_BAD_HOST = re.compile(r"[\s<>\"\\^`{|}]")
_PREFIX = re.compile(r"0|[1-9][0-9]{0,2}", re.ASCII)
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class URL(Opaque):
    """A URL with a scheme, or an absolute path."""

    __slots__ = ("parts", "text")
    type_name = opaque_name("URL")

    def __init__(self, text: str) -> None:
        self.text = text
        if not text or any(ord(char) < 32 or ord(char) == 127 for char in text):
            raise ValueError(f'URL parse error during conversion from string: parse "{text}": invalid URI for request')
        scheme, colon, _ = text.partition(":")
        if not text.startswith("/") and not (colon and _SCHEME.fullmatch(scheme)):
            raise ValueError(f'URL parse error during conversion from string: parse "{text}": invalid URI for request')
        self.parts = urllib.parse.urlsplit(text)
        self.check()

    def check(self) -> None:
        """Raises ValueError for a bad host, port or escape."""
        parts = self.parts
        _ = parts.port
        if _BAD_ESCAPE.search(parts.path) or _BAD_HOST.search(parts.netloc):
            raise ValueError(f'URL parse error during conversion from string: parse "{self.text}": invalid character')

    def identity(self) -> Any:
        return self.text

    @property
    def host(self) -> str:
        """Host and port, without what is before an at sign."""
        return self.parts.netloc.rpartition("@")[2]

    def hostname(self) -> str:
        """The host without brackets and port."""
        host = self.host
        if host.startswith("["):
            return host[1:].partition("]")[0]
        return host.partition(":")[0]

    def port(self) -> str:
        """The port as written."""
        rest = self.host.rpartition("]")[2] if self.host.startswith("[") else self.host
        return rest.partition(":")[2]

    def path(self) -> str:
        """The path with what must be escaped escaped."""
        return urllib.parse.quote(self.parts.path, safe="/%$&+,:;=@!'()*~-._")

    def query(self) -> dict[str, list[str]]:
        """The parameters of the query."""
        return urllib.parse.parse_qs(self.parts.query, keep_blank_values=True)


def _made(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    """The constructor of a value, with errors of expressions."""

    def run(text: str) -> Any:
        try:
            return kind(text)
        except ValueError as error:
            raise EvaluationError(str(error)) from None

    return run


def _is(kind: Callable[[str], Any]) -> Callable[[str], bool]:
    def run(text: str) -> bool:
        try:
            kind(text)
        except ValueError:
            return False
        return True

    return run


def library() -> Library:
    """The url library."""
    return Library("url", types=(URL.type_name,)).add_all(
        [
            ("url: (string) -> URL", _made(URL), "traverse"),
            ("isURL: (string) -> bool", _is(URL), "traverse"),
            ("getScheme: URL.() -> string", lambda url: url.parts.scheme),
            ("getHost: URL.() -> string", lambda url: url.host),
            ("getHostname: URL.() -> string", URL.hostname),
            ("getPort: URL.() -> string", URL.port),
            ("getEscapedPath: URL.() -> string", URL.path),
            ("getQuery: URL.() -> map(string, list(string))", URL.query),
        ]
    )


class IP(Opaque):
    """An IP address, without zone and not an IPv4 address within IPv6."""

    __slots__ = ("address",)
    type_name = opaque_name("IP")

    def __init__(self, address: Address) -> None:
        self.address = address

    def identity(self) -> Any:
        return self.address

    def __str__(self) -> str:
        return str(self.address)


def _address(text: str) -> Address:
    if "%" in text:
        raise ValueError(f'IP address "{text}" with zone value is not allowed')
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        reason = f'ParseAddr("{text}"): unable to parse IP'
        raise ValueError(f'IP Address "{text}" parse error during conversion from string: {reason}') from None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        raise ValueError(f'IPv4-mapped IPv6 address "{text}" is not allowed')
    return address


def _ip(text: str) -> IP:
    return IP(_address(text))


def _canonical(text: str) -> bool:
    return str(_made(_ip)(text)) == text


def _link_local_multicast(ip: IP) -> bool:
    address = ip.address
    if address.version == 4:
        return address in ipaddress.IPv4Network("224.0.0.0/24")
    return address.packed[0] == 0xFF and address.packed[1] & 0x0F == 2


def _global_unicast(ip: IP) -> bool:
    address = ip.address
    if str(address) in ("255.255.255.255", "0.0.0.0", "::"):
        return False
    return not (address.is_loopback or address.is_multicast or address.is_link_local)


def ip() -> Library:
    """The IP library."""
    return Library("ip", types=(IP.type_name,)).add_all(
        [
            ("ip: (string) -> IP", _made(_ip), "traverse"),
            ("isIP: (string) -> bool", _is(_ip), "traverse"),
            ("ip.isCanonical: (string) -> bool", _canonical, "traverse2"),
            ("string: (IP) -> string", str),
            ("family: IP.() -> int", lambda value: value.address.version),
            ("isUnspecified: IP.() -> bool", lambda value: value.address.is_unspecified),
            ("isLoopback: IP.() -> bool", lambda value: value.address.is_loopback),
            ("isLinkLocalMulticast: IP.() -> bool", _link_local_multicast),
            ("isLinkLocalUnicast: IP.() -> bool", lambda value: value.address.is_link_local),
            ("isGlobalUnicast: IP.() -> bool", _global_unicast),
        ]
    )


class CIDR(Opaque):
    """A network: an address and the length of its prefix."""

    __slots__ = ("address", "length", "network")
    type_name = opaque_name("CIDR")

    def __init__(self, text: str) -> None:
        host, slash, length = text.partition("/")
        problem = f'network address parse error during conversion from string: netip.ParsePrefix("{text}")'
        if not slash or not _PREFIX.fullmatch(length):
            raise ValueError(f"{problem}: bad bits after slash")
        self.address = _address(host)
        self.length = int(length)
        if self.length > self.address.max_prefixlen:
            raise ValueError(f"{problem}: prefix length out of range")
        self.network: Network = ipaddress.ip_network(f"{host}/{length}", strict=False)

    def identity(self) -> Any:
        return (self.address, self.length)

    @property
    def octets(self) -> int:
        """The size that costs are computed of."""
        return len(self.address.packed)

    def __str__(self) -> str:
        return f"{self.address}/{self.length}"


def _contains_ip(cidr: CIDR, other: IP | str) -> bool:
    address = _made(_ip)(other).address if isinstance(other, str) else other.address
    return address.version == cidr.network.version and address in cidr.network


def _contains_cidr(cidr: CIDR, other: CIDR | str) -> bool:
    inner = _made(CIDR)(other) if isinstance(other, str) else other
    if inner.network.version != cidr.network.version:
        return False
    return bool(inner.length >= cidr.length and inner.address in cidr.network)


def cidr() -> Library:
    """The CIDR library."""
    return Library("cidr", types=(CIDR.type_name,)).add_all(
        [
            ("cidr: (string) -> CIDR", _made(CIDR), "traverse"),
            ("isCIDR: (string) -> bool", _is(CIDR), "traverse"),
            ("string: (CIDR) -> string", str),
            ("ip: CIDR.() -> IP", lambda value: IP(value.address)),
            ("prefixLength: CIDR.() -> int", lambda value: value.length),
            ("masked: CIDR.() -> CIDR", lambda value: CIDR(str(value.network))),
            ("containsIP: CIDR.(IP) -> bool", _contains_ip, "cidr"),
            ("containsIP: CIDR.(string) -> bool", _contains_ip, "cidr"),
            ("containsCIDR: CIDR.(CIDR) -> bool", _contains_cidr, "cidr2"),
            ("containsCIDR: CIDR.(string) -> bool", _contains_cidr, "cidr2"),
        ]
    )

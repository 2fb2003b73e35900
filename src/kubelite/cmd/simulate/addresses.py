"""Addresses of pods and nodes that do not exist: from the range shared between carriers (RFC 6598), which hosts rarely have.

What: `Addresses` gives pods 100.64.0.1 to 100.126.255.255, each to one pod at a time; `node_address` gives nodes
100.127.0.0/16.
"""

from __future__ import annotations

import ipaddress
from zlib import crc32

FIRST = int(ipaddress.IPv4Address("100.64.0.1"))
NODES = int(ipaddress.IPv4Address("100.127.0.0"))


class Addresses:
    """Addresses in use, from a place that depends on `origin`; one that was given back is given again only after all others."""

    def __init__(self, origin: str = "") -> None:
        self._used: set[int] = set()
        self._next = FIRST + crc32(origin.encode()) % (NODES - FIRST)

    def take(self) -> str:
        """A free address. OverflowError when four million pods have one."""
        for _ in range(NODES - FIRST):
            number, self._next = self._next, self._next + 1 if self._next + 1 < NODES else FIRST
            if number not in self._used:
                self._used.add(number)
                return str(ipaddress.IPv4Address(number))
        raise OverflowError("no address is left for simulated pods")

    def reserve(self, ip: str) -> None:
        """Somebody has it already."""
        number = _number(ip)
        if number:
            self._used.add(number)

    def release(self, ip: str) -> None:
        self._used.discard(_number(ip))


def _number(ip: str) -> int:
    """0 for an address that is not of the range."""
    try:
        number = int(ipaddress.IPv4Address(ip))
    except ValueError:
        return 0
    return number if FIRST <= number < NODES else 0


def node_address(prefix: str, index: int) -> str:
    """The InternalIP of a node; nodes of one prefix never share one."""
    return str(ipaddress.IPv4Address(NODES + 1 + (crc32(prefix.encode()) + index) % 65_533))

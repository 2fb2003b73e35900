"""The ranges that addresses and ports are given out of, and which of them are given without being asked for.

What: `AddressRange` and `PortRange`: size, membership, texts, and the order of random picks. Why: numbers that people write down
in manifests should not have been given to somebody else before, so random picks start in the upper band.
Sources: pkg/registry/core/service/{ipallocator,portallocator}, KEP-3070 and KEP-3668 (band sizes).
"""

from __future__ import annotations

import ipaddress
import itertools
import random
from collections.abc import Iterator


def band(size: int, low: int, high: int, divisor: int) -> int:
    """How many of the first values are kept for explicit requests."""
    if size <= low:
        return 0
    return min(max(low, size // divisor), high)


class AddressRange:
    """Addresses of one CIDR; for IPv4 the network's own and the last one are not given out."""

    full_text = "range is full"

    def __init__(self, cidr: str) -> None:
        self.network = ipaddress.ip_network(cidr, strict=False)
        self.family = "IPv6" if self.network.version == 6 else "IPv4"
        self._usable = self.network.num_addresses - (2 if self.network.version == 4 else 1)
        self.size = self._size = max(0, min(self._usable, 1 << 20))
        self._low = band(self._size, 16, 256, 16)

    def refusal(self, value: str) -> str:
        """Why an address cannot be given out at all; "" if it can."""
        try:
            address = ipaddress.ip_address(value)
        except ValueError:
            return f"the provided IP ({value}) is not a valid IP"
        if address not in self.network or not 1 <= int(address) - int(self.network[0]) <= self._usable:
            return (
                f"the provided IP ({value}) is not in the valid range. "
                f"The range of valid IPs is {self.network.with_prefixlen}"
            )
        return ""

    def any_one(self) -> str:
        """Any address of the upper band."""
        return str(self.network[1 + random.randrange(self._low, self._size)]) if self._size else ""

    def in_order(self) -> Iterator[str]:
        """Every address, upper band first."""
        for offset in itertools.chain(range(self._low, self._size), range(self._low)):
            yield str(self.network[1 + offset])


class PortRange:
    """Node ports, both ends included: `30000-32767`."""

    full_text = "range is full"

    def __init__(self, text: str) -> None:
        first, dash, last = text.partition("-")
        if not dash or not first.isdigit() or not last.isdigit() or not 0 < int(first) <= int(last) < 65536:
            raise ValueError(f"not a port range: {text!r}, expected FIRST-LAST")
        self.first, self.last = int(first), int(last)
        self._low = band(self.last - self.first + 1, 16, 128, 32)

    def refusal(self, value: str) -> str:
        if not self.first <= int(value) <= self.last:
            return f"provided port is not in the valid range. The range of valid ports is {self.first}-{self.last}"
        return ""

    def picks(self) -> Iterator[str]:
        middle = self.first + self._low
        for _ in range(4):
            yield str(random.randint(middle, self.last))
        for port in (*range(middle, self.last + 1), *range(self.first, middle)):
            yield str(port)

"""Which range of pod addresses a node gets: pure.

What: `Ranges` keeps what is taken and gives a free range of each family. Why: the lowest free range keeps routing tables
short and is the same after a restart; thousands of nodes that join together must not each count all others.
Source: pkg/controller/nodeipam/ipam range allocator.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache


@lru_cache(maxsize=16_384)
def _span(text: str) -> tuple[int, int, int]:
    """(version, first address, last address): read once, since every range is taken and given back."""
    network = ipaddress.ip_network(text, strict=False)
    return network.version, int(network.network_address), int(network.broadcast_address)


def pools(cluster: str, prefix: int, prefix_v6: int) -> tuple[tuple[str, int], ...]:
    """(range, length of a node's part) of each family. Raises ValueError for what is no range, or two of one family."""
    found = []
    for text in filter(None, (part.strip() for part in cluster.split(","))):
        network = ipaddress.ip_network(text)
        length = prefix if network.version == 4 else prefix_v6
        if length < network.prefixlen or length > network.max_prefixlen:
            raise ValueError(f"a node's part of length {length} does not fit the cluster's range {text}")
        found.append((text, length))
    if len({":" in text for text, _ in found}) != len(found):
        raise ValueError(f"expected no more than one range of each family: {cluster}")
    return tuple(found)


class _Pool:
    """The parts of one range: how often each is taken, and the lowest that may be free."""

    def __init__(self, cluster: str, prefix: int) -> None:
        whole = ipaddress.ip_network(cluster)
        self._version = whole.version
        self._prefix = prefix
        self._step = 1 << (whole.max_prefixlen - prefix)
        self._first = int(whole.network_address)
        self._count = 1 << (prefix - whole.prefixlen)
        self._taken: dict[int, int] = {}
        self._hint = 0

    def _parts(self, text: str) -> range:
        """The parts that a range overlaps; it may be of another length, or no part of the cluster's at all."""
        version, low, high = _span(text)
        if version != self._version:
            return range(0)
        start, end = (low - self._first) // self._step, (high - self._first) // self._step
        return range(max(start, 0), min(end, self._count - 1) + 1)

    def occupy(self, text: str) -> None:
        for part in self._parts(text):
            self._taken[part] = self._taken.get(part, 0) + 1

    def release(self, text: str) -> None:
        for part in self._parts(text):
            left = self._taken.get(part, 0) - 1
            if left > 0:
                self._taken[part] = left
            else:
                self._taken.pop(part, None)
                self._hint = min(self._hint, part)

    def lowest(self) -> str | None:
        """The lowest part that nobody has."""
        while self._hint in self._taken:
            self._hint += 1
        if self._hint >= self._count:
            return None
        number = self._first + self._hint * self._step
        address = ipaddress.IPv6Address(number) if self._version == 6 else ipaddress.IPv4Address(number)
        return f"{address}/{self._prefix}"


class Ranges:
    """What is taken of the cluster's ranges. Ranges of nodes that were set by hand are respected too."""

    def __init__(self, whole: Iterable[tuple[str, int]]) -> None:
        self._pools = [_Pool(cluster, prefix) for cluster, prefix in whole]

    def occupy(self, used: Iterable[str]) -> None:
        """Somebody has these."""
        for text in used:
            for pool in self._pools:
                pool.occupy(text)

    def release(self, used: Iterable[str]) -> None:
        """One who had these has them no more."""
        for text in used:
            for pool in self._pools:
                pool.release(text)

    def lowest(self) -> list[str] | None:
        """A free range of each family, None if any family has none left."""
        found = [pool.lowest() for pool in self._pools]
        chosen = [one for one in found if one is not None]
        return chosen if chosen and len(chosen) == len(found) else None

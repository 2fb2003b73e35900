"""Which range of pod addresses a node gets: pure.

What: `next_range(cluster, prefix, used)`. Why: the lowest free range keeps routing tables short and is the same after a restart.
Source: pkg/controller/nodeipam/ipam range allocator.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache


@lru_cache(maxsize=16_384)
def _span(text: str) -> tuple[int, int, int]:
    """(version, first address, last address): read once, since every node's range is looked at for every new node."""
    network = ipaddress.ip_network(text, strict=False)
    return network.version, int(network.network_address), int(network.broadcast_address)


def next_range(cluster: str, prefix: int, used: Iterable[str]) -> str | None:
    """The lowest subnet of `cluster` with length `prefix` that overlaps none of `used`, None if all are taken.

    Ranges of nodes that are no part of the cluster's (set by hand) or have another length are respected too.
    """
    whole = ipaddress.ip_network(cluster)
    step = 1 << (whole.max_prefixlen - prefix)
    first = int(whole.network_address)
    count = 1 << (prefix - whole.prefixlen)
    taken: set[int] = set()
    for text in used:
        version, low, high = _span(text)
        if version != whole.version:
            continue
        start, end = (low - first) // step, (high - first) // step
        if start == end:
            taken.add(start)
        else:
            taken.update(range(max(start, 0), min(end, count - 1) + 1))
    for index in range(count):
        if index not in taken:
            address = ipaddress.ip_address(first + index * step)
            return f"{address}/{prefix}"
    return None

"""Which range of pod addresses a node gets: pure.

What: `next_ranges(pools, used)`, a range of each family. Why: the lowest free range keeps routing tables short
and is the same after a restart.
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


def next_ranges(whole: Iterable[tuple[str, int]], used: Iterable[str]) -> list[str] | None:
    """A range of each family, None if any family has none left."""
    taken = list(used)
    found = [next_range(cluster, prefix, taken) for cluster, prefix in whole]
    chosen = [one for one in found if one is not None]
    return chosen if chosen and len(chosen) == len(found) else None


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

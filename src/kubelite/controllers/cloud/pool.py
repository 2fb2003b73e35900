"""Which address of a pool a Service gets: pure.

What: `parse_pool` and `choose`. Why: an address is kept for as long as nothing speaks against it; free ones go first; when none
is free, Services whose ports differ share one. Flow: the pool, the Service and who has which address → an address.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

Port = tuple[int, str]
"""(number, protocol)."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A Service with the addresses that it has. `since` orders Services by age."""

    key: str
    ports: frozenset[Port]
    addresses: tuple[str, ...] = ()
    since: str = ""


@dataclass(frozen=True, slots=True)
class Pool:
    """Ranges of addresses, both ends included, as numbers of one IP version each."""

    ranges: tuple[tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int], ...]

    def __contains__(self, address: object) -> bool:
        try:
            found = ipaddress.ip_address(str(address))
        except ValueError:
            return False
        return any(
            found.version == first.version and 0 <= int(found) - int(first) < count for first, count in self.ranges
        )

    def addresses(self, family: str) -> Iterator[str]:
        """All addresses of "IPv4" or "IPv6" in order."""
        version = 6 if family == "IPv6" else 4
        for first, count in self.ranges:
            if first.version == version:
                for offset in range(count):
                    yield str(first + offset)


def parse_pool(text: str) -> Pool:
    """A list of CIDRs, FIRST-LAST ranges and addresses, separated by commas. Raises ValueError."""
    found = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        first, dash, last = part.partition("-")
        if dash:
            low, high = ipaddress.ip_address(first.strip()), ipaddress.ip_address(last.strip())
            if low.version != high.version or int(high) < int(low):
                raise ValueError(f"not a range of addresses: {part!r}")
            found.append((low, int(high) - int(low) + 1))
            continue
        network = ipaddress.ip_network(part, strict=False)
        # A network's own address and its broadcast address belong to nobody.
        edge = network.version == 4 and network.prefixlen < 31
        found.append((network[1 if edge else 0], network.num_addresses - (2 if edge else 0)))
    return Pool(tuple(found))


def choose(pool: Pool, asking: Holder, others: Sequence[Holder], family: str, wanted: str = "") -> str | None:
    """The address for `asking`; `wanted` is the only one that will do, if given. None if there is none."""
    taken = _taken(others)
    if wanted:
        return wanted if wanted in pool and _fits(asking, taken.get(wanted, [])) else None
    for address in asking.addresses:
        older = [one for one in taken.get(address, []) if (one.since, one.key) < (asking.since, asking.key)]
        if address in pool and _family(address) == family and _fits(asking, older):
            return address
    shared = None
    for address in pool.addresses(family):
        holders = taken.get(address)
        if holders is None:
            return address
        if shared is None and _fits(asking, holders):
            shared = address
    return shared


def _family(address: str) -> str:
    return "IPv6" if ":" in address else "IPv4"


def _taken(others: Sequence[Holder]) -> Mapping[str, list[Holder]]:
    found: dict[str, list[Holder]] = {}
    for other in others:
        for address in other.addresses:
            found.setdefault(address, []).append(other)
    return found


def _fits(asking: Holder, holders: Sequence[Holder]) -> bool:
    return all(not asking.ports & holder.ports for holder in holders)

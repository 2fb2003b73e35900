"""Which node answers for which load balancer address: pure.

What: `assign`. Why: on plain machines an address lives on one node at a time. It stays where it is while that node can serve it;
else it moves to the node that serves most of its Services and has the fewest addresses so far.
Flow: addresses with the nodes that can serve each of their Services, and who announces what now → address → node.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

ANNOTATION = "kubelite.io/load-balancer-addresses"
"""On a Node: the addresses that its network agent announces, separated by commas."""


def assign(
    serving: Mapping[str, Sequence[frozenset[str]]], nodes: Sequence[str], present: Mapping[str, str]
) -> dict[str, str]:
    """`serving`: address → for each Service on it the nodes that can serve it; `present`: address → node.

    An address that no node can serve stays with a living node, so that it refuses instead of being silent.
    """
    chosen: dict[str, str] = {}
    load = dict.fromkeys(nodes, 0)
    best = {address: _best(services, nodes) for address, services in serving.items()}
    for address in sorted(serving):
        here = present.get(address, "")
        if here in best[address]:
            chosen[address] = here
            load[here] += 1
    for address in sorted(serving):
        if address in chosen or not best[address]:
            continue
        node = min(best[address], key=lambda name: (load[name], name))
        chosen[address] = node
        load[node] += 1
    return chosen


def _best(services: Sequence[frozenset[str]], nodes: Sequence[str]) -> frozenset[str]:
    """The nodes that serve the most of these Services."""
    counts = {node: sum(node in able for able in services) for node in nodes}
    most = max(counts.values(), default=0)
    return frozenset(node for node, count in counts.items() if count == most)


def parse(text: str) -> tuple[str, ...]:
    """The addresses of the annotation."""
    return tuple(sorted(filter(None, text.split(","))))

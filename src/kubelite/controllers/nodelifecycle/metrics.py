"""What the node lifecycle controller tells at /metrics, under upstream's names. Source: pkg/controller/nodelifecycle/metrics.go.

The numbers of a zone are counted when somebody asks for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kubelite.controllers.nodelifecycle.plan import ready_status
from kubelite.controllers.objects import Node
from kubelite.util.metrics import Registry

REGION, ZONE = "topology.kubernetes.io/region", "topology.kubernetes.io/zone"
BETWEEN = ":\x00:"
Lines = Iterable[tuple[tuple[str, ...], float]]


def zone_key(node: Node) -> str:
    """How upstream names a node's zone: "" for none."""
    labels = node.metadata.labels
    region, zone = labels.get(REGION, ""), labels.get(ZONE, "")
    return f"{region}{BETWEEN}{zone}" if region or zone else ""


class NodeMetrics:
    """`nodes` gives the nodes as they are now."""

    def __init__(self, registry: Registry, nodes: Callable[[], Iterable[Node]]) -> None:
        self._nodes = nodes
        text = "Number of Node evictions that happened since current instance of NodeController started."
        self._evictions = registry.counter("node_collector_evictions_total", text, ("zone",))
        for name, text, read in (
            ("zone_size", "Gauge measuring number of registered Nodes per zones.", self._sizes),
            ("unhealthy_nodes_in_zone", "Gauge measuring number of not Ready Nodes per zones.", self._unhealthy),
            ("zone_health", "Gauge measuring percentage of healthy nodes per zone.", self._health),
        ):
            registry.collect(f"node_collector_{name}", text, "gauge", ("zone",), read)

    def evicts(self, node: Node) -> None:
        """The node has got the taint that drives its pods away."""
        self._evictions.inc(zone_key(node))

    def _sizes(self) -> Lines:
        return [((zone,), size) for zone, (size, _) in self._count().items()]

    def _unhealthy(self) -> Lines:
        return [((zone,), bad) for zone, (_, bad) in self._count().items()]

    def _health(self) -> Lines:
        return [((zone,), 100 * (size - bad) / size) for zone, (size, bad) in self._count().items()]

    def _count(self) -> dict[str, tuple[int, int]]:
        """(nodes, nodes that are not ready) of each zone."""
        found: dict[str, tuple[int, int]] = {}
        for node in self._nodes():
            size, bad = found.get(zone_key(node), (0, 0))
            found[zone_key(node)] = (size + 1, bad + (ready_status(node) != "True"))
        return found

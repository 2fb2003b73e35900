"""Pods that are promised a node: their victims are on the way out, and nobody of lower rank may take the room meanwhile.

What: `Nominations` keeps each nominated pod counted on its node (`NodeTable.add_guest`). Why: upstream adds the nominated pods
of equal or higher priority while it filters for another pod; here they are always counted, and the few that must not count for
a pod (itself, and those of lower priority) are set aside during its decision. Upstream: backend/queue/nominator.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kubelite.scheduler.nodes import NodeTable
from kubelite.scheduler.pods import PodInfo


class Nominations:
    """Who is promised which node; one promise a pod."""

    def __init__(self, nodes: NodeTable) -> None:
        self.nodes = nodes
        self.promised: dict[str, tuple[PodInfo, str]] = {}
        self._ranks: dict[int, set[str]] = {}

    def __len__(self) -> int:
        return len(self.promised)

    def node_of(self, key: str) -> str:
        """The node that a pod is promised, or ""."""
        found = self.promised.get(key)
        return found[1] if found is not None else ""

    def promise(self, info: PodInfo, node: str) -> None:
        self.drop(info.key)
        self.promised[info.key] = (info, node)
        self._ranks.setdefault(info.priority, set()).add(info.key)
        self.nodes.add_guest(info, node)

    def drop(self, key: str) -> None:
        found = self.promised.pop(key, None)
        if found is None:
            return
        info, node = found
        rank = self._ranks[info.priority]
        rank.discard(key)
        if not rank:
            del self._ranks[info.priority]
        self.nodes.remove_guest(info, node)

    def node_came(self, node: str) -> None:
        """A node is (again) there: what was promised on it takes room."""
        for info, promised in self.promised.values():
            if promised == node:
                self.nodes.add_guest(info, node)

    def lower_on(self, node: str, priority: int) -> list[PodInfo]:
        """Pods of lower priority that are promised a node: a preemptor there takes their promise away."""
        guests = self.nodes.guests.get(self.nodes.index.get(node, -1), {})
        return [info for info in guests.values() if info.priority < priority]

    @contextmanager
    def aside_for(self, pod: PodInfo) -> Iterator[None]:
        """While it lasts, the pod's own promise and those of lower priority do not count."""
        keys = [key for rank, keys in self._ranks.items() if rank < pod.priority for key in keys]
        if pod.key in self.promised:
            keys.append(pod.key)
        with self._aside(keys):
            yield

    @contextmanager
    def all_aside(self) -> Iterator[None]:
        """While it lasts, no promise counts."""
        with self._aside(list(self.promised)):
            yield

    @contextmanager
    def _aside(self, keys: list[str]) -> Iterator[None]:
        nodes = self.nodes
        moved = [self.promised[key] for key in keys]
        away = [(info, node) for info, node in moved if info.key in nodes.guests.get(nodes.index.get(node, -1), {})]
        for info, node in away:
            nodes.remove_guest(info, node)
        try:
            yield
        finally:
            for info, node in away:
                nodes.add_guest(info, node)

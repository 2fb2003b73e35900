"""All nodes as columns: one NumPy array a property, one position a node.

What: `NodeTable` holds capacity, use, taints, labels and the pods of each node. Why: a filter or a score is one array
operation over all nodes, which makes looking at every node cheaper than sampling a few.
Flow: node and pod changes update single positions; plugins read whole columns. Amounts are int64: milli-CPU, bytes, counts.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from kubelite.api.logic import podresources
from kubelite.scheduler.pods import CPU, MEMORY, Node, PodInfo

Mask = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
PODS = "pods"
FIRST_CAPACITY = 64
HIGHEST = 2**31
"""Above every priority."""
CACHED_MASKS = 512
TRACKED = 96
CHANGES = 4096
FEW_CHANGES = 256
FEW_POSITIONS = 4
At = slice | Ints
"""Which positions of a column are meant."""
EVERYWHERE = slice(None)


class Tracked:
    """A column that follows from amounts in use."""

    __slots__ = ("held", "known", "used", "values")

    def __init__(self, values: npt.NDArray[Any], known: int, used: int, held: Any) -> None:
        self.values = values
        self.known = known
        """How many changes it knows of."""
        self.used = used
        """When it was asked for; the one with the lowest number goes first."""
        self.held = held
        """Kept alive: the key has the numbers (`id`) of these objects."""


class NodeTable:
    """The columns. A position is reused after its node is gone."""

    def __init__(self) -> None:
        self.capacity = FIRST_CAPACITY
        self.index: dict[str, int] = {}
        self.names: list[str] = [""] * self.capacity
        self.objects: list[Node | None] = [None] * self.capacity
        self.active: Mask = np.zeros(self.capacity, bool)
        self.unschedulable: Mask = np.zeros(self.capacity, bool)
        self.tainted: Mask = np.zeros(self.capacity, bool)
        self.allocatable: dict[str, Ints] = {}
        self.used: dict[str, Ints] = {}
        # What nodes are compared by, CPU and memory in rows: doubles, which are exact up to 2^53 and quick to divide.
        self.compared: Floats = np.zeros((2, self.capacity))
        self.comparable: Floats = np.zeros((2, self.capacity))
        self.pods: list[dict[str, PodInfo]] = [{} for _ in range(self.capacity)]
        self.images: dict[str, dict[int, int]] = {}
        """Image name → size in bytes on each node that has it, by position."""
        self.guests: dict[int, dict[str, PodInfo]] = {}
        """Pods that are expected on a node (nominated): they take room there, but are not there yet."""
        self.priorities: Counter[int] = Counter()
        """How many pods on known nodes have each priority."""
        self.waiting: dict[str, dict[str, PodInfo]] = {}
        """Pods whose node is not known (yet), by node name."""
        self._changes: list[int] = []
        self._changes_before = 0
        self._tracked: dict[Any, Tracked] = {}
        self._uses = 0
        self._free = list(range(self.capacity - 1, -1, -1))
        self._masks: OrderedDict[Any, tuple[Callable[[Node], Any], npt.NDArray[Any]]] = OrderedDict()
        self._listeners: list[Callable[[PodInfo, int, int], None]] = []
        self._resizers: list[Callable[[int], None]] = []
        self._watchers: list[Callable[[int], None]] = []
        for resource in (CPU, MEMORY, PODS):
            self._column(resource)

    def on_pod(self, listener: Callable[[PodInfo, int, int], None]) -> None:
        """`listener(pod, position, +1 or -1)` is called for every pod that comes to or leaves a known node."""
        self._listeners.append(listener)

    def on_grow(self, listener: Callable[[int], None]) -> None:
        """`listener(capacity)` is called when the columns get longer."""
        self._resizers.append(listener)

    def on_node(self, listener: Callable[[int], None]) -> None:
        """`listener(position)` is called when a node comes, changes or goes."""
        self._watchers.append(listener)

    def __len__(self) -> int:
        return len(self.index)

    def everyone(self, position: int) -> Iterator[PodInfo]:
        """The pods on a node and those that are expected there."""
        yield from self.pods[position].values()
        guests = self.guests.get(position)
        if guests:
            yield from guests.values()

    def positions(self) -> Iterator[tuple[int, Node]]:
        for position in self.index.values():
            node = self.objects[position]
            if node is not None:
                yield position, node

    # nodes

    def set_node(self, node: Node) -> None:
        """Adds a node or takes over its new state."""
        name = node.metadata.name
        position = self.index.get(name)
        if position is None:
            position = self._take(name)
        before = self.objects[position]
        self.objects[position] = node
        self.active[position] = True
        self.unschedulable[position] = bool(node.spec.unschedulable)
        self.tainted[position] = bool(node.spec.taints)
        amounts = podresources.amounts(node.status.allocatable)
        for resource in (*amounts, *self.allocatable):
            self._column(resource)[position] = amounts.get(resource, 0)
        self.comparable[:, position] = amounts.get(CPU, 0), amounts.get(MEMORY, 0)
        if before is None or before.status.images != node.status.images:
            self._set_images(position, before, node)
        if (
            before is None
            or before.metadata.labels != node.metadata.labels
            or before.spec.taints != node.spec.taints
            or before.status.declaredFeatures != node.status.declaredFeatures
        ):
            for compute, values in self._masks.values():
                values[position] = compute(node)
        self._note(position)
        for listener in self._watchers:
            listener(position)
        if before is None:
            for info in self.waiting.pop(name, {}).values():
                self.add_pod(info, name)

    def remove_node(self, name: str) -> None:
        """Its pods are kept aside: they still exist until someone deletes them."""
        position = self.index.get(name)
        if position is None:
            return
        staying = dict(self.pods[position])
        for info in staying.values():
            self.remove_pod(info, name)
        if staying:
            self.waiting[name] = staying
        for guest in list(self.guests.get(position, {}).values()):
            self.remove_guest(guest, name)
        self._set_images(position, self.objects[position], None)
        del self.index[name]
        self.active[position] = False
        self.objects[position] = None
        self.names[position] = ""
        for column in self.allocatable.values():
            column[position] = 0
        self.comparable[:, position] = 0
        self._free.append(position)
        self._note(position)
        for listener in self._watchers:
            listener(position)

    def _set_images(self, position: int, before: Node | None, after: Node | None) -> None:
        for image in before.status.images if before is not None else ():
            for name in image.names:
                holders = self.images.get(name, {})
                holders.pop(position, None)
                if not holders:
                    self.images.pop(name, None)
        for image in after.status.images if after is not None else ():
            for name in image.names:
                self.images.setdefault(name, {})[position] = image.sizeBytes

    def _take(self, name: str) -> int:
        if not self._free:
            self._grow()
        position = self._free.pop()
        self.index[name] = position
        self.names[position] = name
        return position

    def _grow(self) -> None:
        """By an eighth: each decision goes over whole columns, empty positions too, while nodes seldom come."""
        old = self.capacity
        more = max(FIRST_CAPACITY, old // 8 // FIRST_CAPACITY * FIRST_CAPACITY)
        self.capacity = old + more
        self.names += [""] * more
        self.objects += [None] * more
        self.pods += [{} for _ in range(more)]
        self.active = np.concatenate([self.active, np.zeros(more, bool)])
        self.unschedulable = np.concatenate([self.unschedulable, np.zeros(more, bool)])
        self.tainted = np.concatenate([self.tainted, np.zeros(more, bool)])
        self.compared = np.concatenate([self.compared, np.zeros((2, more))], axis=1)
        self.comparable = np.concatenate([self.comparable, np.zeros((2, more))], axis=1)
        for columns in (self.allocatable, self.used):
            for resource, column in columns.items():
                columns[resource] = np.concatenate([column, np.zeros(more, np.int64)])
        for key, (compute, values) in self._masks.items():
            self._masks[key] = (compute, np.concatenate([values, np.zeros(more, values.dtype)]))
        self._free += range(self.capacity - 1, old - 1, -1)
        self._tracked.clear()
        for listener in self._resizers:
            listener(self.capacity)

    def _column(self, resource: str) -> Ints:
        if resource not in self.allocatable:
            self.allocatable[resource] = np.zeros(self.capacity, np.int64)
            self.used[resource] = np.zeros(self.capacity, np.int64)
        return self.allocatable[resource]

    # pods

    def add_pod(self, info: PodInfo, node: str) -> None:
        """Counts a pod on a node, also on one that is not there yet."""
        position = self.index.get(node)
        if position is None:
            self.waiting.setdefault(node, {})[info.key] = info
            return
        self._count(info, position, 1)
        self.pods[position][info.key] = info
        self.priorities[info.priority] += 1

    def remove_pod(self, info: PodInfo, node: str) -> None:
        position = self.index.get(node)
        if position is None:
            pods = self.waiting.get(node)
            if pods is not None:
                pods.pop(info.key, None)
                if not pods:
                    del self.waiting[node]
            return
        counted = self.pods[position].pop(info.key, None)
        if counted is not None:
            self._count(counted, position, -1)
            self.priorities[counted.priority] -= 1
            if not self.priorities[counted.priority]:
                del self.priorities[counted.priority]

    @property
    def lowest_priority(self) -> int:
        """That of the least important pod on any node."""
        return min(self.priorities, default=HIGHEST)

    def add_guest(self, info: PodInfo, node: str) -> None:
        """Keeps room for a pod that is expected on a node; without effect while there is no such node."""
        position = self.index.get(node)
        if position is not None:
            self.remove_guest(info, node)
            self.guests.setdefault(position, {})[info.key] = info
            self._count(info, position, 1)

    def remove_guest(self, info: PodInfo, node: str) -> None:
        position = self.index.get(node, -1)
        guests = self.guests.get(position)
        counted = guests.pop(info.key, None) if guests else None
        if counted is not None:
            self._count(counted, position, -1)
            if not guests:
                del self.guests[position]

    def _count(self, info: PodInfo, position: int, sign: int) -> None:
        for resource, amount in info.requests.items():
            self._column(resource)
            self.used[resource][position] += sign * amount
        self.used[PODS][position] += sign
        self.compared[0, position] += sign * info.compared[0]
        self.compared[1, position] += sign * info.compared[1]
        self._note(position)
        for listener in self._listeners:
            listener(info, position, sign)

    # columns that follow from the amounts in use

    def _note(self, position: int) -> None:
        """The node at a position has changed, or its pods."""
        self._changes.append(position)
        if len(self._changes) > CHANGES:
            dropped = CHANGES // 2
            del self._changes[:dropped]
            self._changes_before += dropped

    def tracked(
        self,
        key: Any,
        compute: Callable[[At], npt.NDArray[Any]],
        one: Callable[[int], float] | None = None,
        held: Any = None,
    ) -> npt.NDArray[Any]:
        """A column that depends on amounts in use, kept under `key` and computed anew only where something changed.

        `one` gives the same for a single position: after a pod more, plain numbers are quicker than arrays of one number.
        At most 96 are kept; the one that was not used for longest goes first. Callers must not change it.
        """
        now = self._changes_before + len(self._changes)
        self._uses += 1
        found = self._tracked.get(key)
        if found is None:
            found = Tracked(compute(EVERYWHERE), now, self._uses, held)
            if len(self._tracked) >= TRACKED:
                del self._tracked[min(self._tracked, key=lambda known: self._tracked[known].used)]
            self._tracked[key] = found
            return found.values
        found.used = self._uses
        if found.known != now:
            self._follow(found, now, compute, one)
        return found.values

    def _follow(
        self, found: Tracked, now: int, compute: Callable[[At], npt.NDArray[Any]], one: Callable[[int], float] | None
    ) -> None:
        """Brings a column up to date."""
        if found.known < now - FEW_CHANGES or found.known < self._changes_before:
            found.values = compute(EVERYWHERE)
        else:
            values, changed = found.values, set(self._changes[found.known - self._changes_before :])
            if one is not None and len(changed) <= FEW_POSITIONS:
                for position in changed:
                    values[position] = one(position)
            else:
                positions = np.fromiter(changed, np.int64, len(changed))
                values[positions] = compute(positions)
        found.known = now

    def summed(self, parts: Sequence[tuple[npt.NDArray[Any], int]]) -> npt.NDArray[Any]:
        """The weighted sum of columns that `tracked` has just given, tracked itself. Callers must not change it."""

        def compute(at: At) -> npt.NDArray[Any]:
            total: npt.NDArray[Any] = sum(values[at] * weight for values, weight in parts)  # type: ignore[assignment]
            return total

        def one(position: int) -> float:
            return float(sum(values.item(position) * weight for values, weight in parts))

        key = ("sum", *((id(values), weight) for values, weight in parts))
        return self.tracked(key, compute, one, parts)

    # cached properties of nodes

    def cached(self, key: Any, compute: Callable[[Node], Any], dtype: Any = bool) -> npt.NDArray[Any]:
        """A column that depends on a node's labels, taints and features only, kept under `key` and updated with the node.

        At most 512 are kept; the one that was not used for longest goes first.
        """
        found = self._masks.get(key)
        if found is not None:
            self._masks.move_to_end(key)
            return found[1]
        values = np.zeros(self.capacity, dtype)
        for position, node in self.positions():
            values[position] = compute(node)
        self._masks[key] = (compute, values)
        if len(self._masks) > CACHED_MASKS:
            self._masks.popitem(last=False)
        return values

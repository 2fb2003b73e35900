"""Scheduling without a cluster: what would become of a pod, given these objects and this configuration.

What: `Simulation(configuration, objects).schedule(pod)` → `Verdict`: the node, or the reasons of each node and what preemption
would do. Why: explanations and "what if" questions must use the scheduler's own code. No client, no event loop, no clock.

    simulation = Simulation(objects=[node, pod, claim])     # manifests as dicts, JSON-like
    verdict = simulation.schedule(pending_pod)              # .node, .message, .reasons["node-1"], .preemption
    simulation.place(pending_pod, verdict.node)             # counts from now on
    simulation.remove(node)                                 # as if it were gone
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

import msgspec
import numpy as np

from kubelite.api.types import resource_v1 as v1
from kubelite.scheduler import storage as s
from kubelite.scheduler.budgets import PodDisruptionBudget
from kubelite.scheduler.cycle import Scheduler
from kubelite.scheduler.framework import (
    AttemptFailed,
    Cycle,
    Diagnosis,
    PodRefused,
    Preemption,
    Rejection,
    Scores,
    World,
)
from kubelite.scheduler.nodes import Mask
from kubelite.scheduler.owners import WithMap, WithSelector
from kubelite.scheduler.plugins.default_preemption import Candidates, Choose
from kubelite.scheduler.pods import Node, Pod, PodInfo, pod_info
from kubelite.scheduler.profile import DEFAULT_NAME, Profile, default_profile, with_user_plugins
from kubelite.scheduler.storage import Binding

if TYPE_CHECKING:
    from kubelite.scheduler.config.types import Configuration

Manifest = Mapping[str, Any]
T = TypeVar("T")


class _List(msgspec.Struct, Generic[T]):
    items: list[T] = []


class Names(Sequence[str]):
    """Names of nodes in order, worked out when somebody looks: thousands may be equally good for each of many pods."""

    def __init__(self, table: list[str], ranked: Any) -> None:
        self._table, self._ranked = table, ranked

    def __len__(self) -> int:
        return len(self._ranked)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[str, ...]: ...
    def __getitem__(self, at: int | slice) -> str | tuple[str, ...]:
        if isinstance(at, slice):
            return tuple(self._table[number] for number in self._ranked[at])
        return self._table[int(self._ranked[at])]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one pod."""

    node: str = ""
    """Where it goes; "" if nowhere."""
    message: str = ""
    """The words of the FailedScheduling event."""
    reasons: dict[str, list[str]] = field(default_factory=dict)
    """Why each node does not take it, by name."""
    refused: str = ""
    """The reason that has nothing to do with single nodes."""
    equal: Sequence[str] = ()
    """All nodes that are as good as `node`, by name; the running scheduler takes any of them."""
    plugins: frozenset[str] = frozenset()
    """Plugins that said no."""
    preemption: Preemption | None = None
    """The node that would become free, and the pods that would have to go."""
    rooms: tuple[Preemption, ...] = ()
    """All preemptions that are as good."""


class FirstByName(Scheduler):
    """Breaks ties by name instead of at random, and tells of them."""

    equal: Sequence[str] = ()
    rooms: tuple[Preemption, ...] = ()
    _seen: tuple[Mask, Scores] | None = None
    _names: tuple[list[str], list[str], Any] = ([], [], None)
    """Names by position as last seen, the same sorted, and each position's place among the sorted ones."""

    def totals(self, cycle: Cycle, fitting: Mask) -> Scores:
        total = super().totals(cycle, fitting)
        self._seen = fitting, total
        return total

    def best(self, cycle: Cycle, fitting: Mask, extra: Callable[[Mask], Scores] | None = None) -> int:
        self._seen = None
        position = super().best(cycle, fitting, extra)
        if self._seen is None:
            self.equal = (self.nodes.names[position],)
            return position
        candidates = np.flatnonzero(fitting)
        among = self._seen[1][candidates]
        _, in_order, place = self._sorted()
        equal = Names(in_order, np.sort(place[candidates[among >= among.max() - 1e-9]]))
        self.equal = equal
        return self.nodes.index[equal[0]]

    def _sorted(self) -> tuple[list[str], list[str], Any]:
        if self._names[0] != self.nodes.names:
            names = list(self.nodes.names)
            order = sorted(range(len(names)), key=names.__getitem__)
            place = np.empty(len(names), np.int64)
            place[order] = np.arange(len(names))
            self._names = names, [names[at] for at in order], place
        return self._names

    def diagnose(
        self,
        cycle: Cycle,
        rejections: list[Rejection],
        agree: Choose | None = None,
        refused: PodRefused | None = None,
    ) -> Diagnosis:
        self.rooms = ()
        return super().diagnose(cycle, rejections, self._tell, refused)

    def _tell(self, candidates: Candidates) -> Candidates:
        """The best nodes to make room on, the first by name first."""
        least = min((victims.rank for victims in candidates.values()), default=None)
        best = {at: victims for at, victims in candidates.items() if victims.rank == least}
        ordered = sorted(best, key=lambda at: self.nodes.names[at])
        self.rooms = tuple(Preemption(self.nodes.names[at], best[at].pods, best[at].violations) for at in ordered)
        return {at: best[at] for at in ordered}


class Simulation:
    """A cluster in memory. Objects of kinds that decisions do not look at are passed over."""

    def __init__(
        self,
        configuration: Configuration | bytes | None = None,
        objects: Iterable[Manifest] = (),
        seed: int | None = None,
        plugins: Sequence[Any] = (),
    ) -> None:
        """`plugins`: those of the user, behind the built-in ones."""
        profiles = [default_profile()] if configuration is None else _profiles(configuration)
        for profile in profiles if plugins else ():
            with_user_plugins(profile, copy.copy(profile), plugins)
        self.world = World()
        rng = random.Random(seed)
        made = Scheduler if seed is not None else FirstByName
        self.schedulers = {profile.name: made(self.world, profile, rng) for profile in profiles}
        self.pending: dict[str, PodInfo] = {}
        """Pods that wait for a node and may have one."""
        self._settled: dict[str, str] = {}
        for obj in objects:
            self.add(obj)

    def add(self, obj: Manifest) -> None:
        """An object comes or changes."""
        kind = obj.get("kind", "")
        if kind == "Pod":
            self._add_pod(msgspec.convert(obj, Pod))
        elif kind in self._tables:
            type_, put, _ = self._tables[kind]
            put(self, msgspec.convert(obj, type_))

    def add_list(self, kind: str, data: bytes) -> None:
        """The objects of a list as the API server sends it; faster than one by one."""
        type_, put = (Pod, Simulation._add_pod) if kind == "Pod" else self._tables[kind][:2]
        for obj in msgspec.json.decode(data, type=_List[type_]).items:  # type: ignore[valid-type]
            put(self, obj)

    def remove(self, obj: Manifest) -> None:
        """An object goes."""
        kind = obj.get("kind", "")
        if kind == "Pod":
            self._remove_pod(pod_info(msgspec.convert(obj, Pod)))
        elif kind in self._tables:
            type_, _, drop = self._tables[kind]
            drop(self, msgspec.convert(obj, type_))

    def place(self, pod: Manifest, node: str) -> None:
        """The pod counts on a node from now on."""
        self.settle(pod_info(msgspec.convert(pod, Pod)), node)

    def settle(self, info: PodInfo, node: str) -> None:
        """As `place`, for a pod that was worked out."""
        self.pending.pop(info.key, None)
        self.world.nominations.drop(info.key)
        self._settled[info.key] = node
        self.world.nodes.add_pod(info, node)
        binding = self._scheduler(info).binding
        self._bind_claims(binding, node)
        self.world.devices.give(binding.devices, info)

    def _bind_claims(self, binding: Binding, node: str) -> None:
        """The pod's claims get their volumes, which limits where others that use them can go."""
        storage = self.world.storage
        storage.assume(binding, node)
        done = [(claim, {s.BIND_COMPLETED: "yes"}, volume.metadata.name) for claim, volume in binding.static]
        # A volume that is made for the pod is at hand on its node; where else, only the provisioner will know.
        done += [(claim, {s.SELECTED_NODE: node}, "") for claim in binding.dynamic]
        for claim, note, volume in done:
            meta = msgspec.structs.replace(claim.metadata, annotations={**claim.metadata.annotations, **note})
            spec = msgspec.structs.replace(claim.spec, volumeName=volume)
            storage.put(storage.claims, msgspec.structs.replace(claim, metadata=meta, spec=spec))

    def evict(self, victims: Iterable[PodInfo], node: str) -> None:
        """Victims of a preemption are gone."""
        for victim in victims:
            self.world.nodes.remove_pod(victim, node)

    def schedule(self, pod: Manifest) -> Verdict:
        """What the scheduler would decide now; nothing changes."""
        return self.judge(pod_info(msgspec.convert(pod, Pod)))

    def judge(self, info: PodInfo, *, by_node: bool = True) -> Verdict:
        """As `schedule`, for a pod that was worked out; the reasons of each node only if asked for."""
        scheduler = self._scheduler(info)
        try:
            result = scheduler.place(info)
        except AttemptFailed as failure:
            return Verdict(message=str(failure))
        if isinstance(result, str):
            equal = scheduler.equal if isinstance(scheduler, FirstByName) else ()
            return Verdict(result, equal=equal)
        return Verdict(
            message=result.message(),
            reasons=self._reasons(result) if by_node else {},
            refused=result.refused,
            plugins=result.plugins,
            preemption=result.preemption,
            rooms=scheduler.rooms if isinstance(scheduler, FirstByName) and result.preemption is not None else (),
        )

    def promise(self, info: PodInfo, preemption: Preemption) -> None:
        """The pod gets the room that a preemption makes; pods of lower priority lose their promise there."""
        nominations = self.world.nominations
        for other in nominations.lower_on(preemption.node, info.priority):
            nominations.drop(other.key)
        nominations.promise(info, preemption.node)

    def _scheduler(self, info: PodInfo) -> Scheduler:
        """That of the pod's profile; a name that no profile has gets the first one's rules."""
        name = info.pod.spec.schedulerName or DEFAULT_NAME
        return self.schedulers.get(name) or next(iter(self.schedulers.values()))

    def _reasons(self, result: Diagnosis) -> dict[str, list[str]]:
        return {
            name: [text for rejection in result.rejections for text in rejection.of(position)]
            for name, position in self.world.nodes.index.items()
        }

    def _add_pod(self, pod: Pod) -> None:
        info = pod_info(pod)
        self._remove_pod(info)
        if pod.status.phase in ("Succeeded", "Failed"):
            return
        if pod.spec.nodeName:
            self.world.nodes.add_pod(info, pod.spec.nodeName)
            return
        if not pod.spec.schedulingGates and pod.metadata.deletionTimestamp is None:
            self.pending[info.key] = info
        if pod.status.nominatedNodeName:
            self.world.nominations.promise(info, pod.status.nominatedNodeName)

    def _remove_pod(self, info: PodInfo) -> None:
        self.pending.pop(info.key, None)
        self.world.nominations.drop(info.key)
        node = info.pod.spec.nodeName or self._settled.pop(info.key, "")
        if node:
            self.world.nodes.remove_pod(info, node)

    def _set_node(self, node: Node) -> None:
        self.world.nodes.set_node(node)
        self.world.nominations.node_came(node.metadata.name)

    _tables: Mapping[str, tuple[type[Any], Callable[[Simulation, Any], None], Callable[[Simulation, Any], None]]] = {}


def _profiles(configuration: Configuration | bytes) -> list[Profile]:
    """Read only where somebody has a configuration: most have none."""
    from kubelite.scheduler.config.load import load
    from kubelite.scheduler.config.profiles import build_profiles

    return build_profiles(load(configuration) if isinstance(configuration, bytes) else configuration)


def _namespace(simulation: Simulation, obj: Any) -> None:
    simulation.world.namespaces[obj.metadata.name] = obj.metadata.labels
    simulation.world.counts.forget()


def _no_namespace(simulation: Simulation, obj: Any) -> None:
    simulation.world.namespaces.pop(obj.metadata.name, None)
    simulation.world.counts.forget()


class _Named(msgspec.Struct):
    metadata: s.Meta


def _devices(name: str) -> tuple[Callable[[Simulation, Any], None], Callable[[Simulation, Any], None]]:
    def put(simulation: Simulation, obj: Any) -> None:
        getattr(simulation.world.devices, name)(None, obj)

    def drop(simulation: Simulation, obj: Any) -> None:
        getattr(simulation.world.devices, name)(obj, None)

    return put, drop


def _storage(name: str) -> tuple[Callable[[Simulation, Any], None], Callable[[Simulation, Any], None]]:
    def put(simulation: Simulation, obj: Any) -> None:
        simulation.world.storage.put(getattr(simulation.world.storage, name), obj)

    def drop(simulation: Simulation, obj: Any) -> None:
        simulation.world.storage.drop(getattr(simulation.world.storage, name), obj)

    return put, drop


def _owner(kind: str) -> tuple[Callable[[Simulation, Any], None], Callable[[Simulation, Any], None]]:
    return (
        lambda simulation, obj: simulation.world.owners.set(kind, obj),
        lambda simulation, obj: simulation.world.owners.remove(kind, obj),
    )


Simulation._tables = {
    "Node": (Node, Simulation._set_node, lambda sim, obj: sim.world.nodes.remove_node(obj.metadata.name)),
    "Namespace": (_Named, _namespace, _no_namespace),
    "PodDisruptionBudget": (
        PodDisruptionBudget,
        lambda sim, obj: sim.world.budgets.set(obj),
        lambda sim, obj: sim.world.budgets.remove(obj),
    ),
    "Service": (WithMap, *_owner("Service")),
    "ReplicationController": (WithMap, *_owner("ReplicationController")),
    "ReplicaSet": (WithSelector, *_owner("ReplicaSet")),
    "StatefulSet": (WithSelector, *_owner("StatefulSet")),
    "PersistentVolumeClaim": (s.Claim, *_storage("claims")),
    "PersistentVolume": (s.Volume, *_storage("volumes")),
    "StorageClass": (s.StorageClass, *_storage("classes")),
    "CSINode": (s.CSINode, *_storage("csi_nodes")),
    "CSIDriver": (s.CSIDriver, *_storage("drivers")),
    "CSIStorageCapacity": (s.Capacity, *_storage("capacities")),
    "VolumeAttachment": (s.Attachment, *_storage("attachments")),
    "ResourceClaim": (v1.ResourceClaim, *_devices("claim_changed")),
    "ResourceSlice": (v1.ResourceSlice, *_devices("slice_changed")),
    "DeviceClass": (v1.DeviceClass, *_devices("class_changed")),
}

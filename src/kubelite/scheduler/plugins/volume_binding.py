"""VolumeBinding: a pod goes where its volumes are, or where volumes can be bound or made for its claims.

Rules: a claim must exist and, unless its class waits for the first consumer, be bound; a bound volume's node affinity limits the
nodes; for a claim that waits, the smallest volume that suffices and that the node can reach is taken, else one is made if the
class has a provisioner, the node is in its allowed topologies and, where the driver tells of it, has room.
`Chosen.binding` is what has to be written before the pod is bound. Upstream: plugins/volumebinding.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kubelite.api.logic import affinity
from kubelite.machinery import labels as selectors
from kubelite.scheduler import events
from kubelite.scheduler.framework import Cycle, FilterPlugin, PodRefused, Why
from kubelite.scheduler.nodes import Mask
from kubelite.scheduler.plugins import volume_hints as hints
from kubelite.scheduler.plugins.args import VolumeBindingArgs
from kubelite.scheduler.pods import Node
from kubelite.scheduler.storage import (
    NO_PROVISIONER,
    SELECTED_NODE,
    WAIT,
    Binding,
    Claim,
    Storage,
    StorageClass,
    Volume,
    key_of,
)

NAME = "VolumeBinding"
NODE_CONFLICT = "node(s) didn't match PersistentVolume's node affinity"
BIND_CONFLICT = "node(s) didn't find available persistent volumes to bind"
NO_ROOM = "node(s) did not have enough free storage"
NO_VOLUME = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"
UNBOUND = "pod has unbound immediate PersistentVolumeClaims"


def claims_of(cycle: Cycle) -> list[Claim]:
    """The pod's claims. Raises PodRefused for one that is missing, on its way out, or another's."""
    meta, storage = cycle.pod.pod.metadata, cycle.world.storage
    made_for_it = {
        f"{meta.name}-{volume.name}" for volume in cycle.pod.pod.spec.volumes if volume.ephemeral is not None
    }
    found = []
    for name in cycle.pod.claims:
        claim = storage.claims.get(f"{meta.namespace}/{name}")
        if claim is None:
            if name in made_for_it:
                raise PodRefused(
                    f'waiting for ephemeral volume controller to create the persistentvolumeclaim "{name}"', NAME
                )
            raise PodRefused(f'persistentvolumeclaim "{name}" not found', NAME)
        if claim.status.phase == "Lost":
            raise PodRefused(
                f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{claim.spec.volumeName}"', NAME
            )
        if claim.metadata.deletionTimestamp is not None:
            raise PodRefused(f'persistentvolumeclaim "{name}" is being deleted', NAME)
        if name in made_for_it and not any(o.controller and o.uid == meta.uid for o in claim.metadata.ownerReferences):
            text = f"PVC {meta.namespace}/{name} was not created for pod {cycle.pod.key} (pod is not owner)"
            raise PodRefused(text, NAME)
        found.append(claim)
    return found


def reaches(volume: Volume, node: Node) -> bool:
    """Whether a node can use a volume, by the volume's node affinity."""
    required = volume.spec.nodeAffinity.required if volume.spec.nodeAffinity is not None else None
    return required is None or affinity.selector_matches(required, node.metadata.labels, node.metadata.name)


def mode(volume_mode: str) -> str:
    return volume_mode or "Filesystem"


def suits(claim: Claim, volume: Volume, assumed: str | None) -> bool:
    """Whether a volume could be bound to a claim, wherever."""
    ref = volume.spec.claimRef
    if assumed is not None and assumed != key_of(claim):
        return False
    if volume.metadata.deletionTimestamp is not None or mode(volume.spec.volumeMode) != mode(claim.spec.volumeMode):
        return False
    if volume.storage_class != claim.storage_class or volume.size < claim.asked:
        return False
    if ref is not None:
        mine = (ref.namespace, ref.name) == (claim.metadata.namespace, claim.metadata.name)
        return mine and ref.uid in ("", claim.metadata.uid)
    if volume.status.phase not in ("Available", ""):
        return False
    if (volume.spec.volumeAttributesClassName or "") != (claim.spec.volumeAttributesClassName or ""):
        return False
    if not set(claim.spec.accessModes) <= set(volume.spec.accessModes):
        return False
    selector = claim.spec.selector
    return selector is None or selectors.from_label_selector(selector).matches(volume.metadata.labels)


@dataclass(slots=True)
class State:
    """The pod's claims, sorted by what they need."""

    bound: list[Volume] = field(default_factory=list)
    lost: bool = False
    waiting: list[tuple[Claim, StorageClass]] = field(default_factory=list)
    usable: dict[str, list[Volume]] = field(default_factory=dict)
    """Volumes that could be bound to each waiting claim, the smallest first."""
    refused: dict[str, Mask] = field(default_factory=dict)


class VolumeBinding(FilterPlugin):
    name = NAME

    def __init__(self, args: VolumeBindingArgs | None = None) -> None:
        self.seconds = (args or VolumeBindingArgs()).bindTimeoutSeconds
        self.events = {
            events.CLAIM: hints.own_claim,
            events.VOLUME: hints.volume_came,
            events.STORAGE_CLASS: hints.other_topologies,
            events.CSI_NODE: hints.migrated,
            events.CSI_DRIVER: hints.capacity_unchecked,
            events.CSI_CAPACITY: hints.more_room,
            events.NODE_ADD: None,
            events.NODE_LABEL: None,
        }

    def narrow(self, cycle: Cycle) -> frozenset[str] | None:
        """Looks at the claims themselves. Raises PodRefused for those that no node can serve."""
        if cycle.pod.claims:
            state = cycle.state[NAME] = State()
            self._sort(state, cycle.world.storage, claims_of(cycle))
        return None

    def filter(self, cycle: Cycle) -> Mask | None:
        state: State | None = cycle.state.get(NAME)
        if state is None:
            return None
        storage, nodes = cycle.world.storage, cycle.nodes
        state.refused = {}
        mask = np.ones(nodes.capacity, bool)
        for position, node in nodes.positions():
            for reason in self._refusals(state, storage, node):
                if reason not in state.refused:
                    state.refused[reason] = np.zeros(nodes.capacity, bool)
                state.refused[reason][position] = True
                mask[position] = False
        return mask

    @staticmethod
    def _sort(state: State, storage: Storage, claims: list[Claim]) -> None:
        for claim in claims:
            if claim.bound:
                volume = storage.volumes.get(claim.spec.volumeName)
                state.lost = state.lost or volume is None
                if volume is not None:
                    state.bound.append(volume)
                continue
            found = storage.classes.get(claim.storage_class)
            if found is None or found.volumeBindingMode != WAIT or claim.spec.volumeName:
                raise PodRefused(UNBOUND, NAME)
            state.waiting.append((claim, found))
            usable = [v for v in storage.volumes.values() if suits(claim, v, storage.assumed.get(v.metadata.name))]
            # One that was made for the claim, or is being bound to it, is the only one; else the smallest comes first.
            own = [v for v in usable if v.spec.claimRef is not None or v.metadata.name in storage.assumed]
            state.usable[key_of(claim)] = own or sorted(usable, key=lambda v: (v.size, v.metadata.name))
        state.waiting.sort(key=lambda pair: pair[0].asked)

    def _refusals(self, state: State, storage: Storage, node: Node) -> list[str]:
        """Why the pod cannot have its volumes on a node: one reason for those it has, one for those it waits for."""
        found = []
        if state.lost:
            found.append(NO_VOLUME)
        elif not all(reaches(volume, node) for volume in state.bound):
            found.append(NODE_CONFLICT)
        reason = self._choose(state, storage, node)[0]
        return [*found, reason] if reason else found

    def _choose(self, state: State, storage: Storage, node: Node) -> tuple[str, Binding]:
        """(why a node cannot serve the waiting claims, what to do if it can)."""
        selected = [
            (storage.selected.get(key_of(claim)) or claim.metadata.annotations.get(SELECTED_NODE), claim, found)
            for claim, found in state.waiting
        ]
        if any(name is not None and name != node.metadata.name for name, _, _ in selected):
            return BIND_CONFLICT, Binding()
        making = [(claim, found) for name, claim, found in selected if name is not None]
        taken: set[str] = set()
        static: list[tuple[Claim, Volume]] = []
        for name, claim, found in selected:
            if name is not None:
                continue
            usable = (v for v in state.usable[key_of(claim)] if v.metadata.name not in taken and reaches(v, node))
            volume = next(usable, None)
            if volume is None:
                making.append((claim, found))
            else:
                taken.add(volume.metadata.name)
                static.append((claim, volume))
        for claim, found in making:
            if found.provisioner in ("", NO_PROVISIONER) or not in_topology(found, node):
                return BIND_CONFLICT, Binding()
            if not has_room(storage, found, claim, node):
                return NO_ROOM, Binding()
        return "", Binding(tuple(static), tuple(claim for claim, _ in making))

    def explain(self, cycle: Cycle) -> list[Why]:
        return [Why(reason, mask) for reason, mask in cycle.state[NAME].refused.items()]

    def binding(self, cycle: Cycle, node: Node) -> Binding:
        """What has to be done for the pod's claims on the chosen node."""
        state = cycle.state.get(NAME)
        return self._choose(state, cycle.world.storage, node)[1] if state is not None else Binding()


def in_topology(storage_class: StorageClass, node: Node) -> bool:
    """Whether volumes of a class may be made where the node is."""
    terms: list[Any] = storage_class.allowedTopologies
    if not terms:
        return True
    labels = node.metadata.labels
    return any(all(labels.get(e.key) in e.values for e in term.matchLabelExpressions) for term in terms)


def has_room(storage: Storage, storage_class: StorageClass, claim: Claim, node: Node) -> bool:
    """Whether the driver has told of enough capacity at the node, if it tells of any."""
    driver = storage.drivers.get(storage_class.provisioner)
    if driver is None or not driver.spec.storageCapacity:
        return True
    return any(
        capacity.storageClassName == storage_class.metadata.name
        and capacity.nodeTopology is not None
        and capacity.room() >= claim.asked
        and selectors.from_label_selector(capacity.nodeTopology).matches(node.metadata.labels)
        for capacity in storage.capacities.values()
    )

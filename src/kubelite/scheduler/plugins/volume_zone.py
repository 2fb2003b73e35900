"""VolumeZone: a bound volume with zone or region labels is used in these zones only.

Upstream: plugins/volumezone.
"""

from __future__ import annotations

import numpy as np

from kubelite.scheduler import events
from kubelite.scheduler.framework import Cycle, FilterPlugin, PodRefused, Why
from kubelite.scheduler.nodes import Mask
from kubelite.scheduler.plugins import volume_hints as hints
from kubelite.scheduler.pods import Node
from kubelite.scheduler.storage import WAIT, Claim, Storage

NAME = "VolumeZone"
REASON = "node(s) had no available volume zone"
OLD_NAMES = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
}
KEYS = (*OLD_NAMES, *OLD_NAMES.values())


class VolumeZone(FilterPlugin):
    name = NAME

    def __init__(self) -> None:
        self.events = {
            events.NODE_ADD: None,
            events.NODE_LABEL: None,
            events.CLAIM: hints.own_claim,
            events.VOLUME: hints.relabelled_volume,
            events.STORAGE_CLASS: hints.waiting_class,
        }

    def narrow(self, cycle: Cycle) -> frozenset[str] | None:
        """Looks at the claims themselves. Raises PodRefused for those without a volume to be had."""
        cycle.state[NAME] = self._zones(cycle) if cycle.pod.claims else []
        return None

    def filter(self, cycle: Cycle) -> Mask | None:
        wanted = cycle.state.get(NAME)
        if not wanted:
            return None

        def inside(node: Node) -> bool:
            labels = node.metadata.labels
            return all(labels.get(key, labels.get(OLD_NAMES.get(key, ""))) in values for key, values in wanted)

        nodes, mask = cycle.nodes, np.zeros(cycle.nodes.capacity, bool)
        for position, node in nodes.positions():
            # A node without any zone is where nobody uses zones.
            mask[position] = not any(key in node.metadata.labels for key in KEYS) or inside(node)
        return mask

    @staticmethod
    def _zones(cycle: Cycle) -> list[tuple[str, frozenset[str]]]:
        """(label, allowed values) of all bound volumes; claims that are made for the pod are not looked at."""
        storage, meta = cycle.world.storage, cycle.pod.pod.metadata
        named = [v.persistentVolumeClaim for v in cycle.pod.pod.spec.volumes if v.persistentVolumeClaim is not None]
        found = []
        for name in dict.fromkeys(source.claimName for source in named):
            claim = storage.claims.get(f"{meta.namespace}/{name}")
            if claim is None:
                raise PodRefused(f'persistentvolumeclaim "{name}" not found', NAME)
            if not claim.spec.volumeName:
                refuse_unless_it_waits(claim, storage)
                continue
            volume = storage.volumes.get(claim.spec.volumeName)
            if volume is None:
                raise PodRefused(f'persistentvolume "{claim.spec.volumeName}" not found', NAME)
            labels = volume.metadata.labels
            found += [(key, frozenset(labels[key].split("__"))) for key in KEYS if key in labels]
        return found

    def explain(self, cycle: Cycle) -> list[Why]:
        return [Why(REASON)]


def refuse_unless_it_waits(claim: Claim, storage: Storage) -> None:
    """A claim without a volume is in order if its class waits for the first consumer. Raises PodRefused."""
    name = claim.storage_class
    if not name:
        raise PodRefused("PersistentVolumeClaim had no pv name and storageClass name", NAME)
    found = storage.classes.get(name)
    if found is None:
        raise PodRefused(f'storageclass.storage.k8s.io "{name}" not found', NAME)
    if found.volumeBindingMode != WAIT:
        raise PodRefused("PersistentVolume had no name", NAME)

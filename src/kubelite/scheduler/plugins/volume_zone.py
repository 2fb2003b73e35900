"""VolumeZone: a bound volume with zone or region labels is used in these zones only.

Upstream: plugins/volumezone.
"""

from __future__ import annotations

import numpy as np

from kubelite.scheduler import events
from kubelite.scheduler.framework import Cycle, FilterPlugin, PodRefused, Why
from kubelite.scheduler.nodes import Mask
from kubelite.scheduler.pods import Node
from kubelite.scheduler.storage import WAIT

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
        watched = (events.NODE_ADD, events.NODE_LABEL, events.CLAIM, events.VOLUME, events.STORAGE_CLASS)
        self.events = dict.fromkeys(watched)

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
        """(label, allowed values) of all bound volumes."""
        storage, namespace = cycle.world.storage, cycle.pod.pod.metadata.namespace
        found = []
        for name in cycle.pod.claims:
            claim = storage.claims.get(f"{namespace}/{name}")
            if claim is None:
                raise PodRefused(f'persistentvolumeclaim "{name}" not found', NAME)
            volume = storage.volumes.get(claim.spec.volumeName)
            if volume is None:
                waits = storage.classes.get(claim.storage_class)
                if not claim.spec.volumeName and (waits is None or waits.volumeBindingMode != WAIT):
                    raise PodRefused("PersistentVolumeClaim had no pv name and storageClass name", NAME)
                continue
            labels = volume.metadata.labels
            found += [(key, frozenset(labels[key].split("__"))) for key in KEYS if key in labels]
        return found

    def explain(self, cycle: Cycle) -> list[Why]:
        return [Why(REASON)]

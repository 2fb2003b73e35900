"""NodeVolumeLimits: a node takes only as many volumes of a CSI driver as its CSINode says.

Rules: volumes count once a node however many pods use them; claims that are not bound count under the driver that will make
them. Upstream: plugins/nodevolumelimits/csi.go.
"""

from __future__ import annotations

import numpy as np

from kubelite.scheduler import events
from kubelite.scheduler.framework import Cycle, FilterPlugin, Trial, Why
from kubelite.scheduler.nodes import Mask
from kubelite.scheduler.pods import PodInfo
from kubelite.scheduler.storage import CSINode, Storage

NAME = "NodeVolumeLimits"
REASON = "node(s) exceed max volume count"


def volumes_of(storage: Storage, info: PodInfo) -> dict[str, str]:
    """The CSI volumes of a pod: handle → driver."""
    found: dict[str, str] = {}
    namespace = info.pod.metadata.namespace
    for name in info.claims:
        claim = storage.claims.get(f"{namespace}/{name}")
        if claim is None:
            continue
        volume = storage.volumes.get(claim.spec.volumeName)
        if volume is not None:
            if volume.spec.csi is not None:
                found[f"{volume.spec.csi.driver}/{volume.spec.csi.volumeHandle}"] = volume.spec.csi.driver
            continue
        made_by = storage.classes.get(claim.storage_class)
        if made_by is not None and made_by.provisioner:
            found[f"{made_by.provisioner}/{namespace}/{name}"] = made_by.provisioner
    return found


class LimitsTrial:
    """The volumes of one node."""

    def __init__(self, cycle: Cycle, position: int, wanted: dict[str, str], node: CSINode | None) -> None:
        self.storage, self.wanted, self.node = cycle.world.storage, wanted, node
        self.there = {info.key: info for info in cycle.nodes.everyone(position) if info.claims}

    def take(self, info: PodInfo) -> None:
        self.there.pop(info.key, None)

    def give(self, info: PodInfo) -> None:
        if info.claims:
            self.there[info.key] = info

    def refusals(self) -> list[str]:
        if self.node is None:
            return []
        used: dict[str, str] = {}
        for info in self.there.values():
            used.update(volumes_of(self.storage, info))
        new = {handle: driver for handle, driver in self.wanted.items() if handle not in used}
        for driver in set(new.values()):
            limit = self.node.limit(driver)
            number = sum(d == driver for d in (*used.values(), *new.values()))
            if limit is not None and number > limit:
                return [REASON]
        return []


class NodeVolumeLimits(FilterPlugin):
    name = NAME

    def __init__(self) -> None:
        watched = (events.CSI_NODE, events.POD_DELETE, events.CLAIM, events.ATTACHMENT)
        self.events = dict.fromkeys(watched)

    def filter(self, cycle: Cycle) -> Mask | None:
        wanted = volumes_of(cycle.world.storage, cycle.pod) if cycle.pod.claims else {}
        if not wanted:
            return None
        cycle.state[NAME] = wanted
        mask = np.ones(cycle.nodes.capacity, bool)
        for name in cycle.world.storage.csi_nodes:
            position = cycle.nodes.index.get(name)
            trial = self.trial(cycle, position) if position is not None else None
            if trial is not None:
                mask[position] = not trial.refusals()
        return mask

    def explain(self, cycle: Cycle) -> list[Why]:
        return [Why(REASON, hopeless=False)]

    def trial(self, cycle: Cycle, position: int) -> Trial | None:
        wanted = cycle.state.get(NAME)
        if not wanted:
            return None
        return LimitsTrial(cycle, position, wanted, cycle.world.storage.csi_nodes.get(cycle.nodes.names[position]))

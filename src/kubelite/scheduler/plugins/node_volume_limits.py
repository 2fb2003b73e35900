"""NodeVolumeLimits: a node takes only as many volumes of a CSI driver as its CSINode says.

Rules: volumes count once a node however many pods use them, and as long as they are attached; claims that are not bound count
under the driver that will make them. Upstream: plugins/nodevolumelimits/csi.go.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kubelite.scheduler import events
from kubelite.scheduler.framework import Cycle, FilterPlugin, Trial, Why
from kubelite.scheduler.nodes import Mask
from kubelite.scheduler.plugins import volume_hints as hints
from kubelite.scheduler.pods import PodInfo
from kubelite.scheduler.storage import Attachment, CSINode, CSISource, Storage

NAME = "NodeVolumeLimits"
REASON = "node(s) exceed max volume count"


def handle_of(source: CSISource) -> str:
    """Equal for equal volumes."""
    return f"{source.driver}/{source.volumeHandle}"


def attached(storage: Storage) -> dict[str, dict[str, str]]:
    """The CSI volumes that are attached, or to be attached, to each node: node → handle → driver."""
    found: dict[str, dict[str, str]] = {}
    for attachment in storage.attachments.values():
        volume = storage.volumes.get(attachment.spec.source.persistentVolumeName or "")
        if volume is not None and volume.spec.csi is not None:
            found.setdefault(attachment.spec.nodeName, {})[handle_of(volume.spec.csi)] = volume.spec.csi.driver
    return found


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
                found[handle_of(volume.spec.csi)] = volume.spec.csi.driver
            continue
        made_by = storage.classes.get(claim.storage_class)
        if made_by is not None and made_by.provisioner:
            found[f"{made_by.provisioner}/{namespace}/{name}"] = made_by.provisioner
    return found


@dataclass(frozen=True, slots=True)
class Wanted:
    """The pod's volumes, and those that are attached to each node whether or not a pod there uses them."""

    volumes: dict[str, str]
    attached: dict[str, dict[str, str]]


class LimitsTrial:
    """The volumes of one node."""

    def __init__(self, cycle: Cycle, position: int, wanted: Wanted, node: CSINode | None) -> None:
        self.storage, self.wanted, self.node = cycle.world.storage, wanted.volumes, node
        self.attached = wanted.attached.get(cycle.nodes.names[position], {})
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
        used.update(self.attached)
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
        self.events = {
            events.CSI_NODE: hints.more_volumes,
            events.POD_DELETE: self._had_volumes,
            events.CLAIM: hints.own_claim,
            events.ATTACHMENT: self._detached,
        }

    @staticmethod
    def _had_volumes(pod: PodInfo, old: PodInfo, new: None) -> bool:
        return bool(old.claims)

    def _detached(self, pod: PodInfo, old: Attachment | None, new: Attachment | None) -> bool:
        """Whether a volume of a driver that the pod needs is no longer attached."""
        if new is not None or old is None or self.world is None:
            return False
        return old.spec.attacher in volumes_of(self.world.storage, pod).values()

    def filter(self, cycle: Cycle) -> Mask | None:
        wanted = volumes_of(cycle.world.storage, cycle.pod) if cycle.pod.claims else {}
        if not wanted:
            return None
        cycle.state[NAME] = Wanted(wanted, attached(cycle.world.storage))
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
        wanted: Wanted | None = cycle.state.get(NAME)
        if wanted is None:
            return None
        return LimitsTrial(cycle, position, wanted, cycle.world.storage.csi_nodes.get(cycle.nodes.names[position]))

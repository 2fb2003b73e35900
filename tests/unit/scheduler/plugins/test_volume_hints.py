"""Which changes wake a pod that waits for its volumes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kubelite.scheduler import storage as s
from kubelite.scheduler.plugins import volume_hints as hints
from tests.unit.scheduler.world import info

POD = info("p", volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}])


def made(type: type[Any], name: str = "x", **fields: Any) -> Any:
    meta = {"name": name, **fields.pop("metadata", {})}
    return msgspec.convert({"metadata": meta, **fields}, type)


def claim(name: str, namespace: str = "default") -> s.Claim:
    found: s.Claim = made(s.Claim, name, metadata={"namespace": namespace})
    return found


def csi_node(count: int | None, **notes: str) -> s.CSINode:
    drivers = [{"name": "d", "allocatable": {"count": count}}]
    found: s.CSINode = made(s.CSINode, metadata={"annotations": notes}, spec={"drivers": drivers})
    return found


def driver(tells: bool) -> s.CSIDriver:
    found: s.CSIDriver = made(s.CSIDriver, spec={"storageCapacity": tells})
    return found


def room(size: str, zone: str = "a") -> s.Capacity:
    found: s.Capacity = made(s.Capacity, capacity=size, nodeTopology={"matchLabels": {"zone": zone}})
    return found


ZONED = [{"matchLabelExpressions": [{"key": "zone", "values": ["a"]}]}]
PLAIN, WAITING = made(s.StorageClass), made(s.StorageClass, volumeBindingMode="WaitForFirstConsumer")
TABLE = [
    (hints.own_claim, None, claim("c"), True),
    (hints.own_claim, claim("c"), None, False),
    (hints.own_claim, None, claim("other"), False),
    (hints.own_claim, None, claim("c", "elsewhere"), False),
    (hints.volume_came, None, made(s.Volume), True),
    (hints.volume_came, made(s.Volume), None, False),
    (hints.relabelled_volume, None, made(s.Volume), True),
    (hints.relabelled_volume, made(s.Volume), made(s.Volume), False),
    (hints.relabelled_volume, made(s.Volume), made(s.Volume, metadata={"labels": {"zone": "a"}}), True),
    (hints.waiting_class, None, WAITING, True),
    (hints.waiting_class, None, PLAIN, False),
    (hints.waiting_class, WAITING, WAITING, False),
    (hints.other_topologies, None, PLAIN, True),
    (hints.other_topologies, PLAIN, PLAIN, False),
    (hints.other_topologies, PLAIN, made(s.StorageClass, allowedTopologies=ZONED), True),
    (hints.migrated, None, csi_node(1), True),
    (hints.migrated, csi_node(1), csi_node(2), False),
    (hints.migrated, csi_node(1), csi_node(1, **{hints.MIGRATED: "kubernetes.io/gce-pd"}), True),
    (hints.more_volumes, None, csi_node(1), True),
    (hints.more_volumes, csi_node(1), csi_node(2), True),
    (hints.more_volumes, csi_node(2), csi_node(1), False),
    (hints.more_volumes, csi_node(None), csi_node(1), True),
    (hints.capacity_unchecked, driver(True), driver(False), True),
    (hints.capacity_unchecked, driver(False), driver(True), False),
    (hints.more_room, None, room("1Gi"), True),
    (hints.more_room, room("1Gi"), room("2Gi"), True),
    (hints.more_room, room("2Gi"), room("1Gi"), False),
    (hints.more_room, room("2Gi"), room("1Gi", "b"), True),
    (hints.more_room, room("2Gi"), None, False),
]


@pytest.mark.parametrize(("hint", "old", "new", "helps"), TABLE)
def test_what_may_help(hint: Any, old: Any, new: Any, helps: bool) -> None:
    assert hint(POD, old, new) is helps

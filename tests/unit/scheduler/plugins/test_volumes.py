"""Where a pod's volumes let it go."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kubelite.scheduler.offline import Simulation, Verdict
from kubelite.scheduler.pods import Pod, pod_info

ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
Manifest = dict[str, Any]


def node(name: str, **labels: str) -> Manifest:
    return {
        "kind": "Node",
        "metadata": {"name": name, "labels": {HOST: name, **labels}},
        "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"}},
    }


def pod(name: str, *claims: str, on: str = "", **spec: Any) -> Manifest:
    volumes = [{"name": f"v{i}", "persistentVolumeClaim": {"claimName": c}} for i, c in enumerate(claims)]
    return {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "uid": name},
        "spec": {
            "nodeName": on,
            "schedulerName": "default-scheduler",
            "containers": [{"name": "c"}],
            "volumes": volumes,
            **spec,
        },
    }


def claim(
    name: str, volume: str = "", size: str = "1Gi", modes: tuple[str, ...] = ("ReadWriteOnce",), **meta: Any
) -> Manifest:
    notes = {"pv.kubernetes.io/bind-completed": "yes"} if volume else {}
    return {
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}", "annotations": notes, **meta},
        "spec": {
            "accessModes": list(modes),
            "storageClassName": "slow",
            "volumeName": volume,
            "resources": {"requests": {"storage": size}},
        },
        "status": {"phase": "Bound" if volume else "Pending"},
    }


def volume(name: str, on: str = "", size: str = "1Gi", labels: dict[str, str] | None = None, **spec: Any) -> Manifest:
    if on:
        term = {"matchExpressions": [{"key": HOST, "operator": "In", "values": [on]}]}
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": [term]}}
    return {
        "kind": "PersistentVolume",
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "slow", "capacity": {"storage": size}, **spec},
        "status": {"phase": "Available"},
    }


def storage_class(
    provisioner: str = "kubernetes.io/no-provisioner", mode: str = "WaitForFirstConsumer", **more: Any
) -> Manifest:
    head = {"kind": "StorageClass", "metadata": {"name": "slow"}}
    return {**head, "provisioner": provisioner, "volumeBindingMode": mode, **more}


def world(*objects: Manifest) -> Simulation:
    return Simulation(objects=[node("a", **{ZONE: "a"}), node("b", **{ZONE: "b"}), *objects], seed=1)


def reasons(verdict: Verdict) -> str:
    assert not verdict.node
    return verdict.message.removeprefix("0/2 nodes are available: ").partition(" no new claims")[0]


def test_a_missing_claim_refuses_the_pod() -> None:
    found = world().schedule(pod("p", "c"))
    assert found.message == '0/2 nodes are available: persistentvolumeclaim "c" not found. not found'


@pytest.mark.parametrize(
    ("objects", "words"),
    [
        (
            [claim("c", deletionTimestamp="2030-01-01T00:00:00Z")],
            'persistentvolumeclaim "c" is being deleted. not found',
        ),
        ([claim("c")], "pod has unbound immediate PersistentVolumeClaims. not found"),
        ([claim("c"), storage_class(mode="Immediate")], "pod has unbound immediate PersistentVolumeClaims. not found"),
        ([claim("c", "gone")], 'persistentvolume "gone" not found. not found'),
        ([claim("c"), storage_class()], "2 node(s) didn't find available persistent volumes to bind."),
    ],
)
def test_claims_that_cannot_be_used(objects: list[Manifest], words: str) -> None:
    assert reasons(world(*objects).schedule(pod("p", "c"))) == words


def test_a_node_is_told_both_of_volumes_that_are_elsewhere_and_of_claims_that_find_none() -> None:
    reserved = {"claimRef": {"namespace": "default", "name": "c"}}
    made = world(claim("c", "v"), volume("v", on="b", **reserved), claim("w"), storage_class())
    assert reasons(made.schedule(pod("p", "c", "w"))) == (
        "1 node(s) didn't match PersistentVolume's node affinity, "
        "2 node(s) didn't find available persistent volumes to bind."
    )


def test_a_claim_for_an_ephemeral_volume_has_no_zone() -> None:
    owner = [{"uid": "p", "controller": True}]
    made = world(claim("p-data", "v", ownerReferences=owner), volume("v", labels={ZONE: "b"}))
    wanted = pod("p", nodeSelector={ZONE: "a"})
    wanted["spec"]["volumes"] = [{"name": "data", "ephemeral": {}}]
    assert made.schedule(wanted).node == "a"


def test_a_volume_of_another_attributes_class_does_not_suit() -> None:
    fast = claim("c")
    fast["spec"]["volumeAttributesClassName"] = "gold"
    made = world(fast, storage_class(), volume("plain", "a"))
    assert reasons(made.schedule(pod("p", "c"))) == "2 node(s) didn't find available persistent volumes to bind."
    made.add(volume("golden", "b", volumeAttributesClassName="gold"))
    assert made.schedule(pod("p", "c")).node == "b"


def test_a_volume_that_was_made_for_a_claim_is_the_only_one_for_it_if_it_is_large_enough() -> None:
    reserved = {"claimRef": {"namespace": "default", "name": "c"}}
    made = world(
        claim("c", size="2Gi"), storage_class(), volume("own", "b", "1Gi", **reserved), volume("other", "a", "9Gi")
    )
    assert made.schedule(pod("p", "c")).node == "a"
    made.add(volume("own", "b", "2Gi", **reserved))
    assert made.schedule(pod("p", "c")).node == "b"
    # Where the own volume is out of reach another one is made, if the class can.
    made.add(storage_class("example.com/csi"))
    assert made.schedule(pod("p", "c", nodeSelector={HOST: "a"})).node == "a"
    binding = made.schedulers["default-scheduler"].binding
    assert not binding.static
    assert len(binding.dynamic) == 1


def test_a_bound_volume_draws_the_pod_to_its_node() -> None:
    made = world(claim("c", "v"), volume("v", on="b"))
    assert made.schedule(pod("p", "c")).node == "b"
    found = made.schedule(pod("p", "c", nodeSelector={HOST: "a"}))
    assert found.reasons == {
        "a": ["node(s) didn't match PersistentVolume's node affinity"],
        "b": ["node(s) didn't match Pod's node affinity/selector"],
    }


def test_a_waiting_claim_takes_the_smallest_volume_that_suffices() -> None:
    made = world(
        claim("c", size="2Gi"), storage_class(), volume("tiny"), volume("big", "b", "9Gi"), volume("fit", "b", "3Gi")
    )
    assert made.schedule(pod("p", "c")).node == "b"
    binding = made.schedulers["default-scheduler"].binding
    assert [(c.metadata.name, v.metadata.name) for c, v in binding.static] == [("c", "fit")]


def test_a_volume_that_was_just_taken_is_not_taken_twice() -> None:
    made = world(claim("c1"), claim("c2"), storage_class(), volume("v", "a"))
    first = pod("p1", "c1")
    assert made.schedule(first).node == "a"
    made.place(first, "a")
    assert not made.schedule(pod("p2", "c2")).node


def test_pods_that_share_a_claim_go_where_its_volume_is_being_bound_or_made() -> None:
    made = world(claim("c"), storage_class(), volume("v", "a"), volume("w", "b"))
    simulation = made.schedulers["default-scheduler"]
    first = pod_info(msgspec.convert(pod("p1", "c"), Pod))
    node = str(simulation.place(first))
    made.world.storage.assume(simulation.binding, node)
    assert {made.schedule(pod("p2", "c")).node for _ in range(8)} == {node}
    made = world(claim("c"), storage_class("example.com/csi"))
    simulation = made.schedulers["default-scheduler"]
    node = str(simulation.place(first))
    made.world.storage.assume(simulation.binding, node)
    assert {made.schedule(pod("p2", "c")).node for _ in range(8)} == {node}
    made.world.storage.forget(simulation.binding)
    assert {made.schedule(pod("p2", "c")).node for _ in range(16)} == {"a", "b"}


def test_two_claims_of_one_pod_need_two_volumes() -> None:
    made = world(claim("c1"), claim("c2"), storage_class(), volume("v1", "a"))
    assert not made.schedule(pod("p", "c1", "c2")).node
    made.add(volume("v2", "a"))
    assert made.schedule(pod("p", "c1", "c2")).node == "a"


def test_volumes_are_made_where_the_class_allows() -> None:
    only_b = [{"matchLabelExpressions": [{"key": ZONE, "values": ["b"]}]}]
    made = world(claim("c"), storage_class("example.com/csi", allowedTopologies=only_b))
    assert made.schedule(pod("p", "c")).node == "b"
    assert [c.metadata.name for c in made.schedulers["default-scheduler"].binding.dynamic] == ["c"]


def test_drivers_that_tell_of_capacity_are_believed() -> None:
    driver = {"kind": "CSIDriver", "metadata": {"name": "example.com/csi"}, "spec": {"storageCapacity": True}}
    made = world(claim("c", size="5Gi"), storage_class("example.com/csi"), driver)
    assert reasons(made.schedule(pod("p", "c"))) == "2 node(s) did not have enough free storage."
    capacity = {
        "kind": "CSIStorageCapacity",
        "metadata": {"name": "x", "namespace": "kube-system"},
        "storageClassName": "slow",
        "capacity": "10Gi",
        "nodeTopology": {"matchLabels": {ZONE: "a"}},
    }
    made.add(capacity)
    assert made.schedule(pod("p", "c")).node == "a"
    made.add({**capacity, "maximumVolumeSize": "1Gi"})
    assert not made.schedule(pod("p", "c")).node


def test_a_claim_whose_volume_is_being_made_stays_with_its_node() -> None:
    started = claim("c")
    started["metadata"]["annotations"] = {"volume.kubernetes.io/selected-node": "b"}
    made = world(started, storage_class("example.com/csi"))
    assert made.schedule(pod("p", "c")).node == "b"


def test_zones_of_volumes() -> None:
    made = world(claim("c", "v"), volume("v", labels={ZONE: "b__c"}))
    assert made.schedule(pod("p", "c")).node == "b"
    found = made.schedule(pod("p", "c", nodeSelector={ZONE: "a"}))
    assert found.reasons["a"] == ["node(s) had no available volume zone"]


def test_a_node_takes_as_many_volumes_as_its_driver_says() -> None:
    limit = {"kind": "CSINode", "spec": {"drivers": [{"name": "d", "allocatable": {"count": 1}}]}}
    csi = {"csi": {"driver": "d", "volumeHandle": "1"}}
    other = {"csi": {"driver": "d", "volumeHandle": "2"}}
    made = world(
        *({**limit, "metadata": {"name": name}} for name in "ab"),
        claim("c1", "v1"),
        claim("c2", "v2"),
        volume("v1", **csi),
        volume("v2", **other),
    )
    made.add(pod("x", "c1", on="a"))
    made.add(pod("y", "c2", on="b"))
    assert made.schedule(pod("p", "c1")).node == "a"
    made.add({**claim("c3", "v3")})
    made.add(volume("v3", csi={"driver": "d", "volumeHandle": "3"}))
    assert reasons(made.schedule(pod("p", "c3"))) == "2 node(s) exceed max volume count."
    driven_out = made.schedule(pod("p", "c3", priority=5)).preemption
    assert driven_out is not None and len(driven_out.victims) == 1


def test_a_volume_counts_on_a_node_as_long_as_it_is_attached() -> None:
    limit = {"kind": "CSINode", "spec": {"drivers": [{"name": "d", "allocatable": {"count": 1}}]}}
    left = {"attacher": "d", "nodeName": "a", "source": {"persistentVolumeName": "old"}}
    made = world(
        *({**limit, "metadata": {"name": name}} for name in "ab"),
        claim("c", "new"),
        volume("new", csi={"driver": "d", "volumeHandle": "1"}),
        volume("old", csi={"driver": "d", "volumeHandle": "2"}),
        {"kind": "VolumeAttachment", "metadata": {"name": "x"}, "spec": left},
    )
    assert {made.schedule(pod("p", "c")).node for _ in range(8)} == {"b"}
    found = made.schedule(pod("p", "c", nodeSelector={HOST: "a"}))
    assert found.reasons["a"] == ["node(s) exceed max volume count"]


def test_a_claim_for_one_pod_only() -> None:
    made = world(claim("c", "v", modes=("ReadWriteOncePod",)), volume("v"))
    assert made.schedule(pod("p", "c")).node
    made.add(pod("x", "c", on="a"))
    text = "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode"
    assert reasons(made.schedule(pod("p", "c"))) == f"2 {text}."
    assert not made.schedule(pod("p", "c", nodeSelector={HOST: "b"}, priority=5)).preemption
    preemption = made.schedule(pod("p", "c", nodeSelector={HOST: "a"}, priority=5)).preemption
    assert preemption is not None and [v.key for v in preemption.victims] == ["default/x"]


def test_a_disk_that_is_written_is_used_by_one_pod_a_node() -> None:
    def disk(name: str, on: str = "", read_only: bool = False) -> Manifest:
        volumes = [{"name": "d", "gcePersistentDisk": {"pdName": "disk", "readOnly": read_only}}]
        return {**pod(name, on=on), "spec": {**pod(name, on=on)["spec"], "volumes": volumes}}

    made = world(disk("x", on="a"))
    assert {made.schedule(disk("p")).node for _ in range(8)} == {"b"}
    made = world(disk("x", on="a", read_only=True), disk("y", on="b", read_only=True))
    assert made.schedule(disk("p", read_only=True)).node
    assert reasons(made.schedule(disk("p"))) == "2 node(s) had no available disk."

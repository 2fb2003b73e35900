"""Which volume a claim gets, and that binding comes to an end from wherever it starts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.api.core.volumes.shared import storage_class
from kubelite.api.types.core_v1 import PersistentVolume, PersistentVolumeClaim
from kubelite.api.types.storage_v1 import StorageClass
from kubelite.controllers.volumebinder.claims import EXTERNAL, InvalidBinding, claim_step
from kubelite.controllers.volumebinder.matching import best
from kubelite.controllers.volumebinder.step import BIND_COMPLETED, BOUND_BY_CONTROLLER, PROVISIONED_BY, Step
from kubelite.controllers.volumebinder.volumes import volume_step
from kubelite.machinery import codec

DEFAULT = {"storageclass.kubernetes.io/is-default-class": "true"}


def claim(name: str = "c", size: str = "1Gi", annotations: Any = None, status: Any = None, **spec: Any) -> Any:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **spec}
    metadata = {"name": name, "namespace": "default", "uid": f"uid-{name}", "annotations": annotations or {}}
    document = {"metadata": metadata, "spec": spec, "status": status or {"phase": "Pending"}}
    return codec.from_generic(document, PersistentVolumeClaim)


def volume(name: str = "v", size: str = "1Gi", phase: str = "Available", annotations: Any = None, **spec: Any) -> Any:
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": size},
        "persistentVolumeReclaimPolicy": "Retain",
        **spec,
    }
    metadata = {"name": name, "labels": {"name": name}, "annotations": annotations or {}}
    document = {"metadata": metadata, "spec": spec, "status": {"phase": phase}}
    return codec.from_generic(document, PersistentVolume)


def reference(name: str = "c", uid: str = "") -> dict[str, str]:
    return {"kind": "PersistentVolumeClaim", "namespace": "default", "name": name, "uid": uid}


def a_class(name: str, mode: str = "Immediate", provisioner: str = "x.example.com", default: bool = False) -> Any:
    metadata = {"name": name, "annotations": DEFAULT if default else {}}
    document = {"metadata": metadata, "provisioner": provisioner, "volumeBindingMode": mode}
    return codec.from_generic(document, StorageClass)


class Memory:
    """A world in memory, where writes succeed."""

    def __init__(self, *objects: Any, pods: Sequence[str] = ()) -> None:
        self.volumes = {o.metadata.name: o for o in objects if isinstance(o, PersistentVolume)}
        self.claims = {f"default/{o.metadata.name}": o for o in objects if isinstance(o, PersistentVolumeClaim)}
        self.classes = {o.metadata.name: o for o in objects if isinstance(o, StorageClass)}
        self.pods = pods
        self.told: list[str] = []

    def volume(self, name: str) -> Any:
        return self.volumes.get(name)

    def claim(self, key: str) -> Any:
        return self.claims.get(key)

    def candidates(self, claim: Any) -> Iterable[Any]:
        return list(self.volumes.values())

    def storage_class(self, name: str) -> Any:
        return self.classes.get(name)

    def default_class(self) -> str:
        return next((c.metadata.name for c in self.classes.values() if c.metadata.annotations == DEFAULT), "")

    def unscheduled(self, claim: Any) -> Sequence[str]:
        return self.pods

    def do(self, step: Step) -> bool:
        self.told += [f"{n.reason}: {n.message}" for n in step.notices if n.message not in " ".join(self.told)]
        if step.write is None:
            return False
        obj = step.write.obj
        if isinstance(obj, PersistentVolume):
            self.volumes[obj.metadata.name] = obj
        else:
            self.claims[f"default/{obj.metadata.name}"] = obj
        return True

    def settle(self, order: Sequence[int] = (0,)) -> int:
        """Take steps until none is left; how many were taken."""
        for count in range(200):
            keys: list[Any] = [*self.claims, *(("v", name) for name in self.volumes)]
            turn = order[count % len(order)] % max(len(keys), 1)
            for key in keys[turn:] + keys[:turn]:
                step = (
                    claim_step(self.claims[key], self)
                    if isinstance(key, str)
                    else volume_step(self.volumes[key[1]], self)
                )
                if self.do(step):
                    break
            else:
                return count
        raise AssertionError("the steps never end")


def phases(world: Memory) -> tuple[list[str], list[str]]:
    return [c.status.phase for c in world.claims.values()], [v.status.phase for v in world.volumes.values()]


@pytest.mark.parametrize(
    ("wanted", "volumes", "expected"),
    [
        (claim(), [], None),
        (claim(), [volume("big", "5Gi"), volume("small", "2Gi")], "small"),
        (claim(), [volume("less", "500Mi")], None),
        (claim(), [volume("both", accessModes=["ReadWriteOnce", "ReadOnlyMany"]), volume("one", "9Gi")], "one"),
        (claim(accessModes=["ReadWriteMany"]), [volume()], None),
        (claim(storageClassName="fast"), [volume("none"), volume("fast", storageClassName="fast")], "fast"),
        (
            claim(annotations={"volume.beta.kubernetes.io/storage-class": "fast"}),
            [volume(storageClassName="fast")],
            "v",
        ),
        (claim(), [volume(storageClassName="fast")], None),
        (claim(volumeMode="Block"), [volume(), volume("block", volumeMode="Block")], "block"),
        (claim(selector={"matchLabels": {"name": "b"}}), [volume("a"), volume("b", "3Gi")], "b"),
        (claim(), [volume("a"), volume("mine", "7Gi", claimRef=reference())], "mine"),
        (claim(), [volume("a", claimRef=reference(uid="another"))], None),
        (claim(), [volume("a", claimRef=reference("other"))], None),
        (claim(), [volume("a", phase="Released")], None),
        (claim(), [volume("a", phase="Pending")], None),
        (claim(volumeAttributesClassName="gold"), [volume(), volume("g", volumeAttributesClassName="gold")], "g"),
        (claim(volumeAttributesClassName="gold"), [volume("kept", claimRef=reference())], None),
    ],
)
def test_a_claim_gets_the_volume_that_fits_best(wanted: Any, volumes: list[Any], expected: str | None):
    found = best(wanted, volumes, delayed=False)
    assert (found.metadata.name if found is not None else None) == expected


def test_binding_leaves_nothing_to_do_and_says_who_bound():
    world = Memory(claim(), volume(size="2Gi"))
    assert world.settle() == 4
    bound, taken = world.claims["default/c"], world.volumes["v"]
    assert phases(world) == (["Bound"], ["Bound"])
    assert (bound.spec.volumeName, bound.status.capacity) == ("v", {"storage": "2Gi"})
    assert bound.metadata.annotations == {BIND_COMPLETED: "yes", BOUND_BY_CONTROLLER: "yes"}
    assert taken.metadata.annotations == {BOUND_BY_CONTROLLER: "yes"}
    assert (taken.spec.claimRef.name, taken.spec.claimRef.uid) == ("c", "uid-c")


def test_what_people_bound_by_hand_is_not_marked_as_the_controllers():
    world = Memory(claim(volumeName="v"), volume(claimRef=reference()))
    world.settle()
    assert phases(world) == (["Bound"], ["Bound"])
    assert BOUND_BY_CONTROLLER not in world.claims["default/c"].metadata.annotations
    assert BOUND_BY_CONTROLLER not in world.volumes["v"].metadata.annotations


@pytest.mark.parametrize(
    ("objects", "told"),
    [
        ([claim()], "FailedBinding: no persistent volumes available for this claim and no storage class is set"),
        (
            [claim(storageClassName="x")],
            'ProvisioningFailed: storageclass.storage.k8s.io "x" not found',
        ),
        (
            [claim(storageClassName="x"), a_class("x", provisioner="kubernetes.io/no-provisioner")],
            "ProvisioningFailed: no volume plugin matched name: kubernetes.io/no-provisioner",
        ),
        (
            [claim(storageClassName="x"), a_class("x")],
            "ExternalProvisioning: " + EXTERNAL.format("x.example.com"),
        ),
        (
            [claim(storageClassName="x"), a_class("x", "WaitForFirstConsumer"), volume(storageClassName="x")],
            "WaitForFirstConsumer: waiting for first consumer to be created before binding",
        ),
        (
            [claim(volumeName="v"), volume(size="1Mi")],
            'VolumeMismatch: Cannot bind to requested volume "v": requested PV is too small',
        ),
        (
            [claim(volumeName="v"), volume(storageClassName="x")],
            'VolumeMismatch: Cannot bind to requested volume "v": storageClassName does not match',
        ),
        (
            [claim(volumeName="v"), volume(volumeMode="Block")],
            'VolumeMismatch: Cannot bind to requested volume "v": incompatible volumeMode',
        ),
        (
            [claim(volumeName="v"), volume(accessModes=["ReadOnlyMany"])],
            'VolumeMismatch: Cannot bind to requested volume "v": incompatible accessMode',
        ),
        (
            [claim(volumeName="v"), volume(claimRef=reference("other"))],
            'FailedBinding: volume "v" already bound to a different claim.',
        ),
        ([claim(volumeName="absent")], ""),
    ],
)
def test_a_claim_that_cannot_be_bound_says_why(objects: list[Any], told: str):
    world = Memory(*objects)
    world.settle()
    assert phases(world)[0] == ["Pending"]
    assert world.told == ([told] if told else [])


def test_a_claim_names_the_pods_that_it_waits_for():
    world = Memory(claim(storageClassName="x"), a_class("x", "WaitForFirstConsumer"), pods=["a", "b"])
    world.settle()
    assert world.told == ["WaitForPodScheduled: waiting for pods a,b to be scheduled"]


def test_a_provisioner_is_asked_once_a_node_is_selected():
    chosen = claim(storageClassName="x", annotations={"volume.kubernetes.io/selected-node": "n1"})
    world = Memory(chosen, a_class("x", "WaitForFirstConsumer"))
    world.settle()
    asked = world.claims["default/c"].metadata.annotations
    assert asked["volume.kubernetes.io/storage-provisioner"] == "x.example.com"
    assert asked["volume.beta.kubernetes.io/storage-provisioner"] == "x.example.com"
    made = volume(storageClassName="x", claimRef=reference(uid="uid-c"), annotations={PROVISIONED_BY: "x.example.com"})
    world.volumes["v"] = made
    world.settle()
    assert phases(world) == (["Bound"], ["Bound"])


def test_a_claim_without_a_class_gets_a_default_that_comes_later_but_not_one_that_asked_for_none():
    world = Memory(claim("old"), claim("none", storageClassName=""), a_class("std", default=True))
    world.settle()
    assert world.claims["default/old"].spec.storageClassName == "std"
    assert world.claims["default/none"].spec.storageClassName == ""


BOUND = {"phase": "Bound"}
DONE = {BIND_COMPLETED: "yes"}


@pytest.mark.parametrize(
    ("objects", "told"),
    [
        ([claim(status=BOUND, annotations=DONE)], "ClaimLost: Bound claim has lost reference to PersistentVolume."),
        (
            [claim(status=BOUND, annotations=DONE, volumeName="v")],
            "ClaimLost: Bound claim has lost its PersistentVolume.",
        ),
        (
            [
                claim(status=BOUND, annotations=DONE, volumeName="v"),
                volume(claimRef=reference("other", "u"), phase="Released"),
            ],
            "ClaimMisbound: Two claims are bound to the same volume, this one is bound incorrectly",
        ),
    ],
)
def test_a_bound_claim_without_its_volume_is_lost(objects: list[Any], told: str):
    world = Memory(*objects)
    world.settle()
    assert phases(world)[0] == ["Lost"]
    assert len(world.told) == 1
    assert world.told[0].startswith(told)


def test_a_claim_that_lost_its_mark_to_a_stranger_is_an_error():
    marked = claim(volumeName="v", annotations={BOUND_BY_CONTROLLER: "yes"})
    with pytest.raises(InvalidBinding, match='volume already claimed by "default/other"') as found:
        claim_step(marked, Memory(marked, volume(claimRef=reference("other", "u"))))
    notice = found.value.notice
    text = 'volume "v" already bound to a different claim.'
    assert (notice.type, notice.reason, notice.message) == ("Warning", "FailedBinding", text)


def test_who_waits_for_a_provisioner_reads_its_name_and_what_to_check():
    wanted = claim(storageClassName="fast")
    world = Memory(wanted, a_class("fast"))
    world.settle()
    assert world.told == [
        "ExternalProvisioning: Waiting for a volume to be created either by the external provisioner 'x.example.com' or "
        "manually by the system administrator. If volume creation is delayed, please verify that the provisioner is "
        "running and correctly registered."
    ]


@pytest.mark.parametrize(
    ("one", "phase", "told"),
    [
        (volume(phase="Pending"), "Available", ""),
        (volume(claimRef=reference("absent")), "Available", ""),
        (volume(claimRef=reference("absent", "u"), phase="Bound"), "Released", ""),
        (volume(claimRef=reference("absent", "u"), phase="Released"), "Released", ""),
        (
            volume(claimRef=reference("absent", "u"), phase="Bound", persistentVolumeReclaimPolicy="Delete"),
            "Failed",
            'VolumeFailedDelete: error getting deleter volume plugin for volume "v": no deletable volume plugin matched',
        ),
        (
            volume(
                claimRef=reference("absent", "u"),
                phase="Bound",
                persistentVolumeReclaimPolicy="Delete",
                annotations={PROVISIONED_BY: "x.example.com"},
            ),
            "Released",
            "",
        ),
        (
            volume(claimRef=reference("absent", "u"), phase="Bound", persistentVolumeReclaimPolicy="Recycle"),
            "Failed",
            "VolumeFailedRecycle: No recycler plugin found for the volume!",
        ),
    ],
)
def test_a_volume_without_a_claim_has_the_phase_of_its_policy(one: Any, phase: str, told: str):
    world = Memory(one)
    world.settle()
    assert phases(world)[1] == [phase]
    assert world.told == ([told] if told else [])


def test_a_volume_whose_claim_took_another_is_set_free():
    taken = claim(volumeName="w", status=BOUND, annotations=DONE)
    world = Memory(
        taken,
        volume("w", claimRef=reference(uid="uid-c"), phase="Bound"),
        volume("ours", claimRef=reference(uid="uid-c"), phase="Bound", annotations={BOUND_BY_CONTROLLER: "yes"}),
        volume("theirs", claimRef=reference(uid="uid-c"), phase="Bound"),
    )
    world.settle()
    assert world.volumes["ours"].spec.claimRef is None
    assert (world.volumes["theirs"].spec.claimRef.name, world.volumes["theirs"].spec.claimRef.uid) == ("c", "")
    assert phases(world)[1] == ["Bound", "Available", "Available"]


SIZES = st.sampled_from(["1Gi", "2Gi", "3Gi"])
CLASSES = st.sampled_from(["", "now", "later"])
NAMES = ["a", "b", "c"]
REFERENCES = st.none() | st.builds(
    lambda name, uid: reference(name, f"uid-{name}" if uid == "right" else uid),
    st.sampled_from(NAMES),
    st.sampled_from(["", "right", "wrong"]),
)


@given(
    claims=st.lists(st.tuples(SIZES, CLASSES, st.sampled_from(["", "v0", "v1", "v9"]), st.booleans()), max_size=3),
    volumes=st.lists(st.tuples(SIZES, CLASSES, REFERENCES, st.sampled_from(["Retain", "Delete"])), max_size=4),
    order=st.lists(st.integers(0, 10), min_size=1, max_size=8),
)
def test_from_any_start_and_in_any_order_binding_ends_and_no_volume_has_two_claims(
    claims: Any, volumes: Any, order: list[int]
):
    world = Memory(
        a_class("now"),
        a_class("later", "WaitForFirstConsumer"),
        *(
            claim(name, size, DONE if done else None, storageClassName=kind, volumeName=named)
            for name, (size, kind, named, done) in zip(NAMES, claims, strict=False)
        ),
        *(
            volume(f"v{i}", size, "Pending", storageClassName=kind, claimRef=ref, persistentVolumeReclaimPolicy=policy)
            for i, (size, kind, ref, policy) in enumerate(volumes)
        ),
    )
    world.settle(order)
    assert world.settle() == 0
    for one in world.claims.values():
        if one.status.phase == "Bound":
            its = world.volumes[one.spec.volumeName]
            assert (its.spec.claimRef.name, its.spec.claimRef.uid, its.status.phase) == (
                one.metadata.name,
                one.metadata.uid,
                "Bound",
            )
            assert BIND_COMPLETED in one.metadata.annotations
            assert storage_class(one) in ("", "now", "later")

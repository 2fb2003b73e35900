"""The volume for a claim, and when it goes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.api.core.volumes.persistent_volume import PERSISTENT_VOLUME
from kubelite.api.logic.localpath import PROVISIONER
from kubelite.api.types.core_v1 import PersistentVolumeClaim
from kubelite.controllers.localpath import plan
from kubelite.controllers.objects import Node
from kubelite.machinery import codec

UID = "0f0e0d0c-1111-2222-3333-444455556666"
HANDED_OVER = {
    "volume.kubernetes.io/storage-provisioner": PROVISIONER,
    "volume.kubernetes.io/selected-node": "n1",
}


def claim(annotations: Any = None, **spec: Any) -> Any:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec}
    metadata = {"name": "data", "namespace": "ns", "uid": UID, "annotations": HANDED_OVER | (annotations or {})}
    return codec.from_generic({"metadata": metadata, "spec": spec}, PersistentVolumeClaim)


def node() -> Any:
    return codec.from_generic({"metadata": {"name": "n1", "labels": {"kubernetes.io/hostname": "host-1"}}}, Node)


def test_a_volume_is_a_valid_directory_of_the_claims_node_alone():
    made = plan.volume_of(claim(), plan.default_class(default=True), node(), "/disk")
    assert made.metadata.name == f"pvc-{UID}"
    assert made.spec.hostPath is not None
    assert made.spec.hostPath.path == f"/disk/pvc-{UID}_ns_data"
    assert made.spec.claimRef is not None
    assert (made.spec.claimRef.name, made.spec.claimRef.uid) == ("data", UID)
    assert made.spec.persistentVolumeReclaimPolicy == "Delete"
    affinity = made.spec.nodeAffinity
    assert affinity is not None
    assert affinity.required is not None
    assert affinity.required.nodeSelectorTerms[0].matchExpressions[0].values == ["host-1"]
    assert PERSISTENT_VOLUME.validate is not None
    assert PERSISTENT_VOLUME.validate(made) == []


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (claim(), ""),
        (
            claim(accessModes=["ReadWriteMany"]),
            "access mode ReadWriteMany is not supported: a directory belongs to one node",
        ),
        (claim(volumeMode="Block"), "volumeMode Block is not supported"),
        (claim(selector={"matchLabels": {"a": "b"}}), "claim Selector is not supported"),
        (claim(dataSource={"kind": "PersistentVolumeClaim", "name": "x"}), "data sources are not supported"),
        (
            claim(volumeAttributesClassName="gold"),
            "volumeAttributesClassName is not supported: a directory has no attributes to change",
        ),
    ],
)
def test_what_a_directory_cannot_be_is_said(one, why):
    assert plan.complaint(one) == why


def test_only_claims_that_were_handed_over_and_have_no_volume_are_ours():
    assert plan.is_ours(claim())
    assert not plan.is_ours(claim({"volume.kubernetes.io/storage-provisioner": "another"}))
    assert not plan.is_ours(claim(volumeName="v"))


@pytest.mark.parametrize(
    ("phase", "policy", "deleting", "over", "waiting"),
    [
        ("Bound", "Delete", False, False, False),
        ("Released", "Delete", False, True, False),
        ("Released", "Retain", False, False, False),
        ("Released", "Delete", True, False, True),
        ("Released", "Retain", True, False, True),
        ("Bound", "Delete", True, False, False),
    ],
)
def test_a_volume_goes_when_its_claim_has_released_it(phase, policy, deleting, over, waiting):
    made = plan.volume_of(claim(), plan.default_class(default=True), node(), "/disk")
    made.status.phase, made.spec.persistentVolumeReclaimPolicy = phase, policy
    made.metadata.deletionTimestamp = "2026-01-01T00:00:00Z" if deleting else None
    assert (plan.is_over(made), plan.is_waiting(made)) == (over, waiting)


MODES = st.sampled_from([["ReadWriteOnce"], ["ReadWriteOncePod"], ["ReadWriteMany"], ["ReadOnlyMany", "ReadWriteOnce"]])


@given(MODES, st.sampled_from(["Filesystem", "Block"]), st.sampled_from(["1Gi", "5Ti"]), st.sampled_from("ab"))
def test_a_claim_gets_the_same_volume_each_time_and_none_once_it_is_bound(
    modes: list[str], mode: str, size: str, name: str
) -> None:
    one = claim(accessModes=modes, volumeMode=mode, resources={"requests": {"storage": size}})
    one.metadata.name = name
    assert plan.complaint(one) == plan.complaint(codec.clone(one))
    if plan.complaint(one):
        return
    of = plan.default_class(default=True)
    made = plan.volume_of(one, of, node(), "/disk")
    assert plan.volume_of(codec.clone(one), of, node(), "/disk") == made
    assert PERSISTENT_VOLUME.validate is not None and PERSISTENT_VOLUME.validate(made) == []
    one.spec.volumeName = made.metadata.name
    assert not plan.is_ours(one)


STEPS = st.lists(st.sampled_from(["bind", "release", "delete", "ours", "foreign"]), max_size=8)


@given(STEPS, st.sampled_from(["Delete", "Retain"]))
def test_whatever_happens_a_volume_goes_once_and_never_while_it_is_bound(steps: list[str], policy: str) -> None:
    made = plan.volume_of(claim(), plan.default_class(default=True), node(), "/disk")
    made.spec.persistentVolumeReclaimPolicy, made.metadata.finalizers = policy, [plan.FINALIZER, "other"]
    for step in steps:
        if step in ("bind", "release"):
            made.status.phase = "Bound" if step == "bind" else "Released"
        elif step == "delete" or (step == "ours" and plan.is_over(made)):
            made.metadata.deletionTimestamp = "2026-01-01T00:00:00Z"
            assert not plan.is_over(made)
        elif step == "ours" and plan.is_waiting(made):
            assert made.status.phase != "Bound"
            made.metadata.finalizers = [one for one in made.metadata.finalizers if one != plan.FINALIZER]
            assert not plan.is_waiting(made)
        assert not (plan.is_over(made) and plan.is_waiting(made))
        assert "other" in made.metadata.finalizers
        assert made.status.phase == "Released" or not plan.is_over(made)

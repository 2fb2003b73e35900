"""Which claims are made for pods, and which are in the way."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kubelite.api.types.core_v1 import PersistentVolumeClaim, Pod
from kubelite.controllers.ephemeralvolume.plan import plan
from kubelite.machinery import codec

SPEC = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
TEMPLATE = {"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}, "spec": SPEC}


def pod(*volumes: str, phase: str = "Pending", **meta: Any) -> Any:
    made = [{"name": name, "ephemeral": {"volumeClaimTemplate": TEMPLATE}} for name in volumes]
    document = {
        "metadata": {"name": "p", "namespace": "ns", "uid": "u", **meta},
        "spec": {"volumes": [*made, {"name": "other", "emptyDir": {}}]},
        "status": {"phase": phase},
    }
    return codec.from_generic(document, Pod)


def claim(name: str, owner: str = "") -> Any:
    owners = [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": owner, "controller": True}] if owner else []
    return codec.from_generic({"metadata": {"name": name, "ownerReferences": owners}}, PersistentVolumeClaim)


def test_a_claim_has_the_pods_name_and_is_its_own():
    (made,) = plan(pod("data"), {}.get).create
    assert (made.metadata.name, made.metadata.namespace) == ("p-data", "ns")
    assert (made.metadata.labels, made.metadata.annotations) == ({"a": "b"}, {"c": "d"})
    (owner,) = made.metadata.ownerReferences
    assert (owner.kind, owner.name, owner.uid, owner.controller) == ("Pod", "p", "u", True)
    assert made.spec.resources.requests == {"storage": "1Gi"}


def test_a_claim_of_somebody_else_is_in_the_way():
    found = plan(pod("data"), {"p-data": claim("p-data", "another")}.get)
    assert found.create == []
    assert found.conflicts == ["ephemeral volume data: PVC ns/p-data was not created for pod ns/p (pod is not owner)"]


def test_pods_that_have_ended_or_are_going_need_nothing():
    for one in (
        pod("d", phase="Succeeded"),
        pod("d", phase="Failed"),
        pod("d", deletionTimestamp="2026-01-01T00:00:00Z"),
    ):
        assert plan(one, {}.get).create == []


@given(volumes=st.sets(st.sampled_from("abcdef")), present=st.sets(st.sampled_from("abcdef")))
def test_what_was_made_is_not_made_again(volumes: set[str], present: set[str]):
    there = {f"p-{name}": claim(f"p-{name}", "u") for name in present}
    first = plan(pod(*sorted(volumes)), there.get)
    assert {c.metadata.name for c in first.create} == {f"p-{name}" for name in volumes - present}
    there.update({c.metadata.name: c for c in first.create})
    again = plan(pod(*sorted(volumes)), there.get)
    assert (again.create, again.conflicts) == ([], [])

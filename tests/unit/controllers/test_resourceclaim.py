"""The plans of the controller of resource claims."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.api.types import resource_v1 as v1
from kubelite.controllers.objects import Pod
from kubelite.controllers.resourceclaim import plan


def pod(phase: str = "Pending", node: str = "", told: dict[str, str | None] | None = None, **meta: Any) -> Pod:
    statuses = [{"name": name, "resourceClaimName": claim or ""} for name, claim in (told or {}).items()]
    return msgspec.convert(
        {
            "metadata": {"name": "p", "namespace": "ns", "uid": "u", **meta},
            "spec": {"nodeName": node, "resourceClaims": [{"name": "gpu", "resourceClaimTemplateName": "t"}]},
            "status": {"phase": phase, "resourceClaimStatuses": statuses},
        },
        Pod,
    )


def claim(
    name: str = "p-gpu-x", owner: str = "u", users: tuple[str, ...] = (), given: bool = False, **meta: Any
) -> v1.ResourceClaim:
    owners = [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": owner, "controller": True}] if owner else []
    status: dict[str, Any] = {"reservedFor": [{"resource": "pods", "name": user, "uid": user} for user in users]}
    if given:
        status["allocation"] = {"devices": {}}
    notes = {plan.ANNOTATION: "gpu"} if owner else {}
    head = {"name": name, "namespace": "ns", "annotations": notes, "ownerReferences": owners, **meta}
    return msgspec.convert({"metadata": head, "status": status}, v1.ResourceClaim)


def test_a_missing_claim_is_made_and_one_that_is_there_is_told() -> None:
    assert [wanted.name for wanted in plan.of_pod(pod(), []).make] == ["gpu"]
    found = plan.of_pod(pod(), [claim()])
    assert (found.make, found.known, found.news) == ([], {"gpu": "p-gpu-x"}, True)
    told = plan.of_pod(pod(told={"gpu": "p-gpu-x"}), [claim()])
    assert (told.make, told.news) == ([], False)


def test_a_claim_that_was_deleted_is_made_again() -> None:
    assert [wanted.name for wanted in plan.of_pod(pod(told={"gpu": "p-gpu-x"}), []).make] == ["gpu"]


def test_a_pod_that_is_done_or_needs_no_claim_gets_none() -> None:
    assert not plan.of_pod(pod("Succeeded"), []).make
    assert not plan.of_pod(pod(deletionTimestamp="2030-01-01T00:00:00Z"), []).make
    assert not plan.of_pod(pod(told={"gpu": None}), []).make


def test_a_claim_of_another_is_not_taken() -> None:
    with pytest.raises(ValueError, match=r"ResourceClaim ns/p-gpu-x was not created for pod ns/p \(pod is not owner\)"):
        plan.of_pod(pod(told={"gpu": "p-gpu-x"}), [claim(owner="other")])


def test_a_claim_has_what_its_template_says_and_belongs_to_the_pod() -> None:
    template = msgspec.convert(
        {
            "metadata": {"name": "t"},
            "spec": {
                "metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}},
                "spec": {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": "x"}}]}},
            },
        },
        v1.ResourceClaimTemplate,
    )
    made = plan.claim_of(pod(name="a" * 80), pod().spec.resourceClaims[0], template)
    meta = made.metadata
    assert meta.generateName == "a" * 57 + "-"
    assert (meta.labels, meta.annotations) == ({"a": "b"}, {"c": "d", plan.ANNOTATION: "gpu"})
    owner = meta.ownerReferences[0]
    assert (owner.uid, owner.controller, owner.blockOwnerDeletion) == ("u", True, None)
    assert made.spec == template.spec.spec and made.spec is not template.spec.spec


def test_a_pod_with_a_node_is_entered_into_claims_that_have_their_devices() -> None:
    placed = pod(node="n", told={"gpu": "p-gpu-x"})
    found = {"p-gpu-x": claim(given=True)}
    assert plan.to_reserve(placed, found.get) == [found["p-gpu-x"]]
    assert not plan.to_reserve(pod(told={"gpu": "p-gpu-x"}), found.get)
    assert not plan.to_reserve(placed, {"p-gpu-x": claim(given=True, users=("u",))}.get)
    assert not plan.to_reserve(placed, {"p-gpu-x": claim()}.get)


def test_the_last_user_takes_the_devices_along() -> None:
    held = claim(owner="", users=("one", "two"), given=True, finalizers=[plan.FINALIZER])
    first = plan.of_claim(held, ["one"], owner_done=False)
    assert ([u.uid for u in first.users], first.status, first.deallocate, first.unprotect) == (
        ["two"],
        True,
        False,
        False,
    )
    last = plan.of_claim(held, ["one", "two"], owner_done=False)
    assert (last.users, last.status, last.deallocate, last.unprotect, last.delete) == ([], True, True, True, False)


def test_the_claim_of_a_pod_that_is_done_is_deleted() -> None:
    found = plan.of_claim(claim(users=("u",), given=True, finalizers=[plan.FINALIZER]), ["u"], owner_done=True)
    assert (found.deallocate, found.unprotect, found.delete) == (True, True, True)
    assert not plan.of_claim(claim(users=("other",)), [], owner_done=True).delete


def test_a_claim_that_the_scheduler_is_filling_keeps_its_finalizer() -> None:
    filling = claim(owner="", finalizers=[plan.FINALIZER])
    assert plan.of_claim(filling, [], owner_done=False) == plan.ClaimPlan()
    going = claim(owner="", finalizers=[plan.FINALIZER], deletionTimestamp="2030-01-01T00:00:00Z")
    assert plan.of_claim(going, [], owner_done=False).unprotect


def test_doing_what_was_planned_leaves_nothing_to_do() -> None:
    before = claim(users=("u", "v"), given=True, finalizers=[plan.FINALIZER])
    planned = plan.of_claim(before, ["u", "v"], owner_done=True)
    after = claim(deletionTimestamp="2030-01-01T00:00:00Z")
    assert planned.delete
    again = plan.of_claim(after, [], owner_done=True)
    assert (again.status, again.deallocate, again.unprotect, again.delete) == (False, False, False, False)


@given(
    st.sets(st.sampled_from(["u", "v", "w"])),
    st.sets(st.sampled_from(["u", "v", "w"])),
    st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans()),
)
def test_carried_out_the_plan_of_a_claim_leaves_nothing_to_do(
    users: set[str], gone: set[str], facts: tuple[bool, bool, bool, bool]
) -> None:
    given_, protected, deleting, owner_done = facts
    one = claim(users=tuple(sorted(users)), given=given_)
    one.metadata.finalizers = [plan.FINALIZER] if protected else []
    one.metadata.deletionTimestamp = "2030-01-01T00:00:00Z" if deleting else None
    for _ in range(3):
        step = plan.of_claim(one, sorted(gone), owner_done)
        one.status.reservedFor = step.users
        if step.deallocate:
            assert not step.users
            one.status.allocation = None
        if step.unprotect:
            assert one.status.allocation is None
            one.metadata.finalizers = []
        if step.delete:
            one.metadata.deletionTimestamp = "2030-01-01T00:00:00Z"
    last = plan.of_claim(one, sorted(gone), owner_done)
    assert (last.status, last.deallocate, last.unprotect, last.delete) == (False, False, False, False)
    assert {user.uid for user in one.status.reservedFor} == users - gone
    if deleting and not users - gone:
        assert not one.metadata.finalizers or (given_ and not protected)

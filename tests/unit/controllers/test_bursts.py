"""An owner of many pods is looked at once for many changes, and only for those that it counts by."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kubelite.api.types.meta_v1 import OwnerReference
from kubelite.client.informer import Change
from kubelite.controllers.bursts import LONGEST, SECONDS_PER_POD, Bursts, concerns_owner
from kubelite.controllers.objects import Meta, Pod, PodCondition, PodSpec, PodStatus


def test_the_first_change_counts_at_once_and_the_next_after_a_pause_by_the_number_of_pods():
    now = [10.0]
    bursts = Bursts(lambda: now[0])
    assert bursts.wait("k") == 0.0
    bursts.looked("k", 100)
    assert bursts.wait("k") == pytest.approx(100 * SECONDS_PER_POD)
    assert bursts.wait("other") == 0.0
    now[0] += 1.0
    assert bursts.wait("k") == 0.0


def test_the_pause_is_bounded_and_none_without_pods_or_owner():
    bursts = Bursts(lambda: 0.0)
    bursts.looked("k", 1_000_000)
    assert bursts.wait("k") == LONGEST
    bursts.forget("k")
    assert bursts.wait("k") == 0.0
    bursts.looked("k", 0)
    assert bursts.wait("k") == 0.0


def pod() -> Pod:
    return Pod(
        metadata=Meta(name="p", uid="u", labels={"app": "web"}, resourceVersion="1"),
        status=PodStatus(phase="Pending", conditions=[PodCondition(type="Ready", status="False")]),
    )


def bound(new: Pod) -> None:
    new.spec = PodSpec(nodeName="n")
    new.status.conditions = [*new.status.conditions, PodCondition(type="PodScheduled", status="True")]
    new.metadata.resourceVersion = "2"


def labelled(new: Pod) -> None:
    new.metadata.labels = {"app": "other"}


def owned(new: Pod) -> None:
    new.metadata.ownerReferences = [OwnerReference(uid="o", controller=True)]


def deleted(new: Pod) -> None:
    new.metadata.deletionTimestamp = "2030-01-01T00:00:00Z"


def ended(new: Pod) -> None:
    new.status.phase = "Failed"


def ready(new: Pod) -> None:
    new.status.conditions = [PodCondition(type="Ready", status="True")]


@pytest.mark.parametrize(
    ("act", "wanted"), [(bound, False), (labelled, True), (owned, True), (deleted, True), (ended, True), (ready, True)]
)
def test_which_changes_concern_an_owner(act: Callable[[Pod], None], wanted: bool):
    old, new = pod(), pod()
    act(new)
    assert concerns_owner(Change(old, new)) is wanted


def test_a_pod_that_comes_or_goes_concerns_its_owner():
    assert concerns_owner(Change(None, pod()))
    assert concerns_owner(Change(pod(), None))

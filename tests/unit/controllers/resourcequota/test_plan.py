"""What the status of a quota should say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.api.types.core_v1 import Pod, ResourceQuota
from kubelite.api.types.resource_v1 import ResourceClaim
from kubelite.controllers import objects
from kubelite.controllers.objects import Bare
from kubelite.controllers.resourcequota import plan
from kubelite.machinery import codec

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PODS, MAPS = ("", "pods"), ("", "configmaps")


def quota(hard: dict[str, str], used: dict[str, str] | None = None, **spec: Any) -> ResourceQuota:
    document = {"spec": {"hard": hard, **spec}, "status": {"used": used or {}}}
    made: ResourceQuota = codec.from_generic(document, ResourceQuota)
    return made


def pod(cpu: str = "", **spec: Any) -> Pod:
    container = {"name": "c", "resources": {"requests": {"cpu": cpu}} if cpu else {}}
    made: Pod = codec.from_generic({"spec": {"containers": [container], **spec}}, Pod)
    return made


def test_objects_are_counted_and_amounts_added_up():
    one = quota({"pods": "5", "requests.cpu": "2", "configmaps": "9", "count/configmaps": "9"})
    found = plan.status(one, {PODS: [pod("500m"), pod("1"), pod()], MAPS: [Bare(), Bare()]}, NOW)
    assert found.hard == one.spec.hard
    assert found.used == {"pods": "3", "requests.cpu": "1500m", "configmaps": "2", "count/configmaps": "2"}


def test_only_pods_within_the_scopes_count():
    one = quota({"pods": "5"}, scopes=["Terminating"])
    assert plan.status(one, {PODS: [pod(), pod(activeDeadlineSeconds=5)]}, NOW).used == {"pods": "1"}


def test_what_no_served_resource_uses_stays_unknown_and_names_that_are_gone_are_forgotten():
    one = quota({"count/widgets.example.com": "1", "pods": "1", "example.com/gpu": "1"}, {"secrets": "3", "pods": "7"})
    found = plan.status(one, {PODS: []}, NOW)
    assert found.used == {"pods": "0"}
    assert ("example.com", "widgets") in plan.resources(one)


def test_what_pods_and_claims_use_is_added_up():
    name = "requests.deviceclass.resource.kubernetes.io/gpu"
    asks = {"name": "c", "resources": {"requests": {name.removeprefix("requests."): "2"}}}
    of_pod: Pod = codec.from_generic({"spec": {"containers": [asks]}}, Pod)
    one = {"deviceClassName": "gpu", "allocationMode": "ExactCount", "count": 3}
    of_claim = codec.from_generic({"spec": {"devices": {"requests": [{"name": "r", "exactly": one}]}}}, ResourceClaim)
    objects = {PODS: [of_pod], ("resource.k8s.io", "resourceclaims"): [of_claim]}
    assert plan.status(quota({name: "9"}), objects, NOW).used == {name: "5"}


@pytest.mark.parametrize(
    ("before", "after", "otherwise"),
    [
        ({}, {}, False),
        ({}, {"metadata": {"generation": 2}}, True),
        ({}, {"metadata": {"generation": 2}, "spec": {"nodeName": "n"}}, False),
        ({"status": {"phase": "Running"}}, {"status": {"phase": "Succeeded"}}, True),
        ({"status": {"conditions": [{"type": "PodResizeInProgress", "status": "True"}]}}, {}, True),
        ({}, {"status": {"conditions": [{"type": "PodResizeInProgress", "status": "True"}]}}, False),
    ],
)
def test_which_changes_of_a_pod_are_counted(before: dict[str, Any], after: dict[str, Any], otherwise: bool):
    old, new = (codec.from_generic({"metadata": {"generation": 1}, **one}, objects.Pod) for one in (before, after))
    assert plan.uses_otherwise(old, new) is otherwise


def test_events_are_never_counted():
    assert plan.resources(quota({"count/events": "1", "count/events.events.k8s.io": "1"})) == {}


def test_spelling_is_no_news():
    one = quota({"requests.cpu": "1"}, {"requests.cpu": "0.5"})
    one.status.hard = {"requests.cpu": "1000m"}
    assert not plan.is_newer(plan.status(one, {PODS: [pod("500m")]}, NOW), one.status)
    assert plan.is_newer(plan.status(one, {PODS: []}, NOW), one.status)


def test_giving_back_is_told_from_taking():
    assert plan.lowers({"pods": "1"}, {"pods": "2"})
    assert not plan.lowers({"pods": "2"}, {"pods": "1", "secrets": "4"})


@given(st.dictionaries(st.sampled_from(["pods", "requests.cpu", "configmaps"]), st.just("5")), st.integers(0, 4))
def test_a_status_that_was_written_is_not_written_again(hard: dict[str, str], count: int):
    one = quota(hard)
    objects = {PODS: [pod("300m")] * count, MAPS: [Bare()] * count}
    one.status = plan.status(one, objects, NOW)
    assert not plan.is_newer(plan.status(one, objects, NOW), one.status)

"""Slim objects are equal to what they were."""

from __future__ import annotations

import msgspec
import pytest

from kubelite.api.types.core_v1 import Pod
from kubelite.cmd.simulate.slim import NO_ENTRIES, NO_ITEMS, concerns_node, keep_once, leave_out, slim

BODY = b"""{"metadata": {"name": "web", "labels": {"app": "web"}},
 "spec": {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80}]}], "nodeName": "n"},
 "status": {"conditions": [{"type": "Ready", "status": "True"}]}}"""


def test_nothing_that_can_be_seen_changes() -> None:
    slimmed, untouched = msgspec.json.decode(BODY, type=Pod), msgspec.json.decode(BODY, type=Pod)
    slim(slimmed)
    assert slimmed == untouched
    assert msgspec.json.encode(slimmed) == msgspec.json.encode(untouched)
    assert slimmed.spec.containers[0].env is NO_ITEMS
    assert slimmed.metadata.annotations is NO_ENTRIES
    assert slimmed.metadata.labels == {"app": "web"}
    assert not NO_ITEMS and not NO_ENTRIES


def pod() -> Pod:
    return msgspec.json.decode(BODY, type=Pod)


def test_what_is_as_it_was_is_kept_once() -> None:
    old, new, other = pod(), pod(), pod()
    keep_once(old, new, old.status)
    assert new == other
    assert new.spec is old.spec and new.status is old.status
    other.spec.nodeName = "elsewhere"
    keep_once(old, other, None)
    assert other.spec is not old.spec and other.spec.nodeName == "elsewhere"


def test_the_echo_of_a_status_is_no_news() -> None:
    old, echo = pod(), pod()
    echo.metadata.resourceVersion = "2"
    echo.metadata.finalizers = ["example.com/counted"]
    written = echo.status
    keep_once(old, echo, written)
    assert not concerns_node(old, echo, written)


@pytest.mark.parametrize("what", ["status", "spec", "deletion", "annotations"])
def test_anything_else_is(what: str) -> None:
    old, new = pod(), pod()
    written = old.status
    if what == "status":
        new.status.phase = "Failed"
    elif what == "spec":
        new.spec.activeDeadlineSeconds = 1
    elif what == "deletion":
        new.metadata.deletionTimestamp = "2030-01-01T00:00:00Z"
    else:
        new.metadata.annotations = {"kubelite.io/simulate-fail": "100%"}
    keep_once(old, new, written)
    assert concerns_node(old, new, written)


def test_of_a_strangers_pod_only_who_and_where_it_is_stays() -> None:
    stranger = pod()
    leave_out(stranger)
    assert (stranger.metadata.name, stranger.spec.nodeName) == ("web", "n")
    assert not stranger.spec.containers and not stranger.status.conditions and not stranger.metadata.labels
    again = pod()
    leave_out(again)
    assert again.status is stranger.status

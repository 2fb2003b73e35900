"""Slim objects are equal to what they were."""

from __future__ import annotations

import msgspec

from kubelite.api.types.core_v1 import Pod
from kubelite.cmd.simulate.slim import NO_ENTRIES, NO_ITEMS, slim

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

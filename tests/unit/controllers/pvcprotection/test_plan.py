"""Whether a pod uses a volume claim, and what follows for its finalizer."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api.types.core_v1 import PersistentVolumeClaim, Pod
from kubelite.controllers import finalizers
from kubelite.controllers.pvcprotection.plan import is_used
from kubelite.machinery import codec

OWNED = {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u", "controller": True}]}


def claim(name: str = "p-v", **metadata: Any) -> PersistentVolumeClaim:
    made: PersistentVolumeClaim = codec.from_generic({"metadata": {"name": name, **metadata}}, PersistentVolumeClaim)
    return made


def pod(volume: dict[str, Any], node: str = "n", **metadata: Any) -> Pod:
    document = {
        "metadata": {"name": "p", "uid": "u", **metadata},
        "spec": {"nodeName": node, "containers": [], "volumes": [{"name": "v", **volume}]},
    }
    made: Pod = codec.from_generic(document, Pod)
    return made


NAMED: dict[str, Any] = {"persistentVolumeClaim": {"claimName": "p-v"}}
EPHEMERAL: dict[str, Any] = {"ephemeral": {"volumeClaimTemplate": {"spec": {}}}}
DONE = {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 0}


@pytest.mark.parametrize(
    ("one", "of", "expected"),
    [
        (pod(NAMED), claim(), True),
        (pod(NAMED, node=""), claim(), False),
        (pod(NAMED, **DONE), claim(), True),
        (pod(NAMED), claim("other"), False),
        (pod(EPHEMERAL), claim(**OWNED), True),
        (pod(EPHEMERAL), claim(), False),
        (pod(EPHEMERAL, **DONE), claim(**OWNED), False),
        (pod({"emptyDir": {}}), claim(), False),
    ],
)
def test_use(one: Pod, of: PersistentVolumeClaim, expected: bool):
    assert is_used(of, [one]) is expected


FINALIZER = "kubernetes.io/pvc-protection"


@pytest.mark.parametrize(
    ("present", "deleted", "in_use", "wanted"),
    [
        ([], False, False, [FINALIZER]),
        (["x"], False, True, ["x", FINALIZER]),
        ([FINALIZER], False, False, None),
        ([FINALIZER, "x"], True, False, ["x"]),
        ([FINALIZER], True, True, None),
        (["x"], True, False, None),
    ],
)
def test_the_finalizer_stays_while_it_is_needed(
    present: list[str], deleted: bool, in_use: bool, wanted: list[str] | None
):
    one = claim(finalizers=present, **({"deletionTimestamp": "2026-01-01T00:00:00Z"} if deleted else {}))
    assert finalizers.wanted(one, FINALIZER, in_use=in_use) == wanted

"""When somebody has to enlarge a volume."""

from __future__ import annotations

import pytest

from kubelite.api.types.core_v1 import PersistentVolume, PersistentVolumeClaim
from kubelite.controllers.volumeexpand.plan import NotBound, needs_expansion
from kubelite.machinery import codec


def claim(asked: str, present: str, phase: str = "Bound") -> PersistentVolumeClaim:
    document = {
        "metadata": {"name": "c", "namespace": "ns", "uid": "u"},
        "spec": {"resources": {"requests": {"storage": asked}}, "volumeName": "v"},
        "status": {"phase": phase, "capacity": {"storage": present}},
    }
    made: PersistentVolumeClaim = codec.from_generic(document, PersistentVolumeClaim)
    return made


def volume(uid: str = "u") -> PersistentVolume:
    document = {"metadata": {"name": "v"}, "spec": {"claimRef": {"namespace": "ns", "name": "c", "uid": uid}}}
    made: PersistentVolume = codec.from_generic(document, PersistentVolume)
    return made


@pytest.mark.parametrize(
    ("one", "of", "expected"),
    [
        (claim("2Gi", "1Gi"), volume(), True),
        (claim("1Gi", "1Gi"), volume(), False),
        (claim("1Gi", "2Gi"), volume(), False),
        (claim("1024Mi", "1Gi"), volume(), False),
        (claim("2Gi", "1Gi", "Pending"), volume(), False),
        (claim("2Gi", "1Gi"), None, False),
    ],
)
def test_a_bound_claim_that_asks_for_more_needs_a_larger_volume(one, of, expected):
    assert needs_expansion(one, of) is expected


def test_a_volume_of_another_claim_is_not_enlarged():
    with pytest.raises(NotBound, match="persistent Volume is not bound to PVC being updated : ns/c"):
        needs_expansion(claim("2Gi", "1Gi"), volume("another"))

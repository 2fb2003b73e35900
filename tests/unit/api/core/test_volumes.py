"""Volumes and claims: what never changes, and what is warned of."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api.core.volumes.persistent_volume import PERSISTENT_VOLUME
from kubelite.api.core.volumes.persistent_volume_claim import PERSISTENT_VOLUME_CLAIM
from tests.unit.api.objects import decoded, texts


def volume(*keys: str, **spec: Any) -> Any:
    """One that is reached from nodes by these labels."""
    if keys:
        terms = [{"matchExpressions": [{"key": key, "operator": "In", "values": ["a"]}]} for key in keys]
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": terms}}
    body = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/v"}, **spec}
    return decoded(PERSISTENT_VOLUME, {"metadata": {"name": "v"}, "spec": body})


OLD_ZONE, ZONE = "failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"


@pytest.mark.parametrize(
    ("old", "new", "fields"),
    [
        (volume(), volume(ZONE), []),
        (volume(ZONE), volume(ZONE), []),
        (volume(ZONE), volume(), ["nodeAffinity"]),
        (volume(ZONE), volume("x"), ["nodeAffinity"]),
        (volume(OLD_ZONE, "x"), volume(ZONE, "x"), []),
        (volume(ZONE), volume(OLD_ZONE), ["nodeAffinity"]),
        (volume(OLD_ZONE), volume(ZONE, "x"), ["nodeAffinity"]),
        (volume(), volume(volumeMode="Block"), ["volumeMode"]),
        (volume(), volume(hostPath={"path": "/w"}), ["spec.persistentvolumesource"]),
    ],
)
def test_where_a_volume_is_never_changes_but_for_new_names_of_labels(old: Any, new: Any, fields: list[str]) -> None:
    assert [one.field for one in PERSISTENT_VOLUME.validate_update(new, old)] == fields


def test_the_mode_of_a_claim_never_changes() -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    old = decoded(PERSISTENT_VOLUME_CLAIM, {"metadata": {"name": "c"}, "spec": spec})
    new = decoded(PERSISTENT_VOLUME_CLAIM, {"metadata": {"name": "c"}, "spec": {**spec, "volumeMode": "Block"}})
    assert 'volumeMode: Invalid value: "Block": field is immutable' in texts(
        PERSISTENT_VOLUME_CLAIM.validate_update(new, old)
    )


def test_labels_that_nodes_no_longer_have_are_warned_of() -> None:
    assert PERSISTENT_VOLUME.warnings is not None
    assert PERSISTENT_VOLUME.warnings(volume(ZONE, OLD_ZONE), None) == [
        f"spec.nodeAffinity.required.nodeSelectorTerms[1].matchExpressions[0].key: {OLD_ZONE} is deprecated since v1.17; "
        f'use "{ZONE}" instead'
    ]

"""What the server writes into metadata."""

from __future__ import annotations

import uuid

import pytest

from kubelite import api
from kubelite.api.types.core_v1 import ConfigMap
from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.apiserver.registry import metadata
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind


def kind() -> Kind:
    found = api.scheme().by_resource("", "v1", "configmaps")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("given", "name", "text"),
    [
        (ObjectMeta(name="a", namespace="other"), "", "does not match the namespace sent on the request"),
        (ObjectMeta(name="a", namespace="other"), "a", "the namespace of the object (other) does not match"),
        (ObjectMeta(name="b"), "a", "the name of the object (b) does not match the name on the URL (a)"),
        (ObjectMeta(), "a", "(a based on URL) was undeterminable"),
    ],
)
def test_a_body_may_not_contradict_the_url(given: ObjectMeta, name: str, text: str) -> None:
    with pytest.raises(StatusError) as refused:
        metadata.fill_scope(ConfigMap(metadata=given), kind(), "test", name)
    assert refused.value.code == 400 and text in refused.value.message


def test_a_new_object_has_nothing_that_only_the_server_may_say() -> None:
    given = ObjectMeta(generateName="x-", uid="mine", deletionTimestamp="2001-01-01T00:00:00Z", generation=9)
    obj = ConfigMap(metadata=given)
    metadata.prepare_create(obj, kind(), "2030-01-01T00:00:00Z")
    assert obj.metadata.uid != "mine" and obj.metadata.deletionTimestamp is None and obj.metadata.generation is None
    assert obj.metadata.name.startswith("x-") and obj.metadata.creationTimestamp == "2030-01-01T00:00:00Z"


def test_an_update_keeps_what_the_client_left_out() -> None:
    old = ConfigMap(metadata=ObjectMeta(name="a", uid="u", creationTimestamp="2030-01-01T00:00:00Z", generation=3))
    new = ConfigMap(metadata=ObjectMeta(name="a", generation=7))
    metadata.prepare_update(new, old)
    assert (new.metadata.uid, new.metadata.creationTimestamp, new.metadata.generation) == (
        "u",
        "2030-01-01T00:00:00Z",
        3,
    )


def test_uids_are_random_uuids_in_their_usual_form() -> None:
    found = [metadata.new_uid() for _ in range(100)]
    assert len(set(found)) == 100
    assert all(str(uuid.UUID(text)) == text and uuid.UUID(text).version == 4 for text in found)

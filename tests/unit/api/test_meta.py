"""Metadata mistakes are reported with upstream's fields and words."""

from __future__ import annotations

import pytest

from kubelite.api import meta
from kubelite.api.core.config_map import CONFIG_MAP
from kubelite.api.core.namespace import NAMESPACE
from kubelite.api.types.meta_v1 import ManagedFieldsEntry, ObjectMeta, OwnerReference


def _texts(metadata: ObjectMeta) -> list[str]:
    return [str(error) for error in meta.validate_metadata(metadata, CONFIG_MAP)]


def _good(**more: object) -> ObjectMeta:
    return ObjectMeta(name="a", namespace="b", **more)  # type: ignore[arg-type]


def test_good_metadata_has_no_mistakes() -> None:
    owner = OwnerReference(apiVersion="v1", kind="Pod", name="p", uid="1", controller=True)
    assert (
        _texts(_good(labels={"a.b/c": "d"}, annotations={"X/y": "ü" * 10}, finalizers=["a/b"], ownerReferences=[owner]))
        == []
    )


def test_names_and_namespaces_are_required() -> None:
    assert _texts(ObjectMeta()) == [
        "metadata.name: Required value: name or generateName is required",
        "metadata.namespace: Required value",
    ]
    assert [str(e) for e in meta.validate_metadata(_good(), NAMESPACE)] == [
        "metadata.namespace: Forbidden: not allowed on this type"
    ]


def test_every_mistake_is_reported_at_its_field() -> None:
    owners = [OwnerReference(apiVersion="v1", kind="A", name="x", uid="1", controller=True)] * 2 + [OwnerReference()]
    metadata = ObjectMeta(
        name="A",
        namespace="a.b",
        labels={"-": "ok", "k": "not ok"},
        annotations={"a b": ""},
        finalizers=["orphan", "foregroundDeletion", "x y"],
        ownerReferences=owners,
        managedFields=[ManagedFieldsEntry(operation="Bogus", manager="x" * 200)],
    )
    fields = [error.field for error in meta.validate_metadata(metadata, CONFIG_MAP)]
    assert sorted(set(fields)) == [
        "metadata.annotations",
        "metadata.finalizers",
        "metadata.finalizers[2]",
        "metadata.labels",
        "metadata.managedFields[0].manager",
        "metadata.managedFields[0].operation",
        "metadata.name",
        "metadata.namespace",
        "metadata.ownerReferences",
        "metadata.ownerReferences.apiVersion",
        "metadata.ownerReferences.kind",
        "metadata.ownerReferences.name",
        "metadata.ownerReferences.uid",
    ]


def test_annotations_have_a_total_size() -> None:
    assert _texts(_good(annotations={"a": "x" * (256 * 1024 - 1)})) == []
    assert _texts(_good(annotations={"a": "x" * 256 * 1024})) == [
        "metadata.annotations: Too long: may not be more than 262144 bytes"
    ]


def test_events_own_nothing() -> None:
    found = _texts(_good(ownerReferences=[OwnerReference(apiVersion="v1", kind="Event", name="e", uid="1")]))
    assert found and found[0].endswith("/v1, Kind=Event is disallowed from being an owner")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"resourceVersion": ""}, 'metadata.resourceVersion: Invalid value: "": must be specified for an update'),
        ({"name": "z"}, 'metadata.name: Invalid value: "z": field is immutable'),
        ({"uid": "2"}, 'metadata.uid: Invalid value: "2": field is immutable'),
        ({"generation": 1}, "metadata.generation: Invalid value: 1: must not be decremented"),
        (
            {"finalizers": ["x/a", "x/b"]},
            "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, "
            'found new finalizers []string{"x/b"}',
        ),
    ],
)
def test_updates_keep_what_is_fixed(change: dict[str, object], text: str) -> None:
    def made(**more: object) -> ObjectMeta:
        values: dict[str, object] = {
            "name": "a",
            "namespace": "b",
            "uid": "1",
            "generation": 2,
            "resourceVersion": "5",
            "finalizers": ["x/a"],
            "deletionTimestamp": "2026-01-01T00:00:00Z",
        }
        return ObjectMeta(**{**values, **more})  # type: ignore[arg-type]

    assert [str(error) for error in meta.validate_metadata_update(made(**change), made())] == [text]
    assert meta.validate_metadata_update(made(), made()) == []

"""Hashes, scaled values, tables, watch frames and metadata helpers."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.api.core.namespace import NAMESPACE
from kubelite.api.types.core_v1 import Namespace, Pod, PodCondition, PodTemplateSpec
from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.machinery import errors, hashing, intorstr, meta, table, watch


def test_fnv_has_the_published_values() -> None:
    assert hashing.fnv32a(b"") == 0x811C9DC5
    assert hashing.fnv32a(b"foobar") == 0xBF9CF968
    assert hashing.fnv32(b"foobar") == 0x31F0B262
    assert hashing.fnv64a(b"foobar") == 0x85944171F73967E8


def test_the_template_hash_depends_on_the_value_alone() -> None:
    one = PodTemplateSpec(metadata=ObjectMeta(labels={"a": "1", "b": "2"}))
    other = PodTemplateSpec(metadata=ObjectMeta(labels={"b": "2", "a": "1"}))
    assert hashing.pod_template_hash(one) == hashing.pod_template_hash(other)
    assert hashing.pod_template_hash(one, 1) != hashing.pod_template_hash(one)
    assert not set(hashing.pod_template_hash(one)) - set("bcdfghjklmnpqrstvwxz2456789")


@pytest.mark.parametrize(
    ("value", "up", "down"), [(3, 3, 3), ("25%", 3, 2), ("0%", 0, 0), ("100%", 10, 10), ("150%", 15, 15)]
)
def test_percentages_scale(value: int | str, up: int, down: int) -> None:
    assert (intorstr.scaled(value, 10, True), intorstr.scaled(value, 10, False)) == (up, down)


@pytest.mark.parametrize("value", ["", "5", "x%", "-5%", "1.5%"])
def test_other_texts_do_not_scale(value: str) -> None:
    with pytest.raises(ValueError, match="not a percentage"):
        intorstr.scaled(value, 10, True)


def test_a_table_has_columns_and_cells() -> None:
    now = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
    namespace = Namespace(metadata=ObjectMeta(name="a", creationTimestamp="2026-01-01T00:00:00Z"))
    NAMESPACE.prepare_create(namespace)
    row = table.row(table.cells(NAMESPACE, namespace, now), table.partial_metadata(b'{"name":"a"}'))
    found = json.loads(table.table(NAMESPACE.columns, [row], resource_version="7", continue_="t", remaining=2))
    assert found["metadata"] == {"resourceVersion": "7", "continue": "t", "remainingItemCount": 2}
    assert [column["name"] for column in found["columnDefinitions"]] == ["Name", "Status", "Age"]
    assert found["rows"][0]["cells"] == ["a", "Active", "60s"]
    assert found["rows"][0]["object"]["kind"] == "PartialObjectMetadata"


@given(st.integers(1, 40))
def test_events_survive_any_cut_of_the_stream(size: int) -> None:
    stream = watch.frame(watch.ADDED, b'{"a":1}') + watch.bookmark("v1", "Pod", 9, initial_end=True)
    stream += watch.error(errors.expired("too old"))
    splitter = watch.Splitter()
    found = [event for at in range(0, len(stream), size) for event in splitter.feed(stream[at : at + size])]
    assert [event.type for event in found] == ["ADDED", "BOOKMARK", "ERROR"]
    assert json.loads(bytes(found[0].object)) == {"a": 1}
    assert json.loads(bytes(found[1].object))["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert json.loads(bytes(found[2].object))["code"] == 410


def test_a_line_that_is_no_event_is_refused() -> None:
    with pytest.raises(ValueError, match=r"malformed|truncated|Expected"):
        list(watch.Splitter().feed(b"nonsense\n"))


def test_conditions_keep_their_transition_time_while_the_status_stays() -> None:
    conditions: list[PodCondition] = []
    assert meta.set_condition(conditions, PodCondition(type="Ready", status="False"), "t1")
    assert not meta.set_condition(conditions, PodCondition(type="Ready", status="False"), "t2")
    assert meta.set_condition(conditions, PodCondition(type="Ready", status="True"), "t3")
    assert [(c.status, c.lastTransitionTime) for c in conditions] == [("True", "t3")]
    assert meta.is_true(conditions, "Ready")
    assert meta.remove_condition(conditions, "Ready") and not conditions


def test_owner_references_point_at_their_owner() -> None:
    owner = Namespace(metadata=ObjectMeta(name="a", uid="1"))
    pod = Pod(metadata=ObjectMeta(name="p", namespace="n"))
    pod.metadata.ownerReferences.append(meta.owner_reference(owner, NAMESPACE))
    assert meta.is_controlled_by(pod, owner)
    assert (meta.key(pod), meta.key(owner), meta.split_key("n/p"), meta.split_key("a")) == (
        "n/p",
        "a",
        ("n", "p"),
        ("", "a"),
    )
    reference = meta.controller_of(pod)
    assert (reference.apiVersion, reference.kind, reference.blockOwnerDeletion) == ("v1", "Namespace", True)

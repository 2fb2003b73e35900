"""What holds for every object of every kind, tried with objects that nobody thought of."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubelite.api import KINDS, wire
from kubelite.machinery import codec
from kubelite.machinery.kind import Kind
from tests.unit.api.random_objects import random_object

NOW = datetime(2026, 1, 1, tzinfo=UTC)
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.api_version}-{kind.kind}")
few = settings(max_examples=4, deadline=None, database=None, derandomize=True)
seeds = st.integers(0, 2**32)


def obj_of(kind: Kind, seed: int) -> Any:
    return codec.convert(random_object(kind, Random(seed)), kind.type)


@every_kind
@few
@given(seeds)
def test_what_is_written_is_read_back(kind: Kind, seed: int) -> None:
    obj = obj_of(kind, seed)
    body = codec.encode(obj)
    again = codec.decode(body, kind.type)
    assert again == obj and codec.encode(again) == body
    assert codec.clone(obj) == obj
    assert codec.convert(codec.to_generic(obj), kind.type) == obj


@every_kind
@few
@given(seeds)
def test_defaults_twice_are_defaults_once(kind: Kind, seed: int) -> None:
    obj = obj_of(kind, seed)
    kind.set_defaults(obj)
    once = codec.encode(obj)
    kind.set_defaults(obj)
    assert codec.encode(obj) == once
    stored = codec.decode(once, kind.type)
    kind.set_defaults(stored)
    assert codec.encode(stored) == once


@every_kind
@few
@given(seeds, seeds)
def test_any_object_is_judged_shown_and_selected_without_an_error(kind: Kind, seed: int, other: int) -> None:
    new, old = obj_of(kind, seed), obj_of(kind, other)
    for obj in (new, old):
        kind.set_defaults(obj)
        if kind.to_stored:
            continue
        assert all(str(error) for error in kind.validate(obj))
        if kind.row is not None:
            assert len(kind.row(obj, NOW)) == len(kind.columns)
        assert all(isinstance(read(obj), str) for read in kind.selectable.values())
    if not kind.to_stored:
        assert all(str(error) for error in kind.validate_update(new, old))


WITHOUT_NUMBERS = ("schedulingGroup", "nodeAllocatableResourceClaimStatuses", "nodeAllocatableResourceMappings")
"""Fields that came after the release of the protobuf tables."""
LATE_IN_ATTRIBUTES = ("bools", "ints", "strings", "versions")
"""The same inside a device's attributes."""


def essence(value: Any, name: str = "") -> Any:
    """What protobuf keeps: fields without a pointer lose their zero, and only whole objects carry their version and kind."""
    if isinstance(value, list):
        return [essence(one, name) for one in value]
    if not isinstance(value, dict):
        return value
    inside = name in ("deleteOptions", "volumeClaimTemplates")
    kept = {key: essence(inner, key) for key, inner in value.items() if not (inside and key in ("apiVersion", "kind"))}
    return {key: inner for key, inner in kept.items() if inner not in (False, 0, "", [], {}, None)}


def without_late_fields(value: Any, late: tuple[str, ...] = WITHOUT_NUMBERS) -> Any:
    if isinstance(value, list):
        return [without_late_fields(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: {name: without_late_fields(one, LATE_IN_ATTRIBUTES) for name, one in inner.items()}
        if key == "attributes" and isinstance(inner, dict)
        else without_late_fields(inner)
        for key, inner in value.items()
        if key not in late
    }


@every_kind
@few
@given(seeds)
def test_protobuf_and_back_is_the_same_object_but_for_zeros(kind: Kind, seed: int) -> None:
    if not wire.message_of(kind.api_version, kind.kind):
        return  # test_wire lists the kinds without a protobuf form
    document = without_late_fields(codec.to_generic(obj_of(kind, seed)))
    read = wire.decode(wire.encode(document))
    assert essence(read) == essence(document)
    again = codec.to_generic(codec.convert(read, kind.type))
    assert wire.decode(wire.encode(again)) == read

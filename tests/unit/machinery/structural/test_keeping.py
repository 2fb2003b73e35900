"""Pruning and defaulting: what is kept of an object and what is filled in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kubelite.api.meta  # noqa: F401 - gives unstructured objects their metadata
from kubelite.machinery.structural.defaulting import set_defaults
from kubelite.machinery.structural.pruning import prune
from kubelite.machinery.structural.schema import Node

STRING = {"type": "string"}
PRESERVE = "x-kubernetes-preserve-unknown-fields"
PRUNED: list[tuple[dict[str, Any], Any, Any, list[str]]] = [
    ({"properties": {"a": STRING}}, {"a": "1", "b": 2}, {"a": "1"}, ["b"]),
    ({"properties": {"a": {"properties": {"b": STRING}}}}, {"a": {"b": "1", "c": 2}}, {"a": {"b": "1"}}, ["a.c"]),
    ({PRESERVE: True, "properties": {"a": {}}}, {"a": {"x": 1}, "b": {"y": 2}}, {"a": {}, "b": {"y": 2}}, ["a.x"]),
    ({"additionalProperties": {"properties": {"a": STRING}}}, {"k": {"a": "", "b": 1}}, {"k": {"a": ""}}, ["k.b"]),
    (
        {"properties": {"l": {"items": {"properties": {"a": {}}}}}},
        {"l": [{"a": 1, "b": 2}]},
        {"l": [{"a": 1}]},
        ["l[0].b"],
    ),
    ({"properties": {"a": {}}}, {"apiVersion": "v1", "kind": "K", "metadata": {"x": 1}}, None, []),
    (
        {"properties": {"e": {"x-kubernetes-embedded-resource": True, PRESERVE: True}}},
        {"e": {"apiVersion": "v1", "metadata": {"name": "x", "nonsense": 1}, "spec": {"any": 1}}},
        {"e": {"apiVersion": "v1", "metadata": {"name": "x"}, "spec": {"any": 1}}},
        ["e.metadata.nonsense"],
    ),
]


@pytest.mark.parametrize(("schema", "value", "left", "dropped"), PRUNED)
def test_what_the_schema_does_not_name_is_dropped(schema: Any, value: Any, left: Any, dropped: list[str]) -> None:
    expected = value if left is None else left
    import copy

    pruned = copy.deepcopy(value)
    assert prune(pruned, Node(schema), root=True) == dropped
    assert pruned == expected


FILLED: list[tuple[dict[str, Any], Any, Any]] = [
    ({"properties": {"a": {"default": 1}}}, {}, {"a": 1}),
    ({"properties": {"a": {"default": 1}}}, {"a": None}, {"a": 1}),
    ({"properties": {"a": {"default": 1, "nullable": True}}}, {"a": None}, {"a": None}),
    ({"properties": {"a": STRING}}, {"a": None}, {}),
    ({"properties": {"a": {"default": {}, "properties": {"b": {"default": 2}}}}}, {}, {"a": {"b": 2}}),
    ({"properties": {"a": {"properties": {"b": {"default": 2}}}}}, {}, {}),
    (
        {"properties": {"l": {"items": {"properties": {"a": {"default": 1}}}}}},
        {"l": [{}, {"a": 2}]},
        {"l": [{"a": 1}, {"a": 2}]},
    ),
    ({"additionalProperties": {"default": "x"}}, {"k": None}, {"k": "x"}),
]


@pytest.mark.parametrize(("schema", "value", "filled"), FILLED)
def test_what_is_absent_gets_its_default(schema: Any, value: Any, filled: Any) -> None:
    set_defaults(value, Node(schema))
    assert value == filled


def test_a_default_is_copied_for_each_object() -> None:
    node = Node({"properties": {"a": {"default": {"l": []}, PRESERVE: True}}})
    first: dict[str, Any] = {}
    second: dict[str, Any] = {}
    set_defaults(first, node)
    first["a"]["l"].append(1)
    set_defaults(second, node)
    assert second == {"a": {"l": []}}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=12,
)
SCHEMAS = st.recursive(
    st.sampled_from([{}, {"default": 1}, {PRESERVE: True}, {"nullable": True}, {"default": {"a": {}}, PRESERVE: True}]),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"properties": st.dictionaries(st.sampled_from("abcd"), inner, max_size=3)}),
        st.fixed_dictionaries({"items": inner}),
        st.fixed_dictionaries({"additionalProperties": inner}),
    ),
    max_leaves=6,
)


@given(SCHEMAS, st.dictionaries(st.sampled_from("abcd"), JSON, max_size=3))
def test_doing_it_twice_is_doing_it_once(schema: dict[str, Any], value: dict[str, Any]) -> None:
    import copy

    node = Node(schema)
    prune(value, node)
    set_defaults(value, node)
    again = copy.deepcopy(value)
    set_defaults(again, node)
    assert again == value

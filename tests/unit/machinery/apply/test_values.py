"""Comparing, naming, merging, removing and checking values beside their shape."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.machinery.apply import compare, merge, shape, typed
from kubelite.machinery.apply.compare import ABSENT
from kubelite.machinery.apply.fieldset import FieldSet
from tests.unit.machinery.apply.schema import THING


def shown(tree: dict[str, Any]) -> list[str]:
    return repr(FieldSet(tree))[9:-1].split(", ") if tree else []


NAMED: list[tuple[dict[str, Any], list[str]]] = [
    ({"text": "x"}, [".text"]),
    ({"text": None}, [".text"]),
    ({"struct": {"a": "1"}}, [".struct.a"]),
    ({"struct": {}}, [".struct"]),
    ({"whole": {"a": "1"}}, [".whole"]),
    ({"map": {"k": "v"}}, [".map.k"]),
    ({"map": {}}, [".map"]),
    ({"list": []}, []),
    ({"list": [{"name": "x", "value": 1}]}, ['.list[name="x"]', '.list[name="x"].name', '.list[name="x"].value']),
    ({"ports": [{"value": 80}]}, ['.ports[protocol="TCP",value=80]', '.ports[protocol="TCP",value=80].value']),
    ({"set": ["a", "b"]}, ['.set[="a"]', '.set[="b"]']),
    ({"plain": ["a"]}, [".plain"]),
    ({"any": {"x": {"y": [1]}}}, [".any.x", ".any.x.y"]),
]


@pytest.mark.parametrize(("value", "fields"), NAMED, ids=[str(value) for value, _ in NAMED])
def test_a_configuration_names_leaves_items_and_entries(value: dict[str, Any], fields: list[str]) -> None:
    assert shown(compare.field_set(THING, value)) == fields


COMPARED: list[tuple[dict[str, Any], dict[str, Any], list[str], list[str], list[str]]] = [
    ({}, {"text": "x"}, [".text"], [], []),
    ({"text": "x"}, {}, [], [".text"], []),
    ({"text": "x"}, {"text": "y"}, [], [], [".text"]),
    ({"text": "x"}, {"text": "x"}, [], [], []),
    ({}, {"struct": {"a": "1"}}, [".struct", ".struct.a"], [], []),
    ({"struct": {"a": "1"}}, {"struct": {"b": "1"}}, [".struct.b"], [".struct.a"], []),
    ({"struct": {}}, {"struct": None}, [], [], [".struct"]),
    ({"struct": None}, {"struct": {"a": "1"}}, [".struct.a"], [], []),
    ({"whole": {"a": "1"}}, {"whole": {"a": "2"}}, [], [], [".whole"]),
    ({"plain": ["a"]}, {"plain": ["b", "a"]}, [], [], [".plain"]),
    ({"plain": ["a"]}, {"plain": None}, [], [], [".plain"]),
    ({"set": ["a"]}, {"set": ["b"]}, ['.set[="b"]'], ['.set[="a"]'], []),
    ({"set": ["a", "b"]}, {"set": ["b", "a"]}, [], [], []),
    ({"set": ["a", "a"]}, {"set": ["a"]}, [], [], ['.set[="a"]']),
    ({"list": [{"name": "x", "value": 1}]}, {"list": [{"name": "x", "value": 2}]}, [], [], ['.list[name="x"].value']),
    (
        {"list": None},
        {"list": [{"name": "x"}]},
        ['.list[name="x"]', '.list[name="x"].name'],
        [],
        [],
    ),
]


@pytest.mark.parametrize(("old", "new", "added", "removed", "modified"), COMPARED)
def test_a_comparison_says_what_came_went_and_changed(
    old: dict[str, Any], new: dict[str, Any], added: list[str], removed: list[str], modified: list[str]
) -> None:
    found = compare.compare(THING, old, new)
    assert [shown(tree) for tree in found] == [added, removed, modified]


ORDERS = [
    (["a", "b", "c"], ["c", "a"], ["b", "c", "a"]),
    (["a", "b"], ["b", "x"], ["a", "b", "x"]),
    (["a", "b", "c"], ["b"], ["a", "b", "c"]),
    (["a", "c"], ["b"], ["a", "c", "b"]),
    (["1", "2", "3"], ["3", "2", "1"], ["3", "2", "1"]),
    ([], ["a", "b"], ["a", "b"]),
    (["a"], [], ["a"]),
]


@pytest.mark.parametrize(("live", "config", "merged"), ORDERS)
def test_merged_lists_keep_an_order_that_fits_both(live: list[str], config: list[str], merged: list[str]) -> None:
    assert merge.merge(THING, {"set": live}, {"set": config}) == {"set": merged}


def test_merging_sets_fields_and_keeps_the_others() -> None:
    live = {"struct": {"a": "1", "b": "1"}, "map": {"x": "1"}, "plain": ["a"], "list": [{"name": "n", "value": 1}]}
    config = {"struct": {"a": "2"}, "map": {"y": "2"}, "plain": ["b"], "list": [{"name": "n", "note": "!"}]}
    assert merge.merge(THING, live, config) == {
        "struct": {"a": "2", "b": "1"},
        "map": {"x": "1", "y": "2"},
        "plain": ["b"],
        "list": [{"name": "n", "value": 1, "note": "!"}],
    }
    assert live["struct"] == {"a": "1", "b": "1"}


def test_removing_and_extracting_are_complements() -> None:
    value = {"text": "x", "map": {"a": "1", "b": "2"}, "list": [{"name": "n", "value": 1}, {"name": "m", "value": 2}]}
    members = FieldSet.of(("f:text",), ("f:map", "f:a"), ("f:list", 'k:{"name":"n"}')).tree
    assert merge.remove(THING, value, members) == {"map": {"b": "2"}, "list": [{"name": "m", "value": 2}]}
    assert merge.extract(THING, value, members) == {
        "text": "x",
        "map": {"a": "1"},
        "list": [{"name": "n", "value": 1}],
    }
    assert merge.remove(THING, {"text": "x"}, members) is ABSENT


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"nope": 1}, ".nope: field not declared in schema"),
    ({"text": 1}, ".text: expected string, got &value.valueUnstructured{Value:1}"),
    ({"number": "x"}, '.number: expected numeric (int or float), got &value.valueUnstructured{Value:"x"}'),
    ({"flag": 0}, ".flag: expected boolean, got &value.valueUnstructured{Value:0}"),
    ({"struct": []}, ".struct: expected map, got &{[]}"),
    ({"list": {"a": 1}}, ".list: expected list, got &{map[a:1]}"),
    (
        {"list": [{"value": 1}]},
        '.list: element 0: associative list with keys has an element that omits key field "name" '
        "(and doesn't have default value)",
    ),
    ({"list": [None]}, ".list: element 0: associative list with keys may not have a null element"),
    ({"list": ["x"]}, ".list: element 0: associative list with keys may not have non-map elements"),
    ({"list": [{"name": "x"}, {"name": "x"}]}, '.list: duplicate entries for key [name="x"]'),
    ({"set": ["a", "a"]}, '.set: duplicate entries for key [="a"]'),
    ({"set": [{}]}, ".set: element 0: associative list without keys has an element that's a map type"),
    ({"set": [None]}, ".set: element 0: associative list without keys has an element that's an explicit null"),
    ({"self": {"self": {"text": True}}}, ".self.self.text: expected string, got &value.valueUnstructured{Value:true}"),
]


@pytest.mark.parametrize(("value", "error"), WRONG, ids=[error for _, error in WRONG])
def test_values_of_other_types_are_named(value: dict[str, Any], error: str) -> None:
    assert typed.errors_of(THING, value) == [error]


def test_several_mistakes_make_one_text() -> None:
    found = typed.errors_of(THING, {"nope": 1, "text": 1})
    assert typed.message(found) == (
        "errors:\n  .nope: field not declared in schema\n"
        "  .text: expected string, got &value.valueUnstructured{Value:1}"
    )


def test_nulls_and_preserved_fields_fit_everywhere() -> None:
    assert typed.errors_of(THING, {"text": None, "list": None, "struct": None, "any": {"x": [{"y": 1}]}}) == []


def test_a_custom_resource_without_schema_takes_anything_but_has_metadata() -> None:
    found = shape.of_custom(None, lambda name: {"type": "object", "properties": {"name": {"type": "string"}}})
    assert typed.errors_of(found, {"spec": {"a": [1]}, "metadata": {"name": "x"}}) == []
    assert typed.errors_of(found, {"metadata": {"nope": 1}}) == [".metadata.nope: field not declared in schema"]
    assert shown(compare.field_set(found, {"spec": {"a": [1], "b": {"c": 1}}})) == [
        ".spec",
        ".spec.a",
        ".spec.b",
        ".spec.b.c",
    ]


def test_embedded_objects_have_metadata_of_their_own() -> None:
    schema = {
        "type": "object",
        "properties": {
            "template": {"type": "object", "x-kubernetes-embedded-resource": True, "properties": {"spec": {}}}
        },
    }
    found = shape.of_custom(schema, lambda name: {"type": "object", "properties": {"name": {"type": "string"}}})
    assert typed.errors_of(found, {"template": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}}}) == []

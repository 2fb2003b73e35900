"""Objects against schemas: the words of every keyword, formats, alternatives, ratcheting, lists as sets and maps."""

from __future__ import annotations

from typing import Any

import pytest

import kubelite.api.meta  # noqa: F401 - gives unstructured objects their metadata
from kubelite.machinery.structural import listtypes, values
from kubelite.machinery.structural.formats import checker
from kubelite.machinery.structural.keywords import go_number
from kubelite.machinery.structural.schema import ABSENT, Node


def errors(schema: dict[str, Any], value: Any, old: Any = ABSENT) -> list[str]:
    whole = Node({"type": "object", "properties": {"a": schema}})
    return [str(error) for error in values.validate({"a": value}, whole, ABSENT if old is ABSENT else {"a": old})]


CASES: list[tuple[dict[str, Any], Any, list[str]]] = [
    ({"type": "string"}, 1, ['a: Invalid value: "integer": a in body must be of type string: "integer"']),
    ({"type": "integer"}, 1.0, []),
    ({"type": "integer"}, 1.5, ['a: Invalid value: "number": a in body must be of type integer: "number"']),
    ({"type": "number"}, 1, []),
    ({"type": "boolean"}, "true", ['a: Invalid value: "string": a in body must be of type boolean: "string"']),
    ({"type": "string"}, None, ['a: Invalid value: "null": a in body must be of type string: "null"']),
    ({"type": "string", "nullable": True}, None, []),
    ({"type": "string", "maxLength": 2}, "abc", ["a: Too long: may not be more than 2 bytes"]),
    ({"type": "string", "minLength": 2}, "a", ['a: Invalid value: "a": a in body should be at least 2 chars long']),
    ({"type": "string", "pattern": "^x+$"}, "y", ["a: Invalid value: \"y\": a in body should match '^x+$'"]),
    ({"type": "string", "format": "date"}, "x", ['a: Invalid value: "x": a in body must be of type date: "x"']),
    ({"type": "string", "format": "unheard-of"}, "x", []),
    ({"type": "string", "enum": ["b", "a"]}, "c", ['a: Unsupported value: "c": supported values: "b", "a"']),
    ({"type": "integer", "maximum": 3}, 4, ["a: Invalid value: 4: a in body should be less than or equal to 3"]),
    (
        {"type": "integer", "maximum": 3, "exclusiveMaximum": True},
        3,
        ["a: Invalid value: 3: a in body should be less than 3"],
    ),
    ({"type": "integer", "minimum": 3}, 2, ["a: Invalid value: 2: a in body should be greater than or equal to 3"]),
    ({"type": "number", "multipleOf": 0.1}, 0.3, []),
    ({"type": "integer", "multipleOf": 5}, 7, ["a: Invalid value: 7: a in body should be a multiple of 5"]),
    (
        {"type": "array", "items": {"type": "string"}, "maxItems": 1},
        ["x", "y"],
        ["a: Too many: 2: must have at most 1 item"],
    ),
    (
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
        [],
        ["a: Invalid value: 0: a in body should have at least 1 items"],
    ),
    (
        {"type": "array", "items": {"type": "string"}},
        ["x", 1],
        ['a[1]: Invalid value: "integer": a[1] in body must be of type string: "integer"'],
    ),
    ({"type": "object", "required": ["b"]}, {}, ["a.b: Required value"]),
    ({"type": "object", "minProperties": 1}, {}, ["a: Invalid value: 0: a in body should have at least 1 properties"]),
    (
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"k": "v"},
        ['a.k: Invalid value: "string": a.k in body must be of type integer: "string"'],
    ),
    ({"x-kubernetes-int-or-string": True}, "10%", []),
    (
        {"x-kubernetes-int-or-string": True},
        True,
        ['a: Invalid value: "boolean": a in body must be of type integer,string: "boolean"'],
    ),
    (
        {"type": "object", "oneOf": [{"required": ["b"]}, {"required": ["c"]}]},
        {"b": 1, "c": 2},
        ['<nil>: Invalid value: "": "a" must validate one and only one schema (oneOf). Found 2 valid alternatives'],
    ),
    (
        {"type": "object", "anyOf": [{"required": ["b"]}]},
        {},
        ['<nil>: Invalid value: "": "a" must validate at least one schema (anyOf)', "a.b: Required value"],
    ),
    (
        {"type": "object", "not": {"required": ["b"]}},
        {"b": 1},
        ['<nil>: Invalid value: "": "a" must not validate the schema (not)'],
    ),
]


@pytest.mark.parametrize(("schema", "value", "expected"), CASES)
def test_every_keyword_speaks_upstreams_words(schema: dict[str, Any], value: Any, expected: list[str]) -> None:
    assert errors(schema, value) == expected


def test_what_was_wrong_before_may_stay_as_long_as_it_does_not_change() -> None:
    schema = {"type": "object", "properties": {"x": {"type": "integer", "maximum": 1}, "y": {"type": "integer"}}}
    assert errors(schema, {"x": 5, "y": 2}, {"x": 5, "y": 1}) == []
    assert len(errors(schema, {"x": 6, "y": 2}, {"x": 5, "y": 1})) == 1


def test_elements_of_a_map_are_found_again_by_their_keys_and_those_of_a_plain_list_are_not() -> None:
    items = {"type": "object", "properties": {"k": {"type": "string"}, "v": {"type": "integer", "maximum": 1}}}
    plain = {"type": "array", "items": items}
    keyed = {**plain, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]}
    old, new = [{"k": "a", "v": 9}], [{"k": "b"}, {"k": "a", "v": 9}]
    assert errors(keyed, new, old) == []
    assert len(errors(plain, new, old)) == 1


def test_sets_and_maps_have_nothing_twice() -> None:
    def found(schema: dict[str, Any], value: Any) -> list[str]:
        return [str(error) for error in listtypes.validate({"a": value}, Node({"properties": {"a": schema}}))]

    set_ = {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}
    assert found(set_, ["x", "y", "x", "x"]) == ['a[2]: Duplicate value: "x"']
    map_ = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k", "l"], "items": {}}
    assert found(map_, [{"k": 1, "l": 1}, {"k": 1}, {"k": 1, "l": 1}]) == ['a[2]: Duplicate value: {"k":1,"l":1}']
    assert found(map_, [{"k": 1}, 5]) == ["a[1]: Invalid value: 5: must be an object for an array of list-type map"]


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("date-time", "2026-01-02T03:04:05Z", "2026-01-02"),
        ("date", "2026-01-02", "2026-13-02"),
        ("duration", "1h30m", "soon"),
        ("ipv4", "10.0.0.1", "10.0.0.256"),
        ("ipv6", "fe80::1", "10.0.0.1"),
        ("cidr", "10.0.0.0/8", "10.0.0.0"),
        ("mac", "01:23:45:67:89:ab", "01:23"),
        ("uuid4", "6ab0ca49-3408-4fee-a28d-17f3245f5cd3", "6ab0ca49-3408-1fee-a28d-17f3245f5cd3"),
        ("email", "a@example.com", "a"),
        ("hostname", "example.com", "-x"),
        ("uri", "https://example.com/x", "no uri"),
        ("byte", "aGk=", "$"),
        ("hexcolor", "#ff00aa", "#ggg"),
        ("rgbcolor", "rgb(1,2,255)", "rgb(1,2,256)"),
        ("isbn13", "978-3-16-148410-0", "978-3-16-148410-1"),
        ("isbn10", "0-306-40615-2", "0-306-40615-3"),
        ("creditcard", "4111 1111 1111 1111", "4111 1111 1111 1112"),
        ("k8s-short-name", "abc", "a.b"),
        ("k8s-long-name", "a.b", "A"),
    ],
)
def test_formats(name: str, good: str, bad: str) -> None:
    check = checker(name)
    assert check is not None and check(good) and not check(bad)


@pytest.mark.parametrize(
    ("number", "shown"), [(10, "10"), (0.5, "0.5"), (1000000, "1e+06"), (1234567, "1.234567e+06"), (0, "0")]
)
def test_numbers_are_shown_as_go_prints_them(number: float, shown: str) -> None:
    assert go_number(number) == shown

"""Schemas themselves: structural rules, keywords, lists, defaults, rules; and objects without a type."""

from __future__ import annotations

from typing import Any

import pytest

import kubelite.api.meta  # noqa: F401 - gives unstructured objects their metadata
from kubelite.machinery import codec
from kubelite.machinery.fielderrors import Path
from kubelite.machinery.structural import compiled, defaults, invariants, openapi
from kubelite.machinery.unstructured import Unstructured

ROOT = Path("s")


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


LIST_MAP = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]}
STRUCTURAL: list[tuple[dict[str, Any], list[str]]] = [
    (of(a={"type": "string"}), []),
    ({"properties": {}}, ["s.type: Required value: must not be empty at the root"]),
    (of(a={}), ["s.properties[a].type: Required value: must not be empty for specified object fields"]),
    (of(a={"type": "array"}), ["s.properties[a].items: Required value: must be specified"]),
    (
        of(a={"type": "array", "items": {}}),
        ["s.properties[a].items.type: Required value: must not be empty for specified array items"],
    ),
    (
        {"type": "object", "additionalProperties": {"type": "string"}},
        ["s.additionalProperties: Forbidden: must not be used at the root"],
    ),
    (
        {**of(a={"type": "string"}), "anyOf": [{"properties": {"b": {"minLength": 1}}}]},
        ["s.properties[b]: Required value: because it is defined in s.anyOf[0].properties[b]"],
    ),
    (
        {**of(a={"type": "string"}), "allOf": [{"properties": {"a": {"type": "string"}}}]},
        ["s.allOf[0].properties[a].type: Forbidden: must be empty to be structural"],
    ),
    (of(a={"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]}), []),
    (
        of(metadata={"type": "object", "properties": {"labels": {"type": "object"}}}),
        [
            "s.properties[metadata]: Forbidden: must not specify anything other than name and generateName, "
            "but metadata is implicitly specified"
        ],
    ),
    (of(metadata={"type": "object", "properties": {"name": {"type": "string", "maxLength": 5}}}), []),
    (
        of(a={"type": "object", "x-kubernetes-embedded-resource": True}),
        [
            "s.properties[a].properties: Required value: must not be empty if x-kubernetes-embedded-resource is true "
            "without x-kubernetes-preserve-unknown-fields"
        ],
    ),
]


@pytest.mark.parametrize(("schema", "expected"), STRUCTURAL)
def test_a_schema_must_be_structural(schema: dict[str, Any], expected: list[str]) -> None:
    assert [str(error) for error in invariants.validate(schema, ROOT)] == expected


def test_a_pattern_that_is_none_is_refused() -> None:
    found = invariants.validate(of(a={"type": "string", "pattern": "("}), ROOT)
    assert str(found[0]).startswith('s.properties[a].pattern: Invalid value: "(": must be a valid regular expression')


KEYWORDS: list[tuple[dict[str, Any], list[str]]] = [
    (of(a={"$ref": "#/x"}), ["s.properties[a].$ref: Forbidden: $ref is not supported"]),
    (
        of(a={"type": "array", "uniqueItems": True, "items": {"type": "string"}}),
        [
            "s.properties[a].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity "
            "becomes quadratic"
        ],
    ),
    (
        of(a={"type": "object", "properties": {"b": {"type": "string"}}, "additionalProperties": {"type": "string"}}),
        ["s.properties[a].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive"],
    ),
    (
        of(a={"type": "text"}),
        [
            's.properties[a].type: Unsupported value: "text": supported values: "array", "boolean", "integer", "number", '
            '"object", "string"'
        ],
    ),
    (
        of(a={"type": "object", "x-kubernetes-preserve-unknown-fields": False}),
        ["s.properties[a].x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined"],
    ),
    (
        of(apiVersion={"type": "string", "default": "x"}),
        ["s.properties[apiVersion].default: Forbidden: must not be set in top-level apiVersion"],
    ),
    (
        of(a={**LIST_MAP, "items": {"type": "object", "properties": {"k": {"type": "string"}}}}),
        [
            "s.properties[a].items.properties[k].default: Required value: this property is in "
            "x-kubernetes-list-map-keys, so it must have a default or be a required property"
        ],
    ),
    (
        of(a={**LIST_MAP, "items": {"type": "object", "properties": {}}}),
        [
            's.properties[a].x-kubernetes-list-map-keys: Invalid value: ["k"]: entries must all be names of item properties',
        ],
    ),
    (
        of(a={"type": "string", "x-kubernetes-list-type": "set"}),
        ['s.properties[a].type: Invalid value: "string": must be array if x-kubernetes-list-type is specified'],
    ),
    (
        of(a={"type": "object", "x-kubernetes-validations": [{"rule": " "}]}),
        ["s.properties[a].x-kubernetes-validations[0].rule: Required value: rule is not specified"],
    ),
    (
        of(a={"type": "object", "x-kubernetes-validations": [{"rule": "true", "fieldPath": ".nowhere"}]}),
        [
            's.properties[a].x-kubernetes-validations[0].fieldPath: Invalid value: ".nowhere": fieldPath must be a valid path'
        ],
    ),
]


@pytest.mark.parametrize(("schema", "expected"), KEYWORDS)
def test_keywords_that_cannot_be_used(schema: dict[str, Any], expected: list[str]) -> None:
    assert [str(error) for error in openapi.validate(schema, ROOT)] == expected


def test_a_default_must_be_valid_and_pruned() -> None:
    schema = of(a={"type": "integer", "default": "x"}, b={"type": "object", "default": {"c": 1}})
    assert [str(error) for error in defaults.validate(schema, ROOT)] == [
        's.properties[a].default: Invalid value: "string": s.properties[a].default in body must be of type integer: "string"',
        's.properties[b].default: Invalid value: {"c":1}: must not have unknown fields',
    ]


def test_rules_that_do_not_compile_are_refused_with_the_whole_rule() -> None:
    schema = {**of(a={"type": "integer"}), "x-kubernetes-validations": [{"rule": "self.b > 1"}, {"rule": "self.a"}]}
    first, second = (str(error) for error in compiled.validate(schema, ROOT))
    assert first.startswith(
        's.x-kubernetes-validations[0].rule: Invalid value: apiextensions.ValidationRule{Rule:"self.b > 1"'
    )
    assert "undefined field 'b'" in first
    assert second.endswith("cel expression must evaluate to a bool")


def test_an_object_without_a_type_goes_through_the_codec_unchanged() -> None:
    body = b'{"metadata":{"name":"x"},"apiVersion":"a/v1","kind":"K","spec":{"n":null,"f":1.0,"i":1}}'
    obj = codec.decode(body, Unstructured)
    assert (obj.metadata.name, obj.content) == ("x", {"spec": {"n": None, "f": 1.0, "i": 1}})
    assert codec.encode(obj) == body
    copy = codec.clone(obj)
    copy.content["spec"]["i"] = 2
    assert obj.content["spec"]["i"] == 1 and copy != obj
    assert codec.to_generic(obj)["spec"] == {"n": None, "f": 1.0, "i": 1}
    assert codec.strict_errors(b'{"metadata":{"nam":1},"a":1,"a":2}', Unstructured) == [
        'unknown field "metadata.nam"',
        'duplicate field "a"',
    ]

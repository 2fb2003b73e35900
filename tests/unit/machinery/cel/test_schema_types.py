"""Types made of OpenAPI schemas, and what expressions read of data that follows them."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api import schemas
from kubelite.machinery.cel import CompileError, Environment, EvaluationError, types
from kubelite.machinery.cel.schematypes import escape
from tests.unit.machinery.cel.tables import outcome

STRING = {"type": "string"}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "i": {"type": "integer"},
        "n": {"type": "number"},
        "b": {"type": "boolean"},
        "s": STRING,
        "at": {"type": "string", "format": "date-time"},
        "day": {"type": "string", "format": "date"},
        "span": {"type": "string", "format": "duration"},
        "raw": {"type": "string", "format": "byte"},
        "port": {"x-kubernetes-int-or-string": True},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "any": {"x-kubernetes-preserve-unknown-fields": True},
        "times": {"type": "array", "items": {"type": "string", "format": "date-time"}},
        "spans": {"type": "object", "additionalProperties": {"type": "string", "format": "duration"}},
        "set": {"type": "array", "items": STRING, "x-kubernetes-list-type": "set"},
        "keyed": {
            "type": "array",
            "items": {"type": "object", "properties": {"k": STRING, "v": {"type": "integer"}}},
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["k"],
        },
        "inner": {
            "type": "object",
            "properties": {"set": {"type": "array", "items": STRING, "x-kubernetes-list-type": "set"}},
        },
        "template": {
            "type": "object",
            "x-kubernetes-embedded-resource": True,
            "properties": {"spec": {"type": "object"}},
        },
        "a-b.c/d__e": STRING,
        "namespace": STRING,
        "for": STRING,
        "1st": STRING,
        "$ref ": STRING,
    },
}
SELF = types.from_schema(SCHEMA, root=True)
ENV = Environment({"self": SELF, "oldSelf": SELF})
DATA = {
    "self": {
        "i": 1,
        "n": 2,
        "at": "2023-01-01T00:00:00Z",
        "day": "2023-01-01",
        "span": "1h",
        "raw": "aGk=",
        "port": 80,
        "times": ["2023-01-01T00:00:00Z"],
        "spans": {"a": "1m"},
        "set": ["a", "b"],
        "keyed": [{"k": "x", "v": 1}, {"k": "y", "v": 2}],
        "inner": {"set": ["a", "b"]},
        "template": {"kind": "K", "metadata": {"name": "t"}},
        "a-b.c/d__e": "odd",
        "namespace": "ns",
        "for": "what",
        "metadata": {"name": "n"},
    },
    "oldSelf": {
        "set": ["b", "a"],
        "keyed": [{"k": "y", "v": 2}, {"k": "x", "v": 1}],
        "inner": {"set": ["b", "a"]},
    },
}


@pytest.mark.parametrize(
    "text",
    [
        "self.i == 1 && self.n / 4.0 == 0.5 && type(self.n) == double",
        "self.at == timestamp('2023-01-01T00:00:00Z') && self.day == self.at && self.span == duration('60m')",
        "self.raw == b'hi' && self.port == 80 && self.port != '80' && type(self.port) == int",
        "self.times[0].getFullYear() == 2023 && self.times.all(t, t < timestamp('2024-01-01T00:00:00Z'))",
        "self.spans['a'] == duration('60s') && self.spans.a.getSeconds() == 60",
        "self.set == oldSelf.set && self.set != ['a'] && self.set + ['b', 'c'] == ['a', 'b', 'c']",
        "self.keyed == oldSelf.keyed && self.keyed != oldSelf.keyed.filter(k, k.v == 1)",
        "(self.keyed + oldSelf.keyed.map(o, o)).size() == 2",
        "self.inner == oldSelf.inner",
        "self.a__dash__b__dot__c__slash__d__underscores__e == 'odd'",
        "self.__namespace__ == 'ns' && self.__for__ == 'what' && has(self.__namespace__)",
        "self.template.metadata.name == 't' && self.template.kind == 'K' && self.metadata.name == 'n'",
        "!has(self.s) && !has(self.b) && has(self.i)",
    ],
)
def test_rules_read_data_by_its_schema(text: str) -> None:
    assert outcome(text, ENV, DATA) is True


def test_concatenation_of_keyed_lists_replaces_by_key() -> None:
    environment = Environment({"self": types.from_schema({"type": "array", "items": SCHEMA["properties"]["keyed"]})})
    data = {"self": [[{"k": "x", "v": 1}, {"k": "y", "v": 2}], [{"k": "z", "v": 3}, {"k": "x", "v": 9}]]}
    assert environment.compile("self[0] + self[1]").evaluate(data) == [
        {"k": "x", "v": 9},
        {"k": "y", "v": 2},
        {"k": "z", "v": 3},
    ]


@pytest.mark.parametrize("name", ["1st", "any", "metadata.labels", "free.x", "namespace.x", "template.metadata.uid"])
def test_what_has_no_schema_or_no_name_cannot_be_read(name: str) -> None:
    with pytest.raises(CompileError):
        ENV.compile(f"self.{name} == 'a'")


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("a", "a"),
        ("a_b", "a_b"),
        ("a-b", "a__dash__b"),
        ("a__b", "a__underscores__b"),
        ("in", "__in__"),
        ("int", "int"),
        ("a b", None),
    ],
)
def test_names_are_escaped(name: str, escaped: str | None) -> None:
    assert escape(name) == escaped


def test_data_that_breaks_its_schema_is_an_error_of_the_evaluation() -> None:
    for text in (
        "self.i < 3",
        "self.i + 1 == 2",
        "self.at < self.at",
        "self.set.all(s, s == 'a')",
        "self.inner.set[0] == 'a'",
    ):
        program = ENV.compile(text)
        with pytest.raises(EvaluationError):
            program.evaluate({"self": {"i": "one", "at": "noon", "set": 3, "inner": []}})


def test_null_in_place_of_an_object_or_a_list_is_equal_to_null_only() -> None:
    environment = Environment({"self": SELF, "oldSelf": SELF})
    for name in ("inner", "set", "keyed", "times", "spans"):
        program = environment.compile(f"self.{name} == oldSelf.{name}")
        assert program.evaluate({"self": {name: None}, "oldSelf": {name: None}}) is True
        full = {} if name in ("inner", "spans") else []
        assert program.evaluate({"self": {name: None}, "oldSelf": {name: full}}) is False
        assert program.evaluate({"self": {name: full}, "oldSelf": {name: None}}) is False


def test_a_missing_variable_is_an_error_of_the_evaluation() -> None:
    with pytest.raises(EvaluationError, match=r"no such attribute\(s\): self"):
        ENV.compile("self.i == 1").evaluate({})


def resolve(reference: str) -> dict[str, Any] | None:
    return schemas.definition(reference.rsplit("/", 1)[-1])


POD = types.from_schema(schemas.definition("io.k8s.api.core.v1.Pod"), name="v1.Pod", resolve=resolve)


def test_built_in_kinds_have_types() -> None:
    environment = Environment({"object": POD})
    text = "object.spec.containers.all(c, c.resources.limits['cpu'] == '1' && c.ports.exists(p, p.containerPort > 80))"
    pod = {"spec": {"containers": [{"resources": {"limits": {"cpu": "1"}}, "ports": [{"containerPort": 81}]}]}}
    assert environment.compile(text).evaluate({"object": pod}) is True
    assert "undefined field 'foo'" in outcome("object.spec.foo == 1", environment)
    assert "type 'string' does not support" in outcome("object.metadata.name.x", environment)
    assert environment.compile("object.metadata.creationTimestamp").result_type == types.TIMESTAMP


def test_a_type_that_contains_itself_ends() -> None:
    name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition"
    environment = Environment({"o": types.from_schema(schemas.definition(name), resolve=resolve)})
    text = "o.spec.versions[0].schema.openAPIV3Schema.properties['a'].properties['b'].type == 'x' && o == o"
    assert environment.compile(text).result_type == types.BOOL


SIZES = [
    ({"type": "string", "maxLength": 5}, 20),
    ({"type": "string", "enum": ["a", "bcd"]}, 3),
    ({"type": "string"}, 3 * 1024 * 1024 - 2),
    ({"type": "string", "format": "byte", "maxLength": 5}, 5),
    ({"type": "array", "items": STRING, "maxItems": 7}, 7),
    ({"type": "array", "items": STRING}, (3 * 1024 * 1024 - 2) // 3),
    ({"type": "array", "items": {"type": "boolean"}}, (3 * 1024 * 1024 - 2) // 5),
    ({"type": "object", "additionalProperties": {"type": "integer"}, "maxProperties": 4}, 4),
    ({"type": "object", "additionalProperties": {"type": "integer"}}, (3 * 1024 * 1024 - 2) // 7),
]


@pytest.mark.parametrize(("schema", "size"), SIZES)
def test_sizes_follow_the_schema_or_the_largest_request(schema: dict[str, Any], size: int) -> None:
    assert types.from_schema(schema).max_elements == size

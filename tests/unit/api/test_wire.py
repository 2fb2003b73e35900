"""The protobuf tables agree with the schemas of the kinds, and bodies are read as their JSON would be."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.api import KINDS, schemas, wire
from kubelite.api.types.apiextensions_v1 import JSONSchemaProps
from kubelite.machinery import protobuf
from kubelite.machinery.errors import StatusError
from kubelite.machinery.protobufwriter import write_envelope

WITHOUT_TABLE = {"version_info"}
"""Group versions whose bodies are taken as JSON and YAML only."""
OLD_VERSIONS = {"autoscaling_v2beta1", "extensions_v1beta1"}
"""Forms that only old versions have; they come as JSON and YAML."""
UNNUMBERED = {
    "core_v1.PodSchedulingGroup",
    "core_v1.PodSpec.schedulingGroup",
    "core_v1.NodeAllocatableResourceClaimStatus",
    "core_v1.PodStatus.nodeAllocatableResourceClaimStatuses",
    "meta_v1.ShardInfo",
    "meta_v1.ListMeta.shardInfo",
    "resource_v1.Device.nodeAllocatableResourceMappings",
    "resource_v1.NodeAllocatableResourceMapping",
    *(f"resource_v1.DeviceAttribute.{name}" for name in ("bools", "ints", "strings", "versions")),
}
"""Alpha fields and kinds that came after the release the tables are made from. The list may only shrink."""
SPECIAL = {"Time": "time", "MicroTime": "microtime", "Quantity": "quantity", "IntOrString": "intorstring"}
SPECIAL |= {"RawExtension": "raw", "FieldsV1": "raw"}
SCALARS = {("string", "byte"): "bytes", ("integer", "int32"): "int32", ("integer", "int64"): "int64"}
SCALARS |= {("string", ""): "string", ("boolean", ""): "bool"}


def definitions() -> Iterator[tuple[str, dict[str, Any]]]:
    """(`core_v1.Pod`, schema) of everything that has properties in a module with a table."""
    for module in sorted(wire.modules()):
        for full, schema in schemas.definitions(module).items():
            if "JSON" not in full.rpartition(".")[2] or full.startswith("io.k8s.api."):
                name = f"{module}.{full.rpartition('.')[2]}"
                if full.rpartition(".")[2] not in SPECIAL and "properties" in schema:
                    yield name, schema


def fields_of(name: str) -> dict[str, protobuf.Field]:
    """The fields by their JSON name, with those of inlined messages."""
    message = wire.message(name)
    found = dict(message.by_name)
    for inlined in message.inlined:
        found |= fields_of(inlined.message)
    return found


def wire_form(schema: dict[str, Any]) -> tuple[str, str]:
    """(shape, type) that a property should have in its table."""
    if schema.get("type") == "array":
        return "list", wire_form(schema["items"])[1]
    if schema.get("type") == "object" and "additionalProperties" in schema:
        inner = schema["additionalProperties"]
        if inner.get("type") == "array":
            return "map", "items"
        return "map", wire_form(inner)[1]
    if "$ref" in schema:
        full = schema["$ref"].rpartition("/")[2]
        short = full.rpartition(".")[2]
        return "one", SPECIAL.get(short) or f"{schemas.module_of(full)}.{short}"
    return "one", SCALARS[(schema["type"], schema.get("format", ""))]


def test_every_group_version_has_a_table_or_is_known_to_have_none():
    every = {path.name.removesuffix(".json") for path in schemas.importlib.resources.files(schemas.__name__).iterdir()}
    assert wire.modules() == {name for name in every if "_v" in name} - WITHOUT_TABLE - OLD_VERSIONS


def test_every_served_kind_has_a_message():
    for kind in KINDS:
        if schemas.module_of_group(kind.group, kind.version) in WITHOUT_TABLE or (kind.stored_as and kind.deprecation):
            continue
        assert wire.message_of(kind.api_version, kind.kind)
        assert wire.message_of(kind.api_version, f"{kind.kind}List") or not kind.verbs or not kind.stored


def test_every_json_field_has_a_number_and_the_right_type():
    lacking, wrong = set(), {}
    for name, schema in definitions():
        module, _, short = name.partition(".")
        table = wire.table(module)
        assert table is not None
        if short not in table.messages:
            lacking.add(name)
            continue
        fields = fields_of(name)
        for key, inner in schema["properties"].items():
            if key in ("apiVersion", "kind") and key not in fields and short in table.kinds:
                continue
            if key not in fields:
                lacking.add(f"{name}.{key}")
                continue
            field = fields[key]
            found = (field.shape, field.message or field.kind)
            if found != wire_form(inner) and found != ("one", "items"):
                wrong[f"{name}.{key}"] = (found, wire_form(inner))
    assert lacking == UNNUMBERED
    assert wrong == {}


def test_the_schema_of_a_definition_has_every_field():
    names = {field.encode_name for field in msgspec.structs.fields(JSONSchemaProps)}
    assert set(fields_of("apiextensions_v1.JSONSchemaProps")) == names


def test_no_number_or_name_stands_twice_and_every_reference_leads_somewhere():
    for module in wire.modules():
        table = wire.table(module)
        assert table is not None
        assert table.kinds <= set(table.messages)
        for short, rows in table.messages.items():
            message = wire.message(f"{module}.{short}")
            assert len(message.by_number) == len(rows), short
            assert len(message.by_name) + len(message.inlined) == len(rows), short
            for field in message.by_number.values():
                assert not field.message or wire.message(field.message)


def object_of(name: str, depth: int = 0) -> dict[str, Any]:
    """An object with every field set, none of them to a zero."""
    out: dict[str, Any] = {}
    for key, field in fields_of(name).items():
        value = value_of(field, depth)
        if value is not None:
            out[key] = {"one": value, "list": [value], "map": {"k": value}}[field.shape]
    return out


CHOICES = ("=object", "=list", "=bool")
VALUES: dict[str, Any] = {
    "double": 0.5,
    "string": "text",
    "bool": True,
    "int32": 5,
    "int64": 6,
    "bytes": base64.b64encode(b"x").decode(),
    "time": "2026-11-21T03:04:05Z",
    "microtime": "2026-11-21T03:04:05.000006Z",
    "quantity": "10m",
    "intorstring": "25%",
    "raw": {"f:a": {}},
    "items": ["one"],
}


def value_of(field: protobuf.Field, depth: int) -> Any:
    if field.kind != "message":
        return VALUES[field.kind]
    if depth > (1 if field.message.startswith("apiextensions_v1.JSONSchema") else 8):
        return None  # schemas hold schemas in a dozen places
    found = object_of(field.message, depth + 1)
    return (
        next((found[name] for name in CHOICES if name in found), None) if wire.message(field.message).choice else found
    )


def test_every_kind_with_every_field_comes_back():
    for module in wire.modules():
        table = wire.table(module)
        assert table is not None
        for kind in sorted(table.kinds):
            name = f"{module}.{kind}"
            if kind == "Table":
                continue
            found = object_of(name)
            read = protobuf.read_message(
                wire.message, name, wire.protobufwriter.write_message(wire.message, name, found)
            )
            assert read == found, name


DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "labels": {"app": "web"}},
    "spec": {
        "replicas": 0,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [{"name": "c", "image": "i", "env": [{"name": "E"}], "ports": [{"containerPort": 80}]}],
                "volumes": [
                    {"name": "v", "emptyDir": {}},
                    {"name": "s", "secret": {"secretName": "x", "defaultMode": 0}},
                ],
                "ephemeralContainers": [{"name": "e", "targetContainerName": "c", "stdin": True}],
            },
        },
        "strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "25%"}, "type": "RollingUpdate"},
    },
}


def test_an_object_is_the_same_before_and_after():
    assert wire.decode(wire.encode(DEPLOYMENT)) == DEPLOYMENT


@pytest.mark.parametrize(
    ("api_version", "kind", "message"),
    [
        ("v1", "Pod", "core_v1.Pod"),
        ("rbac.authorization.k8s.io/v1", "RoleList", "rbac_v1.RoleList"),
        ("events.k8s.io/v1", "Event", "events_v1.Event"),
        ("policy/v1", "Eviction", "policy_v1.Eviction"),
        ("autoscaling/v1", "Scale", "autoscaling_v1.Scale"),
        ("authentication.k8s.io/v1", "TokenRequest", "authentication_v1.TokenRequest"),
        ("apps/v1", "DeleteOptions", "meta_v1.DeleteOptions"),
        ("stable.example.com/v1", "DeleteOptions", "meta_v1.DeleteOptions"),
        ("v1", "Status", "meta_v1.Status"),
        ("meta.k8s.io/v1", "PartialObjectMetadata", "meta_v1.PartialObjectMetadata"),
        ("apps/v1", "Status", ""),
        ("apps/v1", "DeploymentSpec", ""),
        ("../v1", "Pod", ""),
        ("apps.example.com/v1", "Deployment", ""),
        ("", "", ""),
    ],
)
def test_kinds_are_found_by_group_and_version(api_version: str, kind: str, message: str):
    assert wire.message_of(api_version, kind) == message


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        (b"", 400, "the object provided is unrecognized (must be of type Pod): empty data (<empty>)"),
        (
            b"{}",
            400,
            "the object provided is unrecognized (must be of type Pod): provided data does not appear to be a protobuf"
            " message, expected prefix [107 56 115 0] (7b7d)",
        ),
        (
            write_envelope("v1", "Pod", b"\x0a\x05"),
            400,
            'Pod in version "v1" cannot be handled as a Pod: unexpected EOF',
        ),
        (
            write_envelope("v1", "Nothing", b""),
            400,
            'Nothing in version "v1" cannot be handled as a Pod: no kind "Nothing" is registered for version "v1"',
        ),
        (
            write_envelope("stable.example.com/v1", "CronTab", b""),
            415,
            "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_in_upstreams_words(body: bytes, code: int, text: str):
    with pytest.raises(StatusError) as found:
        wire.decode(body, "Pod")
    assert (found.value.code, found.value.message) == (code, text)


@pytest.mark.parametrize(
    "document",
    [
        {"apiVersion": "stable.example.com/v1", "kind": "CronTab"},
        {"apiVersion": "v1", "kind": "Pod", "spec": {"schedulingGroup": {"podGroupName": "g"}}},
        {"apiVersion": "meta.k8s.io/v1", "kind": "Table", "rows": [{"cells": ["a"]}]},
    ],
)
def test_what_has_no_protobuf_form_is_not_acceptable(document: dict[str, Any]):
    with pytest.raises(StatusError) as found:
        wire.encode(document)
    assert found.value.code == 406


def test_a_watch_event_carries_its_object():
    frame = wire.encode_watch_frame("ADDED", DEPLOYMENT)
    event = protobuf.read_message(
        lambda name: (
            protobuf.message(name, [[1, "type", "string"], [2, "object", "t.Raw"]], is_object=False)
            if name == "t.Event"
            else protobuf.message(name, [[1, "raw", "bytes"]], is_object=False)
        ),
        "t.Event",
        frame[4:],
    )
    assert event["type"] == "ADDED"
    assert wire.decode(base64.b64decode(event["object"]["raw"])) == DEPLOYMENT


WHOLE = [wire.encode({"apiVersion": "v1", "kind": "Pod", **object_of("core_v1.Pod", 5)}), wire.encode(DEPLOYMENT)]


@given(st.sampled_from(WHOLE), st.data())
def test_a_changed_body_is_read_or_refused_and_what_is_read_is_json(whole: bytes, data: st.DataObject):
    body = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    with suppress(StatusError):
        assert msgspec.json.decode(msgspec.json.encode(wire.decode(bytes(body))))

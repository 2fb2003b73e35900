"""fieldValidation=Strict, for typed objects and for custom resources."""

from __future__ import annotations

from typing import Any

import yaml

from tests.apienv import ApiEnv, Reply
from tests.conformance.harness import good, namespace
from tests.integration.custom_resources.definitions import definition, established, path, version

STRICT = {"fieldManager": "field_validation_mgr", "fieldValidation": "Strict"}
DEPLOYMENT = """{"apiVersion": "apps/v1", "kind": "Deployment",
 "metadata": {"name": "my-dep", %s "labels": {"app": "nginx"}},
 "spec": {%s "selector": {"matchLabels": {"app": "nginx"}},
  "template": {"metadata": {"labels": {"app": "nginx"}},
   "spec": {"containers": [{"name": "nginx", "image": "nginx:latest"}]}}}}"""
PORT = {
    "type": "object",
    "required": ["containerPort", "protocol"],
    "properties": {
        "containerPort": {"type": "integer", "format": "int32"},
        "hostPort": {"type": "integer", "format": "int32"},
        "hostIP": {"type": "string"},
        "name": {"type": "string"},
        "protocol": {"type": "string"},
    },
}
PROPERTIES = {
    "foo": {"type": "string"},
    "cronSpec": {"type": "string", "pattern": r"^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$"},
    "ports": {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["containerPort", "protocol"],
        "items": PORT,
    },
}
TEMPLATE = {
    "type": "object",
    "x-kubernetes-embedded-resource": True,
    "properties": {
        "metadata": {"type": "object", "properties": {"name": {"type": "string"}}},
        "spec": {"type": "object"},
    },
}
HEAD = """
apiVersion: stable.example.com/v1
kind: CronTab
metadata:
  name: mytest
{meta}  finalizers:
  - test-finalizer
{root}spec:
"""
TAIL = """  cronSpec: "* * * * */5"
  ports:
  - name: x
    containerPort: 80
    protocol: TCP"""


def schema(**spec: Any) -> dict[str, Any]:
    """A schema whose spec has the properties above; `spec` adds to it."""
    properties = {**PROPERTIES, **spec.pop("properties", {})}
    return {"type": "object", "properties": {"spec": {"type": "object", **spec, "properties": properties}}}


async def served(api: ApiEnv, openapi: dict[str, Any] | None) -> None:
    await established(api, definition(scope="Cluster", versions=[version(schema=openapi)]))


async def applied(api: ApiEnv, spec: str, meta: str = "", root: str = "") -> Reply:
    """The answer to a strict apply of an object written in YAML."""
    text = HEAD.format(meta=meta, root=root) + spec + TAIL
    return await api.patch(path(name="mytest", namespace=""), text.encode(), "apply", query=STRICT)


async def refused(api: ApiEnv, reply: Reply) -> str:
    """The message of the refusal; nothing was stored."""
    assert reply.status == 400, reply.body
    assert (await api.get(path(name="mytest", namespace=""))).status == 404
    return str(reply.json()["message"])


async def strict_deployment(api: ApiEnv, meta: str, spec: str) -> str:
    """The message that refuses the deployment."""
    url = f"/apis/apps/v1/namespaces/{(await namespace(api)).rpartition('/')[2]}/deployments"
    reply = await api.post(url, (DEPLOYMENT % (meta, spec)).encode(), query=STRICT)
    assert (reply.status, reply.json()["reason"]) == (400, "BadRequest")
    assert good(await api.get(url))["items"] == []
    return str(reply.json()["message"])


async def test_detect_unknown_and_duplicate_fields_of_a_typed_object(api: ApiEnv) -> None:
    """A deployment with a field that is not known and one that is there twice is refused for both.

    [sig-api-machinery] FieldValidation should detect unknown and duplicate fields of a typed object [Conformance]
    """
    message = await strict_deployment(api, "", '"unknownField": "foo", "replicas": 2, "replicas": 3,')
    assert 'strict decoding error: unknown field "spec.unknownField", duplicate field "spec.replicas"' in message
    assert message.startswith('Deployment in version "v1" cannot be handled as a Deployment: ')


async def test_should_detect_unknown_metadata_fields_of_a_typed_object(api: ApiEnv) -> None:
    """A deployment whose metadata has an unknown field is refused.

    [sig-api-machinery] FieldValidation should detect unknown metadata fields of a typed object [Conformance]
    """
    message = await strict_deployment(api, '"unknownMeta": "foo",', "")
    assert message.endswith('strict decoding error: unknown field "metadata.unknownMeta"')


async def test_should_create_apply_a_valid_cr_for_crd_with_validation_schema(api: ApiEnv) -> None:
    """An object that fits its schema is created by a strict apply, and applying it again changes nothing.

    [sig-api-machinery] FieldValidation should create/apply a valid CR for CRD with validation schema [Conformance]
    """
    await served(api, schema())
    made = good(await applied(api, "  foo: foo1\n"), 201)
    assert made["spec"] == yaml.safe_load("spec:\n  foo: foo1\n" + TAIL)["spec"]
    again = good(await applied(api, "  foo: foo1\n"), 200)
    assert again["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    changed = good(await applied(api, "  foo: foo2\n"), 200)
    assert (changed["spec"]["foo"], changed["metadata"]["generation"]) == ("foo2", 2)


async def test_should_create_apply_a_cr_with_unknown_fields_for_crd_with_no_validation_schema(api: ApiEnv) -> None:
    """Where the schema leaves everything open, a strict apply takes fields that nobody declared.

    [sig-api-machinery] FieldValidation should create/apply a CR with unknown fields for CRD with no validation schema
    [Conformance]
    """
    await served(api, None)
    assert good(await applied(api, "  unknown: uk1\n"), 201)["spec"]["unknown"] == "uk1"


async def test_create_apply_an_invalid_cr_with_extra_properties_for_crd_with_validation_schema(api: ApiEnv) -> None:
    """A field that the schema does not have ends a strict apply and a strict create.

    [sig-api-machinery] FieldValidation should create/apply an invalid CR with extra properties for CRD with validation
    schema [Conformance]
    """
    await served(api, schema())
    reply = await applied(api, "  foo: foo1\n", root="unknownField: unknown\n")
    assert ".unknownField: field not declared in schema" in await refused(api, reply)
    body = yaml.safe_load(HEAD.format(meta="", root="unknownField: unknown\n") + TAIL)
    created = await api.post(path(namespace=""), body, query=STRICT)
    assert 'strict decoding error: unknown field "unknownField"' in await refused(api, created)


async def test_detect_unknown_metadata_fields_in_both_the_root_and_embedded_object_of_a_cr(api: ApiEnv) -> None:
    """Metadata is closed, at the root and in an embedded object, even where other fields are open.

    [sig-api-machinery] FieldValidation should detect unknown metadata fields in both the root and embedded object of a
    CR [Conformance]
    """
    openness = {"x-kubernetes-preserve-unknown-fields": True, "properties": {"template": TEMPLATE}}
    await served(api, schema(**openness))
    template = "  template:\n    apiversion: foo/v1\n    kind: Sub\n    metadata:\n      unknownSubMeta: unknown\n"
    template += "      name: subobject\n      namespace: default\n  foo: foo1\n"
    reply = await applied(api, template, meta="  unknownMeta: unknown\n")
    message = await refused(api, reply)
    assert ".spec.template.metadata.unknownSubMeta: field not declared in schema" in message
    body = yaml.safe_load(HEAD.format(meta="  unknownMeta: unknown\n", root="") + template + TAIL)
    created = await refused(api, await api.post(path(namespace=""), body, query=STRICT))
    assert 'unknown field "metadata.unknownMeta"' in created
    assert 'unknown field "spec.template.metadata.unknownSubMeta"' in created


async def test_should_detect_duplicates_in_a_cr_when_preserving_unknown_fields(api: ApiEnv) -> None:
    """A key that is written twice is refused with its line, however open the schema is.

    [sig-api-machinery] FieldValidation should detect duplicates in a CR when preserving unknown fields [Conformance]
    """
    await served(api, schema(**{"x-kubernetes-preserve-unknown-fields": True}))
    reply = await applied(api, "  unknown: uk1\n  foo: foo1\n  foo: foo2\n")
    assert 'line 11: key "foo" already set in map' in await refused(api, reply)

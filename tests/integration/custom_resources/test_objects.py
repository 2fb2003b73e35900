"""Custom objects through the write path: validation, status, scale, patches, fields that nobody knows, tables, selectors."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.apienv import ApiEnv, api_server
from tests.integration.custom_resources.definitions import (
    custom,
    definition,
    established,
    path,
    spec_schema,
    version,
)

SPEC = spec_schema(
    cronSpec={"type": "string", "pattern": "^[0-9* ]+$"},
    replicas={"type": "integer", "minimum": 0, "maximum": 10, "default": 1},
    color={"type": "string", "enum": ["red", "blue"]},
    ports={
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        "items": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": {"type": "string"}, "port": {"x-kubernetes-int-or-string": True}},
        },
    },
    template={"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True},
)
SCALE = {
    "specReplicasPath": ".spec.replicas",
    "statusReplicasPath": ".status.replicas",
    "labelSelectorPath": ".status.selector",
}
COLUMNS = [
    {"name": "Spec", "type": "string", "jsonPath": ".spec.cronSpec", "description": "The schedule"},
    {"name": "Replicas", "type": "integer", "jsonPath": ".spec.replicas", "priority": 1},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
]


@pytest.fixture
async def api() -> AsyncIterator[ApiEnv]:
    async with api_server() as env:
        versions = [
            version(
                schema=SPEC,
                subresources={"status": {}, "scale": SCALE},
                additionalPrinterColumns=COLUMNS,
                selectableFields=[{"jsonPath": ".spec.color"}, {"jsonPath": ".spec.replicas"}],
            ),
            version("v2", deprecated=True),
        ]
        await established(env, definition(versions=versions))
        yield env


def _messages(reply: Any) -> list[str]:
    assert reply.status == 422, reply.body
    return [f"{cause['field']}: {cause['message']}" for cause in reply.json()["details"]["causes"]]


async def test_an_invalid_object_is_refused_with_the_words_of_the_schema(api: ApiEnv) -> None:
    spec = {
        "cronSpec": "x",
        "replicas": "many",
        "color": "green",
        "ports": [{"name": "a"}, {"name": "a"}, {"port": True}],
    }
    assert _messages(await api.post(path(), custom("bad", spec=spec))) == [
        "spec.cronSpec: Invalid value: \"x\": spec.cronSpec in body should match '^[0-9* ]+$'",
        'spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"',
        'spec.color: Unsupported value: "green": supported values: "red", "blue"',
        "spec.ports[2].name: Required value",
        'spec.ports[2].port: Invalid value: "boolean": spec.ports[2].port in body must be of type integer,string: "boolean"',
        'spec.ports[1]: Duplicate value: {"name":"a"}',
    ]


async def test_an_unchanged_mistake_is_tolerated_in_an_update_and_a_new_one_is_not(api: ApiEnv) -> None:
    assert (await api.post(path(), custom("one", spec={"cronSpec": "1"}))).status == 201
    crd = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/crontabs.stable.example.com"
    place = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/cronSpec"
    assert (await api.patch(crd, [{"op": "add", "path": f"{place}/minLength", "value": 3}], "json")).status == 200
    from tests.integration.custom_resources.definitions import until

    await until(api, path(), lambda reply: reply.status == 200)
    refused = await api.post(path(), custom("two", spec={"cronSpec": "1"}))
    while refused.status == 201:  # the schema is not known everywhere yet
        await api.delete(path(name="two"))
        refused = await api.post(path(), custom("two", spec={"cronSpec": "1"}))
    assert _messages(refused) == [
        'spec.cronSpec: Invalid value: "1": spec.cronSpec in body should be at least 3 chars long'
    ]
    assert (await api.patch(path(name="one"), {"spec": {"replicas": 2}})).status == 200
    assert (await api.patch(path(name="one"), {"spec": {"cronSpec": "2"}})).status == 422


async def test_the_status_is_written_apart_and_only_the_rest_counts_generations(api: ApiEnv) -> None:
    made = (await api.post(path(), custom("one", spec={}, status={"replicas": 9}))).json()
    assert "status" not in made and made["metadata"]["generation"] == 1
    patched = (await api.patch(path(name="one"), {"spec": {"replicas": 3}, "status": {"replicas": 9}})).json()
    assert "status" not in patched and patched["metadata"]["generation"] == 2
    status = (
        await api.patch(path(name="one") + "/status", {"spec": {"replicas": 5}, "status": {"replicas": 4}})
    ).json()
    assert status["status"] == {"replicas": 4} and status["spec"]["replicas"] == 3
    assert status["metadata"]["generation"] == 2


async def test_the_scale_subresource_reads_and_writes_the_declared_fields(api: ApiEnv) -> None:
    await api.post(path(), custom("one", spec={"replicas": 2}))
    await api.patch(path(name="one") + "/status", {"status": {"replicas": 1, "selector": "app=x"}})
    scale = (await api.get(path(name="one") + "/scale")).json()
    assert (scale["spec"], scale["status"]) == ({"replicas": 2}, {"replicas": 1, "selector": "app=x"})
    scale["spec"]["replicas"] = 5
    assert (await api.put(path(name="one") + "/scale", scale)).json()["spec"] == {"replicas": 5}
    assert (await api.get(path(name="one"))).json()["spec"]["replicas"] == 5
    too_many = await api.patch(path(name="one") + "/scale", {"spec": {"replicas": 50}})
    assert too_many.status == 422, too_many.body


@pytest.mark.parametrize("kind", ["merge", "json"])
async def test_patches_and_what_is_no_patch_for_custom_resources(api: ApiEnv, kind: str) -> None:
    await api.post(path(), custom("one", spec={"replicas": 2}))
    patch: Any = {"spec": {"replicas": 3}}
    if kind == "json":
        patch = [{"op": "replace", "path": "/spec/replicas", "value": 3}]
    assert (await api.patch(path(name="one"), patch, kind)).json()["spec"]["replicas"] == 3
    assert (await api.patch(path(name="one"), {"spec": {"replicas": 4}}, "strategic")).status == 415


async def test_server_side_apply_merges_lists_by_their_keys(api: ApiEnv) -> None:
    for manager, port in (("one", "a"), ("two", "b")):
        applied = custom("one", spec={"ports": [{"name": port, "port": 80}]})
        reply = await api.patch(path(name="one"), applied, "apply", query={"fieldManager": manager})
        assert reply.status in (200, 201), reply.body
    assert [one["name"] for one in (await api.get(path(name="one"))).json()["spec"]["ports"]] == ["a", "b"]


async def test_put_needs_a_resource_version(api: ApiEnv) -> None:
    await api.post(path(), custom("one"))
    reply = await api.put(path(name="one"), custom("one", spec={}))
    assert _messages(reply) == ["metadata.resourceVersion: Invalid value: 0x0: must be specified for an update"]


async def test_unknown_fields_are_pruned_and_reported_as_asked(api: ApiEnv) -> None:
    body = custom("one", spec={"unknown": 1, "ports": [{"name": "a", "extra": 1}]})
    texts = ['unknown field "spec.ports[0].extra"', 'unknown field "spec.unknown"']
    strict = await api.post(path(), body, query={"fieldValidation": "Strict"})
    assert strict.status == 400
    assert all(text in strict.json()["message"] for text in texts)
    warned = await api.post(path(), body)
    assert warned.status == 201
    assert all(text.replace('"', '\\"') in warned.headers["warning"] for text in texts)
    assert warned.json()["spec"] == {"ports": [{"name": "a"}], "replicas": 1}
    ignored = await api.post(path(), {**body, "metadata": {"name": "two"}}, query={"fieldValidation": "Ignore"})
    assert "warning" not in ignored.headers


async def test_duplicates_and_unknown_metadata_are_found_also_in_embedded_objects(api: ApiEnv) -> None:
    embedded = (
        b'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x","unknownMeta":1,"unknownMeta2":2},"spec":{"a":1}}'
    )
    body = (
        b'{"apiVersion":"stable.example.com/v1","kind":"CronTab","metadata":{"name":"one","unknownMeta":"foo"},'
        b'"spec":{"replicas":1,"replicas":2,"template":' + embedded + b"}}"
    )
    strict = await api.post(path(), body, query={"fieldValidation": "Strict"})
    assert strict.status == 400
    for text in (
        'unknown field "metadata.unknownMeta"',
        'duplicate field "spec.replicas"',
        'unknown field "spec.template.metadata.unknownMeta"',
        'unknown field "spec.template.metadata.unknownMeta2"',
    ):
        assert text in strict.json()["message"]
    kept = await api.post(path(), body, query={"fieldValidation": "Ignore"})
    assert kept.json()["spec"]["template"]["metadata"] == {"name": "x"}
    assert kept.json()["spec"]["template"]["spec"] == {"a": 1}


async def test_embedded_objects_need_a_kind_and_a_good_name(api: ApiEnv) -> None:
    spec = {"template": {"kind": "Pod!", "metadata": {"name": "a/b"}}}
    messages = _messages(await api.post(path(), custom("one", spec=spec)))
    assert "spec.template.apiVersion: Required value: must not be empty" in messages
    assert any(message.startswith("spec.template.kind: Invalid value") for message in messages)
    assert "spec.template.metadata.name: Invalid value: \"a/b\": may not contain '/'" in messages


async def test_tables_have_the_declared_columns(api: ApiEnv) -> None:
    await api.post(path(), custom("one", spec={"cronSpec": "1 *"}))
    accept = {"accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    table = (await api.get(path(), headers=accept)).json()
    shown = [(one["name"], one["type"], one["priority"]) for one in table["columnDefinitions"]]
    assert shown == [("Name", "string", 0), ("Spec", "string", 0), ("Replicas", "integer", 1), ("Age", "date", 0)]
    assert table["rows"][0]["cells"][:3] == ["one", "1 *", 1]
    other = (await api.get(path(version="v2"), headers=accept)).json()
    assert [one["name"] for one in other["columnDefinitions"]] == ["Name", "Age"]


async def test_list_and_watch_custom_resources_matching_the_field_selector(api: ApiEnv) -> None:
    async with api.watch(path(), fieldSelector="spec.color=red") as watch:
        for name, color in (("a", "red"), ("b", "blue"), ("c", "red")):
            assert (await api.post(path(), custom(name, spec={"color": color}))).status == 201
        assert (await api.patch(path(name="a"), {"spec": {"color": "blue"}})).status == 200
        events = [await watch.next() for _ in range(3)]
        seen = [(event["type"], event["object"]["metadata"]["name"]) for event in events]
        assert seen == [("ADDED", "a"), ("ADDED", "c"), ("DELETED", "a")]
    listed = (await api.get(path(), query={"fieldSelector": "spec.color=blue,spec.replicas=1"})).json()
    assert [one["metadata"]["name"] for one in listed["items"]] == ["a", "b"]
    refused = await api.get(path(), query={"fieldSelector": "spec.cronSpec=1"})
    assert (refused.status, refused.json()["message"]) == (400, "field label not supported: spec.cronSpec")
    assert (await api.get(path(version="v2"), query={"fieldSelector": "spec.color=blue"})).status == 400


async def test_versions_differ_by_name_and_a_deprecated_one_warns(api: ApiEnv) -> None:
    await api.post(path(), custom("one", spec={"color": "red"}))
    other = await api.get(path(version="v2", name="one"))
    assert other.json()["apiVersion"] == "stable.example.com/v2"
    assert "stable.example.com/v2 CronTab is deprecated" in other.headers["warning"]
    made = await api.post(path(version="v2"), custom("two", version="v2", spec={"color": "blue", "free": 1}))
    assert made.status == 201 and made.json()["spec"]["free"] == 1
    assert (await api.get(path(name="two"))).json()["spec"] == {"color": "blue", "replicas": 1}
    listed = (await api.get(path(version="v2"))).json()
    assert {one["apiVersion"] for one in listed["items"]} == {"stable.example.com/v2"}
    assert listed["kind"] == "CronTabList"


async def test_lists_are_limited_and_continued(api: ApiEnv) -> None:
    for number in range(5):
        await api.post(path(), custom(f"n{number}"))
    first = (await api.get(path(), query={"limit": 2})).json()
    assert (len(first["items"]), first["metadata"]["remainingItemCount"]) == (2, 3)
    rest = (await api.get(path(), query={"limit": 10, "continue": first["metadata"]["continue"]})).json()
    assert [one["metadata"]["name"] for one in rest["items"]] == ["n2", "n3", "n4"]


async def test_a_dry_run_changes_nothing_and_a_collection_is_deleted_by_label(api: ApiEnv) -> None:
    dry = await api.post(path(), custom("dry"), query={"dryRun": "All"})
    assert dry.status == 201 and dry.json()["spec"] if "spec" in dry.json() else True
    assert (await api.get(path(name="dry"))).status == 404
    for name in ("a", "b"):
        body = custom(name)
        body["metadata"]["labels"] = {"x": name}
        await api.post(path(), body)
    assert (await api.delete(path(), query={"labelSelector": "x=a"})).status == 200
    assert [one["metadata"]["name"] for one in (await api.get(path())).json()["items"]] == ["b"]


async def test_finalizers_without_a_domain_are_taken_with_a_warning(api: ApiEnv) -> None:
    body = custom("one")
    body["metadata"]["finalizers"] = ["mine"]
    made = await api.post(path(), body)
    assert made.status == 201
    assert "prefer a domain-qualified finalizer name" in made.headers["warning"]


async def test_what_admission_puts_in_is_pruned_and_filled_in(api: ApiEnv) -> None:
    class Meddling:
        """Admission that adds a field which the schema has not, and removes one that it fills in."""

        async def mutate(self, request: Any) -> None:
            if request.kind.kind == "CronTab" and request.operation != "DELETE":
                request.object.content["spec"] |= {"nonsense": 1, "color": "blue"}
                request.object.content["spec"].pop("replicas", None)

        async def validate(self, request: Any) -> None:
            return None

    api.registry.admission = Meddling()
    expected = {"color": "blue", "replicas": 1}
    assert (await api.post(path(), custom("one", spec={}))).json()["spec"] == expected
    patched = await api.patch(path(name="one"), {"spec": {"replicas": 5}})
    assert patched.json()["spec"] == expected


async def test_whole_numbers_are_kept_without_a_fraction_for_clients_with_integer_fields(api: ApiEnv) -> None:
    number = {"type": "integer", "minimum": 0, "maximum": 10}
    crd = await established(api, definition("counters", "Counter", versions=[version(schema=spec_schema(n=number))]))
    known = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["n"]
    assert json.dumps(known, sort_keys=True) == '{"maximum": 10, "minimum": 0, "type": "integer"}'
    body = b'{"apiVersion":"stable.example.com/v1","kind":"Counter","metadata":{"name":"a"},"spec":{"n":3.0}}'
    made = await api.post(path("counters"), body)
    assert (made.status, json.dumps(made.json()["spec"])) == (201, '{"n": 3}')
    again = await api.put(path("counters", "a"), {**made.json(), "spec": {"n": 3.0}})
    assert json.dumps(again.json()["spec"]) == '{"n": 3}'
    assert again.json()["metadata"]["resourceVersion"] == made.json()["metadata"]["resourceVersion"]

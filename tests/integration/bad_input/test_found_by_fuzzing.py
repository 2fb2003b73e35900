"""What random requests once found: each test sends, in short form, a request that was answered wrongly."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.apienv import ADMIN_TOKEN, ApiEnv, read_reply
from tests.integration.custom_resources.definitions import CRDS, custom, definition, established, path, until, version

pytestmark = pytest.mark.asyncio(loop_scope="module")
WRONG = ["x", 5, True, {"a": 1}]


def nested(where: str, word: str, value: Any) -> dict[str, Any]:
    """A definition whose schema has a wrong keyword below `items` or `additionalProperties`."""
    inner = {"type": "object", "properties": {"a": {"type": "string", word: value}}}
    outer = {"type": "array" if where == "items" else "object", where: inner}
    return definition("fuzzed", "Fuzzed", versions=[version(schema={"type": "object", "properties": {"spec": outer}})])


@pytest.mark.parametrize("where", ["items", "additionalProperties"])
@pytest.mark.parametrize("word", ["anyOf", "allOf", "oneOf", "enum", "required", "x-kubernetes-validations"])
async def test_a_keyword_of_the_wrong_type_below_a_list_or_map_is_refused(
    server: ApiEnv, where: str, word: str
) -> None:
    for value in WRONG:
        reply = await server.post(CRDS, nested(where, word, value))
        assert reply.status == 400, (value, reply.body)
        assert f"{where}.properties.{word} of type" in reply.json()["message"]


@pytest.mark.parametrize("where", ["items", "additionalProperties"])
async def test_an_unknown_keyword_below_a_list_or_map_is_named(server: ApiEnv, where: str) -> None:
    reply = await server.post(CRDS, nested(where, "minimun", 1), query={"fieldValidation": "Strict"})
    assert reply.status == 400
    assert f'openAPIV3Schema.properties.spec.{where}.properties.a.minimun"' in reply.json()["message"]


async def test_an_object_of_a_custom_kind_with_a_number_as_its_version_is_refused(server: ApiEnv) -> None:
    await established(server, definition("numbered", "Numbered"))
    for key in ("apiVersion", "kind"):
        reply = await server.post(path("numbered"), {**custom("n", kind="Numbered"), key: 10**16})
        assert reply.status == 400, reply.body
        assert f"Go struct field .{key} of type string" in reply.json()["message"]
    await server.delete(f"{CRDS}/numbered.stable.example.com")


@pytest.mark.parametrize("protocol", ["websocket", "h2c", "SPDY/3.1"])
async def test_the_body_of_a_request_that_asks_for_an_upgrade_is_read(server: ApiEnv, protocol: str) -> None:
    body = json.dumps({"metadata": {"name": "upgraded"}}).encode()
    head = (
        "POST /api/v1/namespaces/test/configmaps?dryRun=All HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\n"
        f"upgrade: {protocol}\r\nauthorization: Bearer {ADMIN_TOKEN}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    ).encode()
    reader, writer = await server.connect()
    for pieces in ((head + body,), (head, body), (head + body[:5], body[5:]), (head[:-3], head[-3:] + body)):
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.01)
        reply = await read_reply(reader)
        assert (reply.status, reply.json()["metadata"]["name"]) == (201, "upgraded")
    writer.close()


async def test_names_of_resources_that_nobody_serves_do_not_become_labels_of_metrics(server: ApiEnv) -> None:
    for path_ in (
        "/api/v1/nobody-has-this",
        "/apis/nobody.has/v1/this",
        "/api/v1/namespaces/test/pods/p/nobody-has-this",
    ):
        for token in (ADMIN_TOKEN, "", "wrong"):
            assert (await server.get(path_, token=token)).status in (401, 403, 404)
    text = (await server.get("/metrics")).body
    assert b"nobody" not in text and b'verb="other"' in text


@pytest.mark.parametrize("target", ["/api/v1/namespaces/test/pods?watch=true", "/api/v1/namespaces/test/pods"])
async def test_head_of_resources_is_refused_without_a_body_and_keeps_the_connection(
    server: ApiEnv, target: str
) -> None:
    reader, writer = await server.connect()
    for _ in range(2):
        writer.write(f"HEAD {target} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ADMIN_TOKEN}\r\n\r\n".encode())
        assert (await read_reply(reader, head_only=True)).status == 405
    writer.write(f"GET /version HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ADMIN_TOKEN}\r\n\r\n".encode())
    assert "gitVersion" in (await read_reply(reader)).json()
    writer.close()


async def test_what_cannot_be_answered_as_protobuf_is_not_written(server: ApiEnv) -> None:
    scaler = {
        "metadata": {"name": "unwritten"},
        "spec": {"maxReplicas": 2, "scaleTargetRef": {"kind": "Deployment", "name": "d"}},
    }
    one = "/apis/autoscaling/v2beta2/namespaces/test/horizontalpodautoscalers"
    accept = {"accept": "application/vnd.kubernetes.protobuf"}
    assert (await server.post(one, scaler, headers=accept)).status == 406
    assert (await server.get(f"{one}/unwritten")).status == 404
    await server.post(one, scaler)
    before = (await server.get(f"{one}/unwritten")).json()
    status = {"status": {"currentReplicas": 1}}
    assert (await server.patch(f"{one}/unwritten/status", status, headers=accept)).status == 406
    assert (await server.get(f"{one}/unwritten")).json() == before
    await server.delete(f"{one}/unwritten")


@pytest.mark.parametrize("kind", ["strategic", "merge"])
async def test_a_patch_nested_as_deep_as_json_allows_is_refused(server: ApiEnv, kind: str) -> None:
    target = "/apis/apps/v1/namespaces/test/deployments/nested"
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    await server.post(target.rpartition("/")[0], {"metadata": {"name": "nested"}, "spec": spec})
    for depth in (300, 450, 600, 900, 990):
        reply = await server.patch(target, ('{"metadata":' * depth + "1" + "}" * depth).encode(), kind)
        assert reply.status in (200, 400, 422), (depth, reply.body)  # what is unknown may be dropped
    await server.delete(target)


async def test_a_number_beyond_every_float_is_no_multiple_of_a_fraction(server: ApiEnv) -> None:
    spec = {"type": "object", "properties": {"n": {"type": "number", "multipleOf": 0.1}}}
    versions = [version(schema={"type": "object", "properties": {"spec": spec}})]
    await established(server, definition("large", "Large", versions=versions))
    for number in ("9" * 400, "-" + "9" * 400, "1e308"):
        body = json.dumps({**custom("n", kind="Large"), "spec": "@"}).replace('"@"', f'{{"n": {number}}}')
        reply = await server.post(path("large"), body.encode())
        assert reply.status == 422, (number, reply.body)
    await server.delete(f"{CRDS}/large.stable.example.com")
    service = "/apis/apiregistration.k8s.io/v1/apiservices/v1.stable.example.com"
    for gone in (f"{CRDS}/large.stable.example.com", service):
        await until(server, gone, lambda reply: reply.status == 404)

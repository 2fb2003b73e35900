"""Whatever a client sends, the answer is a Status with upstream's code, and the server stays up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.apienv import ApiEnv, read_reply
from tests.integration.apiserver.objects import DEPLOYMENTS, MAPS, PODS, config_map, deployment, pod

BODIES: list[tuple[str, bytes, int]] = [
    ("empty", b"", 400),
    ("no JSON", b"{", 400),
    ("a list", b"[]", 400),
    ("a string", b'"x"', 400),
    ("null", b"null", 422),
    ("binary", bytes(range(256)), 400),
    ("invalid UTF-8", b'{"metadata":{"name":"\xff\xfe"}}', 400),
    ("deeply nested", b'{"metadata":' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}", 400),
    ("wrong kind", b'{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"}}', 400),
    ("wrong version", b'{"apiVersion":"apps/v1","kind":"ConfigMap","metadata":{"name":"a"}}', 400),
    ("number as name", b'{"metadata":{"name":5}}', 400),
    ("list as data", b'{"metadata":{"name":"a"},"data":[1]}', 400),
    ("number as value", b'{"metadata":{"name":"a"},"data":{"k":1}}', 400),
    ("no name", b'{"metadata":{}}', 422),
    ("bad name", b'{"metadata":{"name":"Not_A_Name"}}', 422),
    ("long name", b'{"metadata":{"name":"' + b"a" * 300 + b'"}}', 422),
    ("slash in name", b'{"metadata":{"name":"a/b"}}', 422),
    ("bad label", b'{"metadata":{"name":"a","labels":{"-":"x"}}}', 422),
    ("bad label value", b'{"metadata":{"name":"a","labels":{"a":"not a value"}}}', 422),
    ("other namespace", b'{"metadata":{"name":"a","namespace":"default"}}', 400),
    ("bad finalizer", b'{"metadata":{"name":"a","finalizers":["no slash!"]}}', 422),
    (
        "owner without uid",
        b'{"metadata":{"name":"a","ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"x"}]}}',
        422,
    ),
]


@pytest.mark.parametrize(("what", "body", "code"), BODIES, ids=[b[0] for b in BODIES])
async def test_a_bad_body_gets_its_status(api: ApiEnv, what: str, body: bytes, code: int) -> None:
    reply = await api.post(MAPS, body, headers={"content-type": "application/json"})
    assert (reply.status, reply.json()["kind"]) == (code, "Status"), reply.body
    assert (await api.get(MAPS)).status == 200


SPECS: list[tuple[str, str, Any, int]] = [
    (
        "selector does not match the template",
        DEPLOYMENTS,
        {**deployment("d")["spec"], "selector": {"matchLabels": {"a": "b"}}},
        422,
    ),
    ("negative replicas", DEPLOYMENTS, {**deployment("d")["spec"], "replicas": -1}, 422),
    ("replicas as text", DEPLOYMENTS, {**deployment("d")["spec"], "replicas": "two"}, 400),
    ("no containers", PODS, {"containers": []}, 422),
    ("null containers", PODS, {"containers": None}, 422),
    ("duplicate container names", PODS, {"containers": [{"name": "c", "image": "i"}] * 2}, 422),
    ("bad port", PODS, {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 70000}]}]}, 422),
    (
        "bad quantity",
        PODS,
        {"containers": [{"name": "c", "image": "i", "resources": {"limits": {"cpu": "lots"}}}]},
        400,
    ),
]


@pytest.mark.parametrize(("what", "path", "spec", "code"), SPECS, ids=[s[0] for s in SPECS])
async def test_a_bad_spec_is_refused_with_causes(api: ApiEnv, what: str, path: str, spec: Any, code: int) -> None:
    reply = await api.post(path, {"metadata": {"name": "x"}, "spec": spec})
    assert reply.status in (code, 422), reply.body
    if reply.status == 422:
        assert reply.json()["details"]["causes"]


REQUESTS: list[tuple[str, str, int]] = [
    ("GET", "/api/v1/nothings", 404),
    ("GET", "/api/v2/pods", 404),
    ("GET", "/apis/nothing.example/v1/things", 404),
    ("GET", "/nothing", 404),
    ("GET", f"{MAPS}/absent", 404),
    ("GET", f"{PODS}/absent/status", 404),
    ("GET", f"{PODS}/absent/nothing", 404),
    ("GET", "/api/v1/namespaces/test/nodes", 404),
    ("POST", f"{MAPS}/name", 405),
    ("POST", "/api/v1/configmaps", 405),
    ("PUT", MAPS, 405),
    ("DELETE", "/api/v1/namespaces", 405),
    ("PATCH", MAPS, 405),
    ("BREW", MAPS, 405),
    ("GET", f"{MAPS}/..%2f..%2fsecret", 404),
    ("GET", f"{MAPS}/%00", 404),
    ("DELETE", f"{MAPS}/absent", 404),
]


@pytest.mark.parametrize(("method", "path", "code"), REQUESTS)
async def test_a_request_for_nothing_gets_its_status(api: ApiEnv, method: str, path: str, code: int) -> None:
    if method == "BREW":
        reader, writer = await api.connect()
        writer.write(f"BREW {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        reply = await read_reply(reader)
        writer.close()
        assert reply.status in (400, 405)
        return
    reply = await api.request(method, path, b"{}" if method in ("POST", "PUT", "PATCH") else None)
    assert reply.status == code, reply.body
    assert reply.json()["status"] == "Failure"


async def test_unknown_media_types_are_refused(api: ApiEnv) -> None:
    for media in ("application/cbor", "text/plain", "application/xml"):
        reply = await api.post(MAPS, b"x", headers={"content-type": media})
        assert (reply.status, reply.json()["reason"]) == (415, "UnsupportedMediaType")


async def test_ten_thousand_labels_are_taken_and_a_large_annotation_is_not(api: ApiEnv) -> None:
    body = config_map("a")
    body["metadata"]["labels"] = {f"l{n}": "v" for n in range(10_000)}
    assert (await api.post(MAPS, body)).status == 201
    body = config_map("b")
    body["metadata"]["annotations"] = {"a": "x" * 300_000}
    assert (await api.post(MAPS, body)).status == 422


async def test_a_body_beyond_the_limit_gets_413(api: ApiEnv) -> None:
    reader, writer = await api.connect()
    writer.write(f"POST {MAPS} HTTP/1.1\r\nhost: x\r\ncontent-length: {4 * 1024 * 1024}\r\n\r\n".encode())
    reply = await read_reply(reader)
    assert (reply.status, reply.json()["reason"]) == (413, "RequestEntityTooLarge")
    writer.close()
    reader, writer = await api.connect()
    writer.write(f"POST {MAPS} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".encode())
    block = b"%x\r\n" % 65536 + b"x" * 65536 + b"\r\n"
    for _ in range(49):
        writer.write(block)
    assert (await read_reply(reader)).status == 413
    writer.close()


RAW: list[tuple[str, bytes, int]] = [
    ("garbage", b"\x16\x03\x01\x02\x00\x01\x00\x01", 400),
    ("bad header", b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
    ("bad length", b"POST / HTTP/1.1\r\ncontent-length: ten\r\n\r\n", 400),
    ("bad chunk", b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 400),
    ("two lengths", b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx", 400),
    ("huge head", b"GET / HTTP/1.1\r\nx: " + b"y" * (3 << 19) + b"\r\nz: " + b"y" * 4096, 431),
]


@pytest.mark.parametrize(("what", "data", "code"), RAW, ids=[r[0] for r in RAW])
async def test_what_is_no_http_is_refused_and_the_connection_closed(
    api: ApiEnv, what: str, data: bytes, code: int
) -> None:
    reader, writer = await api.connect()
    writer.write(data)
    assert (await read_reply(reader)).status == code
    assert await reader.read() == b""
    writer.close()
    assert (await api.get("/api/v1/namespaces/test")).status == 200


PATCHES: list[tuple[str, Any, int]] = [
    ("json", {"op": "add"}, 400),
    ("json", [{"op": "fly", "path": "/data"}], 422),
    ("json", [{"op": "replace", "path": "/no/such", "value": 1}], 422),
    ("json", [{"op": "test", "path": "/data/k", "value": "other"}], 422),
    ("json", [{"op": "remove", "path": "/metadata"}], 400),
    ("merge", [], 400),
    ("merge", {"data": "text"}, 400),
    ("merge", {"kind": "Secret"}, 400),
    ("merge", {"metadata": {"name": "other"}}, 400),
    ("merge", {"metadata": {"resourceVersion": "1"}}, 409),
    ("merge", {"metadata": {"uid": "other"}}, 422),
    ("strategic", {"data": 5}, 400),
    ("strategic", "text", 400),
]


@pytest.mark.parametrize(("kind", "patch", "code"), PATCHES)
async def test_a_bad_patch_gets_its_status(api: ApiEnv, kind: str, patch: Any, code: int) -> None:
    await api.post(MAPS, config_map("a", k="v"))
    reply = await api.patch(f"{MAPS}/a", patch, kind)
    assert 400 <= reply.status < 500, reply.body
    assert reply.status in (code, 422), reply.body
    assert (await api.get(f"{MAPS}/a")).json()["data"] == {"k": "v"}


async def test_patches_of_other_types_are_refused_by_name(api: ApiEnv) -> None:
    await api.post(MAPS, config_map("a"))
    reply = await api.request("PATCH", f"{MAPS}/a", b"{}", headers={"content-type": "application/json"})
    assert reply.status == 415
    assert "application/merge-patch+json" in reply.json()["message"]


async def test_every_failure_is_a_status_even_for_random_bodies(api: ApiEnv) -> None:
    import random

    source = random.Random(7)
    text = json.dumps(pod("p"))
    for _ in range(200):
        broken = bytearray(text.encode())
        for _ in range(source.randint(1, 6)):
            broken[source.randrange(len(broken))] = source.randrange(256)
        reply = await api.post(
            PODS, bytes(broken), query={"dryRun": "All"}, headers={"content-type": "application/json"}
        )
        assert reply.status in (201, 400, 403, 422), (reply.status, bytes(broken), reply.body)

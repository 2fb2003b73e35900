"""Random damage: to valid objects of every kind, to patches, to queries, and to the bytes on the socket."""

# ruff: noqa: E501 - a table is a table
from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.apienv import ApiEnv, read_reply
from tests.integration.bad_input.cases import works
from tests.integration.bad_input.objects import VALID, one
from tests.integration.bad_input.seeded import seeded_server

KINDS = sorted(VALID)
SCALARS: list[Any] = [
    None, True, False, 0, -1, 1, 1.5, -0.0, 2**31, 2**63, 2**64, 10**40, 1e308, "", "x", "A B", "..", "/", "-1", "1Gi", "100%",
    "9" * 400, "²", "\0", "\n", "é", "\ud7ff", "x" * 5000, [], {}, [None], [[]], [{}], {"": ""}, {"a": None},
    {"$patch": "delete"}, {"a": {"b": []}}, "2026-01-01T00:00:00Z", "yesterday", "10.96.0.1", "::", "fe80::1%eth0", "tcp://x", "a=b,c in (d",
]  # fmt: skip
NEW_KEYS = [
    "name",
    "namespace",
    "spec",
    "status",
    "metadata",
    "labels",
    "selector",
    "matchExpressions",
    "unknown",
    "",
    "é",
    "$patch",
]


class Harness:
    """A server on a loop of its own: hypothesis runs its examples synchronously."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._context = seeded_server()
        self.api: ApiEnv = self.loop.run_until_complete(self._context.__aenter__())

    def request(self, *arguments: Any, **more: Any) -> int:
        """The status of an answer that came within two seconds."""

        async def run() -> int:
            async with asyncio.timeout(2):
                return (await self.api.request(*arguments, **more)).status

        return self.loop.run_until_complete(run())

    def send(self, data: bytes) -> None:
        """Bytes on a fresh connection; whatever comes back is read for a moment."""

        async def run() -> None:
            reader, writer = await self.api.connect()
            writer.write(data)
            writer.write_eof()
            async with asyncio.timeout(2):
                await reader.read()
            writer.close()

        self.loop.run_until_complete(run())

    def close(self) -> None:
        self.loop.run_until_complete(works(self.api, "after-all"))
        self.loop.run_until_complete(self._context.__aexit__(None, None, None))
        self.loop.close()


@pytest.fixture(scope="module")
def harness() -> Iterator[Harness]:
    found = Harness()
    yield found
    found.close()


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _places(inner, (*path, index))


def _put(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    target = document
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    return document


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, Any]:
    """A kind and its valid object with one to four wrong values, missing fields or extra fields."""
    kind = draw(st.sampled_from(KINDS))
    document = json.loads(json.dumps(VALID[kind][1]))
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(list(_places(document))))
        value = draw(st.one_of(st.sampled_from(SCALARS), st.text(max_size=8), st.integers(), st.floats()))
        if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
            value = 0.5
        if draw(st.booleans()) and path:
            path = (*path[:-1], draw(st.sampled_from(NEW_KEYS))) if isinstance(path[-1], str) else path
        document = _put(document, path, json.loads(json.dumps(value)))
    return kind, document


COMMON = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None, "derandomize": True}


@settings(max_examples=200, **COMMON)
@given(damaged(), st.sampled_from(["POST", "PUT", "STATUS"]))
def test_a_damaged_object_is_taken_or_refused(harness: Harness, case: tuple[str, Any], how: str) -> None:
    kind, document = case
    body = json.dumps(document).encode()
    path = VALID[kind][0] if how == "POST" else one(kind) + ("/status" if how == "STATUS" else "")
    method = "POST" if how == "POST" else "PUT"
    status = harness.request(method, path, body, query={"dryRun": "All"}, headers={"content-type": "application/json"})
    assert status < 500, (status, document)


@settings(max_examples=200, **COMMON)
@given(
    damaged(),
    st.sampled_from(
        ["application/merge-patch+json", "application/strategic-merge-patch+json", "application/json-patch+json"]
    ),
    st.sampled_from(["add", "replace", "remove", "test", "copy", "move", "x"]),
)
def test_a_damaged_patch_is_taken_or_refused(harness: Harness, case: tuple[str, Any], media: str, op: str) -> None:
    kind, document = case
    patch = document
    if "json-patch" in media and isinstance(document, dict):
        patch = [
            {"op": op, "path": "/" + "/".join(k for k in document), "from": f"/{k}", "value": v}
            for k, v in document.items()
        ]
    body = json.dumps(patch).encode()
    status = harness.request("PATCH", one(kind), body, query={"dryRun": "All"}, headers={"content-type": media})
    assert status < 500, (status, media, patch)


@settings(max_examples=200, **COMMON)
@given(
    st.dictionaries(
        st.sampled_from(
            [
                "limit",
                "continue",
                "resourceVersionMatch",
                "labelSelector",
                "fieldSelector",
                "timeout",
                "pretty",
                "dryRun",
            ]
        ),
        st.one_of(
            st.text(max_size=20), st.sampled_from(["a in (b)", "metadata.name=x", "-1", "Exact", "5", "All", "1s"])
        ),
        max_size=4,
    ),
    st.sampled_from(["GET", "DELETE"]),
    st.sampled_from(KINDS),
)
def test_a_random_query_is_answered(harness: Harness, query: dict[str, str], method: str, kind: str) -> None:
    if method == "DELETE":
        query["dryRun"] = "All"
    encoded = {key: value.encode("utf-8", "surrogatepass") for key, value in query.items()}
    assert harness.request(method, VALID[kind][0], None, query=encoded) < 500


@settings(max_examples=200, **COMMON)
@given(st.lists(st.one_of(st.binary(max_size=64), st.sampled_from(
    [b"GET ", b"POST ", b"/api/v1/namespaces", b" HTTP/1.1\r\n", b"\r\n", b"host: x\r\n", b"content-length: 5\r\n", b"\r\n\r\n",
     b"transfer-encoding: chunked\r\n", b"5\r\nhello\r\n", b"0\r\n\r\n", b"upgrade: websocket\r\nconnection: upgrade\r\n", b"\0"]
)), max_size=12))  # fmt: skip
def test_random_bytes_never_end_the_server(harness: Harness, pieces: list[bytes]) -> None:
    harness.send(b"".join(pieces))
    assert harness.request("GET", "/version") == 200


async def test_random_bytes_in_bodies_are_refused() -> None:
    import random

    source = random.Random(7)
    async with seeded_server() as api:
        reader, writer = await api.connect()
        for media in ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf"):
            for _ in range(60):
                prefix = b"k8s\0" if "protobuf" in media and source.random() < 0.8 else b""
                body = prefix + source.randbytes(source.randint(0, 80))
                head = (
                    f"POST {VALID['Pod'][0]} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer admin-token-of-the-tests\r\n"
                )
                head += f"content-type: {media}\r\ncontent-length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
                reply = await read_reply(reader)
                assert reply.status in (400, 415, 422), (reply.status, body)
        writer.close()

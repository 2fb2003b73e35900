"""What a case is, and how one is run: a request, and the code, reason and words of its answer.

What: `Case` for requests, `Raw` for bytes on the socket, `check` and `check_raw`. Why: tests and the benchmark run the same
tables. Flow: the tables of the `table_*` modules → `check(server, case)` → AssertionError, or the seconds it took.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.apienv import ADMIN_TOKEN, ApiEnv, Reply, read_reply

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"

REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: "Conflict",
    410: "Expired",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    504: "Timeout",
}


@dataclass(frozen=True)
class Case:
    """One request and its answer. `text` must be in the message; `reason` follows from the code unless given."""

    id: str
    method: str
    path: str
    code: int
    text: str = ""
    body: Any = None
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    token: str = ADMIN_TOKEN
    cause: str = ""
    """The field of one of `details.causes`."""


@dataclass(frozen=True)
class Raw:
    """Bytes on a fresh connection and the code of the first answer; 0: the connection ends without one."""

    id: str
    data: bytes
    code: int
    text: str = ""
    closes: bool = True


async def send(server: ApiEnv, case: Case) -> Reply:
    """The answer to a case's request."""
    return await server.request(
        case.method, case.path, case.body, query=case.query, headers=case.headers, token=case.token
    )


async def check(server: ApiEnv, case: Case) -> float:
    """Runs a case; the seconds from the first byte sent to the last one read. Raises AssertionError."""
    before = await stored(server)
    started = time.perf_counter()
    reply = await send(server, case)
    took = time.perf_counter() - started
    assert reply.status == case.code, (reply.status, reply.body[:2000])
    if case.code >= 400 and case.method != "HEAD":
        status = reply.json()
        message = status.get("message", "")
        assert status["kind"] == "Status", status
        assert status["status"] == "Failure", status
        assert status["code"] == case.code, status
        assert status["reason"] == (case.reason or REASONS[case.code]), status
        assert case.text in message, message
        if case.cause:
            assert case.cause in [one.get("field") for one in status["details"]["causes"]], status
        assert await stored(server) == before
    elif case.text:
        assert case.text in reply.body.decode(), reply.body[:2000]
    return took


async def check_raw(server: ApiEnv, case: Raw) -> float:
    """Runs a raw case; the seconds it took. Raises AssertionError."""
    before = await stored(server)
    started = time.perf_counter()
    reader, writer = await server.connect()
    try:
        writer.write(case.data)
        if case.code:
            reply = await read_reply(reader)
            took = time.perf_counter() - started
            assert reply.status == case.code, (reply.status, reply.body[:2000])
            assert case.text in reply.body.decode(), reply.body[:2000]
        else:
            took = 0.0
        if case.closes:
            writer.write_eof()
            async with asyncio.timeout(5):
                rest = await reader.read()
            assert rest == b"", rest[:200]
    finally:
        writer.close()
    if case.code == 0 or case.code >= 400:
        assert await stored(server) == before
    return took


async def stored(server: ApiEnv) -> dict[str, int]:
    """Every key of the store and its revision, but for what the server keeps writing by itself."""
    page = await server.store.range("/registry/")
    return {
        item.key: item.revision
        for item in page.items
        if not item.key.startswith(("/registry/leases/", "/registry/masterleases/", "/registry/ranges/"))
    }


async def works(server: ApiEnv, name: str) -> None:
    """The server is ready, and takes, gives and deletes an ordinary object."""
    assert (await server.get("/readyz")).status == 200
    path = "/api/v1/namespaces/test/configmaps"
    made = await server.post(path, {"metadata": {"name": name}, "data": {"k": "v"}})
    assert made.status == 201, made.body
    found = await server.get(f"{path}/{name}")
    assert found.json()["data"] == {"k": "v"}
    assert (await server.delete(f"{path}/{name}")).status == 200


def merged(base: Any, change: Any) -> Any:
    """`base` with `change` merged in; `DROP` removes a field, a list replaces one."""
    if not isinstance(base, dict) or not isinstance(change, dict):
        return change
    out = json.loads(json.dumps(base))
    for key, value in change.items():
        if value is DROP:
            out.pop(key, None)
        else:
            out[key] = merged(out.get(key), value) if isinstance(value, dict) and key in out else value
    return out


DROP = object()

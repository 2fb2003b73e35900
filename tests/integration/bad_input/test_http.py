"""Bytes that are no proper HTTP are refused, nothing hidden in them is carried out, and slow senders are sent away."""

from __future__ import annotations

import pytest

from kubelite.apiserver.http import listener
from tests.apienv import ADMIN_TOKEN, ApiEnv, api_server, read_reply
from tests.integration.bad_input.cases import Raw, check_raw
from tests.integration.bad_input.table_http import CASES

pytestmark = pytest.mark.asyncio(loop_scope="module")
VERSION = f"GET /version HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ADMIN_TOKEN}\r\n\r\n".encode()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
async def test_the_answer_fits_the_bytes(server: ApiEnv, case: Raw) -> None:
    await check_raw(server, case)


async def test_requests_in_one_packet_are_answered_in_order(server: ApiEnv) -> None:
    reader, writer = await server.connect()
    absent = VERSION.replace(b"/version", b"/nothing")
    writer.write(VERSION + absent + VERSION + b"garbage\r\n\r\n")
    codes = [(await read_reply(reader)).status for _ in range(4)]
    assert codes == [200, 404, 200, 400]
    assert await reader.read() == b""
    writer.close()


async def test_a_request_that_comes_byte_by_byte_is_answered(server: ApiEnv) -> None:
    reader, writer = await server.connect()
    for position in range(len(VERSION)):
        writer.write(VERSION[position : position + 1])
        await writer.drain()
    assert (await read_reply(reader)).status == 200
    writer.close()


@pytest.mark.parametrize("start", [VERSION[:-2], b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{"])
async def test_a_sender_that_never_finishes_is_sent_away(start: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "SWEEP_SECONDS", 0.05)
    monkeypatch.setattr(listener, "HEAD_SECONDS", 0.1)
    monkeypatch.setattr(listener, "BODY_SECONDS", 0.1)
    async with api_server() as api:
        reader, writer = await api.connect()
        writer.write(start)
        assert await reader.read() == b""
        writer.close()
        assert (await api.get("/readyz")).status == 200


async def test_a_broken_connection_hurts_nobody(server: ApiEnv) -> None:
    for data in (b"GET", VERSION[:-1], b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{", b"\0", VERSION):
        _, writer = await server.connect()
        writer.write(data)
        writer.transport.abort()
    assert (await server.get("/readyz")).status == 200

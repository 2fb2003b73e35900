"""Deadlines, clients that are slow, and a server that ends in good order; real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from kubelite.apiserver.http import listener
from tests.apienv import ADMIN_TOKEN, ApiEnv, api_server, read_reply

HEAD = f"host: x\r\nauthorization: Bearer {ADMIN_TOKEN}\r\n"
NAMESPACE = json.dumps({"metadata": {"name": "late"}}).encode()


def post(body: bytes = NAMESPACE, query: str = "") -> bytes:
    return f"POST /api/v1/namespaces{query} HTTP/1.1\r\n{HEAD}content-length: {len(body)}\r\n\r\n".encode() + body


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\n{HEAD}\r\n".encode()


class SlowStore:
    """Holds back every create until `gate` is set; `entered` tells that one waits."""

    def __init__(self, api: ApiEnv) -> None:
        self.gate, self.entered = asyncio.Event(), asyncio.Event()
        self._create = api.server.registry.store.create
        api.server.registry.store.create = self._held

    async def _held(self, *args: Any, **more: Any) -> int:
        self.entered.set()
        await self.gate.wait()
        return await self._create(*args, **more)


async def test_a_request_ends_at_the_time_its_client_named() -> None:
    async with api_server() as api:
        SlowStore(api)
        loop = asyncio.get_running_loop()
        started = loop.time()
        reply = await api.post("/api/v1/namespaces", {"metadata": {"name": "a"}}, query={"timeout": "200ms"})
        assert reply.status == 504
        assert reply.json()["message"] == "Timeout: request did not complete within the allotted timeout"
        assert reply.json()["reason"] == "Timeout"
        assert loop.time() - started < 4, "not only the sweep, every five seconds, ends it"
        metrics = (await api.get("/metrics")).body.decode()
        assert 'apiserver_request_terminations_total{verb="POST",' in metrics


async def test_a_stopping_server_is_unready_first_then_finishes_what_it_began() -> None:
    async with api_server(shutdown_delay_duration="400ms") as api:
        slow = SlowStore(api)
        reader, writer = await api.connect()
        writer.write(post())
        await slow.entered.wait()
        async with api.watch("/api/v1/namespaces", timeoutSeconds=60) as watch:
            stopping = asyncio.create_task(api.server.stop(5))
            await asyncio.sleep(0)
            assert (await api.get("/readyz")).status == 500
            assert "[-]shutdown failed" in (await api.get("/readyz", query={"verbose": ""})).body.decode()
            assert (await api.get("/livez")).status == 200
            assert (await api.get("/api/v1/namespaces")).status == 200
            while await watch.next() is not None:
                pass
        for _ in range(200):
            try:
                (await asyncio.open_connection("127.0.0.1", api.port))[1].close()
            except ConnectionRefusedError:
                break
            await asyncio.sleep(0.02)
        else:
            raise AssertionError("the port stays open")
        assert not stopping.done(), "a request is under way"
        slow.gate.set()
        reply = await read_reply(reader)
        assert (reply.status, reply.headers["connection"]) == (201, "close")
        await stopping
        writer.close()


async def test_who_asks_a_stopping_server_is_told_when_to_come_back() -> None:
    async with api_server(shutdown_send_retry_after=True) as api:
        slow = SlowStore(api)
        busy, busy_writer = await api.connect()
        idle, idle_writer = await api.connect()
        busy_writer.write(post())
        await slow.entered.wait()
        stopping = asyncio.create_task(api.server.stop(5))
        await asyncio.sleep(0.05)
        idle_writer.write(get("/api/v1/namespaces"))
        refused = await read_reply(idle)
        assert (refused.status, refused.headers["retry-after"], refused.headers["connection"]) == (429, "5", "close")
        slow.gate.set()
        assert (await read_reply(busy)).status == 201
        await stopping
        for writer in (busy_writer, idle_writer):
            writer.close()


async def test_a_client_that_sends_a_head_byte_by_byte_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "SWEEP_SECONDS", 0.05)
    monkeypatch.setattr(listener, "HEAD_SECONDS", 0.2)
    async with api_server() as api:
        reader, writer = await api.connect()
        writer.write(b"GET / HTTP/1.1\r\nhost:")
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()
        assert (await api.get("/version")).status == 200


async def test_a_client_that_does_not_read_its_answer_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "SWEEP_SECONDS", 0.05)
    monkeypatch.setattr(listener, "STUCK_SECONDS", 0.3)
    async with api_server() as api:
        big = "x" * 900_000
        for number in range(12):
            body = {"metadata": {"name": f"big-{number}"}, "data": {"k": big}}
            assert (await api.post("/api/v1/namespaces/default/configmaps", body)).status == 201
        _reader, writer = await asyncio.open_connection("127.0.0.1", api.port, limit=1024)
        writer.write(get("/api/v1/namespaces/default/configmaps"))
        connections = api.server._listener.shared.connections
        assert await eventually(lambda: any(one.stuck_since for one in connections)), "the answer waits"
        assert await eventually(lambda: not any(one.stuck_since for one in connections)), "it is dropped"
        writer.close()


async def eventually(check: Callable[[], bool]) -> bool:
    for _ in range(500):
        if check():
            return True
        await asyncio.sleep(0.01)
    return False


async def test_a_body_above_the_limit_is_refused() -> None:
    async with api_server(max_request_body_bytes=1000) as api:
        reply = await api.post("/api/v1/namespaces", {"metadata": {"name": "a"}, "data": "x" * 2000})
        assert (reply.status, reply.json()["reason"]) == (413, "RequestEntityTooLarge")

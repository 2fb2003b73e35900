"""What becomes of a binding whose answer leaves open whether it was carried out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from kubelite.client.client import Client
from kubelite.client.config import ClientConfig
from kubelite.client.recorder import Recorder
from kubelite.scheduler.binding import Binder, BindingFailed
from kubelite.scheduler.pods import Pod, PodInfo, pod_info
from kubelite.util.clock import SystemClock

TIMEOUT = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Timeout", "code": 504}
REFUSED = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403}


def pod(node: str) -> dict[str, Any]:
    meta = {"name": "p", "namespace": "a", "uid": "u", "resourceVersion": "1"}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": meta, "spec": {"nodeName": node, "containers": []}}


@asynccontextmanager
async def binder(answers: list[tuple[int, Any] | None], asked: list[str]) -> AsyncIterator[tuple[Binder, PodInfo]]:
    """A binder, and a server that gives these answers to its requests; None: it hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            size = 0
            while (header := await reader.readline()).strip():
                name, _, value = header.partition(b":")
                size = int(value) if name.lower() == b"content-length" else size
            await reader.readexactly(size)
            if "/events" in line.decode():
                break
            asked.append(line.decode().split(" ")[0])
            answer = answers.pop(0)
            if answer is None:
                break
            body = json.dumps(answer[1]).encode()
            writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%s" % (answer[0], len(body), body))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = Client.from_config(ClientConfig(server=f"http://127.0.0.1:{port}"), user_agent="scheduler")
    info = pod_info(msgspec.convert(pod(""), Pod))
    clock = SystemClock()
    try:
        yield Binder(client, Recorder(client, "s", clock=clock), clock, lambda info: False), info
    finally:
        await client.close()
        server.close()


@pytest.mark.parametrize(
    ("answers", "bound"),
    [
        ([(504, TIMEOUT), (200, pod("n"))], True),
        ([(504, TIMEOUT), (504, TIMEOUT), (200, pod("n"))], True),
        ([None, (200, pod("n"))], True),
        ([(504, TIMEOUT), (200, pod(""))], False),
        ([(504, TIMEOUT), (200, pod("other"))], False),
        ([(504, TIMEOUT), (404, {**TIMEOUT, "code": 404})], False),
        ([(403, REFUSED)], False),
    ],
)
async def test_a_pod_keeps_its_room_until_it_is_known_that_it_was_not_bound(answers: list[Any], bound: bool) -> None:
    asked: list[str] = []
    wanted = ["POST"] + ["GET"] * (len(answers) - 1)
    async with binder(answers, asked) as (one, info):
        if bound:
            await one.bind(info, "n")
        else:
            with pytest.raises(BindingFailed, match='running Bind plugin "DefaultBinder": '):
                await one.bind(info, "n")
    assert asked == wanted

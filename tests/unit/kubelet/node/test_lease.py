"""The node's heartbeat gets through although an answer never came."""

from __future__ import annotations

import asyncio

import pytest

from kubelite.client.client import Client
from kubelite.client.config import ClientConfig
from kubelite.kubelet.node import lease
from kubelite.kubelet.node.lease import NodeLease

BODY = b'{"kind":"Lease","apiVersion":"coordination.k8s.io/v1","metadata":{"name":"n","resourceVersion":"1"},"spec":{}}'


async def test_a_heartbeat_that_is_never_answered_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "HEARTBEAT_SECONDS", 0.05)
    requests: list[bytes] = []
    renewed = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            size = 0
            while (header := await reader.readline()).strip():
                name, _, value = header.partition(b":")
                size = int(value) if name.lower() == b"content-length" else size
            await reader.readexactly(size)
            requests.append(line.split(b" ")[0])
            if len(requests) == 1:
                continue  # silence
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY))
            if requests[-1] == b"PUT":
                renewed.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = Client.from_config(ClientConfig(server=f"http://127.0.0.1:{port}"), user_agent="kubelet")
    task = asyncio.create_task(NodeLease(client, "n", 40, lambda: None).run())
    try:
        async with asyncio.timeout(20):
            await renewed.wait()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.close()
        server.close()
    assert requests == [b"GET", b"GET", b"PUT"]

"""When a pod of a Job counts as let go."""

from __future__ import annotations

import asyncio
import json

import msgspec
import pytest

from kubelite.client.client import Client
from kubelite.client.config import ClientConfig
from kubelite.controllers.job.children import remove_finalizer
from kubelite.controllers.job.pods import FINALIZER
from kubelite.controllers.objects import Pod
from kubelite.machinery.errors import StatusError


async def removed(code: int) -> bool:
    """What `remove_finalizer` says when the API server answers with this code."""
    body = json.dumps({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code}).encode()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%s" % (code, len(body), body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = Client.from_config(ClientConfig(server=f"http://127.0.0.1:{port}"), user_agent="controllers")
    meta = {"name": "p", "namespace": "a", "uid": "u", "finalizers": [FINALIZER]}
    try:
        return await remove_finalizer(client, msgspec.convert({"metadata": meta}, Pod))
    finally:
        await client.close()
        server.close()


async def test_a_conflict_is_not_taken_for_a_finalizer_that_is_gone() -> None:
    with pytest.raises(StatusError):
        await removed(409)


async def test_a_pod_that_is_not_there_is_let_go() -> None:
    assert await removed(404) is False

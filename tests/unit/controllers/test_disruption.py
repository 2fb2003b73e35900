"""What becomes of a pod's last words when the API server refuses them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import msgspec
import pytest

from kubelite.client.client import Client
from kubelite.client.config import ClientConfig
from kubelite.controllers.disruption import mark_disrupted, mark_failed
from kubelite.controllers.objects import Pod
from kubelite.machinery.errors import StatusError

Say = Callable[[Client, Pod], Awaitable[None]]


async def disrupted(client: Client, pod: Pod) -> None:
    await mark_disrupted(client, pod, "DeletionByPodGC", "gone", datetime(2030, 1, 1, tzinfo=UTC), fail=True)


async def said(say: Say, code: int) -> None:
    """Says it to an API server that answers with this code."""
    body = json.dumps({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code}).encode()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%s" % (code, len(body), body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = Client.from_config(ClientConfig(server=f"http://127.0.0.1:{port}"), user_agent="controllers")
    try:
        await say(client, msgspec.convert({"metadata": {"name": "p", "namespace": "a", "uid": "u"}}, Pod))
    finally:
        await client.close()
        server.close()


@pytest.mark.parametrize("say", [disrupted, mark_failed])
async def test_a_conflict_is_no_excuse_for_deleting_a_pod_whose_status_does_not_say_that_it_failed(say: Say) -> None:
    """Held by its Job's finalizer it would stay, Pending, and the Job would wait for it for ever."""
    with pytest.raises(StatusError) as refused:
        await said(say, 409)
    assert refused.value.code == 409


@pytest.mark.parametrize("say", [disrupted, mark_failed])
async def test_a_pod_that_is_gone_needs_no_last_words(say: Say) -> None:
    await said(say, 404)

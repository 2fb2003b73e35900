"""An API server that has one answer to every request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kubelite.client.client import Client
from kubelite.client.config import ClientConfig


@asynccontextmanager
async def answering(code: int) -> AsyncIterator[Client]:
    """A client of an API server that answers with this code."""
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
        yield client
    finally:
        await client.close()
        server.close()

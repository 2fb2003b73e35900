"""A server with roles enforced, a user `bob` with a token, and a kubelet that answers what the test wants."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kubelite.util import tls
from tests.apienv import ADMIN_TOKEN, ApiEnv, api_server

BOB = "token-of-bob"
NODE = "token-of-node-n"


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[ApiEnv]:
    tokens = tmp_path / "tokens.csv"
    tokens.write_text(
        f'{ADMIN_TOKEN},admin,1,system:masters\n{BOB},bob,2,"devs"\n{NODE},system:node:n,3,system:nodes\n'
    )
    async with api_server(token_auth_file=str(tokens)) as env:
        yield env


@dataclass
class Kubelet:
    """A TLS server on a free port; `answer` gets (request head, reader, writer)."""

    answer: Callable[[str, asyncio.StreamReader, asyncio.StreamWriter], object]
    port: int = 0
    heads: list[str] = field(default_factory=list)


@pytest.fixture
def kubelet(tmp_path: Path) -> Callable[..., object]:
    pair = tls.Authority.create("node-ca").issue_server("node", ["127.0.0.1"])
    (tmp_path / "k.crt").write_bytes(pair.certificate)
    (tmp_path / "k.key").write_bytes(pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "k.crt", tmp_path / "k.key")

    @asynccontextmanager
    async def start(answer: Callable[..., object]) -> AsyncIterator[Kubelet]:
        found = Kubelet(answer)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            found.heads.append(head)
            try:
                await answer(head, reader, writer)  # type: ignore[misc]
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        found.port = server.sockets[0].getsockname()[1]
        try:
            yield found
        finally:
            server.close()

    return start


async def put_pod(api: ApiEnv, port: int) -> None:
    """A pod `web` with one container `c` on a node whose kubelet listens on `port`."""
    node = {
        "metadata": {"name": "n"},
        "status": {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        },
    }
    made = await api.post("/api/v1/nodes", node)
    assert made.status == 201, made.body
    pod = {"metadata": {"name": "web"}, "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "x"}]}}
    made = await api.post("/api/v1/namespaces/default/pods", pod)
    assert made.status == 201, made.body

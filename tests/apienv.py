"""An API server inside the test process: real HTTP on a free loopback port, over the memory store.

What: `api_server()` starts one and yields an `ApiEnv` with its address, its `Registry`, and a small client. Why: every
integration test drives the real server; nothing of it is mocked. Flow: `async with api_server() as api:` and
`reply = await api.post("/api/v1/namespaces", {...})`. `api.client_config()` gives what `Client.from_config` takes. TLS
with `tls=True`.
"""

from __future__ import annotations

import asyncio
import json
import pathlib
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from kubelite.apiserver.config import Config
from kubelite.apiserver.registry.registry import Registry
from kubelite.apiserver.server import ApiServer
from kubelite.storage.interface import Store
from kubelite.storage.memory import MemoryStore

ADMIN_TOKEN = "admin-token-of-the-tests"
CONTROLLERS_TOKEN = "controllers-token-of-the-tests"
"""Of the user `controllers`, who has no rights but those that a test gives."""


@dataclass(frozen=True)
class Reply:
    """One answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Watch:
    """An open watch: `await watch.next()` is the next event as {"type", "object"}; None when it has ended."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._buffer = b""
        self._ended = False

    async def next(self, timeout: float = 5.0) -> Any:
        async with asyncio.timeout(timeout):
            while b"\n" not in self._buffer:
                if self._ended:
                    return None
                await self._read_chunk()
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line)

    async def _read_chunk(self) -> None:
        size = int(await self._reader.readline() or b"0", 16)
        data = await self._reader.readexactly(size + 2) if size else b""
        if not size:
            self._ended = True
        self._buffer += data[:-2]

    def close(self) -> None:
        self._writer.close()


@dataclass
class ApiEnv:
    """A running server. `server.registry` reaches the objects without HTTP."""

    server: ApiServer
    store: Store
    port: int
    directory: pathlib.Path
    ca_file: str = ""

    @property
    def registry(self) -> Registry:
        return self.server.registry

    @property
    def url(self) -> str:
        return f"http{'s' if self.ca_file else ''}://127.0.0.1:{self.port}"

    def client_config(self, token: str = ADMIN_TOKEN) -> Any:
        """For `Client.from_config`."""
        from kubelite.client.config import ClientConfig

        return ClientConfig(server=self.url, token=token, ca_file=self.ca_file)

    def kubeconfig(self, token: str = ADMIN_TOKEN) -> str:
        """The path of a kubeconfig file for this server."""
        cluster: dict[str, Any] = {"server": self.url}
        if self.ca_file:
            cluster["certificate-authority"] = self.ca_file
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "admin", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
        }
        path = self.directory / "kubeconfig"
        path.write_text(json.dumps(config))
        return str(path)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A raw connection."""
        context = None
        if self.ca_file:
            import ssl

            context = ssl.create_default_context(cafile=self.ca_file)
        return await asyncio.open_connection("127.0.0.1", self.port, ssl=context, limit=64 * 1024 * 1024)

    async def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        token: str = ADMIN_TOKEN,
    ) -> Reply:
        """One request on a connection of its own; `body` is bytes or something for JSON."""
        reader, writer = await self.connect()
        try:
            writer.write(_encode(method, path, body, query, headers, token))
            return await read_reply(reader, head_only=method == "HEAD")
        finally:
            writer.close()

    async def get(self, path: str, **more: Any) -> Reply:
        return await self.request("GET", path, **more)

    async def post(self, path: str, body: Any, **more: Any) -> Reply:
        return await self.request("POST", path, body, **more)

    async def put(self, path: str, body: Any, **more: Any) -> Reply:
        return await self.request("PUT", path, body, **more)

    async def delete(self, path: str, body: Any = None, **more: Any) -> Reply:
        return await self.request("DELETE", path, body, **more)

    async def patch(self, path: str, body: Any, kind: str = "merge", **more: Any) -> Reply:
        """`kind`: json, merge, strategic or apply."""
        names = {"json": "json-patch+json", "merge": "merge-patch+json", "strategic": "strategic-merge-patch+json"}
        media = f"application/{names.get(kind, 'apply-patch+yaml')}"
        return await self.request(
            "PATCH", path, body, headers={"content-type": media, **more.pop("headers", {})}, **more
        )

    @asynccontextmanager
    async def watch(self, path: str, **query: Any) -> AsyncIterator[Watch]:
        """An open watch on a list path; raises AssertionError if the server refuses it."""
        reader, writer = await self.connect()
        writer.write(_encode("GET", path, None, {"watch": "true", **query}, None, ADMIN_TOKEN))
        try:
            status, headers = await _read_head(reader)
            if status != 200:
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                raise AssertionError(f"watch refused: {status} {body.decode()}")
            yield Watch(reader, writer)
        finally:
            writer.close()


def _encode(
    method: str,
    path: str,
    body: Any,
    query: Mapping[str, Any] | None,
    headers: Mapping[str, str] | None,
    token: str,
) -> bytes:
    data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    target = f"{path}?{urlencode(query, doseq=True)}" if query else path
    fields = {"host": "localhost", "content-length": str(len(data))}
    if token:
        fields["authorization"] = f"Bearer {token}"
    if data:
        fields["content-type"] = "application/json"
    fields.update({key.lower(): value for key, value in (headers or {}).items()})
    lines = "".join(f"{key}: {value}\r\n" for key, value in fields.items())
    return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode() + data


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for line in head[1:]:
        if line:
            name, _, value = line.partition(": ")
            key = name.lower()
            headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return int(head[0].split(" ")[1]), headers


async def read_reply(reader: asyncio.StreamReader, *, head_only: bool = False) -> Reply:
    """The next whole answer on a connection."""
    async with asyncio.timeout(20):
        status, headers = await _read_head(reader)
        if head_only or status in (204, 304):
            return Reply(status, headers, b"")
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(await reader.readline(), 16):
                body += (await reader.readexactly(size + 2))[:-2]
            await reader.readline()
            return Reply(status, headers, body)
        return Reply(status, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


@asynccontextmanager
async def api_server(*, tls: bool = False, store: Store | None = None, **settings: Any) -> AsyncIterator[ApiEnv]:
    """A server for one test. `settings` override `Config` fields."""
    with tempfile.TemporaryDirectory(prefix="kubelite-test-") as name:
        directory = pathlib.Path(name)
        tokens = directory / "tokens.csv"
        lines = (f'{ADMIN_TOKEN},admin,admin-uid,"system:masters"', f"{CONTROLLERS_TOKEN},controllers,controllers-uid")
        tokens.write_text("\n".join(lines) + "\n")
        config = Config(
            bind_address="127.0.0.1",
            secure_port=0,
            token_auth_file=str(tokens),
            data_path="memory",
            shutdown_seconds=1.0,
            # No controller makes the "default" service account here; a test of that plugin enables it again.
            disable_admission_plugins="ServiceAccount",
            service_account_signing_key_file=_signing_key(directory),
        )
        ca_file = ""
        if tls:
            ca_file, config = _with_tls(directory, config)
        own = store or MemoryStore()
        server = ApiServer(replace(config, **settings), own)
        try:
            await server.start()
            yield ApiEnv(server, own, server.port, directory, ca_file)
        finally:
            await server.stop()
            if store is None:
                await own.close()


def _signing_key(directory: pathlib.Path) -> str:
    from kubelite.util import tls

    path = directory / "sa.key"
    path.write_bytes(tls.new_key())
    return str(path)


def _with_tls(directory: pathlib.Path, config: Config) -> tuple[str, Config]:
    from kubelite.util import tls

    authority = tls.Authority.load_or_create(directory / "ca.crt", directory / "ca.key", "kubelite-test-ca")
    pair = authority.issue_server("kube-apiserver", ["127.0.0.1", "localhost"])
    (directory / "server.crt").write_bytes(pair.certificate)
    (directory / "server.key").write_bytes(pair.key)
    return str(directory / "ca.crt"), replace(
        config,
        tls_cert_file=str(directory / "server.crt"),
        tls_private_key_file=str(directory / "server.key"),
        client_ca_file=str(directory / "ca.crt"),
    )

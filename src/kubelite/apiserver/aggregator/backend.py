"""The way to an extension API server: where its service leads now, and TLS with this server's own certificate.

What: `Backends` gives a `Backend` for an APIService: `place()` says where to, `transport()` pools connections. Why: the
extension server must be who the service's name says, and must be able to believe this server's headers. Flow: service →
ready endpoint, or the service's address → TLS with `NAME.NAMESPACE.svc` as the server's name and the front proxy's
client certificate. Sources: kube-aggregator/pkg/apiserver/handler_proxy.go (updateAPIService), apiserver/pkg/util/proxy.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import ssl
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from kubelite.api.types.apiregistration_v1 import APIServiceSpec
from kubelite.api.types.core_v1 import Service
from kubelite.apiserver.config import Config
from kubelite.apiserver.crd.services import resolver
from kubelite.apiserver.request import UserInfo
from kubelite.client.config import ClientConfig
from kubelite.client.errors import ConfigError, ConnectionFailed
from kubelite.client.transport import Stream, Transport

AGGREGATOR = UserInfo("system:kube-aggregator", groups=("system:masters",))
"""As whom this server asks for itself: nobody who may not do everything would always be let in."""
MAX_PLACES = 16
"""Endpoints of one service to which connections are kept."""
CONNECT_SECONDS = 10.0
MAX_ANSWER = 32 << 20
"""Bytes of a document that this server asks for; OpenAPI documents of large servers have some megabytes."""
_TOKEN = frozenset(b"!#$&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def user_headers(user: UserInfo) -> list[str]:
    """Header lines that name the user (client-go/transport, SetAuthProxyHeaders)."""
    lines = [f"X-Remote-User: {user.name}"]
    if user.uid:
        lines.append(f"X-Remote-Uid: {user.uid}")
    lines += [f"X-Remote-Group: {group}" for group in user.groups]
    for key, values in user.extra.items():
        name = "".join(chr(byte) if byte in _TOKEN else f"%{byte:02X}" for byte in key.encode())
        lines += [f"X-Remote-Extra-{name}: {value}" for value in values]
    return [_one_line(line) for line in lines]


def _one_line(text: str) -> str:
    return text.replace("\r", " ").replace("\n", " ")


class Answer(NamedTuple):
    """A whole answer; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


async def _whole(stream: Stream) -> bytes:
    pieces, size = [], 0
    async for piece in stream:
        size += len(piece)
        if size > MAX_ANSWER:
            raise Unreachable(f"the answer is larger than {MAX_ANSWER} bytes")
        pieces.append(piece)
    return b"".join(pieces)


class Unreachable(Exception):
    """The service leads nowhere; the text says why."""


class Backend:
    """One extension server. `close` when its APIService changed."""

    def __init__(self, config: Config, spec: APIServiceSpec, place: Callable[[], tuple[str, int] | None]) -> None:
        assert spec.service is not None
        self._config = config
        self._spec = spec
        self.service = spec.service
        self.port = spec.service.port or 443
        self.name = f"{spec.service.name}.{spec.service.namespace}.svc"
        self._place = place
        self._transports: dict[tuple[str, int], Transport] = {}

    def place(self) -> tuple[str, int]:
        """Address and port of something that serves now. Raises Unreachable."""
        found = self._place()
        if found is None:
            raise Unreachable(f'service "{self.service.name}" not found')
        return found

    def _settings(self, place: tuple[str, int]) -> ClientConfig:
        host = f"[{place[0]}]" if ":" in place[0] else place[0]
        try:
            bundle = base64.b64decode(self._spec.caBundle) if self._spec.caBundle else b""
        except (binascii.Error, ValueError):
            raise Unreachable("the caBundle is not base64") from None
        return ClientConfig(
            server=f"https://{host}:{place[1]}",
            ca_data=bundle,
            insecure=bool(self._spec.insecureSkipTLSVerify),
            tls_server_name=self.name,
            cert_file=self._config.proxy_client_cert_file,
            key_file=self._config.proxy_client_key_file,
        )

    def transport(self) -> Transport:
        """The pool of connections to the place that serves now. Raises Unreachable."""
        place = self.place()
        found = self._transports.get(place)
        if found is None:
            if len(self._transports) >= MAX_PLACES:
                oldest = self._transports.pop(next(iter(self._transports)))
                asyncio.ensure_future(oldest.close()).add_done_callback(lambda done: done.exception())
            found = self._transports[place] = Transport(self._settings(place))
        return found

    async def connect(self, protocol: asyncio.Protocol) -> asyncio.Transport:
        """A raw connection that speaks `protocol`. Raises Unreachable or OSError."""
        place = self.place()
        context = self.transport().ssl_context()
        async with asyncio.timeout(CONNECT_SECONDS):
            opened, _ = await asyncio.get_running_loop().create_connection(
                lambda: protocol, place[0], place[1], ssl=context, server_hostname=self.name
            )
        return opened

    async def stream(self, method: str, target: str, headers: Iterable[str], body: bytes, seconds: float) -> Stream:
        """An exchange whose answer is read as it comes. Raises Unreachable with what went wrong."""
        try:
            transport = self.transport()
            return await transport.stream(self._head(method, target, headers, body), body, seconds)
        except (ConnectionFailed, ConfigError, OSError, ssl.SSLError, ValueError) as error:
            raise Unreachable(str(error)) from error

    async def ask(self, target: str, accept: str, seconds: float, headers: Sequence[str] = ()) -> Answer:
        """GET on this server's own behalf. Raises Unreachable, also for an answer that is too large or too late."""
        lines = [f"Accept: {accept}", *user_headers(AGGREGATOR), *headers]
        try:
            async with asyncio.timeout(seconds):
                stream = await self.stream("GET", target, lines, b"", seconds)
                try:
                    return Answer(stream.status, stream.headers, await _whole(stream))
                finally:
                    stream.close()
        except ConnectionFailed as error:
            raise Unreachable(str(error)) from error

    def _head(self, method: str, target: str, headers: Iterable[str], body: bytes) -> bytes:
        lines = [f"{method} {quote(target, safe=_TARGET)} HTTP/1.1", f"Host: {self.name}", *headers]
        if body or method in ("POST", "PUT", "PATCH"):
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")

    def renew(self) -> None:
        """New connections use the certificate as it is now; exchanges under way end on their own."""
        self._transports = {}

    async def close(self) -> None:
        """Closes the connections; exchanges under way fail."""
        transports, self._transports = list(self._transports.values()), {}
        for transport in transports:
            await transport.close()


_TARGET = "/%:@!$&'()*+,;=~-._?[]\"|{}^`<>\\#"
"""Everything that a client may have sent unescaped stays as it was; white space cannot."""


def backend(config: Config, registry: Any, spec: APIServiceSpec) -> Backend:
    """The backend of an APIService with a service."""
    resolve = resolver(registry)
    service = spec.service
    assert service is not None
    port = service.port or 443

    def place() -> tuple[str, int] | None:
        kind = registry.scheme.by_resource("", "v1", "services")
        found: Service | None = registry.cached(kind, service.namespace, service.name) if kind is not None else None
        if found is not None and found.spec.type == "ExternalName":
            return found.spec.externalName, port
        return resolve(service.namespace, service.name, port)

    return Backend(config, spec, place)

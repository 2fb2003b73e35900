"""The connections to webhooks.

What: `Callers.call(config, body, seconds)` posts a review and gives the answer. Why: a handshake costs more than a review, so
connections are kept; a webhook that hangs must cost its own requests their time and nothing else. Flow: URL, or a service's ready
endpoint → one pool of connections per server and authority → answer, or `CallFailed`. Pools that no configuration names any more
are closed. Source: apiserver/pkg/util/webhook/client.go.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

if TYPE_CHECKING:
    from kubelite.apiserver.admission.webhooks.identity import Identities
    from kubelite.client.connection import Response
    from kubelite.client.credentials import Credentials
    from kubelite.client.transport import Transport

AGENT = "kubelite-apiserver"
MAX_CONNECTIONS = 32
"""To one webhook; requests beyond wait, within their time."""
MOST_SERVERS = 256
MAX_ANSWER = 16 * 1024 * 1024
LOST = " lost: "
"""In the text of a connection that ended before the answer."""
_UNKNOWN_AUTHORITY = ("unable to get local issuer certificate", "self-signed certificate", "self signed certificate")

Resolve = Callable[[str, str, int], tuple[str, int] | None]
"""(namespace, service, port) → address and port of something that serves it now."""


class CallFailed(Exception):
    """No usable answer; `code` is the HTTP status if there was one."""

    def __init__(self, text: str, code: int = 0) -> None:
        super().__init__(text)
        self.code = code


class _Place(NamedTuple):
    """Where a webhook is: the URL as configured, the server to connect to, the name on its certificate."""

    url: str
    server: str
    name: str
    path: str
    user: str
    """Of the identities; "" for nobody."""


class _Pool(NamedTuple):
    transport: Transport
    credentials: Credentials


class Callers:
    """All pools of one API server; `identities` say as whom it speaks to which webhook."""

    def __init__(self, resolve: Resolve, identities: Identities) -> None:
        self._resolve = resolve
        self._identities = identities
        self._pools: dict[tuple[str, str, str, str], _Pool] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def call(self, config: Any, body: bytes, seconds: int) -> Any:
        """The JSON that the webhook of a clientConfig answers. Raises CallFailed."""
        from kubelite.client.errors import ConfigError, ConnectionFailed

        place = self._place(config, seconds)
        asked = f'Post "{place.url}?timeout={seconds}s"'
        try:
            pool = self._pool(config, place)
            identity = await pool.credentials.headers()
            head = (
                f"POST {place.path}?timeout={seconds}s HTTP/1.1\r\nHost: {urlsplit(place.url).netloc}\r\n"
                f"User-Agent: {AGENT}\r\nAccept: application/json\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n"
            )
            async with asyncio.timeout(seconds):
                answer = await _request(pool.transport, head.encode() + identity + b"\r\n", body, seconds + 1)
        except TimeoutError:
            raise CallFailed(f"{asked}: context deadline exceeded") from None
        except (ConnectionFailed, ConfigError, OSError, ValueError) as error:
            raise CallFailed(f"{asked}: {_go_text(str(error))}") from None
        if answer.status != 200:
            raise CallFailed(_status_text(answer.status, answer.body), answer.status)
        if len(answer.body) > MAX_ANSWER:
            raise CallFailed(f"{asked}: the answer has more than {MAX_ANSWER} bytes", 200)
        try:
            return msgspec.json.decode(answer.body)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise CallFailed(f"the answer is no JSON: {error}", 200) from None

    def _place(self, config: Any, seconds: int) -> _Place:
        if config.url:
            parts = urlsplit(config.url)
            user = self._identities.name_of(parts.hostname or "", parts.port or 443)
            return _Place(config.url, f"https://{parts.netloc}", "", parts.path or "/", user)
        service = config.service
        port = service.port or 443
        name = f"{service.name}.{service.namespace}.svc"
        path = service.path if service.path.startswith("/") else f"/{service.path}"
        url = f"https://{name}:{port}{path}"
        found = self._resolve(service.namespace, service.name, port)
        if found is None:
            raise CallFailed(f'Post "{url}?timeout={seconds}s": service "{service.name}" not found')
        host = f"[{found[0]}]" if ":" in found[0] else found[0]
        return _Place(url, f"https://{host}:{found[1]}", name, path, self._identities.name_of(name, port))

    def _pool(self, config: Any, place: _Place) -> _Pool:
        key = (place.server, place.name, config.caBundle, place.user)
        pool = self._pools.pop(key, None)
        if pool is None:
            from kubelite.client.credentials import Credentials
            from kubelite.client.transport import Transport

            bundle = base64.b64decode(config.caBundle) if config.caBundle else b""
            settings = self._identities.config(place.user, place.server, bundle, place.name)
            pool = _Pool(Transport(settings, max_connections=MAX_CONNECTIONS), Credentials(settings))
        self._pools[key] = pool  # the last one is the one used last
        if len(self._pools) > MOST_SERVERS:
            self._close(self._pools.pop(next(iter(self._pools))))
        return pool

    def keep(self, configs: Iterable[Any]) -> None:
        """Closes the connections to servers whose authority no configuration has any more."""
        bundles = {config.caBundle for config in configs if config is not None}
        for key in [key for key in self._pools if key[2] not in bundles]:
            self._close(self._pools.pop(key))

    def _close(self, pool: _Pool) -> None:
        with contextlib.suppress(RuntimeError):  # no loop: the process ends
            task = asyncio.get_running_loop().create_task(pool.transport.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Closes all connections; calls under way fail."""
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            await pool.transport.close()


async def _request(pool: Transport, head: bytes, body: bytes, seconds: float) -> Response:
    """The answer. A server that closes a kept connection at the moment it is used again is asked once more."""
    from kubelite.client.errors import ConnectionFailed

    try:
        return await pool.request(head, body, seconds)
    except ConnectionFailed as error:
        if LOST not in str(error):
            raise
    return await pool.request(head, body, seconds)


def _go_text(text: str) -> str:
    """Errors as Go words them, where a test or an operator may look for them."""
    if LOST in text:
        return "EOF"
    if "x509" in text and any(part in text for part in _UNKNOWN_AUTHORITY):
        return "tls: failed to verify certificate: x509: certificate signed by unknown authority"
    return text


def _status_text(code: int, body: bytes) -> str:
    """What client-go says of an answer that is no success."""
    from kubelite.client.errors import status_error

    text = body[:2048].decode("utf-8", "replace").strip()
    if code == 500 and '"Status"' not in text:
        return f"an error on the server ({json.dumps(text)}) has prevented the request from succeeding"
    return status_error(code, body).message

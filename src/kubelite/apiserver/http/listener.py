"""The listening socket: accepts connections, ends what takes too long, stops gracefully.

What: `Listener.start`, `.stop`. Why: the protocol knows one connection; time-outs and shutdown concern all of them.
Flow: `server.run` starts it after the caches are filled; one sweep every five seconds ends idle connections,
unfinished heads and overdue requests, so that no request needs a timer of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable

from kubelite.apiserver.http.protocol import HttpProtocol
from kubelite.apiserver.http.shared import App, Server
from kubelite.apiserver.request import Response

IDLE_SECONDS = 90.0
SWEEP_SECONDS = 5.0
STUCK_SECONDS = 60.0
"""How long a client may leave unread what was sent to it, before it is cut off: a watch as well as a large list."""
HEAD_SECONDS, BODY_SECONDS = 32.0, 60.0
"""How long a client may take to send a head (upstream's ReadHeaderTimeout) and a whole request."""


def tls_context(cert_file: str, key_file: str, client_ca_file: str = "") -> ssl.SSLContext:
    """A server context; with `client_ca_file` clients may show a certificate, which then must verify."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(cert_file, key_file)
    context.set_alpn_protocols(["http/1.1"])
    # Resumed sessions carry no certificate that Python could show us, so none are offered.
    context.num_tickets = 0
    if client_ca_file:
        context.load_verify_locations(client_ca_file)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


class Listener:
    """One port."""

    def __init__(self, app: App, refuse: Callable[[int, str], Response], *, body_limit: int) -> None:
        self.shared = Server(app=app, refuse=refuse, body_limit=body_limit, connections=set())
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None

    async def start(self, host: str, port: int, context: ssl.SSLContext | None) -> int:
        """Binds and serves; the port. Raises OSError if the address is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: HttpProtocol(self.shared, loop),
            host,
            port,
            ssl=context,
            backlog=1024,
            reuse_address=True,
            ssl_handshake_timeout=15 if context else None,
        )
        self._sweeper = loop.call_later(SWEEP_SECONDS, self._sweep)
        return int(self._server.sockets[0].getsockname()[1])

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in list(self.shared.connections):
            current = connection.current
            if connection.stuck_since and now - connection.stuck_since > STUCK_SECONDS:
                connection.abort()
            elif current is None:
                if now - connection.last_used > IDLE_SECONDS or connection.is_slow(now, HEAD_SECONDS, BODY_SECONDS):
                    connection.close()
            elif 0 < current[0].deadline < now:
                connection.time_out()
        self._sweeper = loop.call_later(SWEEP_SECONDS, self._sweep)

    async def stop(self, seconds: float, *, linger: bool = False) -> None:
        """Accepts nothing more, ends streams, lets requests finish for `seconds`, then drops what is left.

        `linger`: connections without a request stay open until the others are done, so that whoever asks just now gets an answer.
        """
        self.shared.stopping = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        if self._server is not None:
            self._server.close()
        for connection in list(self.shared.connections):
            if connection.is_idle():
                if not linger:
                    connection.close()
            elif connection.stream is not None:
                connection.stream.on_lost()
                connection.stream.end()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                if linger:
                    await self._until(lambda: all(one.is_idle() for one in self.shared.connections))
                    for connection in list(self.shared.connections):
                        connection.close()
                await self._until(lambda: not self.shared.connections)
        for connection in list(self.shared.connections):
            connection.abort()

    @staticmethod
    async def _until(done: Callable[[], bool]) -> None:
        while not done():  # noqa: ASYNC110 - connections end by themselves, in any order
            await asyncio.sleep(0.02)

"""A connection to the API server of its own, for exec, attach and port-forward.

What: `opener(config)`, which opens a connection on demand and hands out what an upgrade request needs besides: Host, path
prefix and the identity headers. Why: an upgraded connection leaves HTTP, so it cannot come from the pool of `Client`.
Flow: `ClientConfig` → `open()` → `Opened` → `kubelite.streaming.dial.command` or `.port_forward`, which send the request, try
WebSocket first and fall back to SPDY.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from kubelite.client.config import ClientConfig
from kubelite.client.credentials import Credentials
from kubelite.client.errors import ConnectionFailed

CONNECT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Opened:
    """A connected stream pair and the parts of a request that depend on the server and on who asks."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    host: str
    prefix: str = ""
    headers: bytes = field(default=b"", repr=False)


def opener(config: ClientConfig, *, user_agent: str = "kubelite") -> Callable[[], Awaitable[Opened]]:
    """A function that opens a new connection at each call. It raises ConnectionFailed or ConfigError."""
    parts = urlsplit(config.server)
    tls = parts.scheme == "https"
    hostname, port = parts.hostname or "localhost", parts.port or (443 if tls else 80)
    credentials = Credentials(config)

    async def connect() -> Opened:
        headers = await credentials.headers() + f"User-Agent: {user_agent}\r\n".encode()
        context = config.ssl_context(credentials.certificate)
        name = (config.tls_server_name or hostname) if tls else None
        where = f"dial tcp {hostname}:{port}"
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                reader, writer = await asyncio.open_connection(hostname, port, ssl=context, server_hostname=name)
        except TimeoutError as error:
            raise ConnectionFailed(f"{where}: i/o timeout") from error
        except ConnectionRefusedError as error:
            raise ConnectionFailed(f"{where}: connect: connection refused", refused=True) from error
        except ssl.SSLCertVerificationError as error:
            raise ConnectionFailed(f"tls: failed to verify certificate: x509: {error.verify_message}") from error
        except OSError as error:
            raise ConnectionFailed(f"{where}: {error}") from error
        return Opened(reader, writer, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), headers)

    return connect

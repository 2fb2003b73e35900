"""Asking an HTTPS endpoint of somebody else: token webhooks, authorization webhooks, identity providers.

What: `Webhook` posts reviews to the server of a kubeconfig, `fetch` reads one document. Why: a slow or broken
endpoint must cost the asking request its time limit and nothing else. Flow: JSON out, JSON back, or `RemoteFailed`;
connections are kept. Failures that may pass (no connection, 429, 5xx) are tried again within the time limit.
Source: apiserver/pkg/util/webhook/webhook.go (WithExponentialBackoff).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from kubelite.client.client import Client
from kubelite.client.config import ClientConfig, load_kubeconfig
from kubelite.client.errors import ConfigError, ConnectionFailed
from kubelite.machinery.errors import StatusError

AGENT = "kubelite-apiserver"
DELAYS = (0.5, 0.75, 1.1, 1.7)
MAX_ANSWER = 4 * 1024 * 1024
MAX_ASKING = 256
"""Questions that may wait for one webhook at a time; one more fails at once."""


class RemoteFailed(Exception):
    """No usable answer; the text says why."""


class Webhook:
    """The endpoint that a kubeconfig file names. Raises ValueError for a file that cannot be used."""

    def __init__(self, kubeconfig: str, *, seconds: float, delays: Sequence[float] = DELAYS) -> None:
        try:
            config = load_kubeconfig(kubeconfig)
        except ConfigError as error:
            raise ValueError(str(error)) from error
        self._client = Client.from_config(config, user_agent=AGENT)
        self._path = "" if urlsplit(config.server).path.strip("/") else "/"
        self._seconds = seconds
        self._delays = tuple(delays)
        self._asking = 0

    async def ask(self, review: dict[str, Any]) -> dict[str, Any]:
        """The review as the endpoint answers it. Raises RemoteFailed."""
        if self._asking >= MAX_ASKING:
            raise RemoteFailed("too many questions are waiting for the webhook")
        self._asking += 1
        try:
            async with asyncio.timeout(self._seconds):
                return await self._ask(msgspec.json.encode(review))
        except TimeoutError:
            raise RemoteFailed(f"the webhook did not answer within {self._seconds:g}s") from None
        finally:
            self._asking -= 1

    async def _ask(self, body: bytes) -> dict[str, Any]:
        for delay in (*self._delays, None):
            try:
                answer = await self._client.transport.request(await self._head(body), body, self._seconds)
            except (ConnectionFailed, ConfigError, OSError) as error:
                failure = str(error)
            else:
                if answer.status < 300:
                    return _document(answer.body)
                failure = f"the webhook answered {answer.status}: {answer.body[:256].decode('utf-8', 'replace')}"
                if answer.status != 429 and answer.status < 500:
                    break
            if delay is not None:
                await asyncio.sleep(delay)
        raise RemoteFailed(failure)

    async def _head(self, body: bytes) -> bytes:
        client = self._client
        identity = await client.credentials.headers()
        path = client.transport.prefix + self._path
        lines = f"POST {path} HTTP/1.1\r\nHost: {client.transport.host}\r\nUser-Agent: {AGENT}\r\n"
        lines += f"Accept: application/json\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        return lines.encode() + identity + b"\r\n"

    async def close(self) -> None:
        """Closes its connections; questions under way fail."""
        await self._client.close()


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise RemoteFailed("the webhook answered with something that is no JSON object")
    return found


async def fetch(url: str, authority: bytes, seconds: float) -> dict[str, Any]:
    """The JSON object at an https:// URL whose certificate `authority` (PEM; b"" for the system's) vouches for."""
    parts = urlsplit(url)
    config = ClientConfig(server=f"{parts.scheme}://{parts.netloc}", ca_data=authority)
    client = Client.from_config(config, user_agent=AGENT)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        answer = await client.request("GET", target, headers={"Accept": "application/json"}, raw=True, seconds=seconds)
        if answer.status != 200:
            raise RemoteFailed(f"{url} answered {answer.status}")
        if len(answer.body) > MAX_ANSWER:
            raise RemoteFailed(f"{url} answered with more than {MAX_ANSWER} bytes")
        return _document(answer.body)
    except (ConnectionFailed, ConfigError, StatusError, OSError, ValueError) as error:
        raise RemoteFailed(f"{url}: {error}") from error
    finally:
        await client.close()

"""`Session`: everything a verb needs besides its own flags.

What: the client, the namespace, discovery, the three standard streams, the clock, and generic requests on plain objects. Why:
verbs then contain only what is theirs, and tests run them against an in-process server with streams of their own.
Flow: `main` makes one per command line; the connection is opened by the first request. Warnings of the server go to stderr.
"""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, BinaryIO, TextIO

from kubelite.cli.failures import CliError
from kubelite.cli.flags import Parsed
from kubelite.cli.options import client_config
from kubelite.cli.resources import Resource, Resources, discover
from kubelite.client.client import Client
from kubelite.client.config import ClientConfig
from kubelite.client.connection import Response
from kubelite.client.errors import status_error

PROGRAM = "kubelite"
USER_AGENT = "kubelite"
DAY = 86400.0
PAGE = 500
"""Objects per request of a list, unless --chunk-size says otherwise."""
PATCH_TYPES = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
}
Object = dict[str, Any]


@dataclass(slots=True)
class Streams:
    """Where a command reads and writes. `stdin` is bytes; None for the process's own."""

    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)
    stdin: BinaryIO | None = None

    def read_stdin(self) -> bytes:
        return (self.stdin or sys.stdin.buffer).read()

    def write_bytes(self, data: bytes) -> None:
        """Raw bytes to standard output (logs, exec, cp)."""
        _raw(self.out, data)

    def write_error_bytes(self, data: bytes) -> None:
        _raw(self.err, data)


def _raw(stream: TextIO, data: bytes) -> None:
    buffer = getattr(stream, "buffer", None)
    if buffer is None:
        stream.write(data.decode("utf-8", "replace"))
    else:
        stream.flush()
        buffer.write(data)
        buffer.flush()


_WARNING = re.compile(r'\d{3} \S+ "((?:[^"\\]|\\.)*)"(?: "[^"]*")?')


def warning_texts(header: str) -> list[str]:
    """The texts of a Warning header: `299 - "text"`, several of them separated by commas; others as they are."""
    if not header:
        return []
    return [re.sub(r"\\(.)", r"\1", text) for text in _WARNING.findall(header)] or [header]


class Session:
    """One command's view of the cluster."""

    def __init__(self, parsed: Parsed, streams: Streams, program: str = PROGRAM) -> None:
        self.parsed = parsed
        self.streams = streams
        self.program = program
        self._config: ClientConfig | None = None
        self._client: Client | None = None
        self._resources: Resources | None = None
        self.warned: set[str] = set()

    # streams

    def print(self, text: str = "") -> None:
        """A line to stdout."""
        self.streams.out.write(text + "\n")

    def write(self, text: str) -> None:
        self.streams.out.write(text)

    def warn(self, text: str) -> None:
        """A line to stderr."""
        self.streams.err.write(text + "\n")

    @staticmethod
    def now() -> datetime:
        return datetime.now(UTC)

    # the server

    @property
    def config(self) -> ClientConfig:
        if self._config is None:
            self._config = client_config(self.parsed)
        return self._config

    @property
    def client(self) -> Client:
        if self._client is None:
            self._client = Client.from_config(self.config, user_agent=USER_AGENT)
        return self._client

    @property
    def server(self) -> str:
        """Host and port, for messages; "" when there is no configuration."""
        return "" if self._config is None else self._config.server.partition("://")[2].partition("/")[0]

    @property
    def namespace(self) -> str:
        return self.config.namespace

    @property
    def namespace_given(self) -> bool:
        return bool(self.parsed.text("namespace"))

    @property
    def seconds(self) -> float:
        """The bound for one request: --request-timeout, or next to none."""
        text = self.parsed.text("request-timeout")
        if text.isdigit():
            return float(text) or DAY
        from kubelite.machinery.times import parse_duration

        try:
            return parse_duration(text) or DAY
        except ValueError:
            raise CliError(
                f'Invalid timeout value "{text}". Timeout value must be a single integer in seconds, or an '
                "integer followed by a corresponding time unit (e.g. 1s | 2m | 3h)"
            ) from None

    async def resources(self) -> Resources:
        if self._resources is None:
            self._resources = await discover(self.client)
        return self._resources

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """One request; `body` is bytes or something for JSON. Raises StatusError or ConnectionFailed."""
        fields = dict(headers or {})
        data = b""
        if body is not None:
            import msgspec

            data = body if isinstance(body, bytes) else msgspec.json.encode(body)
            fields.setdefault("Content-Type", "application/json")
        response = await self.client.request(
            method, path, query=query, body=data, headers=fields or None, seconds=self.seconds, raw=True
        )
        # Refusals carry warnings too: "v1 X is deprecated" beside "not found".
        self.show_warnings(response.values("warning"))
        if self.parsed.number("v") >= 6:
            self.warn(f'"Response" verb="{method}" url="{self.config.server}{path}" status="{response.status}"')
        if response.status >= 400:
            raise status_error(response.status, response.body)
        return response

    async def json(self, method: str, path: str, **more: Any) -> Object:
        """The answer as a plain object."""
        import msgspec

        response = await self.request(method, path, **more)
        return msgspec.json.decode(response.body, type=dict[str, Any]) if response.body else {}

    async def lines(self, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> AsyncIterator[bytes]:
        """The lines of a streamed answer (a watch)."""
        stream = await self.client.stream("GET", path, query=query, headers=headers, seconds=self.seconds)
        self.show_warnings(stream.warnings)
        rest = b""
        try:
            async for chunk in stream:
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    if line:
                        yield line
        finally:
            stream.close()

    def show_warnings(self, headers: Iterable[str]) -> None:
        """The values of Warning headers, each text once on stderr."""
        for text in (text for header in headers for text in warning_texts(header)):
            if text not in self.warned:
                self.warned.add(text)
                self.warn(f"Warning: {text}")

    # objects

    async def get(self, resource: Resource, namespace: str, name: str, subresource: str = "") -> Object:
        return await self.json("GET", resource.path(namespace, name, subresource))

    async def pages(self, path: str, query: Mapping[str, str]) -> tuple[list[Object], str]:
        """(the items of a list, its version), read in pages of --chunk-size; all at once for 0."""
        size = int(self.parsed.values.get("chunk-size", PAGE))
        asked = dict(query) | ({"limit": str(size)} if size > 0 else {})
        items: list[Object] = []
        while True:
            page = await self.json("GET", path, query=asked)
            items += page.get("items") or ()
            metadata = page.get("metadata") or {}
            following = metadata.get("continue")
            if not following:
                return items, str(metadata.get("resourceVersion") or "")
            asked["continue"] = following

    async def list(self, resource: Resource, namespace: str = "", **query: str) -> list[Object]:
        """All objects of a kind, page by page; `query` as the API names it (labelSelector, fieldSelector)."""
        asked = {key: value for key, value in query.items() if value}
        items, _ = await self.pages(resource.path(namespace), asked)
        return [{"apiVersion": resource.api_version, "kind": resource.kind} | item for item in items]

    async def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        patch: Any,
        kind: str,
        *,
        subresource: str = "",
        **query: str,
    ) -> Object:
        """`kind`: json, merge or strategic."""
        headers = {"Content-Type": PATCH_TYPES[kind]}
        path = resource.path(namespace, name, subresource)
        asked = {key: value for key, value in query.items() if value}
        return await self.json("PATCH", path, query=asked, body=patch, headers=headers)

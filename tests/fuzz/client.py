"""A keep-alive HTTP client that reads whatever comes back and says how long it took.

What: `Client.send` answers with the status and the first bytes of the body, or raises `Hung` or `Broken`. Why: a fuzzer
must survive every answer, an endless one too. Flow: one connection, opened
again after each answer that cannot be read to its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.fuzz.process import TOKEN

HANG_SECONDS = 5.0
LONGEST_SECONDS = 60.0
"""For a server that got no processor meanwhile: that is the machine's fault."""
STREAM_SECONDS = 0.03
"""How long an answer without an end is read."""


class Hung(Exception):
    """No answer in time."""


class Broken(Exception):
    """The connection ended without an answer."""


@dataclass(frozen=True)
class Answer:
    """`ended` is false for a stream that was left."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    ended: bool = True


class Client:
    """One connection to one port of the loopback. `again`: what a closed connection lost is sent once more.

    `busy` tells how many seconds of processor time the server has used.
    """

    def __init__(
        self, port: int, seconds: float = HANG_SECONDS, *, again: bool = True, busy: Callable[[], float] | None = None
    ) -> None:
        self.port = port
        self._seconds = seconds
        self._again = again
        self._busy = busy
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    def close(self) -> None:
        """Drops the connection."""
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None

    async def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """One request and its answer; a kept connection that was just closed is opened again once."""
        fields = {"host": "localhost", "authorization": f"Bearer {TOKEN}", "content-length": str(len(body)), **headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        data = f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode("utf-8", "surrogatepass") + body
        fresh = self._writer is None
        try:
            return await self._patiently(method, data)
        except TimeoutError:
            self.close()
            raise Hung from None
        except (OSError, EOFError, asyncio.LimitOverrunError) as error:
            self.close()
            if self._again and not fresh:
                return await self.send(method, target, headers, body)
            raise Broken(repr(error)) from None

    async def _patiently(self, method: str, data: bytes) -> Answer:
        """The answer. Raises TimeoutError if the server works on it, or sleeps, for too long."""
        used = self._busy() if self._busy is not None else 0.0
        exchange = asyncio.ensure_future(self._exchange(method, data))
        loop = asyncio.get_running_loop()
        latest = loop.time() + (LONGEST_SECONDS if self._busy is not None else self._seconds)
        try:
            while True:
                done, _ = await asyncio.wait({exchange}, timeout=self._seconds)
                if done:
                    return exchange.result()
                if loop.time() >= latest or (self._busy is not None and self._busy() - used > self._seconds / 2):
                    raise TimeoutError
        finally:
            exchange.cancel()

    async def _exchange(self, method: str, data: bytes) -> Answer:
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**26)
        assert self._reader is not None
        self._writer.write(data)
        status, headers = await self._head(self._reader)
        if method == "HEAD" or status in (204, 304):
            answer = Answer(status, headers, b"")
        elif status == 101:
            self.close()
            return Answer(status, headers, b"", ended=False)
        elif headers.get("transfer-encoding") == "chunked":
            answer = await self._chunks(self._reader, status, headers)
        else:
            answer = Answer(status, headers, await self._reader.readexactly(int(headers.get("content-length", "0"))))
        if headers.get("connection", "").lower() == "close" or not answer.ended:
            self.close()
        return answer

    @staticmethod
    async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {}
        for line in head[1:]:
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        return int(head[0].split(" ")[1]), headers

    @staticmethod
    async def _chunks(reader: asyncio.StreamReader, status: int, headers: dict[str, str]) -> Answer:
        body = b""
        try:
            async with asyncio.timeout(STREAM_SECONDS):
                while size := int(await reader.readline(), 16):
                    body += (await reader.readexactly(size + 2))[:-2]
                await reader.readline()
        except TimeoutError:
            return Answer(status, headers, body, ended=False)
        return Answer(status, headers, body)

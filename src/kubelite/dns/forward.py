"""Names outside the cluster: ask the host's resolvers, and keep what they say for a while.

What: `Forwarder.ask(query bytes)` → reply bytes. Why: pods ask the cluster's server for everything.
Flow: cache → each upstream in turn over UDP → over TCP where the reply was truncated. Bounds: 10 000 cached replies (the
oldest goes first), 1 000 questions under way (more are answered SERVFAIL at once), 5 s for a question.
"""

from __future__ import annotations

import asyncio
import pathlib
import random
import struct
from collections import OrderedDict
from collections.abc import Sequence

from kubelite.dns import message

CACHE_SIZE, PENDING_LIMIT = 10_000, 1_000
ATTEMPT_SECONDS, LONGEST_LIFE = 2.0, 30


def upstreams(resolv_conf: str) -> list[str]:
    """The `nameserver` lines of a resolver file; none if it cannot be read."""
    try:
        lines = pathlib.Path(resolv_conf).read_text().splitlines()
    except OSError:
        return []
    return [words[1] for words in (line.split() for line in lines) if len(words) > 1 and words[0] == "nameserver"]


class _Exchange(asyncio.DatagramProtocol):
    """One question over UDP."""

    def __init__(self, data: bytes, reply: asyncio.Future[bytes]) -> None:
        self.data, self.reply = data, reply

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.DatagramTransport)
        transport.sendto(self.data)

    def datagram_received(self, data: bytes, addr: object) -> None:
        # A reply must carry the question's number and the question, or it may be somebody's forgery.
        if data[:2] == self.data[:2] and not self.reply.done():
            self.reply.set_result(data)

    def error_received(self, error: Exception) -> None:
        if not self.reply.done():
            self.reply.set_exception(error)


async def _over_udp(server: str, port: int, data: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    reply: asyncio.Future[bytes] = loop.create_future()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Exchange(data, reply), remote_addr=(server, port))
    try:
        return await asyncio.wait_for(reply, ATTEMPT_SECONDS)
    finally:
        transport.close()


async def _over_tcp(server: str, port: int, data: bytes) -> bytes:
    async with asyncio.timeout(ATTEMPT_SECONDS):
        reader, writer = await asyncio.open_connection(server, port)
        try:
            writer.write(struct.pack("!H", len(data)) + data)
            size = struct.unpack("!H", await reader.readexactly(2))[0]
            return await reader.readexactly(size)
        finally:
            writer.close()


class Forwarder:
    """Asks upstream servers, remembering their answers."""

    def __init__(self, servers: Sequence[str]) -> None:
        self.servers = [_split(server) for server in servers]
        self._cache: OrderedDict[tuple[bytes, bool], tuple[float, bytes]] = OrderedDict()
        self._pending = 0

    async def ask(self, data: bytes, query: message.Query, *, tcp: bool) -> bytes:
        """The reply to the client's own bytes, with its message number."""
        key, now = (query.question.lower(), tcp), asyncio.get_running_loop().time()
        kept = self._cache.get(key)
        if kept is not None and kept[0] > now:
            return data[:2] + kept[1][2:]
        if not self.servers or self._pending >= PENDING_LIMIT:
            return message.failure(data, message.SERVFAIL)
        self._pending += 1
        try:
            reply = await self._ask_servers(data, tcp)
        finally:
            self._pending -= 1
        if reply is None:
            return message.failure(data, message.SERVFAIL)
        self._keep(key, reply, now)
        return data[:2] + reply[2:]

    async def _ask_servers(self, data: bytes, tcp: bool) -> bytes | None:
        own = struct.pack("!H", random.getrandbits(16)) + data[2:]
        for server, port in self.servers:
            try:
                return await (_over_tcp if tcp else _over_udp)(server, port, own)
            except (OSError, TimeoutError, asyncio.IncompleteReadError):
                continue
        return None

    def _keep(self, key: tuple[bytes, bool], reply: bytes, now: float) -> None:
        code = reply[3] & 0x0F
        if code not in (message.NOERROR, message.NXDOMAIN):
            return
        try:
            life = message.smallest_ttl(reply, LONGEST_LIFE)
        except (message.MalformedMessage, struct.error):
            return
        if life > 0:
            self._cache[key] = (now + life, reply)
            self._cache.move_to_end(key)
            if len(self._cache) > CACHE_SIZE:
                self._cache.popitem(last=False)


def _split(server: str) -> tuple[str, int]:
    """`10.0.0.1` or `10.0.0.1:5353`."""
    host, colon, port = server.rpartition(":")
    if colon and port.isdigit() and ":" not in host:
        return host, int(port)
    return server, 53

"""Names outside the cluster: ask the host's resolvers, and keep what they say for a while.

What: `Forwarder.ask(query bytes)` → reply bytes. Why: pods ask the cluster's server for everything.
Flow: cache → each upstream in turn, over UDP or TCP as the client asked; a truncated reply makes the client come back over
TCP. A server that cannot help (SERVFAIL, REFUSED) is passed over while another may. Bounds: 10 000 cached replies (the
oldest goes first), 1 000 questions under way (more are answered SERVFAIL at once), 5 s for a question.
"""

from __future__ import annotations

import asyncio
import pathlib
import random
import struct
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from kubelite.dns import message

CACHE_SIZE, PENDING_LIMIT = 10_000, 1_000
ATTEMPT_SECONDS, ALL_SECONDS, LONGEST_LIFE = 2.0, 5.0, 30


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

    def connection_made(self, transport: Any) -> None:
        # Event loops' own datagram transports are no subclass of asyncio's.
        transport.sendto(self.data)

    def datagram_received(self, data: bytes, addr: object) -> None:
        # Anything else may be somebody's forgery.
        if message.answers(data, self.data) and not self.reply.done():
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
            reply = await reader.readexactly(size)
            if not message.answers(reply, data):
                raise OSError(f"{server} answers another question")
            return reply
        finally:
            writer.close()


class Forwarder:
    """Asks upstream servers, remembering their answers."""

    def __init__(self, servers: Sequence[str]) -> None:
        self.servers = [_split(server) for server in servers]
        self._cache: OrderedDict[tuple[bytes, bytes, bool], tuple[float, bytes]] = OrderedDict()
        self._pending = 0

    async def ask(self, data: bytes, query: message.Query, *, tcp: bool) -> bytes:
        """The reply to the client's own bytes, with its message number."""
        # Flags and options (DNSSEC, the client's size limit) change the reply, so they are part of the key.
        key = (query.question.lower(), data[2:4] + data[len(query.question) + message.HEADER.size :], tcp)
        now = asyncio.get_running_loop().time()
        kept = self._cache.get(key)
        if kept is not None and kept[0] > now:
            return _for_client(data, query, kept[1], tcp=tcp)
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
        return _for_client(data, query, reply, tcp=tcp)

    async def _ask_servers(self, data: bytes, tcp: bool) -> bytes | None:
        own = struct.pack("!H", random.getrandbits(16)) + data[2:]
        last: bytes | None = None
        try:
            async with asyncio.timeout(ALL_SECONDS):
                for server, port in self.servers:
                    try:
                        last = await (_over_tcp if tcp else _over_udp)(server, port, own)
                    except (OSError, TimeoutError, asyncio.IncompleteReadError):
                        continue
                    if last[3] & 0x0F not in (message.SERVFAIL, message.REFUSED):
                        break
        except TimeoutError:
            return last
        return last

    def _keep(self, key: tuple[bytes, bytes, bool], reply: bytes, now: float) -> None:
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


def _for_client(data: bytes, query: message.Query, reply: bytes, *, tcp: bool) -> bytes:
    """A reply with the client's own number and spelling of the question, cut down if it is larger than the client takes."""
    if not tcp and len(reply) > query.limit:
        return message.truncated(reply, query) if len(reply) >= message.HEADER.size else b""
    end = message.HEADER.size + len(query.question)
    question = query.question if reply[4:6] != b"\0\0" else reply[message.HEADER.size : end]
    return data[:2] + reply[2 : message.HEADER.size] + question + reply[end:]


def _split(server: str) -> tuple[str, int]:
    """`10.0.0.1` or `10.0.0.1:5353`."""
    host, colon, port = server.rpartition(":")
    if colon and port.isdigit() and ":" not in host:
        return host, int(port)
    return server, 53

"""`kubelite dns`: answers DNS questions of pods.

What: listens on UDP and TCP; names of the cluster come from watched Services and EndpointSlices, all others from the host's
resolvers. Why: pods find each other by name. Flow: datagram → message.py → records.py | forward.py → datagram. Until the
caches are filled, questions about the cluster get SERVFAIL, which makes resolvers try again, not "no such name".
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kubelite.api import constants
from kubelite.api.core.service import SERVICE
from kubelite.api.discovery.endpoint_slice import ENDPOINT_SLICE
from kubelite.client.client import Client
from kubelite.client.config import load_kubeconfig
from kubelite.client.informer import Informer
from kubelite.dns import message
from kubelite.dns.forward import Forwarder, upstreams
from kubelite.dns.records import EndpointSlice, Lookups, Service, Zone
from kubelite.util.log import get_logger
from kubelite.util.tasks import supervise

log = get_logger(__name__)
SERVICE_NAME = "kubernetes.io/service-name"
TCP_IDLE_SECONDS = 10.0
TCP_LIMIT = 65535


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of the DNS server."""

    kubeconfig: str = f"{constants.ETC}/dns.kubeconfig"
    """How to reach the API server."""
    listen_address: str = "127.0.0.1"
    """Address to answer on."""
    port: int = 10053
    """Port to answer on, UDP and TCP."""
    cluster_domain: str = constants.CLUSTER_DOMAIN
    """The domain of the cluster's names."""
    forward: tuple[str, ...] = ()
    """Servers for all other names; empty takes those of --resolv-conf."""
    resolv_conf: str = "/etc/resolv.conf"
    """The host's resolver file."""


class Resolver:
    """Question bytes in, reply bytes out."""

    def __init__(self, zone: Zone, forwarder: Forwarder, synced: asyncio.Event) -> None:
        self.zone, self.forwarder, self.synced = zone, forwarder, synced

    def local(self, data: bytes, *, tcp: bool) -> bytes | message.Query:
        """The reply, or the question if it has to be asked elsewhere."""
        try:
            query = message.parse_query(data)
        except message.MalformedMessage:
            return message.failure(data, message.FORMERR)
        if query.flags & 0x7800:
            return message.failure(data, message.NOTIMP)
        try:
            return self._from_caches(data, query, tcp=tcp)
        except message.MalformedMessage:
            # Some object holds a name that cannot be sent, such as an externalName with a label of 64 letters.
            return message.failure(data, message.SERVFAIL)

    def _from_caches(self, data: bytes, query: message.Query, *, tcp: bool) -> bytes | message.Query:
        answer = None
        if self.zone.owns(query.name):
            if not self.synced.is_set():
                return message.failure(data, message.SERVFAIL)
            if query.type in (message.A, message.AAAA) and self.zone.alias(query) is not None:
                return query
            answer = self.zone.answer(query)
        elif query.name.endswith(".arpa") and self.synced.is_set():
            answer = self.zone.reverse(query)
        if answer is None:
            return query
        return message.encode(query, answer, TCP_LIMIT if tcp else query.limit)

    async def resolve(self, data: bytes, *, tcp: bool) -> bytes:
        reply = self.local(data, tcp=tcp)
        return reply if isinstance(reply, bytes) else await self.remote(data, reply, tcp=tcp)

    async def remote(self, data: bytes, query: message.Query, *, tcp: bool) -> bytes:
        """The reply to a question that needs another server's help."""
        alias = self.zone.alias(query) if self.zone.owns(query.name) else None
        if alias is None:
            return await self.forwarder.ask(data, query, tcp=tcp)
        # The stub resolvers of pods do not follow aliases themselves.
        record, target = alias
        asked = message.question_for(target, query.type, query.id)
        found = await self.forwarder.ask(asked, message.parse_query(asked), tcp=False)
        if message.is_truncated(found):
            found = await self.forwarder.ask(asked, message.parse_query(asked), tcp=True)
        try:
            records = message.parse_addresses(found)
        except (message.MalformedMessage, struct.error):
            return message.failure(data, message.SERVFAIL)
        answer = message.Answer(found[3] & 0x0F, [record, *records])
        return message.encode(query, answer, TCP_LIMIT if tcp else query.limit)


class _Datagrams(asyncio.DatagramProtocol):
    """Answers cluster names at once; only forwarded questions need a task."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver
        self.transport: asyncio.DatagramTransport | None = None
        self.tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        reply = self.resolver.local(data, tcp=False)
        if isinstance(reply, bytes):
            if reply and self.transport is not None:
                self.transport.sendto(reply, addr)
            return
        task = asyncio.create_task(self._forward(data, reply, addr))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _forward(self, data: bytes, query: message.Query, addr: Any) -> None:
        reply = await self.resolver.remote(data, query, tcp=False)
        if reply and self.transport is not None:
            self.transport.sendto(reply, addr)


async def _serve_stream(resolver: Resolver, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Questions over one TCP connection, each after its two-byte length."""
    try:
        while True:
            async with asyncio.timeout(TCP_IDLE_SECONDS):
                size = struct.unpack("!H", await reader.readexactly(2))[0]
                data = await reader.readexactly(size)
            reply = await resolver.resolve(data, tcp=True)
            if not reply:
                return
            writer.write(struct.pack("!H", len(reply)) + reply)
            await writer.drain()
    except (asyncio.IncompleteReadError, TimeoutError, OSError):
        return
    finally:
        writer.close()


def lookups(services: Informer[Service], slices: Informer[EndpointSlice]) -> Lookups:
    """The zone's view of the caches."""

    def by_address(address: str) -> Iterable[Service | EndpointSlice]:
        return [*services.by_index("address", address), *slices.by_index("address", address)]

    return Lookups(
        service=lambda namespace, name: services.get(f"{namespace}/{name}"),
        slices=lambda namespace, name: slices.by_index("service", f"{namespace}/{name}"),
        by_address=by_address,
        namespaces=lambda: {service.metadata.namespace for service in services.list()},
    )


def _service_of(piece: EndpointSlice) -> list[str]:
    owner = piece.metadata.labels.get(SERVICE_NAME)
    return [f"{piece.metadata.namespace}/{owner}"] if owner else []


async def run(config: Config, stop: asyncio.Event) -> None:
    """Runs until `stop`."""
    client = Client.from_config(load_kubeconfig(config.kubeconfig), user_agent="kubelite-dns", patience=float("inf"))
    services: Informer[Service] = Informer(
        client,
        SERVICE,
        type=Service,
        indexers={
            "address": lambda s: [a for a in {s.spec.clusterIP or "", *s.spec.clusterIPs} if a not in ("", "None")]
        },
    )
    slices: Informer[EndpointSlice] = Informer(
        client,
        ENDPOINT_SLICE,
        type=EndpointSlice,
        indexers={"service": _service_of, "address": lambda p: {a for e in p.endpoints for a in e.addresses}},
    )
    synced = asyncio.Event()
    servers = list(config.forward) or upstreams(config.resolv_conf)
    resolver = Resolver(Zone(config.cluster_domain, lookups(services, slices)), Forwarder(servers), synced)

    async def wait_for_caches() -> None:
        await asyncio.gather(services.synced(), slices.synced())
        synced.set()
        log.info("Answering for the cluster domain", domain=config.cluster_domain, forward=",".join(servers))
        await stop.wait()

    loop = asyncio.get_running_loop()
    where = (config.listen_address, config.port)
    datagrams, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(resolver), local_addr=where)
    stream = await asyncio.start_server(lambda r, w: _serve_stream(resolver, r, w), *where)
    try:
        await supervise(stop, services=services.run(), slices=slices.run(), caches=wait_for_caches())
    finally:
        datagrams.close()
        stream.close()
        await client.close()

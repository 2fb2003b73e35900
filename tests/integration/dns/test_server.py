"""The DNS server over real sockets: cluster names from the real API server, other names from servers that the test runs."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from kubelite.dns import message, server
from kubelite.dns.forward import Forwarder, upstreams
from kubelite.dns.message import Answer, Query
from tests.apienv import ApiEnv, api_server

SERVICES = "/api/v1/namespaces/default/services"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
NAME = "www.example.org"


class Upstream(asyncio.DatagramProtocol):
    """A server of other names. `answer(query, tcp)` → bytes, None for silence; `asked` counts the questions."""

    def __init__(self, answer: Callable[[Query, bool], bytes | None]) -> None:
        self.answer, self.asked = answer, 0
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.asked += 1
        reply = self.answer(message.parse_query(data), False)
        if reply is not None:
            self.transport.sendto(reply, addr)

    async def serve_stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = struct.unpack("!H", await reader.readexactly(2))[0]
        self.asked += 1
        reply = self.answer(message.parse_query(await reader.readexactly(size)), True)
        if reply is not None:
            writer.write(struct.pack("!H", len(reply)) + reply)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def upstream(answer: Callable[[Query, bool], bytes | None]) -> AsyncIterator[tuple[Upstream, str]]:
    """A running one, and its `address:port`."""
    made, port = Upstream(answer), free_port()
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: made, ("127.0.0.1", port))
    stream = await asyncio.start_server(made.serve_stream, "127.0.0.1", port)
    try:
        yield made, f"127.0.0.1:{port}"
    finally:
        transport.close()
        stream.close()


def free_port() -> int:
    """A port that is free for UDP and TCP."""
    with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        stream.bind(("127.0.0.1", 0))
        port = int(stream.getsockname()[1])
        datagrams.bind(("127.0.0.1", port))
        return port


def found(query: Query, tcp: bool, *, count: int = 1, ttl: int = 60) -> bytes:
    records = [message.address(query.name, ttl, f"192.0.2.{i + 1}") for i in range(count)]
    return message.encode(query, Answer(records=records, authoritative=False), 65535 if tcp else query.limit)


async def ask(port: int, name: str, kind: int = message.A, *, tcp: bool = False) -> bytes:
    data = message.question_for(name, kind, 4711)
    reply = await (over_tcp if tcp else over_udp)(port, data)
    assert message.answers(reply, data)
    return reply


async def over_udp(port: int, data: bytes) -> bytes:
    with socket.socket(type=socket.SOCK_DGRAM) as one:
        one.setblocking(False)
        one.connect(("127.0.0.1", port))
        async with asyncio.timeout(8):
            await asyncio.get_running_loop().sock_sendall(one, data)
            return await asyncio.get_running_loop().sock_recv(one, 65535)


async def over_tcp(port: int, data: bytes) -> bytes:
    async with asyncio.timeout(8):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(struct.pack("!H", len(data)) + data)
        reply = await reader.readexactly(struct.unpack("!H", await reader.readexactly(2))[0])
        writer.close()
        return reply


def code(reply: bytes) -> int:
    return reply[3] & 0x0F


def addresses(reply: bytes) -> list[str]:
    found = message.parse_addresses(reply)
    return sorted(socket.inet_ntoa(r.data) for r in found if r.type == message.A)


@asynccontextmanager
async def dns(api: ApiEnv, *forward: str) -> AsyncIterator[int]:
    """The server's port, once it answers."""
    stop, port = asyncio.Event(), free_port()
    config = server.Config(kubeconfig=api.kubeconfig(), port=port, forward=forward, resolv_conf="/nonexistent")
    running = asyncio.create_task(server.run(config, stop))
    try:
        async with asyncio.timeout(10):
            while not await answers(port):  # noqa: ASYNC110 - only asking tells
                await asyncio.sleep(0.02)
        yield port
    finally:
        stop.set()
        await running


async def answers(port: int) -> bool:
    try:
        return code(await over_tcp(port, message.question_for("dns-version.cluster.local", message.TXT, 1))) == 0
    except OSError:
        return False


async def create_service(api: ApiEnv, name: str, *endpoints: str, **spec: Any) -> None:
    ports = [{"name": "http", "port": 80, "protocol": "TCP"}]
    reply = await api.post(SERVICES, {"metadata": {"name": name}, "spec": {"ports": ports, **spec}})
    assert reply.status == 201, reply.body
    body = {
        "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}} for address in endpoints],
        "ports": ports,
    }
    assert (await api.post(SLICES, body)).status == 201


async def until(port: int, name: str, expected: list[str], **more: Any) -> None:
    async with asyncio.timeout(5):
        while addresses(await ask(port, name, **more)) != expected:  # noqa: ASYNC110 - only asking tells
            await asyncio.sleep(0.02)


async def test_services_are_known_by_name_as_they_come_and_go() -> None:
    async with api_server() as api, dns(api) as port:
        name = "web.default.svc.cluster.local"
        assert code(await ask(port, name)) == message.NXDOMAIN
        await create_service(api, "web", clusterIP="10.96.0.77")
        await until(port, name, ["10.96.0.77"])
        await until(port, name, ["10.96.0.77"], tcp=True)
        await api.delete(f"{SERVICES}/web")
        await until(port, name, [])


async def test_a_large_headless_service_is_truncated_over_udp_and_whole_over_tcp() -> None:
    async with api_server() as api, dns(api) as port:
        await create_service(api, "big", *(f"10.244.1.{i}" for i in range(1, 101)), clusterIP="None")
        name = "big.default.svc.cluster.local"
        await until(port, name, sorted(f"10.244.1.{i}" for i in range(1, 101)), tcp=True)
        reply = await ask(port, name)
        assert message.is_truncated(reply) and addresses(reply) == []


async def test_malformed_and_odd_packets_leave_the_server_working() -> None:
    async with api_server() as api, dns(api) as port:
        query = message.question_for("kubernetes.default.svc.cluster.local", message.A, 5)
        with socket.socket(type=socket.SOCK_DGRAM) as one:
            for junk in (b"", b"x", b"\0" * 12, query[:-1], b"\xff" * 500, query[:2] + b"\x80" + query[3:]):
                one.sendto(junk, ("127.0.0.1", port))
        assert code(await over_udp(port, query[:2] + b"\x28" + query[3:])) == message.NOTIMP
        assert code(await over_udp(port, query[:5] + b"\x02" + query[6:])) == message.FORMERR
        assert code(await ask(port, "web.default.svc.cluster.local")) == message.NXDOMAIN


async def test_a_service_with_an_external_name_leads_to_its_addresses() -> None:
    def only_asked(query: Query, tcp: bool) -> bytes:
        return found(query, tcp) if query.name == NAME else message.encode(query, Answer(message.NXDOMAIN), 512)

    async with api_server() as api, upstream(only_asked) as (_, there), dns(api, there) as port:
        await create_service(api, "ext", type="ExternalName", externalName=NAME)
        name = "ext.default.svc.cluster.local"
        await until(port, name, ["192.0.2.1"])
        reply = await ask(port, name)
        assert [r.type for r in message.parse_addresses(reply)] == [message.CNAME, message.A]
        assert code(await ask(port, "other.example.org")) == message.NXDOMAIN


async def forwarded(forwarder: Forwarder, name: str = NAME, *, tcp: bool = False) -> bytes:
    data = message.question_for(name, message.A, 9)
    return await forwarder.ask(data, message.parse_query(data), tcp=tcp)


async def test_answers_are_kept_with_the_clients_number_and_spelling() -> None:
    async with upstream(found) as (made, there):
        forwarder = Forwarder([there])
        assert addresses(await forwarded(forwarder)) == ["192.0.2.1"]
        data = message.question_for("WWW.Example.ORG", message.A, 1234)
        reply = await forwarder.ask(data, message.parse_query(data), tcp=False)
        assert message.answers(reply, data) and data[12:] in reply
        assert addresses(reply) == ["192.0.2.1"]
        assert made.asked == 1


@pytest.mark.parametrize(
    "answer",
    [
        lambda query, tcp: found(query, tcp, ttl=0),
        lambda query, tcp: message.encode(query, Answer(message.SERVFAIL), 512),
        lambda query, tcp: message.encode(query, Answer(message.REFUSED), 512),
    ],
)
async def test_what_must_not_be_kept_is_asked_again(answer: Callable[[Query, bool], bytes]) -> None:
    async with upstream(answer) as (made, there):
        forwarder = Forwarder([there])
        first, second = await forwarded(forwarder), await forwarded(forwarder)
        assert code(first) == code(second)
        assert made.asked == 2


async def test_a_server_that_cannot_help_is_passed_over() -> None:
    refusing = lambda query, tcp: message.encode(query, Answer(message.SERVFAIL), 512)  # noqa: E731 - one expression
    closed = f"127.0.0.1:{free_port()}"
    async with upstream(refusing) as (_, bad), upstream(found) as (_, good):
        assert addresses(await forwarded(Forwarder([closed, bad, good]))) == ["192.0.2.1"]
        assert code(await forwarded(Forwarder([bad, closed]))) == message.SERVFAIL


@pytest.mark.parametrize("servers", [[], ["127.0.0.1:1"]])
async def test_without_a_working_server_the_answer_is_a_failure(servers: list[str]) -> None:
    for tcp in (False, True):
        reply = await forwarded(Forwarder(servers), tcp=tcp)
        assert code(reply) == message.SERVFAIL
        assert message.answers(reply, message.question_for(NAME, message.A, 9))


async def test_forged_replies_are_not_believed() -> None:
    def forged_first(query: Query, tcp: bool) -> bytes:
        other = message.parse_query(message.question_for("evil.example", message.A, query.id))
        made[0].transport.sendto(found(other, tcp), made[1])
        return found(query, tcp)

    made: list[Any] = []

    class Forging(Upstream):
        def datagram_received(self, data: bytes, addr: Any) -> None:
            made[:] = [self, addr]
            super().datagram_received(data, addr)

    port, loop = free_port(), asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: Forging(forged_first), ("127.0.0.1", port))
    try:
        assert addresses(await forwarded(Forwarder([f"127.0.0.1:{port}"]))) == ["192.0.2.1"]
    finally:
        transport.close()


async def test_a_large_reply_is_cut_for_a_client_that_takes_little_and_whole_over_tcp() -> None:
    def generous(query: Query, tcp: bool) -> bytes:
        return found(query, True, count=100)

    async with upstream(generous) as (_, there):
        forwarder = Forwarder([there])
        reply = await forwarded(forwarder)
        assert message.is_truncated(reply) and len(reply) <= 512
        assert len(addresses(await forwarded(forwarder, tcp=True))) == 100


def test_the_hosts_resolvers_are_read_from_its_file(tmp_path: Any) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("# a comment\nsearch example.org\nnameserver 192.0.2.53\nnameserver fd00::53\nnameserver\n")
    assert upstreams(str(file)) == ["192.0.2.53", "fd00::53"]
    assert upstreams(str(tmp_path / "none")) == []

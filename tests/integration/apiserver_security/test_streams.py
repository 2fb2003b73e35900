"""Logs and upgraded connections on their way through the server to a kubelet."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kubelite.apiserver.bootstrap import masters
from tests.apienv import ADMIN_TOKEN, ApiEnv
from tests.integration.apiserver_security.conftest import put_pod

POD = "/api/v1/namespaces/default/pods/web"


async def test_a_log_comes_from_the_kubelet_with_the_asked_options(api: ApiEnv, kubelet: Any) -> None:
    async def answer(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nline 1\r\n7\r\n\nline 2\r\n0\r\n\r\n")
        await writer.drain()

    async with kubelet(answer) as node:
        await put_pod(api, node.port)
        reply = await api.get(f"{POD}/log?tailLines=5&timestamps=true&container=c")
    assert (reply.status, reply.headers["content-type"], reply.body) == (200, "text/plain", b"line 1\nline 2")
    assert node.heads[0].startswith("GET /containerLogs/default/web/c?tailLines=5&timestamps=true HTTP/1.1\r\n")
    assert ADMIN_TOKEN not in node.heads[0]


async def test_a_followed_log_is_let_go_when_the_client_goes(api: ApiEnv, kubelet: Any) -> None:
    gone = asyncio.Event()

    async def answer(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await writer.drain()
        await reader.read()
        gone.set()

    async with kubelet(answer) as node:
        await put_pod(api, node.port)
        reader, writer = await api.connect()
        writer.write(
            f"GET {POD}/log?follow=true HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADMIN_TOKEN}\r\n\r\n".encode()
        )
        async with asyncio.timeout(5):
            await reader.readuntil(b"first")
            writer.close()
            await gone.wait()


async def test_the_kubelets_refusal_of_a_log_reaches_the_client(api: ApiEnv, kubelet: Any) -> None:
    async def answer(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        text = b'container "c" in pod "web" is waiting to start: ContainerCreating'
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text))
        await writer.drain()

    async with kubelet(answer) as node:
        await put_pod(api, node.port)
        reply = await api.get(f"{POD}/log")
    assert reply.status == 400
    assert reply.json()["message"] == 'container "c" in pod "web" is waiting to start: ContainerCreating'


async def test_a_kubelet_that_does_not_answer_is_a_500_that_says_so(api: ApiEnv, kubelet: Any) -> None:
    async def answer(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        return None

    async with kubelet(answer) as node:
        await put_pod(api, node.port)
    reply = await api.get(f"{POD}/log")
    assert reply.status == 500
    assert f'Get "https://127.0.0.1:{node.port}/containerLogs/default/web/c": dial tcp' in reply.json()["message"]


async def test_an_unknown_container_is_refused(api: ApiEnv) -> None:
    await put_pod(api, 1)
    reply = await api.get(f"{POD}/log?container=z")
    assert (reply.status, reply.json()["message"]) == (400, "container z is not valid for pod web")


async def test_an_upgraded_connection_passes_bytes_both_ways(api: ApiEnv, kubelet: Any) -> None:
    async def answer(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\nhello ")
        while data := await reader.read(65536):
            writer.write(data.upper())
            await writer.drain()

    async with kubelet(answer) as node:
        await put_pod(api, node.port)
        reader, writer = await api.connect()
        path = f"{POD}/exec?command=sh&command=-c&container=c&stdin=true&tty=true"
        writer.write(
            f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADMIN_TOKEN}\r\nConnection: Upgrade\r\n"
            "Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v5.channel.k8s.io\r\n"
            "X-Stream-Protocol-Version: v4.channel.k8s.io\r\nContent-Length: 0\r\n\r\n".encode()
        )
        big = b"x" * 1_000_000
        async with asyncio.timeout(10):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
            assert await reader.readexactly(6) == b"hello "
            writer.write(big)
            assert await reader.readexactly(len(big)) == big.upper()
            writer.close()
    head = node.heads[0]
    assert head.startswith("POST /exec/default/web/c?input=1&output=1&tty=1&command=sh&command=-c HTTP/1.1\r\n")
    assert head.count("X-Stream-Protocol-Version: ") == 2
    assert ADMIN_TOKEN not in head


async def test_a_refused_upgrade_is_the_clients_answer(api: ApiEnv, kubelet: Any) -> None:
    async def answer(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nno such c")
        await writer.drain()

    async with kubelet(answer) as node:
        await put_pod(api, node.port)
        headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "x"}
        reply = await api.get(f"{POD}/attach", headers=headers)
    assert (reply.status, reply.body) == (404, b"no such c")
    assert node.heads[0].startswith("GET /attach/default/web/c?output=1&error=1 HTTP/1.1\r\n")


async def test_exec_without_upgrade_is_refused(api: ApiEnv) -> None:
    await put_pod(api, 1)
    reply = await api.post(f"{POD}/exec?command=ls", None)
    assert (reply.status, reply.json()["message"]) == (400, "Upgrade request required")


async def test_a_pods_web_server_is_reached_through_the_proxy(api: ApiEnv) -> None:
    seen: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b"HTTP/1.1 418 I'm a teapot\r\nContent-Type: text/x\r\nX-Own: 1\r\nContent-Length: 3\r\n\r\npot")
        await writer.drain()
        writer.close()

    address = masters.advertised("", "0.0.0.0")
    if address.startswith("127."):
        pytest.skip("this machine has no address but loopback, which is not proxied to")
    server = await asyncio.start_server(serve, address, 0)
    port = server.sockets[0].getsockname()[1]
    await put_pod(api, 1)
    status = {"status": {"podIP": address, "podIPs": [{"ip": address}]}}
    assert (await api.patch(f"{POD}/status", status)).status == 200
    path = f"/api/v1/namespaces/default/pods/http:web:{port}/proxy"
    redirect = await api.get(path)
    assert (redirect.status, redirect.headers["location"]) == (301, f"{path}/")
    reply = await api.get(f"{path}/a/b?x=1")
    server.close()
    assert (reply.status, reply.headers["content-type"], reply.headers["x-own"], reply.body) == (
        418,
        "text/x",
        "1",
        b"pot",
    )
    assert seen[0].startswith("GET /a/b?x=1 HTTP/1.1\r\n")
    assert ADMIN_TOKEN not in seen[0]


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "::1"])
async def test_the_proxy_leads_to_no_address_of_the_servers_own_host(api: ApiEnv, address: str) -> None:
    await put_pod(api, 1)
    status = {"status": {"podIP": address, "podIPs": [{"ip": address}]}}
    assert (await api.patch(f"{POD}/status", status)).status == 200
    reply = await api.get(f"{POD}/proxy/")
    assert (reply.status, reply.json()["message"]) == (400, "address not allowed")

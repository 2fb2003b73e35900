"""The client against a scripted server: pooling, retries, errors, streams."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import msgspec
import pytest

from kubelite.api.types.core_v1 import ConfigMap
from kubelite.client.client import Client
from kubelite.client.config import ClientConfig
from kubelite.client.errors import ConnectionFailed
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind
from tests.unit.client.server import Request, reply, serving

CONFIG_MAP = Kind(group="", version="v1", kind="ConfigMap", plural="configmaps", type=ConfigMap)
BODY = b'{"metadata":{"name":"a","namespace":"n","resourceVersion":"7"},"data":{"k":"v"}}'


def new_client(config, patience: float = 0.0) -> Client:
    return Client.from_config(config, user_agent="test", patience=patience)


async def test_keeps_the_connection_for_the_next_request():
    async def answer(request: Request, writer: asyncio.StreamWriter) -> bool:
        writer.write(reply(200, BODY))
        return True

    async with serving(answer) as server:
        client = new_client(server.config)
        for _ in range(3):
            found = await client.get(CONFIG_MAP, "a", "n")
        assert (found.data, found.metadata.resourceVersion) == ({"k": "v"}, "7")
        assert server.connections == 1
        assert server.requests[0].target == "/api/v1/namespaces/n/configmaps/a"
        await client.close()


async def test_opens_no_more_connections_than_its_bound():
    async def answer(request: Request, writer: asyncio.StreamWriter) -> bool:
        await asyncio.sleep(0)
        writer.write(reply(200, BODY))
        return True

    async with serving(answer) as server:
        client = new_client(server.config)
        client.transport._max = 4
        found = await asyncio.gather(*(client.get(CONFIG_MAP, "a", "n") for _ in range(40)))
        assert len(found) == 40
        assert server.connections <= 4
        await client.close()


async def test_raises_the_servers_status_object():
    async def answer(request: Request, writer: asyncio.StreamWriter) -> bool:
        status = b'{"kind":"Status","status":"Failure","message":"no such thing","reason":"NotFound","code":404}'
        writer.write(reply(404, status))
        return True

    async with serving(answer) as server:
        client = new_client(server.config)
        with pytest.raises(StatusError, match="no such thing") as caught:
            await client.get(CONFIG_MAP, "a", "n")
        assert (caught.value.code, caught.value.reason) == (404, "NotFound")
        await client.close()


async def test_makes_a_status_of_a_plain_text_error():
    async def answer(request: Request, writer: asyncio.StreamWriter) -> bool:
        writer.write(reply(502, b"bad gateway"))
        return True

    async with serving(answer) as server:
        client = new_client(server.config)
        with pytest.raises(StatusError, match="bad gateway") as caught:
            await client.create(CONFIG_MAP, ConfigMap(), "n")
        assert caught.value.code == 502
        await client.close()


async def test_waits_and_repeats_when_told_to_retry_after():
    async def answer(request: Request, writer: asyncio.StreamWriter) -> bool:
        busy = len(server.requests) < 3
        writer.write(reply(429, b"slow down", "Retry-After: 0\r\n") if busy else reply(201, BODY))
        return True

    async with serving(answer) as server:
        client = new_client(server.config)
        created = await client.create(CONFIG_MAP, ConfigMap(data={"k": "v"}), "n")
        assert created.metadata.name == "a"
        assert [msgspec.json.decode(request.body) for request in server.requests] == [
            {"apiVersion": "v1", "kind": "ConfigMap", "data": {"k": "v"}, "metadata": {}}
        ] * 3
        await client.close()


@pytest.mark.parametrize(("method", "attempts"), [("GET", 2), ("POST", 1)])
async def test_repeats_only_reads_when_the_connection_breaks(method: str, attempts: int):
    async def answer(request: Request, writer: asyncio.StreamWriter) -> bool:
        if len(server.requests) == 1:
            return False
        writer.write(reply(200, BODY))
        return True

    async with serving(answer) as server:
        client = new_client(server.config)
        if method == "GET":
            await client.request(method, "/x")
        else:
            with pytest.raises(ConnectionFailed) as caught:
                await client.request(method, "/x", body=b"{}")
            assert caught.value.sent
        assert len(server.requests) == attempts
        await client.close()


async def test_a_refused_connection_fails_at_once_and_says_so():
    async with serving(lambda request, writer: None) as server:  # type: ignore[arg-type,return-value]
        config = server.config
    client = new_client(config)
    with pytest.raises(ConnectionFailed, match="connection refused") as caught:
        await client.get(CONFIG_MAP, "a", "n")
    assert caught.value.refused
    assert not caught.value.sent


async def test_decodes_chunked_lists_and_nulls_of_other_servers():
    page = b'{"metadata":{"resourceVersion":"9","continue":"t"},"items":[{"metadata":{"name":"a","labels":null},"data":null}]}'

    async def answer(request: Request, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for part in (page[:10], page[10:]):
            writer.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        return True

    async with serving(answer) as server:
        client = new_client(server.config)
        listing = await client.list(CONFIG_MAP, "n", limit=1, label_selector="a=b,c in (d)")
        assert [item.metadata.name for item in listing.items] == ["a"]
        assert (listing.resourceVersion, listing.continue_) == ("9", "t")
        assert server.requests[0].target.endswith("?labelSelector=a%3Db%2Cc%20in%20%28d%29&limit=1")
        await client.close()


async def test_a_watch_yields_events_split_anywhere_and_raises_the_error_event():
    events = (
        b'{"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"1"}}}\n'
        b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"5"}}}\n'
        b'{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}\n'
    )

    async def answer(request: Request, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for start in range(0, len(events), 7):
            part = events[start : start + 7]
            writer.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            await writer.drain()
        await asyncio.Event().wait()
        return False

    async with serving(answer) as server:
        client = new_client(server.config)
        seen = []
        with pytest.raises(StatusError, match="too old") as caught:
            async with aclosing(client.watch(CONFIG_MAP, "n", resource_version="0")) as watch:
                async for event in watch:
                    seen.append((event.type, event.object.metadata.resourceVersion))
        assert seen == [("ADDED", "1"), ("BOOKMARK", "5")]
        assert caught.value.code == 410
        await client.close()


async def test_an_unread_stream_stops_the_server_instead_of_filling_memory():
    sent = 0
    stalled = asyncio.Event()

    async def answer(request: Request, writer: asyncio.StreamWriter) -> bool:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        part = b"x" * 65536
        while True:
            writer.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            sent += len(part)
            try:
                async with asyncio.timeout(0.3):
                    await writer.drain()
            except TimeoutError:
                stalled.set()
                return False

    async with serving(answer) as server:
        client = new_client(server.config)
        stream = await client.stream("GET", "/logs")
        await asyncio.wait_for(stalled.wait(), 30)
        assert sent < 64 << 20
        assert len(await anext(stream)) > 0
        stream.close()
        await client.close()


async def test_a_cancelled_request_leaves_a_usable_pool():
    async def answer(request: Request, writer: asyncio.StreamWriter) -> bool:
        if request.target == "/slow":
            await asyncio.Event().wait()
        writer.write(reply(200, BODY))
        return True

    async with serving(answer) as server:
        client = new_client(server.config)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.request("GET", "/slow")
        with pytest.raises(ConnectionFailed, match="timed out"):
            await client.request("POST", "/slow", seconds=0.05)
        assert (await client.request("GET", "/fast")).body == BODY
        await client.close()


@pytest.mark.parametrize("name", ["", "a/b", "..", "a%2fb"])
async def test_refuses_names_that_would_reach_another_path(name: str):
    client = new_client(ClientConfig(server="http://127.0.0.1:1"))
    with pytest.raises(StatusError, match="invalid resource name"):
        await client.get(CONFIG_MAP, name, "n")


async def test_sends_a_renewed_token_after_unauthorized(tmp_path):
    token = tmp_path / "token"
    token.write_text("old\n")

    async def answer(request: Request, writer: asyncio.StreamWriter) -> bool:
        good = request.headers["authorization"] == "Bearer new"
        token.write_text("new\n")
        writer.write(reply(200, BODY) if good else reply(401, b"Unauthorized"))
        return True

    async with serving(answer) as server:
        client = new_client(ClientConfig(server=server.config.server, token_file=str(token)))
        assert (await client.request("GET", "/x")).status == 200
        await client.close()


async def test_every_value_of_a_repeated_header_is_kept():
    async def answer(request: Request, writer: asyncio.StreamWriter) -> bool:
        writer.write(reply(200, b"{}", 'Warning: 299 - "one"\r\nwarning: 299 - "two"\r\n'))
        return True

    async with serving(answer) as server:
        client = Client.from_config(server.config, user_agent="test")
        response = await client.request("GET", "/x")
        stream = await client.stream("GET", "/x")
        stream.close()
        await client.close()
    assert response.values("warning") == stream.warnings == ['299 - "one"', '299 - "two"']
    assert response.values("absent") == []

"""A server process of its own: killed while clients write, and with a thousand clients that hold connections and watches."""

from __future__ import annotations

import asyncio
import json
import pathlib
from collections.abc import Iterator

import pytest

from tests.fuzz.client import Broken, Client, Hung
from tests.fuzz.process import TOKEN, ServerProcess

COLLECTION = "/api/v1/namespaces/default/configmaps"
HEADERS = {"content-type": "application/json"}
CROWD = 1000
WATCHER_BYTES = 40_000
"""Most memory that an idle watch may cost with its connection."""


@pytest.fixture
def server(tmp_path: pathlib.Path) -> Iterator[ServerProcess]:
    found = ServerProcess(tmp_path)
    found.start()
    yield found
    found.kill()


async def test_no_acknowledged_write_is_lost_when_the_server_is_killed(server: ServerProcess) -> None:
    acknowledged: dict[str, str] = {}

    async def write(life: int, writer: int) -> None:
        client = Client(server.port, again=False)
        number = 0
        while True:
            name = f"w{life}-{writer}-{number}"
            number += 1
            body = json.dumps({"metadata": {"name": name}, "data": {"n": name}}).encode()
            try:
                answer = await client.send("POST", COLLECTION, HEADERS, body)
            except (Broken, Hung):
                return
            assert answer.status == 201, answer.body
            acknowledged[name] = json.loads(answer.body)["metadata"]["resourceVersion"]

    for life in range(3):
        before = len(acknowledged)
        writers = [asyncio.create_task(write(life, writer)) for writer in range(8)]
        while len(acknowledged) < before + 150:  # noqa: ASYNC110 - the writers make it true
            await asyncio.sleep(0.01)
        server.kill()
        await asyncio.gather(*writers)
        await asyncio.to_thread(server.start)
    listed = json.loads((await Client(server.port).send("GET", COLLECTION, {}, b"")).body)["items"]
    kept = {item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in listed}
    assert {name: kept.get(name) for name in acknowledged} == acknowledged


async def test_a_thousand_idle_watches_and_connections_are_cheap_and_hold_up_nobody(server: ServerProcess) -> None:
    client = Client(server.port)
    await client.send("GET", COLLECTION, {}, b"")
    empty = server.memory()
    writers = []
    head = f"HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\n\r\n"
    watches = []
    for number in range(CROWD):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writers.append(writer)
        if number % 2:
            writer.write(f"GET {COLLECTION}?watch=true {head}".encode())
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
            watches.append(reader)
        else:
            writer.write(b"GET /ver")  # a head that never ends
    assert server.memory() - empty < CROWD * WATCHER_BYTES
    body = json.dumps({"metadata": {"name": "seen-by-all"}}).encode()
    assert (await client.send("POST", COLLECTION, HEADERS, body)).status == 201
    async with asyncio.timeout(20):
        for reader in watches:
            line = b""
            while b'"seen-by-all"' not in line:
                line = await reader.readline()
                assert line
    for writer in writers:
        writer.transport.abort()
    assert (await client.send("GET", COLLECTION, {}, b"")).status == 200


async def held(client: Client) -> float:
    """How many watches of configmaps the server has."""
    text = (await client.send("GET", "/metrics", {}, b"")).body.decode()
    rows = [line for line in text.splitlines() if line.startswith("apiserver_longrunning_requests")]
    return sum(float(line.rpartition(" ")[2]) for line in rows if 'resource="configmaps"' in line)


async def test_watches_whose_clients_vanished_are_forgotten(server: ServerProcess) -> None:
    client = Client(server.port)
    head = f"GET {COLLECTION}?watch=true HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\n\r\n".encode()
    writers = []
    for _ in range(200):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(head)
        await reader.readuntil(b"\r\n\r\n")
        writers.append(writer)
    assert await held(client) == 200
    for writer in writers:
        writer.transport.abort()
    async with asyncio.timeout(20):
        while await held(client):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.05)

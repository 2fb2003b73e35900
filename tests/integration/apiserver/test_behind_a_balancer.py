"""Several API servers over one etcd behind a TCP load balancer: one stops in good order, and nobody notices."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from kubelite.storage.etcd import EtcdStore
from tests.apienv import ApiEnv, api_server
from tests.contract.storage_backends import Etcd, ready

MAPS = "/api/v1/namespaces/default/configmaps"


class Balancer:
    """Passes connections on to the next server whose /readyz was well when it last looked; a connection stays where it is."""

    def __init__(self, servers: list[ApiEnv]) -> None:
        self.servers, self.well, self._next, self.port = servers, list(servers), 0, 0

    async def look(self) -> None:
        while True:
            self.well = [one for one in self.servers if await self._is_well(one)]
            await asyncio.sleep(0.02)

    async def _is_well(self, server: ApiEnv) -> bool:
        try:
            return (await server.get("/readyz")).status == 200
        except (OSError, asyncio.IncompleteReadError):
            return False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._next += 1
        server = self.well[self._next % len(self.well)]
        there, to = await asyncio.open_connection("127.0.0.1", server.port)
        with contextlib.suppress(OSError):
            await asyncio.gather(_copy(reader, to), _copy(there, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


@asynccontextmanager
async def balanced(servers: list[ApiEnv]) -> AsyncIterator[ApiEnv]:
    """The servers as one."""
    balancer = Balancer(servers)
    listening = await asyncio.start_server(balancer.serve, "127.0.0.1", 0)
    looking = asyncio.create_task(balancer.look())
    try:
        yield replace(servers[0], port=listening.sockets[0].getsockname()[1])
    finally:
        looking.cancel()
        listening.close()


@pytest.mark.parametrize("count", [2, 3])
async def test_writes_and_watches_go_on_when_one_of_several_servers_stops(count: int, etcd: Etcd) -> None:
    stores = [await ready(await EtcdStore.open([etcd.endpoint])) for _ in range(count)]
    shared = {"etcd_servers": etcd.endpoint, "shutdown_delay_duration": "500ms", "shutdown_seconds": 5.0}
    async with contextlib.AsyncExitStack() as stack, asyncio.timeout(40):
        servers = [await stack.enter_async_context(api_server(store=store, **shared)) for store in stores]
        front = await stack.enter_async_context(balanced(servers))
        await _go_through(front, servers[0])
    for store in stores:
        await store.close()


async def reached(written: dict[int, str], count: int) -> None:
    while len(written) < count:  # noqa: ASYNC110 - the writers fill it
        await asyncio.sleep(0.01)


async def _go_through(front: ApiEnv, stopping: ApiEnv) -> None:
    start = (await front.get(MAPS)).json()["metadata"]["resourceVersion"]
    stop = asyncio.Event()
    written: dict[int, str] = {}
    moved: list[int] = []

    async def writer(number: int) -> None:
        count = 0
        while not stop.is_set():
            name = f"w{number}-{count}"
            reply = await front.post(MAPS, {"metadata": {"name": name}})
            assert reply.status == 201, f"{name}: {reply.status} {reply.body.decode()}"
            written[int(reply.json()["metadata"]["resourceVersion"])] = name
            count += 1

    async def watcher(number: int) -> list[tuple[int, str]]:
        """Everything that came, over as many watches as it took."""
        seen = [(int(start), "")]
        while seen[-1][1] != "last":
            async with front.watch(MAPS, resourceVersion=str(seen[-1][0])) as watch:
                while seen[-1][1] != "last":
                    event = await watch.next()
                    if event is None:
                        moved.append(number)
                        break
                    assert event["type"] == "ADDED", event
                    metadata = event["object"]["metadata"]
                    seen.append((int(metadata["resourceVersion"]), metadata["name"]))
        return seen[1:-1]

    async with asyncio.TaskGroup() as tasks:
        watchers = [tasks.create_task(watcher(number)) for number in range(6)]
        writers = [tasks.create_task(writer(number)) for number in range(4)]
        await reached(written, 20)
        await stopping.server.stop()
        await reached(written, len(written) + 20)  # through the other server
        stop.set()
        await asyncio.gather(*writers)
        assert (await front.post(MAPS, {"metadata": {"name": "last"}})).status == 201
    assert moved, "some watches were on the server that stopped"
    assert [task.result() for task in watchers] == [sorted(written.items())] * 6

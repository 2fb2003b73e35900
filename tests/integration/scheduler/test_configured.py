"""Schedulers with a configuration of their own: profiles, extenders over HTTPS, user plugins, metrics."""

from __future__ import annotations

import asyncio
import json
import pathlib
import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from kubelite.scheduler import server
from kubelite.util import tls
from tests.apienv import api_server
from tests.integration.scheduler.world import PODS, World, scheduling

HEAD = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}
HOST = "kubernetes.io/hostname"
Answer = Callable[[str, Any], Any]


def write(folder: pathlib.Path, **fields: Any) -> str:
    path = folder / "scheduler.yaml"
    path.write_text(json.dumps({**HEAD, "leaderElection": {"leaderElect": False}, **fields}))
    return str(path)


@asynccontextmanager
async def extender(folder: pathlib.Path, answer: Answer) -> AsyncIterator[dict[str, Any]]:
    """A TLS server that answers each call with `answer(verb, body)`; an exception is a 500. Gives url and tlsConfig."""
    authority = tls.Authority.load_or_create(folder / "ca.crt", folder / "ca.key", "extender-ca")
    pair = authority.issue_server("extender", ["127.0.0.1", "localhost"])
    (folder / "server.crt").write_bytes(pair.certificate)
    (folder / "server.key").write_bytes(pair.key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.crt", folder / "server.key")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(re.search(rb"(?i)content-length: *(\d+)", head)[1])  # type: ignore[index]
            body = json.loads(await reader.readexactly(length))
            verb = head.split()[1].decode().rpartition("/")[2]
            try:
                status, text = "200 OK", json.dumps(answer(verb, body)).encode()
            except Exception:  # noqa: BLE001 - a test wants the extender to fail
                status, text = "500 Internal Server Error", b""
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text)

    async def until_closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()

    made = await asyncio.start_server(until_closed, "127.0.0.1", 0, ssl=context)
    port = made.sockets[0].getsockname()[1]
    url = f"https://localhost:{port}/scheduler"
    try:
        yield {"urlPrefix": url, "enableHTTPS": True, "tlsConfig": {"caFile": str(folder / "ca.crt")}}
    finally:
        made.close()


@asynccontextmanager
async def configured(folder: pathlib.Path, **fields: Any) -> AsyncIterator[World]:
    async with api_server() as api, scheduling(api, config=write(folder, **fields)):
        yield World(api)


async def test_each_profile_schedules_its_own_pods_its_own_way(tmp_path: pathlib.Path) -> None:
    most = {"scoringStrategy": {"type": "MostAllocated", "resources": [{"name": "cpu", "weight": 1}]}}
    off = {"score": {"disabled": [{"name": "NodeResourcesBalancedAllocation"}]}}
    packing = {
        "schedulerName": "packing",
        "plugins": off,
        "pluginConfig": [{"name": "NodeResourcesFit", "args": most}],
    }
    async with configured(tmp_path, profiles=[{"schedulerName": "default-scheduler"}, packing]) as world:
        await world.node("a", cpu="4")
        await world.node("b", cpu="4")
        await world.pod("first", cpu="1", nodeSelector={HOST: "b"})
        assert await world.placed("first") == "b"
        await world.pod("packed", cpu="1", schedulerName="packing")
        assert await world.placed("packed") == "b"
        await world.pod("spread", cpu="1")
        assert await world.placed("spread") == "a"


async def test_no_more_requests_are_sent_than_the_client_connection_allows(tmp_path: pathlib.Path) -> None:
    async with configured(tmp_path, clientConnection={"qps": 10, "burst": 1}) as world:
        await world.node("a")
        loop = asyncio.get_running_loop()
        await world.pod("first")
        assert await world.placed("first") == "a"
        began, more = loop.time(), 8
        for number in range(more):
            await world.pod(f"p{number}")
        for number in range(more):
            assert await world.placed(f"p{number}") == "a"
        # Slower is always possible; each binding takes a token, and so do the events in between.
        assert loop.time() - began >= (more - 1) / 10


async def test_extenders_filter_and_prioritize(tmp_path: pathlib.Path) -> None:
    def answer(verb: str, body: Any) -> Any:
        names = [item["metadata"]["name"] for item in body["Nodes"]["items"]]
        if verb == "filter":
            kept = [item for item in body["Nodes"]["items"] if item["metadata"]["name"] != "a"]
            gone = {"a": "not today"} if "a" in names else {}
            return {"Nodes": {"items": kept}, "FailedNodes": gone}
        assert body["Pod"]["metadata"]["name"] == "p"
        return [{"Host": name, "Score": 10 if name == "c" else 0} for name in names]

    async with extender(tmp_path, answer) as at:
        settings = {**at, "filterVerb": "filter", "prioritizeVerb": "prioritize", "weight": 5}
        async with configured(tmp_path, extenders=[settings]) as world:
            for name in "abc":
                await world.node(name)
            await world.pod("p")
            assert await world.placed("p") == "c"
            await world.pod("only-a", nodeSelector={HOST: "a"})
            assert await world.refused("only-a") == (
                "0/3 nodes are available: 1 not today, 2 node(s) didn't match Pod's node affinity/selector."
            )


async def test_an_extender_that_fails_is_waited_for_unless_it_is_ignorable(tmp_path: pathlib.Path) -> None:
    healthy = False

    def answer(verb: str, body: Any) -> Any:
        assert healthy
        return {"NodeNames": body["NodeNames"]}

    async with extender(tmp_path, answer) as at:
        settings = {**at, "filterVerb": "filter", "nodeCacheCapable": True}
        async with configured(tmp_path, extenders=[settings]) as world:
            await world.node("a")
            await world.pod("p")
            failed = await world.until("p", lambda p: p["status"].get("conditions"))
            condition = failed["status"]["conditions"][0]
            url = f"{settings['urlPrefix']}/filter"
            assert (condition["reason"], condition["message"]) == (
                "SchedulerError",
                f"failed filter with extender at URL {url}, code 500",
            )
            healthy = True
            assert await world.placed("p") == "a"
            healthy = False
        async with configured(tmp_path, extenders=[{**settings, "ignorable": True}]) as world:
            await world.node("a")
            await world.pod("p")
            assert await world.placed("p") == "a"


async def test_an_extender_that_keeps_no_pods_is_told_whole_victims_also_where_it_rejects_other_nodes(
    tmp_path: pathlib.Path,
) -> None:
    seen: dict[str, list[str]] = {}

    def answer(verb: str, body: Any) -> Any:
        if verb == "filter":
            kept = [item for item in body["Nodes"]["items"] if item["metadata"]["name"] != "free"]
            return {"Nodes": {"items": kept}, "FailedAndUnresolvableNodes": {"free": "not today"}}
        assert body["NodeNameToMetaVictims"] is None
        found: dict[str, Any] = {}
        for name, victims in body["NodeNameToVictims"].items():
            seen[name] = [pod["metadata"]["name"] for pod in victims["Pods"]]
            found[name] = {"Pods": [{"UID": pod["metadata"]["uid"]} for pod in victims["Pods"]]}
        return {"NodeNameToMetaVictims": found}

    async with extender(tmp_path, answer) as at:
        settings = {**at, "filterVerb": "filter", "preemptVerb": "preempt"}
        async with configured(tmp_path, extenders=[settings]) as world:
            await world.priority_class("high", 1000)
            await world.node("full", cpu="1")
            await world.pod("victim", cpu="1", terminationGracePeriodSeconds=0)
            await world.placed("victim")
            await world.node("free", cpu="1")
            await world.pod("p", cpu="1", priorityClassName="high")
            assert await world.placed("p") == "full"
    assert seen == {"full": ["victim"]}


async def test_an_ignorable_extender_that_does_not_bind_leaves_it_to_the_scheduler(tmp_path: pathlib.Path) -> None:
    def answer(verb: str, body: Any) -> Any:
        return {"Error": "I bind nobody"}

    async with extender(tmp_path, answer) as at:
        settings = {**at, "bindVerb": "bind", "ignorable": True}
        async with configured(tmp_path, extenders=[settings]) as world:
            await world.node("a")
            await world.pod("p")
            assert await world.placed("p") == "a"


async def test_an_extender_spares_victims_and_binds(tmp_path: pathlib.Path) -> None:
    bound: list[str] = []
    asked = asyncio.Event()

    def answer(verb: str, body: Any) -> Any:
        if verb == "preempt":
            victims = body["NodeNameToMetaVictims"]
            return {"NodeNameToMetaVictims": {name: v for name, v in victims.items() if name != "a"}}
        bound.append(body["PodName"])
        asked.set()
        return {"Error": "I bind nobody"}

    async with extender(tmp_path, answer) as at:
        settings = {**at, "preemptVerb": "preempt", "nodeCacheCapable": True}
        async with configured(tmp_path, extenders=[settings]) as world:
            await world.priority_class("high", 1000)
            for name in "ab":
                await world.node(name, cpu="1")
                pinned = {"nodeSelector": {HOST: name}, "terminationGracePeriodSeconds": 0}
                await world.pod(f"on-{name}", cpu="1", **pinned)
                await world.placed(f"on-{name}")
            await world.pod("p", cpu="1", priorityClassName="high")
            assert await world.placed("p") == "b"
            assert await world.get("on-a") is not None
        binding = {
            **at,
            "bindVerb": "bind",
            "managedResources": [{"name": "example.com/thing", "ignoredByScheduler": True}],
        }
        async with configured(tmp_path, extenders=[binding]) as world:
            await world.node("a")
            await world.pod("plain")
            assert await world.placed("plain") == "a"
            container = {"name": "c", "image": "i", "resources": {"limits": {"example.com/thing": "1"}}}
            body = {"metadata": {"name": "special"}, "spec": {"containers": [container]}}
            assert (await world.api.post(PODS, body)).status == 201
            async with asyncio.timeout(10):
                await asked.wait()
            assert bound[0] == "special"
            assert "nodeName" not in (await world.get("special"))["spec"]


async def test_user_plugins_take_part_and_are_told_of_when_they_fail(tmp_path: pathlib.Path) -> None:
    text = "class Plugin:\n    name = 'OnlyB'\n    def filter(self, pod, nodes):\n"
    body = "        return [n['metadata']['name'] == 'b' for n in nodes]\n"
    (tmp_path / "only_b.py").write_text(text + body)
    (tmp_path / "bad.py").write_text(
        "class Plugin:\n    name = 'Bad'\n    def score(self, pod, nodes):\n        1 / 0\n"
    )
    async with api_server() as api, scheduling(api, plugin_dir=str(tmp_path)):
        world = World(api)
        for name in "abc":
            await world.node(name)
        await world.pod("p")
        assert await world.placed("p") == "b"
        await world.pod("not-b", nodeSelector={HOST: "a"})
        assert await world.refused("not-b") == (
            "0/3 nodes are available: 1 node(s) didn't satisfy plugin OnlyB, "
            "2 node(s) didn't match Pod's node affinity/selector."
        )


async def test_a_faulty_configuration_ends_the_start(tmp_path: pathlib.Path) -> None:
    config = server.Config(config=write(tmp_path, parallelism=0))
    with pytest.raises(ValueError, match="parallelism: Invalid value: 0"):
        await server.run(config, asyncio.Event())

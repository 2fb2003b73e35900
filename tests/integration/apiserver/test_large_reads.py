"""Lists and watches that are larger than what a client reads at once: complete, in order and of one moment."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from kubelite.apiserver.handlers import read
from kubelite.machinery import codec
from tests.apienv import ADMIN_TOKEN, ApiEnv, api_server
from tests.integration.apiserver.objects import config_map

MAPS = "/api/v1/namespaces/default/configmaps"
COUNT = 40
BIG = {"text": "x" * 200_000}


@pytest.fixture
async def api() -> AsyncIterator[ApiEnv]:
    """A server with 8 MB of config maps."""
    async with api_server() as found:
        kind = found.registry.scheme.by_resource("", "v1", "configmaps")
        assert kind is not None
        for number in range(COUNT):
            made = codec.decode(json.dumps(config_map(f"map-{number:02}", **BIG)).encode(), kind.type)
            await found.registry.create(kind, made, "default")
        yield found


def states(found: Mapping[str, Any]) -> dict[str, str]:
    """The revision of each object of the test's in a list."""
    items = (item["metadata"] for item in found["items"])
    return {item["name"]: item["resourceVersion"] for item in items if item["name"].startswith("map-")}


@pytest.mark.parametrize("kept", [read.KEPT_BYTES, range(0)], ids=["kept", "joined while it is sent"])
async def test_a_large_list_is_never_older_than_the_last_write(
    api: ApiEnv, monkeypatch: pytest.MonkeyPatch, kept: range
) -> None:
    monkeypatch.setattr(read, "KEPT_BYTES", kept)
    first = (await api.get(MAPS)).json()
    assert list(states(first)) == [f"map-{number:02}" for number in range(COUNT)]
    assert (await api.get(MAPS)).json() == first, "the same, asked again"
    other = await api.post("/api/v1/namespaces/default/secrets", {"metadata": {"name": "other"}})
    moved = (await api.get(MAPS)).json()
    assert int(moved["metadata"]["resourceVersion"]) >= int(other.json()["metadata"]["resourceVersion"])
    assert states(moved) == states(first)
    changed = (await api.patch(f"{MAPS}/map-03", {"data": {"text": "y"}})).json()["metadata"]["resourceVersion"]
    assert states((await api.get(MAPS)).json()) == {**states(first), "map-03": changed}
    assert (await api.delete(f"{MAPS}/map-04")).status == 200
    assert "map-04" not in states((await api.get(MAPS)).json())
    everywhere = (await api.get("/api/v1/configmaps")).json()
    assert len(everywhere["items"]) > len(states(everywhere)) == COUNT - 1, "other namespaces have some too"


async def test_a_large_list_is_the_same_in_every_encoding(api: ApiEnv) -> None:
    plain = await api.get(MAPS)
    packed = await api.get(MAPS, headers={"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    pages: list[Any] = []
    token = ""
    while not pages or token:
        page = (await api.get(MAPS, query={"limit": "30", **({"continue": token} if token else {})})).json()
        pages += page["items"]
        token = page["metadata"].get("continue", "")
    assert pages == plain.json()["items"]


async def ask_and_not_read(api: ApiEnv, target: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection that takes no more of the answer than the beginning, until it is read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port, limit=64 * 1024)
    writer.write(f"GET {target} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ADMIN_TOKEN}\r\n\r\n".encode())
    return reader, writer


async def test_a_client_that_reads_a_list_late_gets_that_of_the_moment_it_asked(api: ApiEnv) -> None:
    whole = await api.get(MAPS)
    reader, writer = await ask_and_not_read(api, MAPS)
    head = await reader.readuntil(b"\r\n\r\n")
    assert b"content-length: %d\r\n" % len(whole.body) in head.lower()
    for number in range(0, COUNT, 2):
        assert (await api.delete(f"{MAPS}/map-{number:02}")).status == 200
    assert await reader.readexactly(len(whole.body)) == whole.body
    writer.close()


@pytest.mark.parametrize("selector", ["", "&labelSelector=nothing!=here"])
async def test_what_changes_while_the_initial_events_are_sent_follows_them(api: ApiEnv, selector: str) -> None:
    reader, writer = await ask_and_not_read(
        api,
        f"{MAPS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true{selector}",
    )
    await reader.readuntil(b"\r\n\r\n")
    expected = [("ADDED", name) for name in states((await api.get(MAPS)).json())]
    assert (await api.patch(f"{MAPS}/map-39", {"data": {"text": "y"}})).status == 200
    assert (await api.delete(f"{MAPS}/map-00")).status == 200
    assert (await api.post(MAPS, config_map("map-99"))).status == 201
    seen: list[tuple[str, str]] = []
    sizes: dict[str, int] = {}
    rest = b""
    while ("ADDED", "map-99") not in seen:
        async with asyncio.timeout(10):
            size = int(await reader.readline(), 16)
            lines = (rest + (await reader.readexactly(size + 2))[:-2]).split(b"\n")
        rest = lines.pop()
        for event in map(json.loads, lines):
            name = event["object"]["metadata"].get("name", "")
            if name.startswith("map-") or event["type"] == "BOOKMARK":
                seen.append((event["type"], name))
                sizes.setdefault(name, len(event["object"].get("data", {}).get("text", "")))
    bookmark = ("BOOKMARK", "")
    assert seen == [*expected, bookmark, ("MODIFIED", "map-39"), ("DELETED", "map-00"), ("ADDED", "map-99")]
    assert sizes["map-39"] == len(BIG["text"]), "the initial state is that of the moment when the watch began"
    writer.close()

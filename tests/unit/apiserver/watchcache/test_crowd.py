"""Watchers are told exactly what concerns them, in order and once, whoever is woken."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kubelite import api
from kubelite.apiserver.handlers.presentation import form_of
from kubelite.apiserver.watchcache.cache import WatchCache
from kubelite.apiserver.watchcache.resource import ResourceCache
from kubelite.apiserver.watchcache.selection import Selection
from kubelite.apiserver.watchcache.watcher import Watcher
from kubelite.machinery import fields, labels
from kubelite.machinery.kind import Kind
from kubelite.storage.memory import MemoryStore


def pods() -> Kind:
    found = api.scheme().by_resource("", "v1", "pods")
    assert found is not None
    return found


PODS = pods()


class Client:
    """What a watcher writes to: a client that reads when it likes."""

    chunked = False
    closed = False

    def __init__(self) -> None:
        self.full = False
        self.lines: list[Any] = []
        self.on_drain: Callable[[], None] = lambda: None
        self.on_lost: Callable[[], None] = lambda: None

    def write(self, framed: bytes) -> None:
        self.lines += [json.loads(line) for line in framed.splitlines()]

    def end(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def seen(self) -> list[tuple[str, str]]:
        return [(one["type"], one["object"]["metadata"]["resourceVersion"]) for one in self.lines]


SELECTIONS = (
    Selection(PODS),
    Selection(PODS, "a"),
    Selection(PODS, "a", "1"),
    Selection(PODS, "", "1"),
    Selection(PODS, fields=fields.parse("spec.nodeName=n1"), key=("", "spec.nodeName=n1")),
    Selection(PODS, fields=fields.parse("spec.nodeName=n2"), key=("", "spec.nodeName=n2")),
    Selection(PODS, "b", fields=fields.parse("spec.nodeName="), key=("", "spec.nodeName=")),
    Selection(PODS, fields=fields.parse("spec.nodeName!=n1"), key=("", "spec.nodeName!=n1")),
    Selection(PODS, "a", labels=labels.parse("x=1"), key=("x=1", "")),
    Selection(PODS, fields=fields.parse("status.phase=Running,spec.nodeName=n1"), key=("", "both")),
)


def body(name: str, node: str, label: str) -> bytes:
    metadata = {"name": name, "labels": {"x": label}}
    return json.dumps({"metadata": metadata, "spec": {"nodeName": node}, "status": {"phase": "Running"}}).encode()


def reference(cache: ResourceCache, selection: Selection, after: int) -> list[tuple[str, str]]:
    """Every change judged one by one, from the whole history."""
    out = []
    for change in cache.changes:
        if change.revision <= after:
            continue
        before = change.previous is not None and selection.matches(change.previous)
        now = change.type != "DELETED" and selection.matches(change.entry)
        kind = ("MODIFIED" if before else "ADDED") if now else "DELETED" if before else ""
        if kind:
            out.append((kind, str(change.revision)))
    return out


KEYS = st.sampled_from(["a/1", "a/2", "b/1", "b/2"])
STEPS = st.one_of(
    st.tuples(st.just("put"), KEYS, st.sampled_from(["", "n1", "n2"]), st.sampled_from(["1", "2"])),
    st.tuples(st.just("delete"), KEYS),
    st.tuples(st.just("round")),
    st.tuples(st.just("watch"), st.integers(0, len(SELECTIONS) - 1)),
    st.tuples(st.just("stop reading"), st.integers(0, 9)),
    st.tuples(st.just("read"), st.integers(0, 9)),
)


class World:
    """One cache with watchers that come at any time."""

    def __init__(self) -> None:
        self.caches = WatchCache(MemoryStore(), [PODS])
        self.cache = self.caches.of(PODS)
        self.revision = 1
        self.bodies: dict[str, bytes] = {}
        self.watching: list[tuple[Watcher, Client, int]] = []

    def step(self, step: tuple[Any, ...]) -> None:
        if step[0] in ("put", "delete"):
            self.revision += 1
            value = body(step[1].partition("/")[2], *step[2:]) if step[0] == "put" else None
            self.cache.apply(step[1], value, self.revision, self.bodies.pop(step[1], None))
            if value is not None:
                self.bodies[step[1]] = value
            if not self.cache.watchers:
                self.cache.flushed = self.cache.end
        elif step[0] == "round":
            self.caches._dirty[self.cache] = None
            self.caches._flush()
        elif step[0] == "watch":
            watcher = Watcher(self.cache, SELECTIONS[step[1]], form_of(PODS), self.cache.end, bookmarks=True)
            client = Client()
            watcher.start(client, 3600)
            self.watching.append((watcher, client, self.revision))
        elif step[1] < len(self.watching):
            client = self.watching[step[1]][1]
            client.full = step[0] == "stop reading"
            if not client.full:
                client.on_drain()

    def finish(self) -> None:
        for number in range(len(self.watching)):
            self.step(("read", number))
        self.step(("round",))
        for watcher, _, _ in self.watching:
            watcher.stop()


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=50))
def test_every_watcher_gets_exactly_what_its_selection_sees_in_order_and_once(steps: list[tuple[Any, ...]]) -> None:
    async def run() -> None:
        world = World()
        for step in steps:
            world.step(step)
        world.finish()
        for watcher, client, since in world.watching:
            assert client.seen() == reference(world.cache, watcher.selection, since)

    asyncio.run(run())


async def test_a_pod_wakes_only_the_watchers_of_its_node() -> None:
    world = World()
    world.step(("put", "a/1", "n1", "1"))
    for number in range(500):
        text = f"spec.nodeName=node-{number}"
        selection = Selection(PODS, fields=fields.parse(text), key=("", text))
        Watcher(world.cache, selection, form_of(PODS), world.cache.end, bookmarks=False).start(Client(), 3600)
    world.step(("put", "a/1", "node-7", "1"))
    woken = world.cache.watchers.touched(world.cache.changes[-1:])
    assert [str(watcher.selection.fields) for watcher in woken] == ["spec.nodeName=node-7"]
    for watcher in list(world.cache.watchers):
        watcher.stop()
    assert len(world.cache.watchers) == 0


async def test_whoever_was_not_woken_for_long_is_not_cut_off() -> None:
    world = World()
    world.step(("watch", 5))
    for number in range(6000):
        world.step(("put", "a/1", "n1", str(number)))
        if number % 100 == 0:
            world.step(("round",))
    world.step(("round",))
    client = world.watching[0][1]
    assert (client.closed, client.seen()) == (False, [])
    world.step(("put", "a/2", "n2", "1"))
    world.step(("round",))
    assert client.seen() == [("ADDED", str(world.revision))]
    world.finish()


async def test_progress_is_marked_for_watchers_that_were_not_woken_too() -> None:
    world = World()
    world.step(("watch", 5))
    world.step(("put", "a/1", "n1", "1"))
    watcher, client, _ = world.watching[0]
    watcher.bookmark(world.revision)
    assert client.seen() == []  # the round that may concern it is still to come
    world.step(("round",))
    watcher.bookmark(world.revision)
    assert client.seen() == [("BOOKMARK", str(world.revision))]
    world.finish()


@given(st.lists(STEPS, max_size=40), st.sampled_from(["", "a", "b"]), st.sampled_from(["", "n1", "n2", "n3"]))
@settings(max_examples=60, deadline=None)
def test_lists_by_node_are_those_of_looking_at_every_pod(
    steps: list[tuple[Any, ...]], namespace: str, node: str
) -> None:
    world = World()
    selection = Selection(PODS, namespace, fields=fields.parse(f"spec.nodeName={node}"), key=("", node))
    for step in steps:
        if step[0] in ("put", "delete"):
            world.step(step)
        elif step[0] == "round":
            list(world.cache.select(selection))  # builds the index, which must keep up from then on
    wanted = [key for key in world.cache.keys if selection.matches(world.cache.entries[key])]
    assert [entry.key for entry in world.cache.select(selection)] == wanted
    assert [entry.key for entry in world.cache.select(selection, "a/1")] == [key for key in wanted if key > "a/1"]

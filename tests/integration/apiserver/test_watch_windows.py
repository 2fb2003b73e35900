"""Any interleaving of writes and watchers: each watcher gets exactly the events after its revision, in order, once.

The reference is slow and obvious: the list of all changes, each judged with the selector before and after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.apienv import ApiEnv, Watch, api_server
from tests.integration.loops import Loop

HISTORY = 16
"""Changes that the server remembers for each resource: short, so that windows close."""
LABELS = ("a", "b")
NAMES = ("x", "y", "z")
SELECTORS = ({}, {"labelSelector": "l=a"}, {"labelSelector": "l!=a"}, {"fieldSelector": "metadata.name=x"})


class World:
    """One namespace, everything that happened in it, and the watchers of it."""

    def __init__(self, api: ApiEnv, namespace: str) -> None:
        self.api = api
        self.path = f"/api/v1/namespaces/{namespace}/configmaps"
        self.live: dict[str, str] = {}
        self.changes: list[tuple[int, str, str | None, str | None]] = []
        """(revision, name, label before, label after); None where there is no object."""
        self.watches: list[tuple[Any, Watch, int, dict[str, str]]] = []

    async def step(self, step: tuple[str, ...]) -> None:
        """Writes one object, opens a watch, or lets the store forget."""
        if step[0] == "watch":
            await self.watch(int(step[1]), SELECTORS[int(step[2])])
            return
        if step[0] == "compact":
            await self.compact(int(step[1]))
            return
        _, name, label = step
        before = self.live.get(name)
        one = f"{self.path}/{name}"
        document = {"metadata": {"name": name, "labels": {"l": label}}, "data": {"n": str(len(self.changes))}}
        if step[0] == "delete":
            if before is None:
                return
            reply = await self.api.delete(one)
            del self.live[name]
            # The Status of a deletion has no revision; the list that follows it has.
            revision = int((await self.api.get(self.path)).json()["metadata"]["resourceVersion"])
            self.changes.append((revision, name, before, None))
        else:
            reply = await self.api.put(one, document) if before else await self.api.post(self.path, document)
            revision = int(reply.json()["metadata"]["resourceVersion"])
            self.changes.append((revision, name, before, label))
            self.live[name] = label
        assert reply.status in (200, 201), reply.body

    async def watch(self, back: int, selector: dict[str, str]) -> None:
        """Opens a watch after the change that was `back` changes ago; the oldest may be forgotten."""
        if not self.changes:
            return
        revision = self.changes[max(0, len(self.changes) - 1 - back)][0]
        context = self.api.watch(self.path, resourceVersion=str(revision), **selector)
        self.watches.append((context, await context.__aenter__(), revision, selector))

    async def compact(self, back: int) -> None:
        """The store forgets what was before the change that was `back` changes ago; the server's own history does not."""
        if self.changes:
            await self.api.store.compact(self.changes[max(0, len(self.changes) - 1 - back)][0])

    async def check(self) -> None:
        """Reads every watch to the end of the history."""
        await self.step(("put", "x", "a"))
        await self.step(("put", "x", "b"))
        await self.step(("put", "x", "a"))
        for context, watch, revision, selector in self.watches:
            expected = list(events(self.changes, revision, selector))
            for number, wanted in enumerate(expected):
                event = await watch.next()
                if event["type"] == "ERROR":
                    # Only a window that was longer than the history may be closed, and only at its beginning.
                    assert number == 0 and event["object"]["code"] == 410
                    assert sum(one[0] > revision for one in self.changes) >= HISTORY / 2
                    break
                metadata = event["object"]["metadata"]
                assert (int(metadata["resourceVersion"]), event["type"], metadata["name"]) == wanted
            await context.__aexit__(None, None, None)


def matches(selector: dict[str, str], name: str, label: str | None) -> bool:
    """Whether an object with this label is selected; None is no object."""
    if label is None:
        return False
    text = selector.get("labelSelector", "")
    if text:
        return (label == "a") is (text == "l=a")
    return "fieldSelector" not in selector or name == "x"


def events(
    changes: list[tuple[int, str, str | None, str | None]], after: int, selector: dict[str, str]
) -> Iterator[tuple[int, str, str]]:
    """(revision, type, name) of what a watcher must see."""
    for revision, name, before, now in changes:
        was, is_ = matches(selector, name, before), matches(selector, name, now)
        if revision > after and (was or is_):
            yield revision, "MODIFIED" if was and is_ else "ADDED" if is_ else "DELETED", name


steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from(NAMES), st.sampled_from(LABELS)),
        st.tuples(st.just("put"), st.sampled_from(NAMES), st.sampled_from(LABELS)),
        st.tuples(st.just("delete"), st.sampled_from(NAMES), st.just("")),
        st.tuples(st.just("watch"), st.sampled_from("01259"), st.sampled_from("0123")),
        st.tuples(st.just("compact"), st.sampled_from("012"), st.just("")),
    ),
    max_size=30,
)


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    found = Loop(api_server(watch_history=HISTORY))
    yield found
    found.close()


@settings(
    max_examples=40,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps)
def test_every_watcher_gets_what_happened_after_its_revision_in_order_and_once(loop: Loop, steps: list[Any]) -> None:
    async def run(api: ApiEnv) -> None:
        loop.examples += 1
        namespace = f"window-{loop.examples}"
        assert (await api.post("/api/v1/namespaces", {"metadata": {"name": namespace}})).status == 201
        world = World(api, namespace)
        for step in steps:
            await world.step(step)
        await world.check()

    loop.run(run)


def test_the_reference_tells_of_objects_that_move_in_and_out() -> None:
    changes: list[tuple[int, str, str | None, str | None]] = [
        (1, "x", None, "a"),
        (2, "x", "a", "b"),
        (3, "x", "b", "a"),
        (4, "x", "a", None),
    ]
    assert [one[1] for one in events(changes, 0, {"labelSelector": "l=a"})] == ["ADDED", "DELETED", "ADDED", "DELETED"]
    assert [one[1] for one in events(changes, 1, {})] == ["MODIFIED", "MODIFIED", "DELETED"]

"""Clients that write down what they do: 30 of them on a few keys, and watchers of all keys.

What: `client` makes random requests on the present keys until told to stop, `watcher` follows the changes from server to
server. Why: a history is only worth something if nobody retries behind its back; each request here is sent once. Flow:
`__main__` starts them.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.fuzz.client import Answer, Broken, Client, Hung
from tests.fuzz.process import TOKEN
from tests.linearize.history import NEVER, Action, Operation, Outcome
from tests.linearize.streams import Change, Segment

NAMESPACE = "linear"
COLLECTION = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
JSON = {"content-type": "application/json"}
KEYS = 12
"""Keys in use at a time."""
MOST_OPERATIONS = 120
"""On one key; then another takes its place. Long histories take long to check."""
ANSWER_SECONDS = 8.0


@dataclass
class Field:
    """What all clients share."""

    ports: list[int]
    seed: int
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    history: list[Operation] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    refused: int = 0
    """Requests that certainly were not carried out."""
    _keys: dict[int, tuple[int, int]] = field(default_factory=dict)

    def key(self, slot: int) -> str:
        """The name of the key in a slot; after many operations it is another one."""
        generation, count = self._keys.get(slot, (0, 0))
        if count >= MOST_OPERATIONS:
            generation, count = generation + 1, 0
        self._keys[slot] = (generation, count + 1)
        return f"k{slot}-{generation}"


class Register:
    """One client."""

    def __init__(self, shared: Field, number: int) -> None:
        self.shared = shared
        self.number = number
        self.random = Random(f"{shared.seed}:{number}")
        self.count = 0
        self.seen: dict[str, tuple[str, str]] = {}
        """By key: the value and resourceVersion that it read or wrote last."""
        self.http: dict[int, Client] = {}

    async def run(self) -> None:
        """Until told to stop."""
        while not self.shared.stop.is_set():
            key = self.shared.key(self.random.randrange(KEYS))
            action: Action = self.random.choice(("get", "get", "create", "update", "update", "update", "delete"))
            await self.act(action, key)
            await asyncio.sleep(self.random.random() * 0.02)
        for client in self.http.values():
            client.close()

    async def act(self, action: Action, key: str) -> None:
        """One request, noted with what came of it."""
        expected, version = self.seen.get(key, ("", ""))
        if action == "update" and not version:
            action = "get"
        self.count += 1
        value = f"{self.number}-{self.count}" if action in ("create", "update") else ""
        bound = action == "update" or (action == "delete" and bool(version) and self.random.random() < 0.5)
        method, path, body = _request(action, key, value, version if bound else "")
        port = self.random.choice(self.shared.ports)
        client = self.http.setdefault(port, Client(port, seconds=ANSWER_SECONDS, again=False))
        called = time.perf_counter()
        try:
            answer = await client.send(method, path, JSON if body else {}, body)
        except Hung:
            answer = None
        except Broken as error:
            if "ConnectionRefused" in str(error):
                self.shared.refused += 1
                await asyncio.sleep(0.1)
                return
            answer = None
        self._note(action, key, value, expected if bound else "", called, answer)

    def _note(self, action: Action, key: str, value: str, expected: str, called: float, answer: Answer | None) -> None:
        outcome = outcome_of(action, answer)
        if outcome is None:
            self.shared.refused += 1
            return
        revision, returned = 0, time.perf_counter() if outcome != "unknown" else NEVER
        if outcome == "done" and answer is not None and action != "delete":
            document = json.loads(answer.body)
            revision, value = int(document["metadata"]["resourceVersion"]), document["data"]["v"]
            self.seen[key] = (value, str(revision))
        elif outcome != "unknown":
            self.seen.pop(key, None)
        if outcome == "unknown" and action == "get":
            return
        self.shared.history.append(
            Operation(self.number, key, action, called, returned, outcome, value, expected, revision)
        )


def _request(action: Action, key: str, value: str, version: str) -> tuple[str, str, bytes]:
    document: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": key},
        "data": {"v": value},
    }
    if action == "create":
        return "POST", COLLECTION, json.dumps(document).encode()
    path = f"{COLLECTION}/{key}"
    if action == "update":
        document["metadata"]["resourceVersion"] = version
        return "PUT", path, json.dumps(document).encode()
    if action == "get":
        return "GET", path, b""
    options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"resourceVersion": version}}
    return "DELETE", path, json.dumps(options).encode() if version else b""


def outcome_of(action: Action, answer: Answer | None) -> Outcome | None:
    """How it ended; None if it certainly was not carried out."""
    if answer is None or answer.status in (500, 503, 504):
        return "unknown"
    if answer.status in (200, 201):
        return "done"
    if answer.status == 404:
        return "missing"
    if answer.status == 409:
        return "exists" if action == "create" else "conflict"
    if answer.status == 429:
        return None
    raise AssertionError(f"{action}: {answer.status} {answer.body[:300]!r}")


class Watcher:
    """Follows every key, from one server to the next."""

    def __init__(self, shared: Field, number: int) -> None:
        self.shared = shared
        self.name = f"watcher {number}"
        self.random = Random(f"{shared.seed}:w{number}")
        self.relists = 0

    async def run(self, until: asyncio.Event) -> None:
        """Until told to stop; lists where it has to begin anew."""
        segment: Segment | None = None
        while not until.is_set():
            port = self.random.choice(self.shared.ports)
            try:
                async with asyncio.timeout(self.random.uniform(3, 10)):
                    if segment is None:
                        segment = await self._list(port)
                    if not await self._follow(port, segment):
                        segment = None
                        self.relists += 1
            except (TimeoutError, OSError, EOFError, ValueError, Broken, Hung):
                await asyncio.sleep(0.05)

    async def _list(self, port: int) -> Segment:
        client = Client(port, again=False)
        answer = await client.send("GET", COLLECTION, {}, b"")
        client.close()
        if answer.status != 200:
            raise Broken(str(answer.status))
        segment = Segment(self.name, int(json.loads(answer.body)["metadata"]["resourceVersion"]))
        self.shared.segments.append(segment)
        return segment

    async def _follow(self, port: int, segment: Segment) -> bool:
        """False if the server no longer knows what happened after the segment."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
        try:
            path = f"{COLLECTION}?watch=true&resourceVersion={segment.end}"
            writer.write(f"GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 410 " in head[:20]:
                return False
            if b" 200 " not in head[:20]:
                raise Broken(head[:40].decode())
            pending = b""
            while size := int(await reader.readline(), 16):
                pending += (await reader.readexactly(size + 2))[:-2]
                *lines, pending = pending.split(b"\n")
                for line in lines:
                    if not _take(json.loads(line), segment):
                        return False
            return True
        finally:
            writer.transport.abort()


def _take(event: dict[str, Any], segment: Segment) -> bool:
    if event["type"] == "ERROR":
        return False
    metadata = event["object"]["metadata"]
    value = "" if event["type"] == "DELETED" else event["object"]["data"]["v"]
    segment.changes.append(Change(int(metadata["resourceVersion"]), metadata["name"], value))
    return True

"""The reflector resumes where it was, and starts anew when the server has forgotten that place."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs, urlsplit

import msgspec

from kubelite.api.types.core_v1 import ConfigMap
from kubelite.client.client import Client
from kubelite.client.informer import Change, Informer
from kubelite.machinery.kind import Kind
from tests.unit.client.server import Request, reply, serving

CONFIG_MAP = Kind(group="", version="v1", kind="ConfigMap", plural="configmaps", type=ConfigMap)


def page(version: str, *names: str) -> bytes:
    items = [{"metadata": {"name": name, "namespace": "n", "resourceVersion": version}} for name in names]
    return reply(200, msgspec.json.encode({"metadata": {"resourceVersion": version}, "items": items}))


def stream(*events: dict) -> bytes:
    body = b"".join(msgspec.json.encode(event) + b"\n" for event in events)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + f"{len(body):x}\r\n".encode() + body + b"\r\n"


def event(type: str, name: str, version: str) -> dict:
    return {"type": type, "object": {"metadata": {"name": name, "namespace": "n", "resourceVersion": version}}}


EXPIRED = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}}
END = b"0\r\n\r\n"


async def follow(answers: list[bytes]) -> tuple[list[str], list[tuple[str, bool, bool]], set[str]]:
    """(requests as "list" or "watch from N", changes as (name, was there, is there), names held) after all answers."""
    finished = asyncio.Event()

    async def answer(request: Request, writer: asyncio.StreamWriter) -> bool:
        number = len(server.requests)
        if number > len(answers):
            finished.set()
            await asyncio.Event().wait()
            return False
        writer.write(answers[number - 1])
        return True

    async with serving(answer) as server:
        client = Client.from_config(server.config, user_agent="test")
        informer: Informer[ConfigMap] = Informer(client, CONFIG_MAP)
        changes: list[Change[ConfigMap]] = []
        informer.add_handler(changes.append)
        task = asyncio.create_task(informer.run())
        await asyncio.wait_for(finished.wait(), 20)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.close()
    requests = []
    for request in server.requests:
        query = parse_qs(urlsplit(request.target).query)
        requests.append(f"watch from {query['resourceVersion'][0]}" if "watch" in query else "list")
    told = [(change.object.metadata.name, change.old is not None, change.new is not None) for change in changes]
    return requests, told, {obj.metadata.name for obj in informer.list()}


async def test_a_watch_that_ends_is_resumed_from_the_last_event_or_bookmark():
    bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "9"}}}
    answers = [page("5", "a"), stream(event("ADDED", "b", "7"), bookmark) + END]
    requests, told, held = await follow(answers)
    assert requests == ["list", "watch from 5", "watch from 9"]
    assert told == [("a", False, True), ("b", False, True)]
    assert held == {"a", "b"}


async def test_an_expired_version_leads_to_a_new_list_that_reports_only_the_difference():
    answers = [page("5", "a", "b"), stream(EXPIRED), page("8", "c", "b"), stream(event("DELETED", "c", "10")) + END]
    requests, told, held = await follow(answers)
    assert requests == ["list", "watch from 5", "list", "watch from 8", "watch from 10"]
    assert told[:3] == [("a", False, True), ("b", False, True), ("a", True, False)]
    assert ("c", True, False) in told
    assert held == {"b"}


async def test_a_refused_list_is_tried_again():
    refusal = reply(403, b'{"kind":"Status","code":403,"reason":"Forbidden","message":"not yet"}')
    requests, _, held = await follow([refusal, page("5", "a")])
    assert requests == ["list", "list", "watch from 5"]
    assert held == {"a"}

"""Waiting for the world: until an object is gone, or looks as wanted.

What: `follow` yields an object's versions (None when it does not exist), `wait_deleted` waits for its end. Why: delete, wait,
rollout and run wait for the same things. Flow: LIST of the one name → WATCH from there → versions; a broken watch is begun
again. Waiting never polls.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import msgspec

from kubelite.cli.builder import Item
from kubelite.cli.failures import CliError
from kubelite.cli.session import Object, Session
from kubelite.client.errors import ConnectionFailed, status_error
from kubelite.machinery.errors import StatusError

RETRY_SECONDS = 1.0
FOREVER = 7 * 86400.0


async def follow(session: Session, item: Item) -> AsyncIterator[Object | None]:
    """The present version, then each new one; never ends by itself."""
    query = {"fieldSelector": f"metadata.name={item.name}"}
    path = item.resource.path(item.namespace)
    while True:
        listed = await session.json("GET", path, query=query)
        found = listed.get("items") or []
        yield _typed(item, found[0]) if found else None
        version = str((listed.get("metadata") or {}).get("resourceVersion") or "")
        try:
            async for obj in _events(session, item, path, query | {"watch": "true", "resourceVersion": version}):
                yield obj
        except StatusError as error:
            if error.code != 410:
                raise
        except ConnectionFailed as error:
            if error.refused:
                raise
            await asyncio.sleep(RETRY_SECONDS)


async def _events(session: Session, item: Item, path: str, query: dict[str, str]) -> AsyncIterator[Object | None]:
    async with aclosing(session.lines(path, query, {})) as lines:  # type: ignore[type-var]  # an async generator
        async for line in lines:
            event = msgspec.json.decode(line)
            if event["type"] == "ERROR":
                raise status_error(500, msgspec.json.encode(event["object"]))
            if event["type"] != "BOOKMARK":
                yield None if event["type"] == "DELETED" else _typed(item, event["object"])


def _typed(item: Item, obj: Object) -> Object:
    return {"apiVersion": item.resource.api_version, "kind": item.resource.kind} | obj


async def wait_deleted(session: Session, item: Item, *, uid: str = "", timeout: float = 0.0) -> None:
    """Until the object is gone or another one has its name. Raises CliError after `timeout` seconds (0: never)."""
    try:
        async with asyncio.timeout(timeout or FOREVER):
            async with aclosing(follow(session, item)) as versions:  # type: ignore[type-var]  # an async generator
                async for obj in versions:
                    if obj is None or (uid and (obj.get("metadata") or {}).get("uid") != uid):
                        return
    except TimeoutError:
        raise CliError(f"timed out waiting for the condition on {item.resource.plural}/{item.name}") from None
    except StatusError as error:
        if error.code == 403:
            return  # whoever may delete but not watch gets no wait
        raise

"""Whole lists of many kinds, quickly: several requests at once, and modules are loaded while answers are on their way.

What: `Fetch(session, kinds)` starts asking; `of(kind)` is the body of a list, or raises the refusal. Why: a question about a
large cluster reads some ten megabytes and needs numpy; one after the other took half of the time that a question may take.
Lists are fresh ones (no resourceVersion=0): who has just changed something asks about that.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Iterable

from kubelite.cli.session import Session
from kubelite.cmd.questions.places import LIVING, path
from kubelite.machinery.errors import StatusError

AT_ONCE = 3
"""Requests at a time; each needs a connection, whose handshake costs as much as a small list."""
LARGE = ("Pod", "Node")
SWITCH_SECONDS = 0.0005
"""How long the thread that loads modules may keep the interpreter while answers arrive."""


class Fetch:
    """Lists that are under way. `close()` it at the end."""

    def __init__(self, session: Session, kinds: Iterable[str], modules: Iterable[str] = ()) -> None:
        first = sorted(kinds, key=lambda kind: LARGE.index(kind) if kind in LARGE else len(LARGE))
        turn = asyncio.Semaphore(AT_ONCE)

        async def ask(kind: str) -> bytes:
            query = {"fieldSelector": LIVING} if kind == "Pod" else {}
            async with turn:
                return (await session.request("GET", path(kind), query=query)).body

        self._lists = {kind: asyncio.create_task(ask(kind)) for kind in first}
        self._loading = asyncio.create_task(_load([name for name in modules if name not in sys.modules]))

    async def of(self, kind: str) -> bytes:
        """The list as the server sends it. Raises StatusError or ConnectionFailed."""
        return await self._lists[kind]

    async def found(self, kind: str) -> bytes | StatusError:
        """The list, or why there is none."""
        try:
            return await self._lists[kind]
        except StatusError as error:
            return error

    async def loaded(self) -> None:
        """Returns when the modules are there."""
        await self._loading

    async def close(self) -> None:
        """Ends what is still under way."""
        tasks = [*self._lists.values(), self._loading]
        for task in self._lists.values():
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _load(modules: list[str]) -> None:
    if not modules:
        return
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        for name in modules:
            await asyncio.to_thread(importlib.import_module, name)
    finally:
        sys.setswitchinterval(before)

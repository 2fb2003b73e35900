"""Notices what changes in the runtime and says which pods to look at (the pod lifecycle event generator).

What: a loop that lists sandboxes and containers and compares them with the last list. Why: containers end by themselves.
How often: events of the runtime (CRI's, else containerd's own) trigger a list at once and the timer is a slow safety net; where
there are no events the timer is one second while something runs. Flow: events → `_poke` → relist → `on_change(uid)`.
Upstream: pkg/kubelet/pleg/{generic,evented}.go.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from kubelite.kubelet.cri import Cri, CriError
from kubelite.kubelet.runtime.observer import Observer
from kubelite.util.backoff import Backoff
from kubelite.util.log import get_logger

log = get_logger(__name__)

POLL = 1.0
POLL_IDLE = 5.0
POLL_WITH_EVENTS = 15.0
SETTLE = 0.03
"""Seconds in which a burst of events becomes one relist."""
TRUST = 3.0
"""Seconds after which a stream of events that has not failed replaces the fast timer."""
ECHOES = (0.2, 1.0)
"""Waits after an event for further looks: the event may come before the runtime's own records know of it."""
TOPICS = ("/tasks/exit", "/tasks/oom")

Snapshot = dict[str, tuple[tuple[str, str], ...]]


class Pleg:
    """One per kubelet; `run()` is its task, `events()` a second one."""

    def __init__(self, cri: Cri, observer: Observer, on_change: Callable[[str], None]) -> None:
        self._cri = cri
        self._observer = observer
        self._on_change = on_change
        self._seen: Snapshot = {}
        self._poke = asyncio.Event()
        self._has_events = False
        self.listed = asyncio.Event()
        """Set after the first list."""
        self.problem = "PLEG has not yet been successful"
        """Why the runtime cannot be listed, "" when it can."""

    @property
    def uids(self) -> set[str]:
        """Pods of which the runtime has anything."""
        return set(self._seen)

    async def run(self) -> None:
        """Never returns."""
        backoff = Backoff(initial=0.3, cap=5.0)
        echoes: list[float] = []
        while True:
            try:
                await self._relist()
                backoff.reset()
                wait = self._interval()
            except CriError as error:
                if not self.problem:
                    log.warning("Cannot list the runtime", error=error)
                self.problem = error.message
                wait = backoff.next()
            if echoes:
                wait = min(wait, echoes.pop(0))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._poke.wait()
                await asyncio.sleep(SETTLE)
                echoes = list(ECHOES)
            self._poke.clear()

    async def first_list(self) -> None:
        """One list now, so that a healthy runtime is known to be healthy from the start."""
        try:
            await self._relist()
        except CriError as error:
            self.problem = error.message

    def _interval(self) -> float:
        if self._has_events:
            return POLL_WITH_EVENTS
        runs = any(state in ("running", "unknown") for items in self._seen.values() for _, state in items)
        return POLL if runs else POLL_IDLE

    async def _relist(self) -> None:
        now = await self._observer.relist()
        changed = [uid for uid in {*now, *self._seen} if now.get(uid) != self._seen.get(uid)]
        self._seen = now
        self.problem = ""
        self.listed.set()
        for uid in changed:
            self._on_change(uid)

    async def events(self) -> None:
        """Follows the runtime's events; never returns. A runtime without events is left to the timer."""
        backoff = Backoff(initial=0.5, cap=30.0)
        sources: list[Callable[[], AsyncIterator[object]]] = [
            self._cri.events,
            lambda: self._cri.containerd_events(TOPICS),
        ]
        while sources:
            try:
                await self._follow(sources[0]())
                backoff.reset()
            except CriError as error:
                if error.code == "UNIMPLEMENTED":
                    sources.pop(0)
                    continue
            self._poke.set()
            await asyncio.sleep(backoff.next())
        await asyncio.get_running_loop().create_future()

    async def _follow(self, events: AsyncIterator[object]) -> None:
        """Until the stream ends. One that was not refused for a while is trusted to tell everything."""
        trust = asyncio.get_running_loop().call_later(TRUST, self._trust_events)
        try:
            async for _ in events:
                self._poke.set()
        finally:
            trust.cancel()
            self._has_events = False

    def _trust_events(self) -> None:
        self._has_events = True

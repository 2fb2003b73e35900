"""What every controller is given: the client, the shared caches, the clock, the voice.

What: `Context` and `Informers`, which makes one informer per kind for the whole process.
Why: ten controllers that read pods must hold them once. Flow: the manager makes a Context; factories in `registry` take
it; after all controllers are made the manager runs each informer once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from kubelite.client.client import Client
from kubelite.client.informer import Informer
from kubelite.client.recorder import Recorder
from kubelite.machinery.kind import Kind
from kubelite.util.clock import Clock, SystemClock
from kubelite.util.metrics import Registry


class Component(Protocol):
    """A controller: a never-ending `run`."""

    async def run(self) -> None:
        """Never returns."""


class Informers:
    """The shared informers of a process, each made on first use."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[tuple[str, str], Informer[Any]] = {}
        self._tasks: asyncio.TaskGroup | None = None

    def get(self, kind: Kind, type: type[Any] | None = None) -> Informer[Any]:
        """The informer of `kind`. All users must agree on `type`, the narrow type that serves them all."""
        found = self._known.get((kind.group, kind.plural))
        if found is None:
            found = self._known[kind.group, kind.plural] = Informer(self._client, kind, type=type)
            if self._tasks is not None:
                self._start(found)
        return found

    def known(self, kind: Kind) -> Informer[Any] | None:
        """The informer of all objects of `kind`, if somebody has asked for it."""
        return self._known.get((kind.group, kind.plural))

    def select(self, kind: Kind, type: type[Any], field_selector: str) -> Informer[Any]:
        """An informer of only some objects of `kind`, shared by those who ask for the same."""
        key = (kind.group, kind.plural + "?" + field_selector)
        if key not in self._known:
            informer: Informer[Any] = Informer(self._client, kind, type=type, field_selector=field_selector)
            self._known[key] = informer
            if self._tasks is not None:
                self._start(informer)
        return self._known[key]

    async def run(self) -> None:
        """Never returns; informers that are made later start at once."""
        async with asyncio.TaskGroup() as self._tasks:
            for informer in self._known.values():
                self._start(informer)
            await asyncio.Event().wait()

    def __iter__(self) -> Any:
        return iter(self._known.values())

    def _start(self, informer: Informer[Any]) -> None:
        assert self._tasks is not None
        self._tasks.create_task(informer.run(), name=f"informer-{informer.kind.plural}")


@dataclass(slots=True)
class Context:
    """The surroundings of the controllers of one process."""

    client: Client
    informers: Informers
    clock: Clock = field(default_factory=SystemClock)
    observe: Callable[[str, str, float], None] | None = None
    settings: Any = None
    host: str = ""
    ca_bundle: str = ""
    metrics: Registry = field(default_factory=Registry)
    recorders: dict[str, Recorder] = field(default_factory=dict)

    def recorder(self, component: str) -> Recorder:
        """The recorder of a component, such as "replicaset-controller"."""
        found = self.recorders.get(component)
        if found is None:
            found = self.recorders[component] = Recorder(self.client, component, self.host, clock=self.clock)
        return found


async def gather_errors(jobs: Sequence[Any]) -> list[Exception]:
    """Run coroutines together; the exceptions they raised, in order."""
    results = await asyncio.gather(*jobs, return_exceptions=True)
    errors = []
    for result in results:
        if isinstance(result, Exception):
            errors.append(result)
        elif isinstance(result, BaseException):
            raise result
    return errors

"""Takes chance and the machine's clock out of this process: everything comes from one seed and one virtual clock.

What: `install()` replaces `time.*`, `datetime.now`, `os.urandom` and unseeded `random.Random` of the standard
library; `begin(seed)` starts them anew. Why: the same seed must give the same run, also in code that draws a uid or
looks at the clock in passing. Flow: a process that simulates calls `install()` before it imports anything of
kubelite, so that `from time import monotonic` and default arguments get the replacements as well. `REAL` keeps what
is needed to measure.
"""

from __future__ import annotations

import datetime as datetime_module
import os
import random
import socket
import time
from collections.abc import Callable
from typing import Any

START = datetime_module.datetime(2030, 1, 7, 9, 0, tzinfo=datetime_module.UTC)
"""A Monday morning."""
_EPOCH = START.timestamp()
_Real = datetime_module.datetime

real_seconds = time.perf_counter
cpu_seconds = time.process_time


class _State:
    elapsed: Callable[[], float] = staticmethod(lambda: 0.0)
    source = random.Random(0)


class _Meta(type):
    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, _Real)

    def __subclasscheck__(cls, other: type) -> bool:
        return issubclass(other, _Real)


class VirtualDatetime(_Real, metaclass=_Meta):
    """`datetime` whose present is the virtual clock's."""

    @classmethod
    def now(cls, tz: datetime_module.tzinfo | None = None) -> Any:
        return _Real.fromtimestamp(wall(), tz)

    @classmethod
    def utcnow(cls) -> Any:
        return _Real.fromtimestamp(wall(), datetime_module.UTC).replace(tzinfo=None)


class SeededRandom(random.Random):
    """Draws its seed from the run's where nobody gives it one."""

    def __init__(self, seed: Any = None) -> None:
        super().__init__(_State.source.getrandbits(64) if seed is None else seed)


def wall() -> float:
    """Seconds since 1970 on the virtual clock."""
    return _EPOCH + _State.elapsed()


def _urandom(size: int) -> bytes:
    return _State.source.randbytes(size)


def install() -> None:
    """Replaces the sources of time and chance; for good, so only in a process that does nothing else."""
    time.time = wall
    time.time_ns = lambda: int(wall() * 1_000_000_000)
    time.monotonic = lambda: _State.elapsed()
    time.perf_counter = lambda: _State.elapsed()
    datetime_module.datetime = VirtualDatetime  # type: ignore[misc]
    os.urandom = _urandom
    os.getpid = lambda: 4711
    socket.gethostname = lambda: "simulated"
    random._urandom = _urandom  # type: ignore[attr-defined]
    random.Random = SeededRandom  # type: ignore[misc]


def begin(seed: str, elapsed: Callable[[], float]) -> None:
    """A new run: `elapsed` gives its virtual seconds."""
    _State.elapsed = staticmethod(elapsed)
    _State.source = _SOURCE(seed)
    random.seed(f"{seed}:module")


_SOURCE = random.Random

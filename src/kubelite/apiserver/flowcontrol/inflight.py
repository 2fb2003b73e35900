"""Max in flight: the simple limit, used with --enable-priority-and-fairness=false.

What: a gate with one counter for reading and one for writing requests. Why: it is what upstream falls back to, and needs no
configuration. Flow: as `controller`. Source: apiserver/pkg/server/filters/maxinflight.go.
"""

from __future__ import annotations

from kubelite.apiserver.flowcontrol.refusal import TooMany
from kubelite.apiserver.request import Request

READING = frozenset(("get", "list", "watch", "head", "options"))
MASTERS = "system:masters"


class Counter:
    """Requests of one sort; `limit` 0 sets none."""

    __slots__ = ("limit", "now")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.now = 0

    def leave(self) -> None:
        self.now -= 1


class InFlight:
    """The gate. Members of system:masters pass, so that an administrator can look."""

    def __init__(self, reading: int, writing: int) -> None:
        self.reading = Counter(reading)
        self.writing = Counter(writing)

    def enter(self, request: Request, *, long: bool) -> Counter | None:
        """Counts a request; None for one that is not counted. Raises `TooMany`."""
        if long:
            return None
        counter = self.reading if request.info.verb in READING else self.writing
        if counter.limit and counter.now >= counter.limit and not (request.user and MASTERS in request.user.groups):
            raise TooMany(1, "max-in-flight")
        counter.now += 1
        return counter

    async def run(self) -> None:
        """Nothing goes on in the background."""

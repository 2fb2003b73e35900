"""A leader stops before its lease can be another's, however requests are lost, refused or late. On a virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kubelite.api.coordination.lease import LEASE
from kubelite.api.types.coordination_v1 import Lease
from kubelite.client.errors import ConnectionFailed
from kubelite.client.leaderelection import LeadershipLost, Timing, lead
from kubelite.machinery import codec, errors
from tests.simulation.loop import VirtualLoop

START = datetime(2030, 1, 1, tzinfo=UTC)


class LoopClock:
    """The virtual time of the running loop."""

    def now(self) -> datetime:
        return START + timedelta(seconds=self.monotonic())

    def seconds(self) -> int:
        return int(self.now().timestamp())

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class OneLease:
    """An API server with one object, to which requests may be lost and which answers every write but the first late."""

    def __init__(self, before: Callable[[float], float | None], late: float = 0.0) -> None:
        """`before(moment)`: after how many seconds a request of that moment is lost; None: it is not."""
        self.before, self.late = before, late
        self.stored: Lease | None = None
        self.written: list[float] = []

    async def _way(self) -> None:
        waits = self.before(asyncio.get_running_loop().time())
        if waits is not None:
            await asyncio.sleep(waits)
            raise ConnectionFailed("lost")

    async def get(self, *_: Any) -> Lease:
        await self._way()
        if self.stored is None:
            raise errors.not_found(LEASE.group, LEASE.plural, "l")
        return codec.clone(self.stored)

    async def create(self, _: Any, lease: Lease) -> Lease:
        return await self._write(lease)

    async def update(self, _: Any, lease: Lease) -> Lease:
        return await self._write(lease)

    async def _write(self, lease: Lease) -> Lease:
        await self._way()
        self.stored = codec.clone(lease)
        self.written.append(asyncio.get_running_loop().time())
        if len(self.written) > 1:
            await asyncio.sleep(self.late)
        return codec.clone(lease)


def led(api: OneLease, timing: Timing) -> float:
    """When the work of a leader ends that nobody else disturbs."""
    ended: list[float] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(asyncio.get_running_loop().time())

    client: Any = api
    loop = VirtualLoop()
    try:
        with pytest.raises(LeadershipLost):
            loop.run_until_complete(lead(client, "l", "me", work, timing=timing, clock=LoopClock()))
    finally:
        loop.close()
    return ended[0]


FOREVER = 1e6


@pytest.mark.parametrize("retry", [2.0, 4.0])
@pytest.mark.parametrize(
    ("before", "late"),
    [
        pytest.param(lambda now: FOREVER if now > 5 else None, 0.0, id="silence"),
        pytest.param(lambda now: 0.0 if now > 5 else None, 0.0, id="refused"),
        pytest.param(lambda now: None if now < 5 else 0.5 if now < 9 else FOREVER, 0.0, id="lost-then-silence"),
        pytest.param(lambda now: FOREVER if now > 3 else None, 9.5, id="late-answer-then-silence"),
        pytest.param(lambda now: 9.0 if now > 5 else None, 0.0, id="slow-to-fail"),
    ],
)
def test_work_ends_before_the_lease_does(before: Callable[[float], float | None], late: float, retry: float) -> None:
    api, timing = OneLease(before, late), Timing(lease=15.0, renew=10.0, retry=retry)
    ended = led(api, timing)
    assert api.written[-1] < ended <= api.written[-1] + timing.renew


def test_a_leader_that_is_late_but_in_time_goes_on() -> None:
    api = OneLease(lambda now: 3.0 if 5 < now < 8 else FOREVER if now > 60 else None)
    assert led(api, Timing()) > 60

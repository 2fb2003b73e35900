"""One active process among several: a Lease that is held and renewed.

What: `lead(...)` waits for the Lease, runs the work while it is renewed, and stops the work when it is lost.
Why: two controller managers at once would fight. Timing as upstream: a lease of 15 s, given up after 10 s without a
renewal, tried every 2 s (client-go/tools/leaderelection). The holder's clock is never compared with ours: a lease
counts as expired when it has not changed for its length on our own clock.
Flow: get or create the Lease → held by a live other: wait → write ourselves as holder → run work beside renewals → release.
"""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from kubelite.api.coordination.lease import LEASE
from kubelite.api.types.coordination_v1 import Lease
from kubelite.client.client import Client
from kubelite.client.errors import ConnectionFailed
from kubelite.machinery import times
from kubelite.machinery.errors import StatusError
from kubelite.util.clock import Clock, SystemClock
from kubelite.util.log import get_logger
from kubelite.util.metrics import Registry
from kubelite.util.tasks import cancel

log = get_logger(__name__)


class LeadershipLost(Exception):
    """The lease could not be renewed in time; the process must stop acting."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds: how long a lease holds, how long renewing may fail, how often it is tried."""

    lease: float = 15.0
    renew: float = 10.0
    retry: float = 2.0


class Elector:
    """The state of one candidate for one lease."""

    def __init__(self, client: Client, name: str, identity: str, namespace: str, timing: Timing, clock: Clock) -> None:
        self._client = client
        self._name = name
        self._namespace = namespace
        self.identity = identity
        self._timing = timing
        self._clock = clock
        self._seen: Lease | None = None
        self._seen_at = 0.0

    @property
    def lease(self) -> Lease | None:
        """The lease as last read or written."""
        return self._seen

    async def try_hold(self) -> bool:
        """Take or renew the lease if that is allowed; False while another holds it or the write failed."""
        try:
            return await self._hold()
        except StatusError as error:
            if error.code not in (404, 409):
                log.warning("Lease not written", lease=self._name, error=error)
        except ConnectionFailed as error:
            log.debug("Lease not reached", lease=self._name, error=error)
        self._seen_mine_is_stale()
        return False

    async def _hold(self) -> bool:
        now = times.micro_text(self._clock.now())
        if self._mine() and self._seen is not None:
            lease = self._seen  # nobody else writes a live lease of ours: one call suffices, a conflict reads again
        else:
            found = await self._read()
            if found is None:
                self._note(await self._client.create(LEASE, self._fresh(now)))
                return True
            self._observe(found)
            lease = found
        holder = lease.spec.holderIdentity or ""
        if holder and holder != self.identity and not self._expired(lease):
            return False
        wanted = _copy(lease)
        if holder != self.identity:
            wanted.spec.acquireTime = now
            wanted.spec.leaseTransitions = (lease.spec.leaseTransitions or 0) + 1
        wanted.spec.holderIdentity = self.identity
        wanted.spec.leaseDurationSeconds = int(self._timing.lease)
        wanted.spec.renewTime = now
        self._note(await self._client.update(LEASE, wanted))
        return True

    async def release(self) -> None:
        """Hand the lease back so that another need not wait for its end; failing to is harmless."""
        if not self._mine() or self._seen is None:
            return
        lease = _copy(self._seen)
        lease.spec.holderIdentity = ""
        lease.spec.leaseDurationSeconds = 1
        lease.spec.renewTime = times.micro_text(self._clock.now())
        try:
            async with asyncio.timeout(self._timing.retry):
                await self._client.update(LEASE, lease)
        except (StatusError, ConnectionFailed, TimeoutError) as error:
            log.info("Lease not released", lease=self._name, error=error)

    async def _read(self) -> Lease | None:
        try:
            lease: Lease = await self._client.get(LEASE, self._name, self._namespace)
        except StatusError as error:
            if error.code == 404:
                return None
            raise
        return lease

    def _fresh(self, now: str) -> Lease:
        lease = Lease()
        lease.metadata.name, lease.metadata.namespace = self._name, self._namespace
        lease.spec.holderIdentity = self.identity
        lease.spec.leaseDurationSeconds = int(self._timing.lease)
        lease.spec.acquireTime = lease.spec.renewTime = now
        lease.spec.leaseTransitions = 0
        return lease

    def _mine(self) -> bool:
        return self._seen is not None and self._seen.spec.holderIdentity == self.identity

    def _seen_mine_is_stale(self) -> None:
        """After a failed write the copy may be old: read before the next one."""
        if self._mine():
            self._seen = None

    def _note(self, lease: Lease) -> None:
        self._seen, self._seen_at = lease, self._clock.monotonic()

    def _observe(self, lease: Lease) -> None:
        if self._seen is None or self._seen.metadata.resourceVersion != lease.metadata.resourceVersion:
            self._note(lease)

    def _expired(self, lease: Lease) -> bool:
        seconds = lease.spec.leaseDurationSeconds or self._timing.lease
        return self._clock.monotonic() - self._seen_at >= seconds


def _copy(lease: Lease) -> Lease:
    """A copy whose spec may be changed."""
    duplicate = copy.copy(lease)
    duplicate.spec = copy.copy(lease.spec)
    return duplicate


def leader_gauge(registry: Registry, lease: str) -> Callable[[Lease | None], None]:
    """What to call on becoming the leader; until then the metric says that another process is."""
    text = (
        "Gauge of if the reporting system is master of the relevant lease, 0 indicates backup, 1 indicates master. "
        "'name' is the string used to identify the lease. Please make sure to group by name."
    )
    gauge = registry.gauge("leader_election_master_status", text, ("name",))
    gauge.set(0, lease)

    def become(_: Lease | None) -> None:
        gauge.set(1, lease)

    return become


async def lead(
    client: Client,
    name: str,
    identity: str,
    run: Callable[[], Awaitable[None]],
    *,
    namespace: str = "kube-system",
    timing: Timing | None = None,
    clock: Clock | None = None,
    on_leading: Callable[[Lease | None], None] | None = None,
) -> None:
    """Wait for the lease, then run `run()` while holding it; returns when `run` does.

    Raises `LeadershipLost` after cancelling `run` when the lease could not be renewed; on every other way out, also when
    cancelled, the lease is released.
    """
    timing = timing or Timing()
    clock = clock or SystemClock()
    elector = Elector(client, name, identity, namespace, timing, clock)
    sent = clock.monotonic()
    while not await elector.try_hold():
        await clock.sleep(timing.retry * (1 + random.random() * 0.2))
        sent = clock.monotonic()
    log.info("Became leader", lease=name, identity=identity)
    if on_leading is not None:
        on_leading(elector.lease)
    work = asyncio.ensure_future(run())
    renewing = asyncio.create_task(_renew(elector, timing, clock, sent), name=f"renew-{name}")
    try:
        await asyncio.wait({work, renewing}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await cancel(renewing)
        lost = renewing.done() and not renewing.cancelled()
        if not work.done():
            work.cancel()
            await asyncio.wait({work})
        if not lost:
            await elector.release()
    if lost:
        raise LeadershipLost(f"{identity} lost the lease {namespace}/{name}")
    await work


async def _renew(elector: Elector, timing: Timing, clock: Clock, renewed: float) -> None:
    """Returns when the lease was not renewed for `timing.renew` seconds, `renewed` being when the last renewal was sent.

    Not when its answer came: others count from the write, and an answer may be long on its way.
    """
    deadline = renewed + timing.renew
    while (left := deadline - clock.monotonic()) > 0:
        await clock.sleep(min(timing.retry, left))
        sent = clock.monotonic()
        try:
            async with asyncio.timeout(max(deadline - sent, 0.0)):
                if await elector.try_hold():
                    deadline = sent + timing.renew
        except TimeoutError:
            return

"""What a controller has asked for and not yet seen in its cache.

What: per key, how many creations and which deletions are still to be seen.
Why: the cache lags behind the writes; without this a controller would create the same pods twice.
Flow: before writing `expect_*`; informer handlers call `saw_*`; `reconcile` acts only when `satisfied`. Expectations older
than five minutes count as met, so that a lost event cannot block for ever (pkg/controller ControllerExpectations); `patience`
is when to look again, as no event may come: a pod that was made and deleted while a watch was cut is never seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from kubelite.client.controller import Result

TIMEOUT_SECONDS = 300.0


@dataclass(slots=True)
class _Expected:
    since: float
    creations: int = 0
    deletions: set[str] = field(default_factory=set)


class Expectations:
    """`monotonic` gives the time in seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._now = monotonic
        self._by_key: dict[str, _Expected] = {}

    def satisfied(self, key: str) -> bool:
        """True if everything asked for has been seen, or the wait has been too long."""
        return not self.patience(key)

    def patience(self, key: str) -> float:
        """Seconds until the wait has been too long; 0 when there is nothing to wait for."""
        expected = self._by_key.get(key)
        if expected is None or (expected.creations <= 0 and not expected.deletions):
            return 0.0
        return max(expected.since + TIMEOUT_SECONDS - self._now(), 0.0)

    def again(self, key: str, *waits: float) -> Result | None:
        """When to look at the key again: after the shortest of the waits that are not 0 and of its own."""
        known = [seconds for seconds in (self.patience(key), *waits) if seconds]
        return Result(min(known)) if known else None

    def expect_creations(self, key: str, count: int) -> None:
        self._by_key[key] = _Expected(self._now(), creations=count)

    def expect_deletions(self, key: str, uids: Iterable[str]) -> None:
        self._by_key[key] = _Expected(self._now(), deletions=set(uids))

    def expect(self, key: str, creations: int, uids: Iterable[str]) -> None:
        """Both at once."""
        self._by_key[key] = _Expected(self._now(), creations=creations, deletions=set(uids))

    def saw_creation(self, key: str, count: int = 1) -> None:
        """A creation was seen, or will never happen."""
        expected = self._by_key.get(key)
        if expected is not None:
            expected.creations -= count

    def saw_deletion(self, key: str, uid: str) -> None:
        """A deletion was seen, or will never happen."""
        expected = self._by_key.get(key)
        if expected is not None:
            expected.deletions.discard(uid)

    def forget(self, key: str) -> None:
        """The controller object is gone."""
        self._by_key.pop(key, None)

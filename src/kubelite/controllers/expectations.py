"""What a controller has asked for and not yet seen in its cache.

What: per key, how many creations and which deletions are still to be seen.
Why: the cache lags behind the writes; without this a controller would create the same pods twice.
Flow: before writing `expect_*`; informer handlers call `saw_*`; `reconcile` acts only when `satisfied`. Expectations older
than five minutes count as met, so that a lost event cannot block for ever (pkg/controller ControllerExpectations).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

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
        expected = self._by_key.get(key)
        if expected is None:
            return True
        if expected.creations <= 0 and not expected.deletions:
            return True
        return self._now() - expected.since > TIMEOUT_SECONDS

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

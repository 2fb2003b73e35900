"""How soon an owner of many pods is looked at again because one of them has changed.

What: `Bursts` remembers for each key when it was looked at and how many pods it had; `wait` is what is left of the pause that
this many pods ask for. `concerns_owner` tells whether a pod's change can alter what its owner counts. Why: a look goes through
all pods of the owner and ends in a write of its status, so a thousand pods that become ready one after the other must not be a
thousand looks and writes; the first change counts at once, the rest of the burst together. Owners of a few pods do not wait.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubelite.api.logic import podstatus
from kubelite.client.informer import Change

SECONDS_PER_POD = 0.0005
LONGEST = 0.5


class Bursts:
    """`monotonic` gives the time in seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._now = monotonic
        self._until: dict[str, float] = {}

    def looked(self, key: str, pods: int) -> None:
        """The owner was looked at, with so many pods."""
        self._until[key] = self._now() + min(LONGEST, pods * SECONDS_PER_POD)

    def wait(self, key: str) -> float:
        """Seconds until the next change of a pod counts."""
        return max(0.0, self._until.get(key, 0.0) - self._now())

    def forget(self, key: str) -> None:
        """The owner is gone."""
        self._until.pop(key, None)


def concerns_owner(change: Change[Any]) -> bool:
    """Whether the change is one of those by which owners count and choose pods; that a pod got its node is none."""
    old, new = change
    if old is None or new is None:
        return True
    before, after = old.metadata, new.metadata
    if before.labels != after.labels or before.ownerReferences != after.ownerReferences:
        return True
    if before.deletionTimestamp != after.deletionTimestamp or before.uid != after.uid:
        return True
    if old.status.phase != new.status.phase:
        return True
    return bool(podstatus.ready_condition(old) != podstatus.ready_condition(new))

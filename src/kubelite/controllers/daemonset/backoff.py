"""How long a node waits for its next pod after one has failed there.

Why: a kubelet that refuses each pod would otherwise get a thousand of them. From one second, doubling to fifteen minutes,
forgotten after twice that time without a failure (client-go/util/flowcontrol Backoff, which upstream's controller uses).
"""

from __future__ import annotations

from collections.abc import Callable

FIRST = 1.0
LONGEST = 900.0


class FailureBackoff:
    """`monotonic` gives seconds. Bound: one entry for each node with a failure, dropped when it is forgotten."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._now = monotonic
        self._by_owner: dict[str, dict[str, tuple[float, float]]] = {}

    def held_back(self, owner: str) -> dict[str, float]:
        """The nodes of the owner (a uid) that wait, with the seconds left."""
        entries, now = self._by_owner.get(owner, {}), self._now()
        for node, (_, since) in list(entries.items()):
            if now - since > 2 * LONGEST:
                del entries[node]
        return {node: since + wait - now for node, (wait, since) in entries.items() if now - since < wait}

    def failed(self, owner: str, node: str) -> None:
        """A pod has failed on the node."""
        entries = self._by_owner.setdefault(owner, {})
        wait = entries[node][0] * 2 if node in entries else FIRST
        entries[node] = (min(wait, LONGEST), self._now())

    def forget(self, owner: str) -> None:
        self._by_owner.pop(owner, None)

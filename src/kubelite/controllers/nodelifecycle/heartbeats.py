"""When each node was last heard of, by our own clock.

What: `Heartbeats` notes changes of a node's Lease and of its status. Why: clocks of nodes are not trusted: what counts is how
long nothing has changed. Flow: informer handlers → `heard`; `seconds_left` → reconcile.
"""

from __future__ import annotations

from collections.abc import Callable


class Heartbeats:
    """`grace` is how long a node may be silent, `startup_grace` how long one that has never reported."""

    def __init__(self, monotonic: Callable[[], float], grace: float, startup_grace: float) -> None:
        self._now = monotonic
        self._grace = grace
        self._startup = startup_grace
        self._last: dict[str, tuple[str, float]] = {}
        self._leases: dict[str, tuple[str, float]] = {}

    def heard_status(self, node: str, text: str) -> None:
        """`text` is the heartbeat time of the node's Ready condition, "" if there is none."""
        self._note(self._last, node, text)

    def heard_lease(self, node: str, text: str) -> None:
        """`text` is the renew time of the node's Lease."""
        self._note(self._leases, node, text)

    def forget(self, node: str) -> None:
        self._last.pop(node, None)
        self._leases.pop(node, None)

    def seconds_left(self, node: str, *, reported: bool) -> float:
        """Seconds until the node counts as silent, 0 if it is; `reported` is whether it ever had a Ready condition."""
        known = [at for _, at in (self._last.get(node, ("", 0.0)), self._leases.get(node, ("", 0.0))) if at]
        if not known:
            return self._grace
        limit = self._grace if reported else self._startup
        return max(0.0, max(known) + limit - self._now())

    def _note(self, book: dict[str, tuple[str, float]], node: str, text: str) -> None:
        before = book.get(node)
        if before is None or before[0] != text:
            book[node] = (text, self._now() or 1e-9)

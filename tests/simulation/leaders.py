"""Rules of leader election: a lease is taken only when it has run out or was given back, and only its holder acts.

What: `OneLeader` sees the leases in the store and the requests on the wire. Why: two managers that both act delete and create
against each other. A request counts when it is sent: what is late on its way was sent by a leader.
"""

from __future__ import annotations

import re

from tests.simulation.process import Process
from tests.simulation.truth import Object, Rule, Truth

LEASES = {"kube-controller-manager": "manager", "kube-scheduler": "scheduler"}
_HOLDER = re.compile(rb'"holderIdentity":"([^"]+)"')


class OneLeader(Rule):
    """See above."""

    def __init__(self, truth: Truth) -> None:
        super().__init__(truth)
        self._renewed: dict[str, float] = {}
        self._holder: dict[str, str] = {}
        self._processes: dict[str, Process] = {}

    def seen(self, resource: str, key: str, old: Object | None, new: Object | None) -> None:
        name = key.rpartition("/")[2]
        if resource != "leases" or new is None or name not in LEASES:
            return
        now, holder = self.truth.clock(), new["spec"].get("holderIdentity") or ""
        before = self._holder.get(name, "")
        if before and holder and before != holder:
            age = now - self._renewed[name]
            if age < new["spec"]["leaseDurationSeconds"] - 0.1:
                self.truth.violated(f"the lease {name} is taken {age:.1f} s after its holder renewed it")
        self._holder[name], self._renewed[name] = holder, now

    def sent(self, process: Process | None, method: str, path: str, data: bytes) -> None:
        """A request goes on the wire."""
        if process is None or method == "GET":
            return
        kind = process.name.partition("-")[0]
        name = next((lease for lease, who in LEASES.items() if who == kind), "")
        if not name:
            return
        if "/leases" in path:
            found = _HOLDER.search(data)
            if found is not None:
                self._processes[found[1].decode()] = process
            return
        leader = self._processes.get(self._holder.get(name, ""))
        if leader is not None and leader is not process and "/events" not in path:
            self.truth.violated(f"{process.name} sends {method} {path}, and another one holds the lease {name}")

"""Rules of owners and dependents: what orphaning promises, what foreground deletion promises, what `Forbid` promises.

What: `Dependents`, `CronRuns`, `Storms`. Why: each is a promise about two objects and an order in time, which tests of one
controller see only in the order that somebody thought of.
"""

from __future__ import annotations

from collections import deque

from tests.simulation.determinism import datetime_module, wall
from tests.simulation.truth import Object, Rule, Truth, condition

KNOWN_SECONDS = 60.0
"""After this long everybody knows of an object."""
STORM_SECONDS = 10.0
STORM_WRITES = 2500


def age(one: Object) -> float:
    """Seconds since the object was created."""
    return wall() - datetime_module.datetime.fromisoformat(one["metadata"]["creationTimestamp"]).timestamp()


class Dependents(Rule):
    """An owner goes only after its dependents: freed, when they are orphaned; gone, when it waits in the foreground."""

    def seen(self, resource: str, key: str, old: Object | None, new: Object | None) -> None:
        if old is None or new is not None:
            return
        finalizers = old["metadata"].get("finalizers") or ()
        uid = old["metadata"]["uid"]
        if not {"orphan", "foregroundDeletion"} & set(finalizers):
            return
        for kind in ("replicasets", "pods", "jobs"):
            for child in self.truth.of(kind, old["metadata"].get("namespace", "")):
                references = [ref for ref in child["metadata"].get("ownerReferences") or () if ref["uid"] == uid]
                if not references or age(child) < KNOWN_SECONDS:
                    continue
                name = child["metadata"]["name"]
                if "orphan" in finalizers:
                    self.truth.violated(f"{resource} {key} is gone, and its orphan {name} still names it as its owner")
                elif any(ref.get("blockOwnerDeletion") for ref in references):
                    self.truth.violated(f"{resource} {key} is gone before {name}, which blocks its deletion")


class CronRuns(Rule):
    """A CronJob that forbids it starts no Job while another one of its Jobs runs."""

    def seen(self, resource: str, key: str, old: Object | None, new: Object | None) -> None:
        if resource != "jobs" or old is not None or new is None:
            return
        owner = next((ref["uid"] for ref in new["metadata"].get("ownerReferences") or () if ref.get("controller")), "")
        for cron in self.truth.of("cronjobs", new["metadata"]["namespace"]):
            if cron["metadata"]["uid"] != owner or cron["spec"].get("concurrencyPolicy") != "Forbid":
                continue
            for other in self.truth.owned("jobs", owner):
                over = condition(other, "Complete") == "True" or condition(other, "Failed") == "True"
                if other is not new and not over and age(other) > KNOWN_SECONDS:
                    name = other["metadata"]["name"]
                    self.truth.violated(f"Job {key} starts while {name} of the same CronJob runs, which is forbidden")


class Storms(Rule):
    """Nobody writes without end: writes in any ten seconds are bounded."""

    def __init__(self, truth: Truth) -> None:
        super().__init__(truth)
        self._times: deque[float] = deque()
        self.raging = False

    def seen(self, resource: str, key: str, old: Object | None, new: Object | None) -> None:
        now = self.truth.clock()
        self._times.append(now)
        while self._times[0] < now - STORM_SECONDS:
            self._times.popleft()
        if len(self._times) > STORM_WRITES and not self.raging:
            self.raging = True
            self.truth.violated(f"{len(self._times)} writes in {STORM_SECONDS:.0f} s, the last to {resource} {key}")

"""What the store really holds, write by write: the ground on which invariants are checked.

What: `Truth` decodes the writes of the kinds that matter and hands `(resource, key, old, new, now)` to the rules.
Why: rules that asked the API would see what caches say. Flow: `ObservedMemory.observer` → `Truth.see` → each rule's
`seen`; a rule calls `violated` with a sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from kubelite.storage.interface import Event
from tests.simulation.determinism import datetime_module, wall

KINDS = (
    "pods",
    "replicasets",
    "deployments",
    "statefulsets",
    "daemonsets",
    "jobs",
    "cronjobs",
    "poddisruptionbudgets",
    "resourcequotas",
    "nodes",
    "configmaps",
    "persistentvolumes",
    "persistentvolumeclaims",
)
Object = dict[str, Any]
_decode = msgspec.json.Decoder().decode


class Truth:
    """Objects by resource and `namespace/name`."""

    def __init__(self, clock: Callable[[], float], note: Callable[[str], None]) -> None:
        self.clock = clock
        self.objects: dict[str, dict[str, Object]] = {kind: {} for kind in KINDS}
        self._owned: dict[tuple[str, str], dict[str, Object]] = {}
        """What a controller owns, by resource and its uid."""
        self.rules: list[Rule] = []
        self.violations: list[str] = []
        self.writes = 0
        self.busy_since = 0.0
        """When something other than heartbeats was last written."""
        self._note = note

    def see(self, event: Event) -> None:
        """One write of the store."""
        self.writes += 1
        _, _, rest = event.key[1:].partition("/")
        resource, _, key = rest.partition("/")
        self._note(f"write {rest} {event.revision} {'' if event.value is not None else 'gone'}")
        resource = "nodes" if resource == "minions" else resource
        if resource == "leases" and key.startswith("kube-system/"):
            self._tell(resource, key, None, _decode(event.value) if event.value is not None else None)
        if resource == "events" or "leases" in rest:
            return
        if resource != "nodes":
            self.busy_since = self.clock()
        known = self.objects.get(resource)
        if known is None:
            return
        old = known.get(key)
        new = _decode(event.value) if event.value is not None else None
        self._own(resource, key, old, new)
        if new is None:
            known.pop(key, None)
        else:
            known[key] = new
        self._tell(resource, key, old, new)

    def _own(self, resource: str, key: str, old: Object | None, new: Object | None) -> None:
        """Keeps the index of `owned`."""
        before, after = controller(old), controller(new)
        if before and before != after:
            self._owned[resource, before].pop(key, None)
        if after and new is not None:
            self._owned.setdefault((resource, after), {})[key] = new

    def _tell(self, resource: str, key: str, old: Object | None, new: Object | None) -> None:
        for rule in self.rules:
            rule.seen(resource, key, old, new)

    def violated(self, text: str) -> None:
        """A rule was broken."""
        if len(self.violations) < 20:
            self.violations.append(f"at {self.clock():.3f} s: {text}")
        self._note(f"VIOLATION {text}")

    def of(self, resource: str, namespace: str = "") -> list[Object]:
        """The objects of a kind, in a namespace if one is given."""
        found = self.objects[resource]
        if not namespace:
            return list(found.values())
        start = f"{namespace}/"
        return [one for key, one in found.items() if key.startswith(start)]

    def owned(self, resource: str, uid: str) -> list[Object]:
        """The objects whose controller has this uid."""
        return list(self._owned.get((resource, uid), {}).values())


class Rule:
    """Something that must always hold."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth

    def seen(self, resource: str, key: str, old: Object | None, new: Object | None) -> None:
        """A write has happened."""

    def at_end(self) -> None:
        """The run is over and everything has come to rest."""


def controller(one: Object | None) -> str:
    """The uid of the object's controller, or ""."""
    for reference in (one or {}).get("metadata", {}).get("ownerReferences", ()):
        if reference.get("controller"):
            return str(reference["uid"])
    return ""


def is_ready(pod: Object) -> bool:
    return condition(pod, "Ready") == "True"


def condition(one: Object, kind: str) -> str:
    """The status of a condition, or ""."""
    found = one.get("status", {}).get("conditions") or ()
    return next((str(item["status"]) for item in found if item["type"] == kind), "")


def is_over(pod: Object) -> bool:
    """Whether the pod has ended for good."""
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def is_active(pod: Object) -> bool:
    """Neither ended nor being deleted."""
    return not is_over(pod) and not pod["metadata"].get("deletionTimestamp")


def is_charged(pod: Object) -> bool:
    """Whether quotas count the pod: not once it has ended, nor when it should have been gone for its grace period."""
    meta = pod["metadata"]
    if is_over(pod) or not meta.get("deletionTimestamp"):
        return not is_over(pod)
    until = datetime_module.datetime.fromisoformat(meta["deletionTimestamp"]).timestamp()
    return wall() <= until + (meta.get("deletionGracePeriodSeconds") or 0)


def selects(selector: Object, one: Object) -> bool:
    """Whether `matchLabels` fit; the simulation writes no other selectors."""
    labels = one["metadata"].get("labels") or {}
    wanted = selector.get("matchLabels") or {}
    return bool(wanted) and all(labels.get(name) == value for name, value in wanted.items())


def share(value: Any, total: int, *, up: bool) -> int:
    """An int-or-percentage of `total`."""
    if isinstance(value, str):
        exact = int(value.rstrip("%")) * total
        return -(-exact // 100) if up else exact // 100
    return int(value)


def cpu(pod: Object) -> int:
    """Requested milli-CPUs."""
    containers = pod["spec"]["containers"]
    return sum(milli(one.get("resources", {}).get("requests", {}).get("cpu", "0")) for one in containers)


def milli(text: Any) -> int:
    """A quantity of CPUs in thousandths."""
    text = str(text)
    return int(text[:-1]) if text.endswith("m") else int(float(text) * 1000)

"""What a node's silence and conditions mean for its conditions and taints: pure.

What: `unknown_conditions` for a node that has fallen silent, `wanted_taints` for any node, `zone_state` for how hard evictions
may go. Why: losing a node must move its pods, but losing the network of a zone must not empty it.
Source: pkg/controller/nodelifecycle/node_lifecycle_controller.go, helper.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from kubelite.api.logic import taints as names
from kubelite.api.types.core_v1 import NodeCondition, Taint
from kubelite.machinery import times
from kubelite.machinery.meta import condition

REPORTED: Final = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
STOPPED = ("NodeStatusUnknown", "Kubelet stopped posting node status.")
NEVER = ("NodeStatusNeverUpdated", "Kubelet never posted node status.")
_PRESSURE = {
    "MemoryPressure": names.MEMORY_PRESSURE,
    "DiskPressure": names.DISK_PRESSURE,
    "PIDPressure": names.PID_PRESSURE,
    "NetworkUnavailable": names.NETWORK_UNAVAILABLE,
}
MANAGED_NO_SCHEDULE = frozenset((*_PRESSURE.values(), names.NOT_READY, names.UNREACHABLE, names.UNSCHEDULABLE))
MANAGED_NO_EXECUTE = frozenset((names.NOT_READY, names.UNREACHABLE))

NORMAL: Final = "Normal"
PARTIAL: Final = "PartialDisruption"
FULL: Final = "FullDisruption"


def unknown_conditions(node: Any, now: datetime) -> list[NodeCondition]:
    """The conditions to write for a node that is silent: those that are not Unknown yet."""
    text = times.now_text(now)
    changed = []
    for type_ in REPORTED:
        old = condition(node.status.conditions, type_)
        if old is not None and old.status == "Unknown":
            continue
        reason, message = STOPPED if old is not None else NEVER
        changed.append(
            NodeCondition(
                type=type_,
                status="Unknown",
                reason=reason,
                message=message,
                lastHeartbeatTime=old.lastHeartbeatTime if old is not None else node.metadata.creationTimestamp,
                lastTransitionTime=text,
            )
        )
    return changed


def ready_status(node: Any) -> str:
    """ "True", "False" or "Unknown"; a node that has not said anything is Unknown."""
    ready = condition(node.status.conditions, "Ready")
    return ready.status if ready is not None else "Unknown"


def no_schedule_keys(node: Any) -> set[str]:
    """The NoSchedule taints that the node's conditions call for."""
    ready = condition(node.status.conditions, "Ready")
    keys = set()
    if ready is not None and ready.status == "False":
        keys.add(names.NOT_READY)
    elif ready is not None and ready.status == "Unknown":
        keys.add(names.UNREACHABLE)
    for type_, key in _PRESSURE.items():
        found = condition(node.status.conditions, type_)
        if found is not None and found.status == "True":
            keys.add(key)
    if node.spec.unschedulable:
        keys.add(names.UNSCHEDULABLE)
    return keys


def no_execute_key(node: Any) -> str:
    """The NoExecute taint that the node's readiness calls for, "" for none."""
    ready = condition(node.status.conditions, "Ready")
    if ready is None or ready.status == "True":
        return ""
    return names.NOT_READY if ready.status == "False" else names.UNREACHABLE


def wanted_taints(node: Any, now: datetime, *, may_evict: bool, all_lost: bool = False) -> list[Taint] | None:
    """The node's taints as they should be, None if they are.

    Without `may_evict` no NoExecute taint is added; one that no longer applies is still removed, and one that is there
    follows a change between not-ready and unreachable. With `all_lost` none of ours is left: pods that wait for their end stay.
    """
    text = times.now_text(now)
    schedule, execute = no_schedule_keys(node), "" if all_lost else no_execute_key(node)
    kept: list[Taint] = []
    had_execute = False
    for taint in node.spec.taints:
        if taint.effect == names.NO_SCHEDULE and taint.key in MANAGED_NO_SCHEDULE:
            if taint.key in schedule:
                schedule.discard(taint.key)
                kept.append(taint)
        elif taint.effect == names.NO_EXECUTE and taint.key in MANAGED_NO_EXECUTE:
            had_execute = True
            if taint.key == execute:
                execute = ""
                kept.append(taint)
        else:
            kept.append(taint)
    added = [Taint(key=key, effect=names.NO_SCHEDULE, timeAdded=text) for key in sorted(schedule)]
    if execute and (may_evict or had_execute):
        added.append(Taint(key=execute, effect=names.NO_EXECUTE, timeAdded=text))
    result = kept + added
    return None if result == list(node.spec.taints) else result


@dataclass(frozen=True, slots=True)
class Rates:
    """Nodes a second whose pods may be evicted."""

    primary: float = 0.1
    secondary: float = 0.01
    large_cluster: int = 50
    unhealthy_share: float = 0.55


def zone_state(statuses: Sequence[str], rates: Rates) -> str:
    """How a zone is, by the ready status of its nodes."""
    lost = sum(status != "True" for status in statuses)
    if lost and lost == len(statuses):
        return FULL
    if lost > 2 and lost / len(statuses) >= rates.unhealthy_share:
        return PARTIAL
    return NORMAL


def all_lost(states: Iterable[str]) -> bool:
    """Whether no zone has a node left, which is most likely our own fault."""
    return all(state == FULL for state in states)


def eviction_rate(state: str, all_states: Iterable[str], nodes: int, rates: Rates) -> float:
    """Nodes a second that may be emptied in a zone of this state, `nodes` being the size of the whole cluster.

    When every zone is lost the fault is most likely ours: nothing is evicted.
    """
    if all_lost(all_states):
        return 0.0
    if state == PARTIAL:
        return rates.secondary if nodes > rates.large_cluster else 0.0
    return rates.primary

"""Where a volume is to be attached and from where to be detached: pure.

Rules: a volume goes to every node with a live pod that uses it; one that only one node may have waits until the other has let it
go. It is taken away when no pod needs it and the node does not report it in use; from a node that is not healthy after
`MAX_WAIT_SECONDS`, from one declared out of service at once. Source: pkg/controller/volume/attachdetach/reconciler.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from kubelite.api.logic import podstatus, taints

MAX_WAIT_SECONDS: Final = 360.0
MANAGED: Final = "volumes.kubernetes.io/controller-managed-attach-detach"
SHARED: Final = frozenset(("ReadWriteMany", "ReadOnlyMany"))


@dataclass(frozen=True, slots=True)
class Attached:
    """A VolumeAttachment of the volume; `leaving`: it was deleted and the driver is at it."""

    name: str
    node: str
    leaving: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """What is known of a node; `waited` is for how many seconds nobody there has needed the volume."""

    managed: bool = True
    healthy: bool = True
    out_of_service: bool = False
    in_use: bool = False
    waited: float = 0.0


@dataclass(slots=True)
class Plan:
    """Nodes to attach to, attachments to delete, nodes that must wait for another; `again`: seconds after which to look again."""

    attach: list[str] = field(default_factory=list)
    detach: list[Attached] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    again: float = 0.0


def attachment_name(handle: str, driver: str, node: str) -> str:
    """The name of the VolumeAttachment, as drivers and kubelets compute it."""
    return "csi-" + hashlib.sha256(f"{handle}{driver}{node}".encode()).hexdigest()


def unique_name(driver: str, handle: str) -> str:
    """The volume's name in a node's status."""
    return f"kubernetes.io/csi/{driver}^{handle}"


def is_shared(modes: Sequence[str]) -> bool:
    """Whether several nodes may have the volume; one that says nothing may be anywhere."""
    return not modes or bool(SHARED & set(modes))


def needs_volumes(pod: Any) -> bool:
    """Whether a pod's volumes belong on its node."""
    return bool(pod.spec.nodeName) and not podstatus.is_terminal(pod)


def place_of(node: Any, volume: str, waited: float) -> Place | None:
    """What decides about a volume on a node; None where there is no such node."""
    if node is None:
        return None
    return Place(
        managed=node.metadata.annotations.get(MANAGED) == "true",
        healthy=any(c.type == "Ready" and c.status == "True" for c in node.status.conditions),
        out_of_service=any(taint.key == taints.OUT_OF_SERVICE for taint in node.spec.taints),
        in_use=volume in node.status.volumesInUse,
        waited=waited,
    )


def plan(
    wanted: Sequence[str], present: Sequence[Attached], places: Mapping[str, Place | None], *, shared: bool
) -> Plan:
    """`wanted` are the nodes with pods that use the volume, the longest waiting first."""
    result = Plan()
    for one in present:
        if one.leaving or one.node in wanted:
            continue
        left = _seconds_left(places.get(one.node))
        if left == 0:
            result.detach.append(one)
        elif left > 0:
            result.again = min(result.again or left, left)
    holders = {one.node for one in present}
    for node in wanted:
        place = places.get(node)
        if node in holders or place is None or not place.managed:
            continue
        if holders and not shared:
            result.blocked.append(node)
        else:
            result.attach.append(node)
            holders.add(node)
    return result


def _seconds_left(place: Place | None) -> float:
    """Seconds until a volume that nobody needs may be taken away; -1: not before the node changes."""
    if place is None:
        return 0
    if not place.managed:
        return -1
    if not place.in_use or place.out_of_service:
        return 0
    return -1 if place.healthy else max(0.0, MAX_WAIT_SECONDS - place.waited)

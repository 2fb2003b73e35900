"""The smallest change that makes the API's status what was computed here. Pure.

Only fields that the kubelet owns are written, and only its own conditions, so that what others wrote (a readiness gate, a
disruption target, a nominated node) stays. Upstream: pkg/util/pod/pod.go:PatchPodStatus.
"""

from __future__ import annotations

from typing import Any

import msgspec

from kubelite.api.types.core_v1 import PodStatus
from kubelite.kubelet.status.pod import OWNED_CONDITIONS

OWNED = (
    "phase",
    "reason",
    "message",
    "startTime",
    "qosClass",
    "hostIP",
    "podIP",
    "observedGeneration",
    "initContainerStatuses",
    "containerStatuses",
    "ephemeralContainerStatuses",
)
ADDRESSES = ("hostIPs", "podIPs")


def status_patch(old: PodStatus, new: PodStatus) -> dict[str, Any]:
    """A strategic merge patch of `status`; {} when nothing changed."""
    if old == new:
        return {}
    before: dict[str, Any] = msgspec.to_builtins(old)
    after: dict[str, Any] = msgspec.to_builtins(new)
    patch = {key: after.get(key) for key in OWNED if before.get(key) != after.get(key)}
    for key in ADDRESSES:
        if before.get(key) != after.get(key):
            kept = after.get(key, [])
            gone = [{"ip": item["ip"], "$patch": "delete"} for item in before.get(key, []) if item not in kept]
            patch[key] = [*kept, *gone]
    present = {item["type"]: item for item in before.get("conditions", [])}
    changed = [
        _with_nulls(item, present.get(item["type"]))
        for item in after.get("conditions", [])
        if item["type"] in OWNED_CONDITIONS and item != present.get(item["type"])
    ]
    if changed:
        patch["conditions"] = changed
    return patch


def _with_nulls(new: dict[str, Any], old: dict[str, Any] | None) -> dict[str, Any]:
    """A condition that loses its reason or message must say so: merging alone would keep them."""
    return {**{key: None for key in old or {} if key not in new}, **new}

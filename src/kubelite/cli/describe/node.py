"""`describe node`: what it has, what runs on it, what is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kubelite.cli.describe import text
from kubelite.cli.describe.text import Lines, Object, amounts
from kubelite.machinery import quantity

ROLE = "node-role.kubernetes.io/"
_INFO = (
    ("Machine ID", "machineID"),
    ("System UUID", "systemUUID"),
    ("Boot ID", "bootID"),
    ("Kernel Version", "kernelVersion"),
    ("OS Image", "osImage"),
    ("Operating System", "operatingSystem"),
    ("Architecture", "architecture"),
    ("Container Runtime Version", "containerRuntimeVersion"),
    ("Kubelet Version", "kubeletVersion"),
    ("Kube-Proxy Version", "kubeProxyVersion"),
)


def describe(lines: Lines, obj: Object, found: Object) -> None:
    """A node; `found` holds its lease, its pods and events."""
    spec, status, metadata = obj.get("spec") or {}, obj.get("status") or {}, text.meta(obj)
    text.name_of(lines, obj, namespace=False)
    labels = metadata.get("labels") or {}
    roles = {label.removeprefix(ROLE) for label in labels if label.startswith(ROLE)}
    if labels.get("kubernetes.io/role"):
        roles.add(labels["kubernetes.io/role"])
    lines.add(0, f"Roles:\t{','.join(sorted(roles)) or '<none>'}")
    text.label_lines(lines, "Labels", labels)
    text.annotation_lines(lines, metadata.get("annotations"))
    lines.add(0, f"CreationTimestamp:\t{text.date(metadata.get('creationTimestamp'))}")
    text.taints(lines, spec.get("taints"))
    lines.add(0, f"Unschedulable:\t{'true' if spec.get('unschedulable') else 'false'}")
    _lease(lines, found)
    _conditions(lines, status.get("conditions") or ())
    lines.add(0, "Addresses:")
    for address in status.get("addresses") or ():
        lines.add(1, f"{address['type']}:\t{address['address']}")
    amounts(lines, 0, "Capacity", status.get("capacity"))
    amounts(lines, 0, "Allocatable", status.get("allocatable"))
    info = status.get("nodeInfo") or {}
    lines.add(0, "System Info:")
    for title, key in _INFO:
        lines.add(1, f"{title}:\t{info.get(key, '')}")
    if spec.get("podCIDR"):
        lines.add(0, f"PodCIDR:\t{spec['podCIDR']}")
    if spec.get("podCIDRs"):
        lines.add(0, f"PodCIDRs:\t{','.join(spec['podCIDRs'])}")
    if spec.get("providerID"):
        lines.add(0, f"ProviderID:\t{spec['providerID']}")
    _pods(lines, found.get("pods") or (), status.get("allocatable") or status.get("capacity") or {})
    text.events(lines, found.get("events"))


def _lease(lines: Lines, found: Object) -> None:
    if isinstance(found.get("lease"), str):
        lines.add(0, f"Lease:\tFailed to get lease: {found['lease']}")
        return
    spec = (found.get("lease") or {}).get("spec") or {}
    lines.add(0, "Lease:")
    lines.add(1, f"HolderIdentity:\t{spec.get('holderIdentity') or '<unset>'}")
    for title, key in (("AcquireTime", "acquireTime"), ("RenewTime", "renewTime")):
        lines.add(1, f"{title}:\t{text.date(spec[key]) if spec.get(key) else '<unset>'}")


def _conditions(lines: Lines, found: Sequence[Object]) -> None:
    if not found:
        return
    lines.add(0, "Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage")
    lines.add(1, "----\t------\t-----------------\t------------------\t------\t-------")
    for one in found:
        beat, change = text.date(one.get("lastHeartbeatTime")), text.date(one.get("lastTransitionTime"))
        head = f"{one['type']} \t{one['status']} \t{beat} \t{change}"
        lines.add(1, f"{head} \t{one.get('reason', '')} \t{one.get('message', '')}")


def _sums(pod: Object) -> tuple[dict[str, int], dict[str, int]]:
    """(requests, limits) of a pod in thousandths, init containers and overhead counted as the scheduler does."""
    spec = pod.get("spec") or {}
    out: list[dict[str, int]] = []
    for which in ("requests", "limits"):
        total: dict[str, int] = {}
        sidecars: dict[str, int] = {}
        peak: dict[str, int] = {}
        for container in spec.get("containers") or ():
            _plus(total, _amounts(container, which))
        for container in spec.get("initContainers") or ():
            own = _amounts(container, which)
            if container.get("restartPolicy") == "Always":
                _plus(sidecars, own)
                own = dict(sidecars)
            else:
                _plus(own, sidecars)
            for name, value in own.items():
                peak[name] = max(peak.get(name, 0), value)
        _plus(total, sidecars)
        for name, value in peak.items():
            total[name] = max(total.get(name, 0), value)
        for name, amount in (spec.get("overhead") or {}).items():
            if which == "requests" or total.get(name):
                total[name] = total.get(name, 0) + quantity.milli(amount)
        out.append(total)
    return out[0], out[1]


def _amounts(container: Object, which: str) -> dict[str, int]:
    found: Mapping[str, Any] = (container.get("resources") or {}).get(which) or {}
    return {name: quantity.milli(amount) for name, amount in found.items()}


def _plus(total: dict[str, int], more: Mapping[str, int]) -> None:
    for name, value in more.items():
        total[name] = total.get(name, 0) + value


def _shown(name: str, milli: int) -> str:
    if name == "cpu":
        return quantity.from_milli(milli)
    family = "binary" if name == "memory" or name.startswith("hugepages-") else "SI"
    for suffix, size in (("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10)) if family == "binary" else ():
        if milli and milli % (1000 * size) == 0:
            return f"{milli // (1000 * size)}{suffix}"
    return quantity.canonical(str(-(-milli // 1000)))


def _share(name: str, milli: int, allocatable: Mapping[str, Any]) -> str:
    whole = quantity.milli(allocatable[name]) if name in allocatable else 0
    return f"{_shown(name, milli)} ({milli * 100 // whole if whole else 0}%)"


def _pods(lines: Lines, pods: Sequence[Object], allocatable: Mapping[str, Any]) -> None:
    lines.add(0, f"Non-terminated Pods:\t({len(pods)} in total)")
    lines.add(1, "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge")
    lines.add(1, "---------\t----\t\t------------\t----------\t---------------\t-------------\t---")
    requests: dict[str, int] = {}
    limits: dict[str, int] = {}
    for pod in pods:
        asked, bound = _sums(pod)
        _plus(requests, asked)
        _plus(limits, bound)
        shares = [
            _share(name, amount.get(name, 0), allocatable) for name in ("cpu", "memory") for amount in (asked, bound)
        ]
        age = lines.age(text.meta(pod).get("creationTimestamp"))
        lines.add(1, f"{text.meta(pod).get('namespace')}\t{text.meta(pod).get('name')}\t\t" + "\t".join([*shares, age]))
    lines.add(0, "Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)")
    lines.add(1, "Resource\tRequests\tLimits")
    lines.add(1, "--------\t--------\t------")
    huge = sorted(name for name in allocatable if name.startswith("hugepages-"))
    for name in ("cpu", "memory", "ephemeral-storage", *huge):
        shares = [_share(name, amount.get(name, 0), allocatable) for amount in (requests, limits)]
        lines.add(1, f"{name}\t{shares[0]}\t{shares[1]}")
    usual = {"cpu", "memory", "ephemeral-storage", "pods", "storage", *huge}
    for name in sorted(set(allocatable) - usual):
        lines.add(1, f"{name}\t{_shown(name, requests.get(name, 0))}\t{_shown(name, limits.get(name, 0))}")

"""Downward API values: what a pod may read about itself. Pure.

What: `field_value` and `resource_value`. Why: variables and volumes take the same references. Flow: pod and reference → text.
Source: pkg/fieldpath/fieldpath.go, pkg/api/v1/resource/helpers.go, pkg/kubelet/kubelet_pods.go (podFieldSelectorRuntimeValue).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from kubelite.api.types.core_v1 import Pod, ResourceFieldSelector
from kubelite.kubelet.interfaces import AnyContainer
from kubelite.machinery import quantity

_KEYED: Final = re.compile(r"^metadata\.(labels|annotations)\['(.*)'\]$")
_ESCAPES: Final = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
    '"': '\\"',
}


def quoted(text: str) -> str:
    """A string literal as Go's %q prints it."""
    return '"' + "".join(_ESCAPES.get(char) or _printable(char) for char in text) + '"'


def _printable(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def formatted_map(values: Mapping[str, str]) -> str:
    """Labels or annotations as a volume shows them: `key="value"` lines in order of keys."""
    return "\n".join(f"{key}={quoted(values[key])}" for key in sorted(values))


def field_value(pod: Pod, path: str, *, pod_ips: Sequence[str] = (), host_ips: Sequence[str] = ()) -> str:
    """The value of a fieldRef; "" for what is not set. Raises ValueError for a path that is not supported."""
    keyed = _KEYED.match(path)
    if keyed:
        values = pod.metadata.labels if keyed.group(1) == "labels" else pod.metadata.annotations
        return (values or {}).get(keyed.group(2), "")
    simple = {
        "metadata.name": pod.metadata.name,
        "metadata.namespace": pod.metadata.namespace,
        "metadata.uid": pod.metadata.uid,
        "spec.nodeName": pod.spec.nodeName,
        "spec.serviceAccountName": pod.spec.serviceAccountName,
        "status.podIP": next(iter(pod_ips), ""),
        "status.podIPs": ",".join(pod_ips),
        "status.hostIP": next(iter(host_ips), ""),
        "status.hostIPs": ",".join(host_ips),
    }
    if path in simple:
        return simple[path] or ""
    if path == "metadata.labels":
        return formatted_map(pod.metadata.labels or {})
    if path == "metadata.annotations":
        return formatted_map(pod.metadata.annotations or {})
    raise ValueError(f"unsupported fieldPath: {path}")


def resource_value(
    pod: Pod,
    selector: ResourceFieldSelector,
    container: AnyContainer | None,
    allocatable: Mapping[str, quantity.Quantity | str | int | float],
) -> str:
    """The value of a resourceFieldRef, divided and rounded up. A limit that is not set is the node's allocatable amount.

    `container` is the one asking (variables); `selector.containerName` names another. Raises ValueError.
    """
    if selector.containerName:
        every: list[AnyContainer] = [*pod.spec.containers, *pod.spec.initContainers]
        container = next((c for c in every if c.name == selector.containerName), None)
    if container is None:
        raise ValueError(f"container {selector.containerName} not found")
    kind, _, resource = selector.resource.partition(".")
    if kind not in ("limits", "requests") or not _supported(resource):
        raise ValueError(f"Unsupported container resource : {selector.resource}")
    amounts = getattr(container.resources, kind) if container.resources else {}
    amount = amounts.get(resource)
    if kind == "limits" and (amount is None or quantity.milli(amount) == 0):
        amount = _pod_limit(pod, resource) or allocatable.get(resource)
    divisor = selector.divisor if selector.divisor not in (None, "", 0, "0") else 1
    measure = quantity.milli if resource == "cpu" else quantity.value
    return str(-(-measure(amount if amount is not None else 0) // measure(divisor)))


def _supported(resource: str) -> bool:
    return resource in ("cpu", "memory", "ephemeral-storage") or resource.startswith("hugepages-")


def _pod_limit(pod: Pod, resource: str) -> str | int | float | None:
    return pod.spec.resources.limits.get(resource) if pod.spec.resources else None

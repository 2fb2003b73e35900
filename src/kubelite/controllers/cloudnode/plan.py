"""What a node learns from the place where its machine stands: pure. Source: k8s.io/cloud-provider/controllers/node."""

from __future__ import annotations

from typing import Any

import msgspec

from kubelite.controllers.cloud.provider import Instance
from kubelite.controllers.objects import Node

TAINT = "node.cloudprovider.kubernetes.io/uninitialized"
LABELS = {
    "zone": ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"),
    "region": ("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region"),
    "type": ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type"),
}


def is_new(node: Node) -> bool:
    """Whether the node waits to be told."""
    return any(taint.key == TAINT for taint in node.spec.taints)


def node_patch(node: Node, found: Instance) -> dict[str, Any] | None:
    """The merge patch that tells a new node all of it; None for one that has been told."""
    if not is_new(node):
        return None
    labels = {
        label: getattr(found, name)
        for name, keys in LABELS.items()
        for label in keys
        if getattr(found, name) and node.metadata.labels.get(label) != getattr(found, name)
    }
    left = [msgspec.to_builtins(taint) for taint in node.spec.taints if taint.key != TAINT]
    spec: dict[str, Any] = {"taints": left or None}
    if not node.spec.providerID and found.provider_id:
        spec["providerID"] = found.provider_id
    meta: dict[str, Any] = {"resourceVersion": node.metadata.resourceVersion}
    return {"metadata": {**meta, **({"labels": labels} if labels else {})}, "spec": spec}


def address_patch(node: Node, found: Instance) -> dict[str, Any] | None:
    """The merge patch of the status where addresses differ."""
    wanted = [{"type": one.type, "address": one.address} for one in found.addresses]
    present = [{"type": one.type, "address": one.address} for one in node.status.addresses]
    return None if wanted == present or not wanted else {"status": {"addresses": wanted}}

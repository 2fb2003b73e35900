"""What becomes of a node whose machine is shut down or gone: pure.

Source: k8s.io/cloud-provider/controllers/nodelifecycle/node_lifecycle_controller.go.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Final

from kubelite.api.logic import taints
from kubelite.api.types.core_v1 import Taint
from kubelite.controllers.cloud.provider import MachineState
from kubelite.controllers.cloudnode.plan import is_new
from kubelite.controllers.objects import Node
from kubelite.machinery import times

SHUTDOWN: Final = "node.cloudprovider.kubernetes.io/shutdown"
NEW_SECONDS: Final = 60.0
"""For so long a node may wait for what the provider knows of it before its machine counts as unknown."""


class Action(Enum):
    """What to do with a node."""

    KEEP = "keep"
    MARK = "mark"
    CLEAR = "clear"
    DELETE = "delete"


def is_ready(node: Node) -> bool:
    """Whether the kubelet says so; no word is not ready."""
    return any(one.type == "Ready" and one.status == "True" for one in node.status.conditions)


def asks(node: Node, now: datetime) -> bool:
    """Whether the provider's word counts: never against a kubelet that reports, nor before a new node was told of."""
    if is_ready(node):
        return False
    created = node.metadata.creationTimestamp
    if node.spec.providerID or not is_new(node) or not created:
        return True
    return (now - times.parse(created)).total_seconds() >= NEW_SECONDS


def plan(node: Node, state: MachineState | None) -> Action:
    """`state` is the provider's word, None where it was not asked or does not know."""
    marked = any(_is_mark(taint) for taint in node.spec.taints)
    if is_ready(node):
        return Action.CLEAR if marked else Action.KEEP
    if state is MachineState.GONE:
        return Action.DELETE
    return Action.MARK if state is MachineState.SHUT_DOWN and not marked else Action.KEEP


def marked(present: list[Taint]) -> list[Taint]:
    """The taints of a node whose machine is shut down."""
    return [*cleared(present), Taint(key=SHUTDOWN, effect=taints.NO_SCHEDULE)]


def cleared(present: list[Taint]) -> list[Taint]:
    """The taints without that one."""
    return [taint for taint in present if not _is_mark(taint)]


def _is_mark(taint: Taint) -> bool:
    return taint.key == SHUTDOWN and taint.effect == taints.NO_SCHEDULE

"""The part of a node's Lease that is read: when it was renewed."""

from __future__ import annotations

from typing import Final

from msgspec import field

from kubelite.api.constants import NAMESPACE_NODE_LEASE
from kubelite.api.types.base import Object

NODE_LEASES: Final = NAMESPACE_NODE_LEASE


class LeaseMeta(Object):
    name: str = ""
    namespace: str = ""
    resourceVersion: str = ""


class LeaseTimes(Object):
    renewTime: str | None = None


class NodeLease(Object):
    metadata: LeaseMeta = field(default_factory=LeaseMeta)
    spec: LeaseTimes = field(default_factory=LeaseTimes)

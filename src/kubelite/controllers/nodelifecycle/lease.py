"""The part of a node's Lease that is read: when it was renewed; and, for the garbage collector, whose it is."""

from __future__ import annotations

from typing import Final

from msgspec import field

from kubelite.api.constants import NAMESPACE_NODE_LEASE
from kubelite.api.types.base import Object
from kubelite.api.types.meta_v1 import OwnerReference

NODE_LEASES: Final = NAMESPACE_NODE_LEASE


class LeaseMeta(Object):
    deletionTimestamp: str | None = None
    finalizers: list[str] = field(default_factory=list)
    name: str = ""
    namespace: str = ""
    ownerReferences: list[OwnerReference] = field(default_factory=list)
    resourceVersion: str = ""
    uid: str = ""


class LeaseTimes(Object):
    renewTime: str | None = None


class NodeLease(Object):
    metadata: LeaseMeta = field(default_factory=LeaseMeta)
    spec: LeaseTimes = field(default_factory=LeaseTimes)

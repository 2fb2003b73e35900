"""What is left of a StorageVersion when servers are gone: pure. Source: pkg/controller/storageversiongc."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum

from kubelite.api.logic import storageversions
from kubelite.api.types.apiserverinternal_v1alpha1 import StorageVersion
from kubelite.api.types.coordination_v1 import Lease
from kubelite.machinery.codec import clone

LABEL, COMPONENT = "apiserver.kubernetes.io/identity", "kube-apiserver"


class Step(Enum):
    """What to do besides writing a new status."""

    KEEP = "keep"
    DELETE = "delete"


def is_server(lease: Lease | None) -> bool:
    """Whether a Lease is that of an API server that lives; None is a Lease that is gone."""
    return lease is not None and lease.metadata.labels.get(LABEL) == COMPONENT


def servers_of(one: StorageVersion) -> set[str]:
    """The servers that have an entry."""
    return {entry.apiServerID for entry in one.status.storageVersions}


def plan(one: StorageVersion, living: Collection[str], now: str) -> Step | StorageVersion:
    """KEEP if all entries are those of living servers, DELETE if none is, else the object with the others' entries only.

    One that has no entries yet is kept: a server makes the object first and then reports.
    """
    kept = [entry for entry in one.status.storageVersions if entry.apiServerID in living]
    if len(kept) == len(one.status.storageVersions):
        return Step.KEEP
    if not kept:
        return Step.DELETE
    wanted = clone(one)
    wanted.status.storageVersions = kept
    storageversions.settle(wanted, now)
    return wanted

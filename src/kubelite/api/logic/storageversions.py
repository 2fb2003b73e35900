"""What the reports of several API servers about one resource amount to: pure.

What: `report` takes a server's entry in, `settle` brings the common version and the condition up to date. Why: API servers add
entries, a controller removes them, and both must come to the same result.
Source: k8s.io/apiserver/pkg/storageversion/updater.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubelite.api.types.apiserverinternal_v1alpha1 import (
    ServerStorageVersion,
    StorageVersion,
    StorageVersionCondition,
)

ALL_EQUAL = "AllEncodingVersionsEqual"
CORE = "core"
"""What stands for the group without a name."""


def name_of(group: str, plural: str) -> str:
    """The name of a resource's object: `apps.deployments`, `core.pods`."""
    return f"{group or CORE}.{plural}"


def common(entries: Sequence[ServerStorageVersion]) -> str:
    """The version that all servers write; "" if they differ, or if there are none."""
    versions = {entry.encodingVersion for entry in entries}
    return versions.pop() if len(versions) == 1 else ""


def report(one: StorageVersion, mine: ServerStorageVersion, now: str) -> None:
    """Puts a server's entry in the place of its old one, or at the end."""
    entries = one.status.storageVersions
    places = [place for place, entry in enumerate(entries) if entry.apiServerID == mine.apiServerID]
    if places:
        entries[places[0]] = mine
    else:
        entries.append(mine)
    settle(one, now)


def settle(one: StorageVersion, now: str) -> None:
    """Makes the common version and the condition fit the entries. The time changes with the condition, and with the version."""
    status = one.status
    before, status.commonEncodingVersion = status.commonEncodingVersion, common(status.storageVersions)
    present = next((found for found in status.conditions if found.type == ALL_EQUAL), None)
    agreed = bool(status.commonEncodingVersion)
    wanted = StorageVersionCondition(
        type=ALL_EQUAL,
        status="True" if agreed else "False",
        observedGeneration=one.metadata.generation,
        lastTransitionTime=now,
        reason="CommonEncodingVersionSet" if agreed else "CommonEncodingVersionUnset",
        message="Common encoding version set" if agreed else "Common encoding version unset",
    )
    if present is None:
        status.conditions = [*status.conditions, wanted]
        return
    moved = bool(before) and agreed and before != status.commonEncodingVersion
    if present.status == wanted.status and not moved:
        wanted.lastTransitionTime = present.lastTransitionTime
    status.conditions = [wanted if found is present else found for found in status.conditions]

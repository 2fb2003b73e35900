"""What becomes of an object whose owners are as they are: pure.

What: `plan(meta, owners, has_dependents) -> Action`. Source: pkg/controller/garbagecollector attemptToDeleteItem: an object stays
while one owner is solid; otherwise it goes, in the manner that its own finalizers or the waiting owner ask for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

FOREGROUND_FINALIZER: Final = "foregroundDeletion"
ORPHAN_FINALIZER: Final = "orphan"

SOLID: Final = "solid"
"""The owner exists."""
ABSENT: Final = "absent"
"""The owner is gone, or another object has its name."""
WAITING: Final = "waiting"
"""The owner is being deleted and waits for its dependents."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Nothing to do."""


@dataclass(frozen=True, slots=True)
class DropReferences:
    """Take these owners out of the object's references: they are of no use any more, but another owner is."""

    uids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete the object with this propagation policy."""

    policy: str


Action = Keep | DropReferences | Delete


def plan(finalizers: Sequence[str], owners: Mapping[str, str], has_dependents: bool) -> Action:
    """`owners` maps the uid of each owner to SOLID, ABSENT or WAITING."""
    if not owners:
        return Keep()
    useless = frozenset(uid for uid, state in owners.items() if state != SOLID)
    if len(useless) < len(owners):
        return DropReferences(useless) if useless else Keep()
    if WAITING in owners.values() and has_dependents:
        return Delete("Foreground")
    if ORPHAN_FINALIZER in finalizers:
        return Delete("Orphan")
    if FOREGROUND_FINALIZER in finalizers:
        return Delete("Foreground")
    return Delete("Background")


def owner_state(deletion_time: str | None, finalizers: Sequence[Any]) -> str:
    """The state of an owner that exists."""
    return WAITING if deletion_time is not None and FOREGROUND_FINALIZER in finalizers else SOLID

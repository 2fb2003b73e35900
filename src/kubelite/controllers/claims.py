"""Whose is it? Adoption and release of objects by selector and controller reference.

What: `claim` sorts candidates into those held, those to adopt and those to release.
Why: a pod belongs to at most one controller, and to none that no longer selects it (pkg/controller
controller_ref_manager.go). Flow: candidates from the cache → `Claims` → `adopt_patch`/`release_patch` → the API server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from kubelite.machinery.kind import Kind
from kubelite.machinery.meta import controller_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Claims(Generic[T]):
    held: tuple[T, ...] = ()
    adopt: tuple[T, ...] = ()
    release: tuple[T, ...] = ()


def claim(owner: Any, matches: Callable[[T], bool], candidates: Iterable[T]) -> Claims[T]:
    """Sort `candidates` from the owner's point of view; those of other controllers are left out."""
    held: list[T] = []
    adopt: list[T] = []
    release: list[T] = []
    deleting = owner.metadata.deletionTimestamp is not None
    for candidate in candidates:
        controller = controller_of(candidate)
        if controller is not None:
            if controller.uid != owner.metadata.uid:
                continue
            if matches(candidate):
                held.append(candidate)
            elif not deleting:
                release.append(candidate)
        elif not deleting and _adoptable(candidate) and matches(candidate):
            adopt.append(candidate)
    return Claims(tuple(held), tuple(adopt), tuple(release))


def _adoptable(candidate: Any) -> bool:
    return candidate.metadata.deletionTimestamp is None


def owner_reference(owner: Any, kind: Kind) -> dict[str, Any]:
    """The controller reference to `owner`, as it goes into patches and new objects."""
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "name": owner.metadata.name,
        "uid": owner.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def adopt_patch(owner: Any, kind: Kind, candidate: Any) -> dict[str, Any]:
    """A strategic patch; the uid in it makes it fail on another object of the same name."""
    return {"metadata": {"ownerReferences": [owner_reference(owner, kind)], "uid": candidate.metadata.uid}}


def release_patch(owner: Any, candidate: Any) -> dict[str, Any]:
    reference = {"$patch": "delete", "uid": owner.metadata.uid}
    return {"metadata": {"ownerReferences": [reference], "uid": candidate.metadata.uid}}

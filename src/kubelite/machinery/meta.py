"""Object metadata: keys, owners and conditions of any typed object.

What: small helpers over `ObjectMeta`, `OwnerReference` and condition lists. Why: every controller asks the same questions.
Flow: typed objects in; values out, or the list changed in place. They read attributes only, so narrow Structs work as well.
"""

from __future__ import annotations

from typing import Any

from kubelite.machinery.shapes import shape_of


def key(obj: Any) -> str:
    """`namespace/name`, or `name` for a cluster-scoped object."""
    metadata = obj.metadata
    namespace = getattr(metadata, "namespace", "")
    return f"{namespace}/{metadata.name}" if namespace else str(metadata.name)


def split_key(text: str) -> tuple[str, str]:
    """(namespace, name) of a key; namespace "" for a cluster-scoped object."""
    namespace, slash, name = text.partition("/")
    return (namespace, name) if slash else ("", namespace)


def controller_of(obj: Any) -> Any:
    """The owner reference with `controller: true`, or None."""
    for reference in obj.metadata.ownerReferences:
        if reference.controller:
            return reference
    return None


def is_controlled_by(obj: Any, owner: Any) -> bool:
    """True if `owner` is the controlling owner of `obj` (by uid)."""
    reference = controller_of(obj)
    return reference is not None and reference.uid == owner.metadata.uid


def group_version(api_version: str) -> tuple[str, str]:
    """(`apps`, `v1`) of `apps/v1`, (``, `v1`) of `v1`."""
    group, slash, version = api_version.rpartition("/")
    return (group, version) if slash else ("", api_version)


def is_deleting(obj: Any) -> bool:
    """True once deletion was asked for and something still holds the object."""
    return obj.metadata.deletionTimestamp is not None


def condition(conditions: list[Any], type_: str) -> Any:
    """The condition of this type, or None."""
    for found in conditions:
        if found.type == type_:
            return found
    return None


def is_true(conditions: list[Any], type_: str) -> bool:
    """True if the condition of this type has status "True"."""
    found = condition(conditions, type_)
    return found is not None and found.status == "True"


def set_condition(conditions: list[Any], new: Any, now: str) -> bool:
    """Puts `new` into the list, in place; returns whether anything changed.

    `lastTransitionTime` becomes `now` when the status changed (or the condition is new) and stays otherwise.
    """
    for index, old in enumerate(conditions):
        if old.type != new.type:
            continue
        if old.status == new.status:
            new.lastTransitionTime = old.lastTransitionTime
        elif not new.lastTransitionTime:
            new.lastTransitionTime = now
        conditions[index] = new
        return bool(old != new)
    if not new.lastTransitionTime:
        new.lastTransitionTime = now
    conditions.append(new)
    return True


def remove_condition(conditions: list[Any], type_: str) -> bool:
    """Drops the condition of this type, in place; returns whether it was there."""
    for index, found in enumerate(conditions):
        if found.type == type_:
            del conditions[index]
            return True
    return False


def owner_reference(owner: Any, kind: Any, controller: bool = True) -> Any:
    """An OwnerReference to `owner`, an object of `kind` (a Kind), that also blocks its foreground deletion if it controls.

    The class is that of `owner.metadata.ownerReferences`; `kubelite.api.meta.owner_reference` is its typed twin for narrow types.
    """
    made = shape_of(type(owner.metadata)).fields["ownerReferences"].item.type
    reference = made(apiVersion=kind.api_version, kind=kind.kind, name=owner.metadata.name, uid=owner.metadata.uid)
    if controller:
        reference.controller = True
        reference.blockOwnerDeletion = True
    return reference

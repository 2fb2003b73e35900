"""A finalizer that keeps an object while it is in use.

What: `wanted` decides (pure), `put` writes. Why: claims, volumes and attribute classes are protected in the same manner.
Source: pkg/controller/volume/pvcprotection, pvprotection, vacprotection.
"""

from __future__ import annotations

from typing import Any

from kubelite.client.client import Client
from kubelite.machinery import codec
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind


def is_candidate(obj: Any, finalizer: str) -> bool:
    """Whether the object is to go and only the finalizer's owner keeps it, among others."""
    return obj.metadata.deletionTimestamp is not None and finalizer in obj.metadata.finalizers


def wanted(obj: Any, finalizer: str, *, in_use: bool) -> list[str] | None:
    """The object's finalizers as they should be; None if they are."""
    present = obj.metadata.finalizers
    if obj.metadata.deletionTimestamp is None:
        return None if finalizer in present else [*present, finalizer]
    if in_use or finalizer not in present:
        return None
    return [name for name in present if name != finalizer]


async def put(client: Client, kind: Kind, obj: Any, finalizers: list[str]) -> None:
    """Writes the finalizers of a whole object, unless it has changed since."""
    changed = codec.clone(obj)
    changed.metadata.finalizers = finalizers
    try:
        await client.update(kind, changed)
    except StatusError as error:
        if error.code != 404:
            raise

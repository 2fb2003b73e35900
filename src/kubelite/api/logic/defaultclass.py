"""Which class is the default one: pure.

What: `default_of`. Why: admission gives new claims and ingresses the default class, the volume binder gives it to older claims.
Source: pkg/volume/util/storageclass.go (of several defaults the newest wins, then the first by name).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

STORAGE_DEFAULTS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
STORAGE_ANNOTATION = "volume.beta.kubernetes.io/storage-class"


def default_of(classes: Iterable[Any], annotations: tuple[str, ...]) -> str:
    """The name of the default class; "" if there is none."""
    marked = [one for one in classes if any(one.metadata.annotations.get(key) == "true" for key in annotations)]
    if not marked:
        return ""
    newest = max(one.metadata.creationTimestamp or "" for one in marked)
    return min(str(one.metadata.name) for one in marked if (one.metadata.creationTimestamp or "") == newest)

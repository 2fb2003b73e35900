"""Which values the published schema names for a field: facts for readers of the documents, not for validation.

What: `values_of(definition)` gives the named fields of a type with their values. Why: `explain` and editors show them, while the
typed validation of each kind decides what is refused, as upstream does: an empty value or one of a later release must not be
stopped by a schema. Flow: `enums.json` (type of value → values in order, field → type of value) is read when a document is
made, by the OpenAPI handlers only. Sources: the string types marked `+enum` of Kubernetes 1.36 (kube-openapi
pkg/generators/enum.go); all constants of such a type are published, whatever the feature gates say.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources

import msgspec


class Facts(msgspec.Struct):
    """The file: types of values, and for each type of object the fields that hold one, a list or a map of them."""

    types: dict[str, tuple[str, ...]]
    fields: dict[str, dict[str, str]]


def raw() -> bytes:
    """The file as it lies on disk."""
    return resources.files(__name__).joinpath("enums.json").read_bytes()


@cache
def facts() -> Facts:
    """All that is known. Shared: callers must not change it."""
    return msgspec.json.decode(raw(), type=Facts)


def values_of(definition: str) -> Mapping[str, tuple[str, ...]]:
    """The fields of a definition (`io.k8s.api.core.v1.PodSpec`) whose values are named, with these."""
    parts = definition.split(".")
    if len(parts) < 3:
        return {}
    known = facts()
    found = known.fields.get(f"{parts[-3]}_{parts[-2]}.{parts[-1]}", {})
    return {field: known.types[kind] for field, kind in found.items()}

"""Tables: objects as rows, the way `kubectl get` asks for them.

What: `table` builds a `Table` (meta.k8s.io/v1) from a Kind's columns and typed objects. Why: the server knows best what
matters of a kind, so clients print any kind without knowing it. Flow: `kind.columns` and `kind.row(obj, now)` → JSON.
`includeObject` says what each row carries of its object: None, Metadata (the default) or Object.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from kubelite.machinery import times
from kubelite.machinery.kind import Column, Kind

API_VERSION = "meta.k8s.io/v1"
INCLUDE = ("None", "Metadata", "Object")
_encode = msgspec.json.Encoder().encode


def definitions(columns: Iterable[Column]) -> list[dict[str, Any]]:
    """The `columnDefinitions`."""
    return [
        {
            "name": column.name,
            "type": column.type,
            "format": column.format,
            "description": column.description,
            "priority": column.priority,
        }
        for column in columns
    ]


def cells(kind: Kind, obj: Any, now: datetime) -> list[Any]:
    """One row's cells; name and age for a kind without printer."""
    if kind.row is not None:
        return kind.row(obj, now)
    return [obj.metadata.name, times.age_of(obj.metadata.creationTimestamp, now)]


def row(found: list[Any], obj: bytes | None) -> bytes:
    """One row as JSON; `obj` is the row's `object`, already encoded."""
    head = b'{"cells":' + _encode(found)
    return head + b',"object":' + obj + b"}" if obj is not None else head + b"}"


def partial_metadata(metadata: bytes) -> bytes:
    """A PartialObjectMetadata around encoded metadata."""
    return b'{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":' + metadata + b"}"


def table(
    columns: Iterable[Column],
    rows: Iterable[bytes],
    *,
    resource_version: str = "",
    continue_: str = "",
    remaining: int | None = None,
    with_columns: bool = True,
) -> bytes:
    """The whole Table as JSON; `with_columns` False for the later events of a watch."""
    metadata: dict[str, Any] = {"resourceVersion": resource_version}
    if continue_:
        metadata["continue"] = continue_
    if remaining is not None:
        metadata["remainingItemCount"] = remaining
    shown = definitions(columns) if with_columns else []
    return b"".join(
        (
            b'{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":',
            _encode(metadata),
            b',"columnDefinitions":',
            _encode(shown) if with_columns else b"null",
            b',"rows":[',
            b",".join(rows),
            b"]}",
        )
    )

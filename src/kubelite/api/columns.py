"""Cells that many tables share: ages, lists of labels, "<none>".

What: small functions from field values to table cells. Why: a column such as AGE must read the same for every kind.
Flow: a kind's `row(obj, now)` calls them. Words follow pkg/printers/internalversion and cli-runtime's printers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from kubelite.machinery import times

NONE = "<none>"
UNKNOWN = "<unknown>"


def age(obj: Any, now: datetime) -> str:
    """How long the object exists: `3d4h`, `<unknown>` without a creation time."""
    return times.age_of(obj.metadata.creationTimestamp, now)


def since(text: str | None, now: datetime) -> str:
    """How long ago a time on the wire was."""
    return times.age_of(text, now)


def or_none(text: str | None) -> str:
    """The text, `<none>` for an empty one."""
    return text or NONE


def joined(values: Iterable[str], separator: str = ",") -> str:
    """`a,b`, `<none>` for no value."""
    return separator.join(values) or NONE


def labels(found: Mapping[str, str]) -> str:
    """`a=1,b=2` in order of keys, `<none>` for no label."""
    return joined(f"{key}={found[key]}" for key in sorted(found))


def cells(name: str, obj: Any, now: datetime, *between: Any) -> list[Any]:
    """NAME, whatever stands between, AGE."""
    return [name, *between, age(obj, now)]

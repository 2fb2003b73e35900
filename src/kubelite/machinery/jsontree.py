"""Plain JSON values: copying them. `copy.deepcopy` takes three times as long and keeps a memo that trees do not need."""

from __future__ import annotations

from typing import Any


def copy(value: Any) -> Any:
    """A deep copy of dicts, lists and scalars."""
    if isinstance(value, dict):
        return {key: copy(inner) if isinstance(inner, (dict, list)) else inner for key, inner in value.items()}
    if isinstance(value, list):
        return [copy(inner) if isinstance(inner, (dict, list)) else inner for inner in value]
    return value

"""Defaulting: absent fields get their schema's default, nulls that are not allowed count as absent.

What: `set_defaults(value, node)`, in place. Why: it runs on requests and on what comes from the store, so that a default
that is added later shows at once. Flow: `prune` → `set_defaults` → validation. A default's own nested defaults follow from
walking into it. Source: apiextensions-apiserver/pkg/apiserver/schema/defaulting/{algorithm,prunenulls}.go.
"""

from __future__ import annotations

from typing import Any

from kubelite.machinery.structural.schema import ABSENT, Node


def set_defaults(value: Any, node: Node) -> None:
    """Fills `value` (an object or a list) in place."""
    if isinstance(value, dict):
        _fill_object(value, node)
    elif isinstance(value, list) and node.items is not None:
        items = node.items
        for index, element in enumerate(value):
            if element is None and not items.nullable and items.default is not ABSENT:
                element = value[index] = _copy(items.default)
            if isinstance(element, dict | list):
                set_defaults(element, items)


def _fill_object(value: dict[str, Any], node: Node) -> None:
    for key, known in node.properties.items():
        if known.default is ABSENT:
            continue
        if key not in value or (value[key] is None and not known.nullable):
            value[key] = _copy(known.default)
    gone = []
    for key, inner in value.items():
        if inner is None:
            known = node.of_key(key)  # type: ignore[assignment]
            if known is not None and not known.nullable:
                gone.append(key)
        elif isinstance(inner, dict | list):
            known = node.of_key(key)  # type: ignore[assignment]
            if known is not None:
                set_defaults(inner, known)
    for key in gone:
        known = node.of_key(key)  # type: ignore[assignment]
        if known.default is ABSENT:
            del value[key]
        else:
            value[key] = _copy(known.default)


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_copy(inner) for inner in value]
    return value

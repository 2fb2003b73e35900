"""Lists that are sets or maps have no element twice.

What: `validate(value, node)` finds the duplicates. Why: patches and apply name elements by value or key; two of a name
would make them meaningless. Flow: after `values.validate`, on every write. Source:
apiextensions-apiserver/pkg/apiserver/schema/listtype/validation.go.
"""

from __future__ import annotations

from typing import Any

import msgspec

from kubelite.machinery.fielderrors import FieldError, shown
from kubelite.machinery.structural.schema import Node

_encode = msgspec.json.Encoder(order="sorted").encode


def validate(value: Any, node: Node, path: str = "") -> list[FieldError]:
    """An error for every element that is there a second time."""
    out: list[FieldError] = []
    _walk(value, node, path, out)
    return out


def _walk(value: Any, node: Node, path: str, out: list[FieldError]) -> None:
    if not node.unique:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(inner, dict | list):
                continue
            known = node.properties.get(key)
            if known is not None:
                _walk(inner, known, f"{path}.{key}" if path else key, out)
            elif isinstance(node.additional, Node):
                _walk(inner, node.additional, f"{path}[{key}]", out)
    elif isinstance(value, list):
        if node.list_type == "set":
            _find_repeated(value, path, out)
        elif node.list_type == "map":
            _check_map(value, node, path, out)
        if node.items is not None:
            for index, element in enumerate(value):
                _walk(element, node.items, f"{path}[{index}]", out)


def _find_repeated(keys: list[Any], path: str, out: list[FieldError]) -> None:
    seen: dict[bytes, int] = {}
    for index, key in enumerate(keys):
        encoded = _encode(key)
        seen[encoded] = seen.get(encoded, 0) + 1
        if seen[encoded] == 2:
            out.append(FieldError("FieldValueDuplicate", f"{path}[{index}]", f"Duplicate value: {shown(key)}"))


def _check_map(value: list[Any], node: Node, path: str, out: list[FieldError]) -> None:
    keys: list[Any] = []
    for index, element in enumerate(value):
        if element is not None and not isinstance(element, dict):
            text = f"Invalid value: {shown(element)}: must be an object for an array of list-type map"
            out.append(FieldError("FieldValueInvalid", f"{path}[{index}]", text))
            return
        keys.append({name: element[name] for name in node.map_keys if name in element} if element else {})
    _find_repeated(keys, path, out)

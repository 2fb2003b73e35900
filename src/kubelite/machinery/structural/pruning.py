"""Pruning: fields that a schema does not name are dropped.

What: `prune(value, node)` takes them out in place and says which they were. Why: what nobody specified must not get into the
store, where a later version of the schema might give it a meaning. Flow: request body → `prune` → unknown fields for
`fieldValidation`. Source: apiextensions-apiserver/pkg/apiserver/schema/{pruning,objectmeta}.
"""

from __future__ import annotations

from typing import Any

from kubelite.machinery.shapes import shape_of
from kubelite.machinery.strict import unknown_fields
from kubelite.machinery.structural.schema import META_FIELDS, Node
from kubelite.machinery.unstructured import Unstructured


def prune(value: Any, node: Node, *, root: bool = False) -> list[str]:
    """Drops what `node` does not specify; the paths of what was dropped, as `spec.foo`. `root`: `value` is a whole object."""
    dropped: list[str] = []
    _prune(value, node, "", dropped, root)
    return dropped


def _prune(value: Any, node: Node | None, path: str, dropped: list[str], root: bool = False) -> None:
    if isinstance(value, dict):
        _prune_object(value, node, path, dropped, root)
    elif isinstance(value, list):
        inner = node.items if node is not None else None
        if node is not None and node.preserve and inner is None:
            return
        for index, element in enumerate(value):
            if isinstance(element, dict | list):
                _prune(element, inner, f"{path}[{index}]", dropped)


def _prune_object(value: dict[str, Any], node: Node | None, path: str, dropped: list[str], root: bool) -> None:
    if node is None:
        dropped += [f"{path}.{key}" if path else key for key in value]
        value.clear()
        return
    whole = root or node.embedded
    properties, additional = node.properties, node.additional
    gone = []
    for key, inner in value.items():
        if whole and key in META_FIELDS:
            if key == "metadata" and not root:
                _prune_metadata(inner, f"{path}.metadata", dropped)
            continue
        known = properties.get(key)
        if known is None:
            if isinstance(additional, Node):
                known = additional
            elif node.preserve or (additional is True and not isinstance(inner, dict | list)):
                continue
            elif not additional:
                gone.append(key)
                continue
        if isinstance(inner, dict | list):
            _prune(inner, known, f"{path}.{key}" if path else key, dropped)
    for key in gone:
        del value[key]
        dropped.append(f"{path}.{key}" if path else key)


def _prune_metadata(metadata: Any, path: str, dropped: list[str]) -> None:
    """The metadata of an embedded object has the fields of ObjectMeta."""
    if not isinstance(metadata, dict):
        return
    for text in unknown_fields(metadata, Unstructured.metadata_type):
        name = text.removeprefix('unknown field "').removesuffix('"')
        dropped.append(f"{path}.{name}")
    known = shape_of(Unstructured.metadata_type).fields
    for key in [key for key in metadata if key not in known]:
        del metadata[key]

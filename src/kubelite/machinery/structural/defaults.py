"""Defaults in a schema must be valid by that schema, and have nothing that it would prune.

What: `validate(schema, path)` checks every default. Why: a default is put into objects after their request was read; a
wrong one would make every object of the kind invalid. Flow: after `invariants`, before `openapi`. Source:
apiextensions-apiserver/pkg/apiserver/schema/defaulting/validation.go.
"""

from __future__ import annotations

import json
from typing import Any

from kubelite.machinery import fielderrors as fe
from kubelite.machinery.fielderrors import FieldError, Path
from kubelite.machinery.structural import values
from kubelite.machinery.structural.invariants import Schema, items_of
from kubelite.machinery.structural.pruning import prune
from kubelite.machinery.structural.schema import Node


def validate(schema: Schema, path: Path) -> list[FieldError]:
    """The defaults that cannot be."""
    out: list[FieldError] = []
    _walk(schema, path, out)
    return out


def _walk(schema: Schema, path: Path, out: list[FieldError]) -> None:
    default = schema.get("default")
    if default is not None:
        _check(schema, default, path / "default", out)
    items = items_of(schema)
    if items is not None:
        _walk(items, path / "items", out)
    for name, inner in (schema.get("properties") or {}).items():
        _walk(inner, (path / "properties").key(name), out)


def _check(schema: Schema, default: Any, path: Path, out: list[FieldError]) -> None:
    node = Node(schema)
    pruned = json.loads(json.dumps(default))
    prune(pruned, node)
    if pruned != default:
        out.append(fe.invalid(path, default, "must not have unknown fields"))
    out += values.validate(default, node, path=path.text)

"""What mutating policies make: apply configurations and JSON patches.

What: the types of `Object{...}`, `Object.spec{...}` and `JSONPatch{...}`, and their values as JSON. Why: the caller
merges or patches with plain data. Flow: `Environment(..., structs=structs())`; `to_json(value)`. Rules follow
apiserver/pkg/cel/mutation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubelite.machinery.cel.convert import plain
from kubelite.machinery.cel.errors import EvaluationError
from kubelite.machinery.cel.types import DYN, STRING, Field, ObjectType, Type
from kubelite.machinery.cel.values import ObjectValue

JSON_PATCH = ObjectType(
    "JSONPatch",
    {name: Field(DYN if name == "value" else STRING, name) for name in ("op", "path", "from", "value")},
)


class _AnyFields(dict[str, Field]):
    """Fields of every name, of any type: what is wrong shows when the configuration is applied."""

    def __missing__(self, name: str) -> Field:
        return Field(DYN, name)

    def get(self, name: str, default: Any = None) -> Any:
        return self[name]

    def __contains__(self, name: object) -> bool:
        return True


OBJECT = ObjectType("Object", _AnyFields())


class Structs(dict[str, ObjectType]):
    """The messages of mutating policies, by name: JSONPatch, Object and whatever is below it."""

    def __init__(self) -> None:
        super().__init__({"JSONPatch": JSON_PATCH, "Object": OBJECT})

    def __contains__(self, name: object) -> bool:
        return dict.__contains__(self, name) or (isinstance(name, str) and name.startswith("Object."))

    def __missing__(self, name: str) -> ObjectType:
        if not name.startswith("Object."):
            raise KeyError(name)
        return ObjectType(name, _AnyFields())


def structs() -> Mapping[str, ObjectType]:
    """The messages of mutating policies."""
    return Structs()


def object_type(name: str = "Object") -> Type:
    """The type of an apply configuration."""
    return OBJECT if name == "Object" else ObjectType(name, _AnyFields())


def to_json(value: Any) -> Any:
    """Plain data of what an expression made; raises EvaluationError if a message is where another belongs."""
    if isinstance(value, ObjectValue):
        for field, item in value.items():
            _check(item, f"{value.type_name}.{field}")
    if isinstance(value, list):
        return [to_json(item) for item in value]
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    return plain(value)


def _check(item: Any, expected: str) -> None:
    for part in item if isinstance(item, list) else item.values() if type(item) is dict else (item,):
        if isinstance(part, ObjectValue) and part.type_name != expected:
            raise EvaluationError(f"unexpected type name {part.type_name!r}, expected {expected!r}".replace("'", '"'))

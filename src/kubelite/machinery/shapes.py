"""Shapes: what the generated types look like from outside, for code that walks plain JSON beside a type.

What: `shape_of(Pod)` gives the wire names, the item types of lists and maps, and the class names. Why: nulls, unknown fields
and error paths are matters of the text on the wire, which the compiled decoder does not report in enough detail.
Flow: used only off the fast path, by `codec` and `strict`; shapes are built once per type, on demand.
"""

from __future__ import annotations

import types
import typing
from functools import cache
from typing import Any, Literal

import msgspec

ShapeKind = Literal["struct", "list", "dict", "str", "int", "float", "bool", "any"]


class Shape:
    """A type as JSON sees it: `fields` of a struct (by wire name), `item` of a list or map, `name` for error texts."""

    __slots__ = ("_fields", "_item", "_source", "kind", "name")

    def __init__(self, kind: ShapeKind, name: str, source: Any = None) -> None:
        self.kind = kind
        self.name = name
        self._source = source
        self._fields: dict[str, Shape] | None = None
        self._item: Shape | None = None

    @property
    def type(self) -> Any:
        """The Struct class of a struct shape."""
        return self._source

    @property
    def fields(self) -> dict[str, Shape]:
        if self._fields is None:
            found = msgspec.structs.fields(self._source)
            self._fields = {field.encode_name: shape_of(field.type) for field in found}
        return self._fields

    @property
    def item(self) -> Shape:
        if self._item is None:
            self._item = shape_of(self._source)
        return self._item


_SCALARS: dict[Any, Shape] = {
    str: Shape("str", "string"),
    int: Shape("int", "int"),
    float: Shape("float", "float64"),
    bool: Shape("bool", "bool"),
}
_ANY = Shape("any", "interface {}")


@cache
def _shape(type_: Any) -> Shape:
    if isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        return Shape("struct", type_.__name__, type_)
    if type_ in _SCALARS:
        return _SCALARS[type_]
    origin, arguments = typing.get_origin(type_), typing.get_args(type_)
    if origin is list and arguments:
        return Shape("list", f"[]{_go_name(shape_of(arguments[0]))}", arguments[0])
    if origin is dict and len(arguments) == 2:
        return Shape("dict", f"map[string]{_go_name(shape_of(arguments[1]))}", arguments[1])
    if origin in (typing.Union, types.UnionType):
        rest = [argument for argument in arguments if argument is not type(None)]
        # "A schema, or a list, or true": the struct says what an object may have.
        structs = [one for one in rest if isinstance(one, type) and issubclass(one, msgspec.Struct)]
        return shape_of(rest[0]) if len(rest) == 1 else shape_of(structs[0]) if len(structs) == 1 else _ANY
    if origin is typing.Annotated:
        widest = max((getattr(mark, "le", None) or 0 for mark in type_.__metadata__), default=0)
        if arguments[0] is int and widest:
            return Shape("int", "int32" if widest < 2**31 else "int64")
        return shape_of(arguments[0])
    return _ANY


def _go_name(shape: Shape) -> str:
    """How Go's error texts name the type of an element."""
    return f"v1.{shape.name}" if shape.kind == "struct" else shape.name


def shape_of(type_: Any) -> Shape:
    """The shape of a type: a Struct class, a builtin, `list[...]`, `dict[str, ...]`, an optional of these, or anything else."""
    return _shape(type_)


def without_nulls(value: Any, shape: Shape) -> Any:
    """`value` as Go's decoder reads it: a null field is absent, a null element or map value is the zero value."""
    if shape.kind == "struct" and isinstance(value, dict):
        fields = shape.fields
        return {
            key: without_nulls(inner, fields[key]) if key in fields else inner
            for key, inner in value.items()
            if inner is not None
        }
    if shape.kind == "list" and isinstance(value, list):
        return [_zero(shape.item) if inner is None else without_nulls(inner, shape.item) for inner in value]
    if shape.kind == "dict" and isinstance(value, dict):
        item = shape.item
        return {key: _zero(item) if inner is None else without_nulls(inner, item) for key, inner in value.items()}
    return value


def _zero(shape: Shape) -> Any:
    zeros: dict[str, Any] = {"struct": {}, "list": [], "dict": {}, "str": "", "int": 0, "float": 0.0, "bool": False}
    return zeros.get(shape.kind)

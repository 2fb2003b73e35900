"""Static types of expressions.

What: `Type` and the basic types, lists, maps, objects with fields, type parameters, and assignability with binding of
parameters. Why: rules are refused before they are stored if they name a field that does not exist or compare what
cannot be compared. Flow: `from_schema` (in `kubelite.machinery.cel.schematypes`, also reachable here) makes types of
variables; the checker gives every node one. Rules follow cel-go's checker/types.go and the DeclTypes of
apiserver/pkg/cel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

UNBOUNDED = 2**63 - 1


class Type:
    """A type: a kind, a name that is printed, parameters, and what is known about sizes.

    `max_elements` bounds strings, lists and maps for the cost estimate; `list_type` and `list_keys` are those of a
    schema. Neither matters for equality.
    """

    __slots__ = ("kind", "list_keys", "list_type", "max_elements", "name", "params")

    def __init__(self, kind: str, name: str = "", params: tuple[Type, ...] = (), max_elements: int = UNBOUNDED) -> None:
        self.kind = kind
        self.name = name or kind
        self.params = params
        self.max_elements = max_elements
        self.list_type = ""
        self.list_keys: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        same = isinstance(other, Type) and self.kind == other.kind and self.name == other.name
        return same and self.params == other.params  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((self.kind, self.name, self.params))

    def __str__(self) -> str:
        if not self.params:
            return self.name
        return f"{self.name}({', '.join(str(param) for param in self.params)})"

    __repr__ = __str__


class Field:
    """A field of an object type: its type and the name it has in the data."""

    __slots__ = ("name", "type")

    def __init__(self, type: Type, name: str) -> None:
        self.type = type
        self.name = name


class ObjectType(Type):
    """An object with named fields, known at once or when first asked for (`load`), so that types may contain
    themselves."""

    __slots__ = ("_fields", "_load")

    def __init__(
        self,
        name: str,
        fields: Mapping[str, Field] | None = None,
        load: Callable[[], Mapping[str, Field]] | None = None,
    ) -> None:
        super().__init__("object", name)
        self._fields = fields
        self._load = load

    @property
    def fields(self) -> Mapping[str, Field]:
        """Escaped name → field."""
        if self._fields is None:
            self._fields = self._load() if self._load else {}
        return self._fields

    __hash__ = Type.__hash__


INT, UINT, DOUBLE, BOOL, STRING, BYTES = (Type(kind) for kind in ("int", "uint", "double", "bool", "string", "bytes"))
DYN, ERROR, NULL = Type("dyn"), Type("error", "!error!"), Type("null_type", "null")
DURATION, TIMESTAMP = Type("duration"), Type("timestamp")
DURATION_NAME, TIMESTAMP_NAME = "google.protobuf.Duration", "google.protobuf.Timestamp"
TYPE = Type("type")


def list_of(element: Type, max_elements: int = UNBOUNDED) -> Type:
    """list(element)"""
    return Type("list", "list", (element,), max_elements)


def map_of(key: Type, value: Type, max_elements: int = UNBOUNDED) -> Type:
    """map(key, value)"""
    return Type("map", "map", (key, value), max_elements)


def optional_of(value: Type) -> Type:
    """optional_type(value)"""
    return Type("opaque", "optional_type", (value,))


def opaque(name: str) -> Type:
    """A type of a library, such as kubernetes.Quantity."""
    return Type("opaque", name)


def type_of(described: Type) -> Type:
    """type(described)"""
    return Type("type", "type", (described,))


def param(name: str) -> Type:
    """A type parameter."""
    return Type("param", name)


def is_optional(kind: Type) -> bool:
    """Whether it is optional_type(T)."""
    return kind.kind == "opaque" and kind.name == "optional_type"


_NULLABLE = frozenset({"null_type", "object", "opaque", "duration", "timestamp"})


class Bindings:
    """What type parameters stand for while one expression is checked."""

    def __init__(self) -> None:
        self.bound: dict[str, Type] = {}
        self._fresh = 0

    def fresh(self) -> Type:
        """A parameter nobody else has."""
        self._fresh += 1
        return param(f"_var{self._fresh}")

    def resolve(self, kind: Type, drop: bool = False) -> Type:
        """The type with bound parameters replaced; with `drop` unbound ones become dyn."""
        if kind.kind == "param":
            found = self.bound.get(kind.name)
            if found is None:
                return DYN if drop else kind
            return self.resolve(found, drop)
        if not kind.params:
            return kind
        params = tuple(self.resolve(part, drop) for part in kind.params)
        if all(new is old for new, old in zip(params, kind.params, strict=True)):
            return kind
        made = Type(kind.kind, kind.name, params, kind.max_elements)
        made.list_type, made.list_keys = kind.list_type, kind.list_keys
        return made

    def instantiate(self, kinds: tuple[Type, ...]) -> tuple[Type, ...]:
        """The types with their parameters renamed to fresh ones, the same name to the same one."""
        fresh: dict[str, Type] = {}
        return tuple(self._rename(kind, fresh) for kind in kinds)

    def _rename(self, kind: Type, fresh: dict[str, Type]) -> Type:
        if kind.kind == "param":
            if kind.name not in fresh:
                fresh[kind.name] = self.fresh()
            return fresh[kind.name]
        if not kind.params:
            return kind
        return Type(kind.kind, kind.name, tuple(self._rename(part, fresh) for part in kind.params), kind.max_elements)

    def assignable(self, wanted: tuple[Type, ...], given: tuple[Type, ...]) -> bool:
        """Whether values of the given types fit; binds parameters if so, and nothing if not."""
        before = dict(self.bound)
        if len(wanted) == len(given) and all(self._fits(a, b) for a, b in zip(wanted, given, strict=True)):
            return True
        self.bound = before
        return False

    def _bind(self, variable: Type, other: Type) -> bool:
        known = self.bound.get(variable.name)
        if known is None:
            if other.kind == "param" and other.name == variable.name:
                return True
            if self._mentions(other, variable.name):
                return False
            self.bound[variable.name] = other
            return True
        if self._fits(known, other):
            # The more general type is kept, so that [1, dyn(x)] is a list of dyn.
            if self.resolve(other).kind == "dyn":
                self.bound[variable.name] = DYN
            return True
        return self._fits(other, known)

    def _mentions(self, kind: Type, name: str) -> bool:
        if kind.kind == "param":
            if kind.name == name:
                return True
            bound = self.bound.get(kind.name)
            return bound is not None and self._mentions(bound, name)
        return any(self._mentions(part, name) for part in kind.params)

    def _fits(self, wanted: Type, given: Type) -> bool:
        if wanted.kind == "param":
            return self._bind(wanted, given)
        if given.kind == "param":
            return self._bind(given, wanted)
        if wanted.kind in ("dyn", "error") or given.kind in ("dyn", "error"):
            return True
        if wanted.kind == "null_type" or given.kind == "null_type":
            return wanted.kind in _NULLABLE and given.kind in _NULLABLE
        if wanted.kind != given.kind:
            return False
        if wanted.kind == "type":
            return not wanted.params or not given.params or self._fits(wanted.params[0], given.params[0])
        if wanted.name != given.name or len(wanted.params) != len(given.params):
            return False
        return all(self._fits(a, b) for a, b in zip(wanted.params, given.params, strict=True))


def from_schema(schema: Mapping[str, Any], **options: Any) -> Type:
    """The type of data with this OpenAPI schema: see `kubelite.machinery.cel.schematypes.from_schema`."""
    from kubelite.machinery.cel import schematypes

    return schematypes.from_schema(schema, **options)

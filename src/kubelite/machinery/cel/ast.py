"""The tree of an expression.

What: one small class per construct; macros stay whole (`Fold`, `Bind`, `OptionalMap`) and `&&`, `||` are flat
(`Logic`). Why: the compiler then makes one tight loop of a macro, and long conjunctions do not nest. Flow: the parser
makes nodes, the checker sets `type` (and `Call.overloads`), the compiler and the cost estimate read both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kubelite.machinery.cel.types import DYN, Type


@dataclass(slots=True, kw_only=True)
class Node:
    """What every node has: its place in the text and, once checked, its type."""

    position: int
    type: Type = DYN


@dataclass(slots=True, kw_only=True)
class Literal(Node):
    """A constant; its type is set by the parser."""

    value: Any


@dataclass(slots=True, kw_only=True)
class Ident(Node):
    """A variable or a type; a leading dot is kept in the name."""

    name: str


@dataclass(slots=True, kw_only=True)
class Select(Node):
    """`operand.field`, `operand.?field` or, with `test`, `has(operand.field)`."""

    operand: Node
    field: str
    test: bool = False
    optional: bool = False


@dataclass(slots=True, kw_only=True)
class Call(Node):
    """A function, a method (with `target`) or an operator such as `_+_`."""

    function: str
    args: list[Node]
    target: Node | None = None
    overloads: list[Any] = field(default_factory=list)

    @property
    def operands(self) -> list[Node]:
        """The target, if there is one, and the arguments."""
        return self.args if self.target is None else [self.target, *self.args]


@dataclass(slots=True, kw_only=True)
class Logic(Node):
    """`a && b && c` or `a || b || c`; `places` are those of the operators."""

    disjunction: bool
    terms: list[Node]
    places: list[int]


@dataclass(slots=True, kw_only=True)
class Conditional(Node):
    """`condition ? yes : no`."""

    condition: Node
    yes: Node
    no: Node


@dataclass(slots=True, kw_only=True)
class ListNode(Node):
    """`[a, ?b]`; `optional` holds the indices of optional elements."""

    items: list[Node]
    optional: frozenset[int] = frozenset()


@dataclass(slots=True, kw_only=True)
class Entry:
    """One entry of a map (key is a node) or of a message (key is the name of a field)."""

    position: int
    key: Any
    value: Node
    optional: bool = False


@dataclass(slots=True, kw_only=True)
class MapNode(Node):
    """`{key: value}`."""

    entries: list[Entry]


@dataclass(slots=True, kw_only=True)
class Struct(Node):
    """`Name{field: value}`."""

    name: str
    entries: list[Entry]


@dataclass(slots=True, kw_only=True)
class Fold(Node):
    """A macro over a list or map: all, exists, exists_one, map, filter, transformList, transformMap,
    transformMapEntry."""

    kind: str
    range: Node
    variables: list[str]
    condition: Node | None
    result: Node | None
    scope: int = 0


@dataclass(slots=True, kw_only=True)
class Bind(Node):
    """`cel.bind(variable, init, body)`."""

    variable: str
    init: Node
    body: Node


@dataclass(slots=True, kw_only=True)
class OptionalMap(Node):
    """`target.optMap(variable, body)`, or optFlatMap with `flat`."""

    variable: str
    target: Node
    body: Node
    flat: bool


def children(node: Node) -> list[Node]:
    """The nodes directly below one."""
    match node:
        case Select():
            return [node.operand]
        case Call():
            return node.operands
        case Logic():
            return node.terms
        case Conditional():
            return [node.condition, node.yes, node.no]
        case ListNode():
            return node.items
        case MapNode():
            return [part for entry in node.entries for part in (entry.key, entry.value)]
        case Struct():
            return [entry.value for entry in node.entries]
        case Fold():
            return [part for part in (node.range, node.condition, node.result) if part is not None]
        case Bind():
            return [node.init, node.body]
        case OptionalMap():
            return [node.target, node.body]
    return []

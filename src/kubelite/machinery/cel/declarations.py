"""Declarations of functions: a signature, what runs, and what it costs.

What: `Overload` and `Library`; signatures are written as text, `name: target.(A, int) -> list(A)`. Why: one line
declares one overload, for the checker, the evaluation and both costs. Flow: each functions module makes libraries;
`Environment` gathers them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from kubelite.machinery.cel import types
from kubelite.machinery.cel.types import Type
from kubelite.machinery.cel.values import Duration, Optional, Timestamp, TypeValue, Uint

_BASIC = {
    kind.name: kind
    for kind in (types.INT, types.UINT, types.DOUBLE, types.BOOL, types.STRING, types.BYTES, types.DYN, types.NULL,
                 types.DURATION, types.TIMESTAMP)
}  # fmt: skip
_OPAQUE = {
    "Quantity": "kubernetes.Quantity",
    "URL": "kubernetes.URL",
    "IP": "net.IP",
    "CIDR": "net.CIDR",
    "Semver": "kubernetes.Semver",
    "Format": "kubernetes.NamedFormat",
    "Image": "kubernetes.Image",
    "Authorizer": "kubernetes.authorization.Authorizer",
    "PathCheck": "kubernetes.authorization.PathCheck",
    "GroupCheck": "kubernetes.authorization.GroupCheck",
    "ResourceCheck": "kubernetes.authorization.ResourceCheck",
    "Decision": "kubernetes.authorization.Decision",
}
_WORD = re.compile(r"\s*([A-Za-z_][\w]*|->|[().,:])")


@dataclass(frozen=True, slots=True, eq=False)
class Overload:
    """One form of a function: `run` takes the evaluated operands, the target first. `cost` names a rule of
    `kubelite.machinery.cel.cost`."""

    function: str
    member: bool
    params: tuple[Type, ...]
    result: Type
    run: Callable[..., Any]
    cost: str = ""


@dataclass(slots=True)
class Library:
    """Functions, types and macros that an environment may have."""

    name: str
    overloads: list[Overload] = field(default_factory=list)
    types: tuple[str, ...] = ()
    macros: frozenset[str] = frozenset()

    def add(self, signature: str, run: Callable[..., Any], cost: str = "") -> None:
        """Declares one overload."""
        function, member, params, result = parse_signature(signature)
        self.overloads.append(Overload(function, member, params, result, run, cost))

    def add_all(self, declarations: Iterable[tuple[Any, ...]]) -> Library:
        """Declares one overload per tuple (signature, run[, cost])."""
        for declaration in declarations:
            self.add(*declaration)
        return self


def opaque_name(short: str) -> str:
    """The full name of a library's type."""
    return _OPAQUE[short]


class _Signature:
    def __init__(self, text: str) -> None:
        self.words = _WORD.findall(text)
        self.index = 0

    def next(self) -> str:
        self.index += 1
        return str(self.words[self.index - 1])

    def at(self, word: str) -> bool:
        return self.index < len(self.words) and self.words[self.index] == word

    def type(self) -> Type:
        name = self.next()
        params: list[Type] = []
        if name in ("list", "map", "optional", "type") and self.at("("):
            params = self.types()
        if name == "list":
            return types.list_of(params[0])
        if name == "map":
            return types.map_of(params[0], params[1])
        if name == "optional":
            return types.optional_of(*params)
        if name == "type":
            return types.type_of(*params) if params else types.TYPE
        if len(name) == 1:
            return types.param(name)
        return _BASIC[name] if name in _BASIC else types.opaque(_OPAQUE[name])

    def types(self) -> list[Type]:
        found: list[Type] = []
        self.next()
        while not self.at(")"):
            found.append(self.type())
            if self.at(","):
                self.next()
        self.next()
        return found


@cache
def parse_signature(text: str) -> tuple[str, bool, tuple[Type, ...], Type]:
    """`name: target.(params) -> result` as (name, whether there is a target, operands, result)."""
    # The name of the conditional operator has a colon itself, but no space after it.
    name, _, rest = text.partition(": ")
    signature = _Signature(rest)
    target = None if signature.at("(") else signature.type()
    if target is not None:
        signature.next()
    params = signature.types()
    signature.next()
    return name, target is not None, tuple([target, *params] if target is not None else params), signature.type()


def _anything(_: Any) -> bool:
    return True


_GUARDS: dict[str, Callable[[Any], bool]] = {
    "int": lambda value: type(value) is int,
    "uint": lambda value: type(value) is Uint,
    "double": lambda value: type(value) is float,
    "bool": lambda value: value is True or value is False,
    "string": lambda value: isinstance(value, str),
    "bytes": lambda value: isinstance(value, bytes),
    "null_type": lambda value: value is None,
    "list": lambda value: isinstance(value, list),
    "map": lambda value: isinstance(value, dict),
    "object": lambda value: isinstance(value, dict),
    "duration": lambda value: isinstance(value, Duration),
    "timestamp": lambda value: isinstance(value, Timestamp),
    "type": lambda value: isinstance(value, TypeValue),
}


def guard(kind: Type) -> Callable[[Any], bool]:
    """What tells at run time whether a value is of the type, as far as overloads differ."""
    if kind.kind != "opaque":
        return _GUARDS.get(kind.kind, _anything)
    if not types.is_optional(kind):
        return lambda value: getattr(value, "type_name", "") == kind.name
    inner = kind.params[0]
    if inner.kind in ("param", "dyn"):
        return lambda value: isinstance(value, Optional)
    inside = guard(inner)
    return lambda value: isinstance(value, Optional) and (not value.present or inside(value.value))

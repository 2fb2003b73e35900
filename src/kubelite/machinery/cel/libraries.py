"""Which libraries there are and which environments have them.

What: names of libraries, sets of them, and their functions by name. Why: a custom resource definition has no
authorizer, a policy has. Flow: `load(names)` for `Environment`, kept per set. The sets follow
apiserver/pkg/cel/environment/base.go as of 1.36.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cache

from kubelite.machinery.cel import types
from kubelite.machinery.cel.declarations import Library, Overload
from kubelite.machinery.cel.types import Type

_MODULES = {
    "standard": "standard",
    "time": "time",
    "strings": "strings",
    "regex": "strings:regex",
    "lists": "lists",
    "sets": "lists:sets",
    "optionals": "lists:optionals",
    "url": "net",
    "ip": "net:ip",
    "cidr": "net:cidr",
    "quantity": "quantity",
    "semver": "quantity:semver",
    "format": "format",
    "authz": "authorizer",
    "jsonpatch": "format:jsonpatch",
    "bindings": "format:bindings",
}
BASE = tuple(name for name in _MODULES if name not in ("jsonpatch", "bindings"))
"""What every Kubernetes environment has."""
MUTATION = (*BASE, "jsonpatch")
"""What mutating admission policies have."""
DEVICES = (*BASE, "bindings")
"""What selectors of devices have."""

_BASIC = {
    "list": types.list_of(types.DYN), "map": types.map_of(types.DYN, types.DYN), "null_type": types.NULL, "type": types.TYPE,
    types.DURATION_NAME: types.DURATION, types.TIMESTAMP_NAME: types.TIMESTAMP,
    "optional_type": types.optional_of(types.DYN),
} | {kind.name: kind for kind in (types.BOOL, types.BYTES, types.DOUBLE, types.INT, types.STRING, types.UINT)}  # fmt: skip


@cache
def library(name: str) -> Library:
    """A library by its name."""
    module, _, function = _MODULES[name].partition(":")
    loaded = importlib.import_module(f"kubelite.machinery.cel.functions_{module}")
    made: Library = getattr(loaded, function or "library")()
    return made


Loaded = tuple[Mapping[str, list[Overload]], Mapping[str, Type], frozenset[str]]


@cache
def load(names: tuple[str, ...]) -> Loaded:
    """Functions by name, types by name, and macros of these libraries."""
    functions: dict[str, list[Overload]] = {}
    named: dict[str, Type] = {}
    macros: set[str] = set()
    for name in names:
        loaded = library(name)
        for overload in loaded.overloads:
            functions.setdefault(overload.function, []).append(overload)
        for type_name in loaded.types:
            named[type_name] = _BASIC.get(type_name) or types.opaque(type_name)
        macros |= loaded.macros
    return functions, named, frozenset(macros)

"""Whatever a client sends, the rules of a kind answer with mistakes and never break."""

from __future__ import annotations

import random
import types
import typing
from typing import Any

import msgspec
import pytest

from kubelite.api import KINDS
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind
from tests.unit.api.objects import NOW

TEXTS = [
    "", "a", "A_b", "None", "10.0.0.1", "-1", "1Gi", "x/y", "..", "/a", "Always", "Never", "In", "Exists", "ClientIP",
    "NodePort", "LoadBalancer", "ExternalName", "cpu", "1.5.6", "é", "25%", "metadata.name", "v1", "Localhost",
    "hugepages-2Mi", "0", "999999999999999999999999", "Recreate", "RollingUpdate", "linux", "windows",
]  # fmt: skip
NUMBERS = [0, 1, -1, 80, 70000, 2**31 - 1, 30000]
USUAL = ("spec", "template", "containers", "status")


class Garbage:
    """Random objects of any type, the same for each seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def of(self, hint: Any, depth: int = 0) -> Any:
        origin, args = typing.get_origin(hint), typing.get_args(hint)
        if origin is typing.Annotated:
            is_time = args[0] is str
            return "2026-01-01T00:00:00Z" if is_time else self.of(args[0], depth)
        if origin in (typing.Union, types.UnionType):
            return self.of(self.random.choice(args), depth)
        if origin is list:
            return [self.of(args[0], depth + 1) for _ in range(self._size(depth))]
        if origin is dict:
            return {self.random.choice(TEXTS): self.of(args[1], depth + 1) for _ in range(self._size(depth))}
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            return self._struct(hint, depth)
        choices: dict[Any, list[Any]] = {str: TEXTS, int: NUMBERS, bool: [True, False], float: [0.5, -1.5]}
        return self.random.choice(choices.get(hint, [None]))

    def _size(self, depth: int) -> int:
        return 0 if depth > 7 else self.random.choice([0, 0, 1, 2])

    def _struct(self, type_: Any, depth: int) -> Any:
        values: dict[str, Any] = {}
        for name, hint in typing.get_type_hints(type_, include_extras=True).items():
            chance = 0.9 if name in USUAL else 0.35 if depth < 5 else 0.12
            if name in type_.__struct_fields__ and self.random.random() < chance:
                value = self.of(hint, depth + 1)
                if value is not None:
                    values[name] = value
        return type_(**values)


STORED = [kind for kind in KINDS if kind.stored and kind.stored_as is None]


@pytest.mark.parametrize("kind", STORED, ids=lambda kind: f"{kind.group or 'core'}-{kind.kind}")
def test_no_object_breaks_the_rules(kind: Kind) -> None:
    garbage = Garbage(7)
    judged = 0
    for _ in range(60):
        new, old = garbage.of(kind.type), garbage.of(kind.type)
        try:
            kind.set_defaults(new)
            kind.set_defaults(old)
            kind.prepare_create(new)
        except (StatusError, ValueError):
            # Amounts and bytes that do not decode upstream.
            continue
        found = [
            *kind.validate(new),
            *kind.validate_update(new, old),
            *kind.validate_status_update(new, old),
        ]
        assert all(error.text and isinstance(error.field, str) for error in found)
        kind.prepare_update(new, old)
        new.metadata.creationTimestamp = None
        if kind.row is not None:
            assert len(kind.row(new, NOW)) == len(kind.columns)
        judged += 1
    assert judged >= 10

"""FieldsV1 written straight from values: the same bytes as by way of the tree."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from kubelite.api import ownership, scheme
from kubelite.machinery.apply import compare, fieldset, shape, text
from kubelite.machinery.apply.shape import DEDUCED, LIST, SCALAR, Shape
from tests.unit.machinery.apply.schema import ITEM, THING, resolve

WORDS = ["", "a", "b c", "b-c", 'q"', "zzz", "ä", "!", "10", "9"]
SCALARS: dict[str, Callable[[random.Random], Any]] = {
    "string": lambda luck: luck.choice(WORDS),
    "numeric": lambda luck: luck.choice([0, -5, 7, 80, 443, 8080]),
    "boolean": lambda luck: luck.choice([True, False]),
    "untyped": lambda luck: luck.choice(["1Gi", "", 8]),
}
ANY = ["", "x", 5, None, [], {}, [1, {"a": 1}], {"b": [1], "a": {"d": {}, "c": None}}]


def by_tree(shape: Shape, name: str, value: Any) -> str:
    changed = compare.compare(shape, {}, {name: value})
    node = fieldset.union(changed.added, changed.modified).get(f"f:{name}")
    return "" if node is None else fieldset.encode(node).decode()


def some_value(luck: random.Random, shape: Shape, depth: int = 0) -> Any:
    """A value as the decoder of a built-in type leaves it."""
    if shape.kind == SCALAR:
        return SCALARS[shape.scalar](luck)
    if shape.kind == DEDUCED:
        return luck.choice(ANY)
    count = 0 if depth > 7 else luck.randint(0, 4)
    if shape.kind == LIST:
        assert shape.item is not None
        return [some_value(luck, shape.item, depth + 1) for _ in range(count)]
    if shape.item is not None:
        return {luck.choice(WORDS): some_value(luck, shape.item, depth + 1) for _ in range(count)}
    names = luck.sample(sorted(shape.fields), min(count + 1, len(shape.fields)))
    return {name: some_value(luck, shape.fields[name][1], depth + 1) for name in names}


BUILT_IN = [kind for kind in scheme() if kind.stored and kind.apply_shape is None]


@pytest.mark.parametrize("kind", BUILT_IN, ids=lambda kind: f"{kind.api_version}.{kind.kind}")
def test_fields_of_built_in_kinds(kind: Any) -> None:
    shape = ownership.shape_of(kind)
    for seed in range(6):
        luck = random.Random(seed)
        for name in sorted(shape.fields):
            value = some_value(luck, shape.fields[name][1])
            assert text.of_field(shape, name, value) == by_tree(shape, name, value), value


@pytest.mark.parametrize("seed", range(100))
def test_a_type_with_a_field_of_each_kind(seed: int) -> None:
    luck = random.Random(seed)
    for name in sorted(THING.fields):
        value = some_value(luck, THING.fields[name][1])
        assert text.of_field(THING, name, value) == by_tree(THING, name, value), value


def test_ports_are_in_the_order_of_their_numbers() -> None:
    ports = [{"value": number, "protocol": "TCP"} for number in (8080, 443, 80)]
    written = text.of_field(THING, "ports", ports)
    assert written == by_tree(THING, "ports", ports)
    assert [written.index(f":{number}}}") for number in (80, 443, 8080)] == sorted(
        written.index(f":{number}}}") for number in (80, 443, 8080)
    )


def test_no_more_plans_are_kept_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "MOST_PLANS", 2)
    parent = shape.of_openapi({"type": "object", "properties": {"item": ITEM}}, resolve)
    names = sorted(ITEM["properties"])
    for name in names:
        assert text.of_field(parent, "item", {name: "1"}) == by_tree(parent, "item", {name: "1"})
    assert 1 <= len(parent.fields["item"][1].plans) <= 2 < len(names)

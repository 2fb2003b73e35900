"""What expressions may cost and do cost."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from kubelite.machinery.cel import Budget, CostExceeded, Environment, types
from kubelite.machinery.cel.types import Field, ObjectType, Type, list_of, map_of

OBJECT = ObjectType("Object", {"f": Field(types.INT, "f")})


def text_of(size: int) -> Type:
    return Type("string", max_elements=size)


ESTIMATES = [
    ("'a'", {}, 0, 0),
    ("x", {"x": list_of(types.INT)}, 1, 1),
    ("x['k']", {"x": map_of(types.STRING, types.STRING)}, 2, 2),
    ("x.f", {"x": OBJECT}, 2, 2),
    ("has(x.f)", {"x": OBJECT}, 0, 0),
    ("[1, 2, 3]", {}, 10, 10),
    ("{'a': 1}", {}, 30, 30),
    ("x.all(i, true)", {"x": list_of(OBJECT, 100)}, 2, 302),
    ("x.all(i, i.all(j, true))", {"x": list_of(list_of(OBJECT, 10), 50)}, 2, 1752),
    ("[1, 2, 3].all(i, true)", {}, 20, 20),
    ("x.matches('[0-9]')", {"x": text_of(500)}, 3, 103),
    ("'123'.matches('[0-9]')", {}, 2, 2),
    ("true || false", {}, 0, 0),
    ("1 < 2", {}, 1, 1),
    ("2 in [1, 2, 3]", {}, 13, 13),
    ("true ? 1 : 2", {}, 0, 0),
    ("bytes(x)", {"x": text_of(500)}, 1, 51),
    ("x.contains(y)", {"x": text_of(500), "y": text_of(500)}, 2, 2502),
    ("x.startsWith(y)", {"x": types.STRING, "y": text_of(500)}, 2, 52),
    ("(n > 2 ? x : y).all(i, true)", {"n": types.INT, "x": list_of(OBJECT, 1), "y": list_of(OBJECT, 1)}, 4, 7),
    ("x.all(k, x[k].f > 3)", {"x": map_of(types.STRING, OBJECT, 10)}, 2, 82),
    ("x.all(k, k.contains(k))", {"x": map_of(text_of(10), OBJECT, 5)}, 2, 32),
    ("(x + y).all(i, true)", {"x": list_of(types.INT, 10), "y": list_of(types.INT, 10)}, 4, 64),
    ("'abcdefg'.contains(x + y)", {"x": text_of(10), "y": text_of(10)}, 2, 6),
    ("x == y", {"x": text_of(100), "y": text_of(30)}, 2, 5),
    ("x.map(i, i).size()", {"x": list_of(types.INT, 10)}, 13, 143),
    ("x.lowerAscii().contains('a')", {"x": text_of(100)}, 1, 21),
]


@pytest.mark.parametrize(("text", "variables", "least", "most"), ESTIMATES, ids=[case[0] for case in ESTIMATES])
def test_the_estimate(text: str, variables: dict[str, Type], least: int, most: int) -> None:
    assert Environment(variables).compile(text).cost == (least, most)


ARRAYS = [
    ({"type": "array", "items": {"type": "number"}}, 4_718_591),
    ({"type": "array", "items": {"type": "string"}}, 3_145_727),
    ({"type": "array", "items": {"type": "boolean"}}, 1_887_437),
    ({"type": "object", "additionalProperties": {"type": "number"}}, 1_348_169),
    ({"type": "array", "items": {"type": "number"}, "maxItems": 10}, 32),
]


@pytest.mark.parametrize(("schema", "most"), ARRAYS)
def test_the_estimate_of_a_rule_on_a_schema_is_that_of_upstream(schema: dict[str, Any], most: int) -> None:
    environment = Environment({"self": types.from_schema(schema)})
    assert environment.compile("self.all(x, true)").cost == (2, most)


def test_without_bounds_the_estimate_has_no_end() -> None:
    unbounded = list_of(list_of(types.STRING))
    cost = Environment({"x": unbounded}).compile("x.all(i, i.all(j, j.contains('a')))").cost
    assert cost.min == 2
    assert cost.max == 2**64 - 1


def spent(text: str, value: object = None) -> int:
    budget = Budget(10**6)
    Environment({"x": types.DYN}).compile(text).evaluate({"x": value}, budget)
    return 10**6 - budget.remaining


def test_an_evaluation_takes_what_it_costs() -> None:
    assert spent("1 < 2") == 1
    assert spent("x", 1) == 1
    assert spent("[1, 2, 3].all(i, true)") == 20
    assert spent("[1, 2, 3].all(i, i < 1)") == 10 + 1 + 5
    assert spent("true || x.y.z") == 0
    assert spent("x.contains('a')", "b" * 1000) == 1 + 100
    assert spent("x == 'b'", "b" * 1000) == 2
    assert spent("x == x", "b" * 1000) == 102


def test_several_evaluations_share_a_budget() -> None:
    program = Environment({"x": types.DYN}).compile("x.all(i, i > 0)")
    budget = Budget(40)
    assert program.evaluate({"x": [1, 2, 3]}, budget) is True
    assert program.evaluate({"x": [1, 2, 3]}, budget) is True
    with pytest.raises(CostExceeded, match="operation cancelled: actual cost limit exceeded"):
        program.evaluate({"x": [1, 2, 3]}, budget)
    with pytest.raises(CostExceeded):
        program.evaluate({"x": []}, budget)


RUNAWAY = [
    "x.all(a, x.all(b, x.all(c, x.all(d, a + b + c + d >= 0))))",
    "x.map(a, x.map(b, x.map(c, x.map(d, 1)))).size() > 0",
    "x.filter(a, x.exists(b, x.exists(c, x.exists(d, false)))).size() == 0",
    "x.all(a, 1 / 0 == 1 || x.all(b, x.all(c, x.exists(d, false))))",
    "[s].map(a, a + a).map(a, a + a).map(a, a + a).map(a, a + a).map(a, a + a).size() == 0 || "
    + " && ".join(["s.replace('', s).size() > 0"] * 50),
    "[x + x].map(a, [a + a].map(a, [a + a].map(a, [a + a].map(a, [a + a].map(a, [a + a].map(a, [a + a].map(a, "
    "[a + a].map(a, [a + a].map(a, [a + a].map(a, [a + a].map(a, [a + a].map(a, [a + a].map(a, [a + a])))))))))))))"
    ".size() == 0",
    "sets.equivalent(x.map(a, [a]) + x.map(a, [a]) + x.map(a, [a]), x.map(a, [a]) + x.map(a, [a]))",
    "lists.range(1000000).map(i, [i]).distinct().size() > 0",
    "x.exists(a, s.matches('(a|b|ab)*c'))",
]


@pytest.mark.parametrize("text", RUNAWAY)
def test_runaway_expressions_end_within_their_budget_and_memory(text: str) -> None:
    program = Environment({"x": list_of(types.INT), "s": types.STRING}).compile(text)
    tracemalloc.start()
    try:
        with pytest.raises(Exception, match=r"actual cost limit exceeded|string is too long|no such overload"):
            program.evaluate({"x": list(range(1000)), "s": "ab" * 20_000})
        assert tracemalloc.get_traced_memory()[1] < 300_000_000
    finally:
        tracemalloc.stop()


def test_nothing_absorbs_a_spent_budget() -> None:
    program = Environment({"x": types.DYN}).compile("x.all(i, x.all(j, x.all(k, true))) || true")
    with pytest.raises(CostExceeded):
        program.evaluate({"x": list(range(1000))})

"""The same expressions in another implementation: cel-python, on what both know.

Where they differ, the specification decides: `KNOWN` lists what cel-python has otherwise.
"""

from __future__ import annotations

import itertools
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubelite.machinery.cel import CelError, Environment

celpy = pytest.importorskip("celpy")

OURS = Environment({})


@cache
def theirs() -> Any:
    return celpy.Environment()


def plain(value: Any) -> Any:
    """A value of either as plain Python, with its kind where Python would not tell."""
    name = type(value).__name__
    if isinstance(value, bool) or name == "BoolType":
        return ("bool", bool(value))
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {repr(plain(key)): plain(item) for key, item in value.items()}
    if name in ("DurationType", "TimestampType"):
        return str(value) if name == "DurationType" else value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if name in ("Duration", "Timestamp"):
        return str(value)
    if isinstance(value, int):
        return ("uint" if name.lower().startswith("uint") else "int", int(value))
    if isinstance(value, float):
        return ("double", repr(float(value)))
    return bytes(value) if isinstance(value, bytes) else None if value is None else str(value)


def ours(text: str) -> Any:
    try:
        return plain(OURS.compile(text).evaluate({}))
    except CelError:
        return "error"


def other(text: str) -> Any:
    try:
        environment = theirs()
        return plain(environment.program(environment.compile(text)).evaluate({}))
    except (celpy.CELEvalError, celpy.CELParseError):
        return "error"


INTS = ("0", "1", "-3", "7", "9223372036854775807", "-9223372036854775808")
UINTS = ("0u", "3u", "18446744073709551615u")
DOUBLES = ("0.0", "1.5", "-2.5", "1e10")
STRINGS = ("''", "'a'", "'ab'", "'Ä€'")
LISTS = ("[]", "[1]", "[1, 2, 3]")


def table() -> list[str]:
    pairs: list[str] = []
    for operands, operators in (
        (INTS, ("+", "-", "*", "/", "%", "<", "<=", "==", "!=")),
        (UINTS, ("+", "-", "*", "/", "%", "<", ">", "==", "!=")),
        (DOUBLES, ("+", "-", "*", "<", ">=", "==", "!=")),
        (STRINGS, ("+", "<", ">=", "==", "!=")),
        (LISTS, ("+", "==", "!=")),
    ):
        pairs += [f"{a} {o} {b}" for a, o, b in itertools.product(operands, operators, operands)]
    pairs += [f"{item} in {items}" for item, items in itertools.product(("1", "4"), LISTS)]
    pairs += [
        f"{a}.{f}({b})" for a, b in itertools.product(STRINGS, STRINGS) for f in ("contains", "startsWith", "endsWith")
    ]
    pairs += [f"size({value})" for value in (*STRINGS, *LISTS, "{'a': 1}", "b'abc'")]
    pairs += [f"string({value})" for value in (*INTS, *UINTS, *STRINGS, "true")]
    pairs += [f"int({value})" for value in (*UINTS, "'12'", "'-3'", "'x'", "1.9", "-1.9")]
    pairs += [f"double({value})" for value in (*INTS, *UINTS, "'1.5'")]
    pairs += [f"uint({value})" for value in ("0", "7", "-3", "'12'", "2.5")]
    macros = (
        "all(x, x > 1)",
        "exists(x, x > 1)",
        "exists_one(x, x > 1)",
        "map(x, x * 2)",
        "filter(x, x > 1)",
        "map(x, 6 / x)",
    )
    pairs += [f"{items}.{macro}" for items in (*LISTS, "[0, 2]") for macro in macros]
    truths = ("true", "false", "1 / 0 == 1")
    pairs += [f"{a} {o} {b}" for a, o, b in itertools.product(truths, ("&&", "||"), truths)]
    pairs += [f"{a} ? 1 : 1 / 0" for a in truths] + [f"{a} ? 1 / 0 : 2" for a in truths]
    times = "timestamp('2023-02-05T03:04:05Z')"
    pairs += [
        f"{times}.get{part}()"
        for part in ("FullYear", "Month", "Date", "DayOfMonth", "DayOfWeek", "DayOfYear", "Hours", "Minutes", "Seconds")
    ]
    pairs += [f"{times} {o} duration('{d}')" for o in "+-" for d in ("1h", "90s", "36h")]
    pairs += [
        f"{{'a': 1, 'b': 2}}{part}"
        for part in (".a", "['b']", ".c", "['c']", " == {'b': 2, 'a': 1}", ".all(k, k != 'c')")
    ]
    return pairs


KNOWN = {"string(true)": "it prints Python's True; the specification has true"}
"""Expression → what is wrong with cel-python's answer."""


@pytest.mark.parametrize("text", table())
def test_both_agree(text: str) -> None:
    if text in KNOWN:
        assert ours(text) != other(text), "cel-python is right by now"
    else:
        assert ours(text) == other(text)


def test_the_table_is_long() -> None:
    assert len(set(table())) > 300


@cache
def expressions(kind: str, depth: int) -> st.SearchStrategy[str]:
    """Expressions of a kind (n, s or b) nested at most so deep."""
    leaf = {
        "n": st.integers(-5, 5).map(str),
        "s": st.sampled_from(["''", "'a'", "'b'", "'ab'"]),
        "b": st.sampled_from(["true", "false"]),
    }[kind]
    if depth == 0:
        return leaf
    n, s, b = (expressions(name, depth - 1) for name in "nsb")

    def made(form: str, *given: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.tuples(*given).map(lambda parts: form.format(*parts))

    def operator(names: str) -> st.SearchStrategy[str]:
        return st.sampled_from(names.split())

    larger = {
        "n": [made("({} {} {})", n, operator("+ - * / %"), n), made("size({})", s), made("({} ? {} : {})", b, n, n)],
        "s": [made("({} + {})", s, s), made("({} ? {} : {})", b, s, s)],
        "b": [
            made("({} {} {})", n, operator("< <= > >= == !="), n),
            made("({} {} {})", s, operator("< == !="), s),
            made("({} {} {})", b, operator("&& || =="), b),
            made("!{}", b),
            made("[{}, {}].exists(x, x < {})", n, n, n),
            made("[{}, {}].all(x, 6 / x < {})", n, n, n),
            made("({} in [{}, {}])", n, n, n),
            # Of literals only: cel-python has no methods on the text that + makes.
            made("{}.contains({})", expressions("s", 0), s),
        ],
    }
    return st.one_of(leaf, *larger[kind])


@settings(max_examples=100, deadline=None)
@given(expressions("b", 3))
def test_both_agree_on_made_up_expressions(text: str) -> None:
    assert ours(text) == other(text)

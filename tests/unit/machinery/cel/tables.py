"""What the tables of expressions share: evaluate, and compare value or error."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.machinery.cel import CelError, Environment, types

ENV = Environment({"d": types.DYN, "s": types.STRING, "l": types.list_of(types.INT)})
DATA: dict[str, Any] = {
    "d": {"n": 1, "f": 1.5, "t": "text", "list": [1, 2.0, "3", None, True], "map": {"k": "v"}, "none": None},
    "s": "abc",
    "l": [3, 1, 2],
}


def outcome(text: str, environment: Environment = ENV, data: dict[str, Any] | None = None) -> str | Any:
    """The value, or the first line of the error."""
    try:
        return environment.compile(text).evaluate(DATA if data is None else data)
    except CelError as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0].partition(': ERROR')[0]}"


def table(text: str) -> pytest.MarkDecorator:
    """One expression per line."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip() and not line.strip().startswith("#")]
    return pytest.mark.parametrize("text", lines)


def error_table(text: str) -> pytest.MarkDecorator:
    """`expression => error` per line."""
    pairs = [line.strip().split(" => ") for line in text.strip().splitlines()]
    return pytest.mark.parametrize(("text", "error"), pairs, ids=[pair[0] for pair in pairs])

"""The functions that a template may call.

What: `FUNCTIONS`, name → function of plain arguments. Why: a function knows nothing of templates; `execute` puts its complaint
into Go's sentence. Flow: decoded values in, a value out; ValueError tells what is wrong. `and` and `or` stop early and are the
executor's own.
Rules: text/template/funcs.go, kubectl's cli-runtime/pkg/printers/template.go.
"""

from __future__ import annotations

import base64
import binascii
import html
import inspect
from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import quote_plus

from kubelite.machinery.gotemplate.goformat import Int, show, sprint, sprintf, sprintln, type_name


def truth(value: Any) -> bool:
    """Go's truth: neither zero, empty nor absent."""
    return bool(value)


def _index(value: Any, /, *places: Any) -> Any:
    for place in places:
        if value is None:
            raise ValueError("index of untyped nil")
        if isinstance(value, (list, str)):
            value = _element(value, place)
        elif isinstance(value, dict):
            if not isinstance(place, str):
                raise ValueError(f"value has type {type_name(place)}; should be string")
            value = value.get(place)
        else:
            raise ValueError(f"can't index item of type {type_name(value)}")
    return value


def _element(value: list[Any] | str, place: Any) -> Any:
    if isinstance(place, bool) or not isinstance(place, int):
        raise ValueError(f"cannot index slice/array with type {type_name(place)}")
    if not 0 <= place < len(value):
        raise ValueError(f"index out of range: {place}")
    return ord(value[place]) if isinstance(value, str) else value[place]


def _slice(value: Any, *bounds: int) -> Any:
    if not isinstance(value, (list, str)):
        raise ValueError(f"can't slice item of type {type_name(value)}")
    if len(bounds) > 3:
        raise ValueError(f"too many slice indexes: {len(bounds)}")
    for bound in bounds:
        if not 0 <= bound <= len(value):
            raise ValueError(f"index out of range: {bound}")
    begin = bounds[0] if bounds else 0
    end = bounds[1] if len(bounds) > 1 else len(value)
    if begin > end:
        raise ValueError(f"invalid slice index: {begin} > {end}")
    return value[begin:end]


def _length(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, (list, dict)):
        return len(value)
    if value is None:
        raise ValueError("reflect: call of reflect.Value.Type on zero Value")
    raise ValueError(f"len of type {type_name(value)}")


def _basic(value: Any) -> str:
    """The kinds that can be compared with each other have one name."""
    if value is None:
        return "nil"
    found = {bool: "bool", int: "int", Int: "int", float: "float", str: "string"}.get(type(value))
    if found is None:
        raise ValueError(f"non-comparable type {show(value)}: {type_name(value)}")
    return found


def _equal(first: Any, *others: Any) -> bool:
    if not others:
        raise ValueError("missing argument for comparison")
    kind = _basic(first)
    for other in others:
        found = _basic(other)
        if kind != found and "nil" not in (kind, found):
            raise ValueError("incompatible types for comparison")
        if kind == found and first == other:
            return True
    return False


def _less(first: Any, second: Any) -> bool:
    kind, other = _basic(first), _basic(second)
    if kind != other:
        raise ValueError("incompatible types for comparison")
    if kind in ("bool", "nil"):
        raise ValueError("invalid type for comparison")
    return bool(first < second)


def _exists(value: Any, *places: Any) -> bool:
    """kubectl: whether the path leads somewhere."""
    try:
        for place in places:
            if isinstance(value, dict) and place not in value:
                return False
            value = _index(value, place)
    except ValueError:
        return False
    return True


def _base64decode(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode(errors="replace")
    except (binascii.Error, ValueError):
        place = next(
            (at for at, one in enumerate(text) if not (one.isascii() and (one.isalnum() or one in "+/="))), len(text)
        )
        raise ValueError(f"base64 decode failed: illegal base64 data at input byte {place}") from None


def _html(*values: Any) -> str:
    return html.escape(sprint(values)).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")


def _js(*values: Any) -> str:
    table = {"'": "\\'", '"': '\\"', "\\": "\\\\", "<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "=": "\\u003D"}
    return "".join(table.get(one) or (one if one >= " " else f"\\u{ord(one):04X}") for one in sprint(values))


def _stops_early(first: Any, *others: Any) -> Any:
    raise AssertionError("the executor evaluates and, or itself")


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "and": _stops_early,
    "or": _stops_early,
    "not": lambda value: not truth(value),
    "len": _length,
    "index": _index,
    "slice": _slice,
    "print": lambda *values: sprint(values),
    "println": lambda *values: sprintln(values),
    "printf": lambda form, *values: sprintf(form, values),
    "html": _html,
    "js": _js,
    "urlquery": lambda *values: quote_plus(sprint(values)),
    "eq": _equal,
    "ne": lambda first, second: not _equal(first, second),
    "lt": _less,
    "le": lambda first, second: _less(first, second) or _equal(first, second),
    "gt": lambda first, second: not (_less(first, second) or _equal(first, second)),
    "ge": lambda first, second: not _less(first, second),
    "exists": _exists,
    "base64decode": _base64decode,
}


@cache
def wrong_count(name: str, count: int) -> str:
    """What is wrong with so many arguments; "" for nothing."""
    parameters = inspect.signature(FUNCTIONS[name]).parameters.values()
    least = sum(one.kind is not one.VAR_POSITIONAL for one in parameters)
    if least == len(parameters):
        return "" if count == least else f"wrong number of args for {name}: want {least} got {count}"
    return "" if count >= least else f"wrong number of args for {name}: want at least {least} got {count}"

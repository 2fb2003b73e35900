"""Times of a plain document in the one form that objects carry: UTC, whole seconds or microseconds.

What: `with_canonical_times(document, shape)`. Why: clients write back what they have read in a form of their own
(`+00:00` for `Z`), and a text that differs must not count as a change. Flow: the compiled decoder takes the stored form
only; `codec` comes here with what it did not take. Upstream: metav1.Time and metav1.MicroTime, which parse and format.
"""

from __future__ import annotations

import re
import typing
from functools import cache
from typing import Any

import msgspec

from kubelite.machinery import times
from kubelite.machinery.shapes import Shape

_STRICT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)\Z", re.ASCII)


def with_canonical_times(value: Any, shape: Shape) -> Any:
    """`value` with the times rewritten that its shape knows; what is no time stays for the decoder to refuse."""
    if shape.kind == "struct" and isinstance(value, dict):
        fields, moments = shape.fields, _moments(shape.type)
        return {
            key: _canonical(inner, moments[key])
            if key in moments
            else with_canonical_times(inner, fields[key])
            if key in fields
            else inner
            for key, inner in value.items()
        }
    if shape.kind == "list" and isinstance(value, list):
        return [with_canonical_times(inner, shape.item) for inner in value]
    if shape.kind == "dict" and isinstance(value, dict):
        return {key: with_canonical_times(inner, shape.item) for key, inner in value.items()}
    return value


def _canonical(value: Any, precision: str) -> Any:
    if isinstance(value, dict):
        return {key: _canonical(inner, precision) for key, inner in value.items()}
    if isinstance(value, str) and _STRICT.match(value):
        return times.canonical(value, micro=precision == "micro")
    return value


@cache
def _moments(struct: Any) -> dict[str, str]:
    """The fields of a struct that are times, each with its precision."""
    found = {}
    for field in msgspec.structs.fields(struct):
        for one in (field.type, *typing.get_args(field.type)):
            for mark in getattr(one, "__metadata__", ()):
                if mark.extra and "moment" in mark.extra:
                    found[field.encode_name] = mark.extra["moment"]
    return found

"""Checks that a plain object has the types of its Shape, with the errors of upstream's typed values.

What: `errors_of(shape, value)` lists what does not fit: unknown fields, wrong types, items without keys, repeated items. Why:
an applied configuration is not decoded into a type, so this is where its mistakes are found. Flow: `registry.applied` calls
it on the body of an apply patch. Texts: structured-merge-diff typed/{validate,helpers}.go.
"""

from __future__ import annotations

from typing import Any

import msgspec

from kubelite.machinery.apply import element as elements
from kubelite.machinery.apply.shape import BOOLEAN, DEDUCED, LIST, NUMERIC, SCALAR, STRING, Shape

MAX_ERRORS = 100
_WANTED = {STRING: "string", NUMERIC: "numeric (int or float)", BOOLEAN: "boolean"}


def errors_of(shape: Shape, value: Any, *, duplicates: bool = False) -> list[str]:
    """The mistakes as `.path: text`, at most 100. `duplicates`: repeated items are none, as in objects that exist."""
    found: list[str] = []
    _check(shape, value, "", found, duplicates)
    return found[:MAX_ERRORS]


def message(errors: list[str]) -> str:
    """The mistakes as one text."""
    return errors[0] if len(errors) == 1 else "\n".join(["errors:", *(f"  {error}" for error in errors)])


def _check(shape: Shape, value: Any, path: str, found: list[str], duplicates: bool) -> None:
    if value is None or shape.kind == DEDUCED or len(found) >= MAX_ERRORS:
        return
    if shape.kind == SCALAR:
        _check_scalar(shape, value, path, found)
    elif shape.kind == LIST:
        _check_list(shape, value, path, found, duplicates)
    elif not isinstance(value, dict):
        found.append(_at(path, f"expected map, got &{{{go_text(value)}}}"))
    else:
        for name, inner in value.items():
            here = f"{path}.{name}"
            known = shape.fields.get(name) or shape.field(name)
            if known is None:
                found.append(f"{here}: field not declared in schema")
            else:
                _check(known[1], inner, here, found, duplicates)


def _at(path: str, text: str) -> str:
    return f"{path}: {text}" if path else text


def _check_scalar(shape: Shape, value: Any, path: str, found: list[str]) -> None:
    fits = {
        STRING: isinstance(value, str),
        NUMERIC: isinstance(value, int | float) and not isinstance(value, bool),
        BOOLEAN: isinstance(value, bool),
    }
    if not fits.get(shape.scalar, True):
        shown = go_syntax(value)
        found.append(_at(path, f"expected {_WANTED[shape.scalar]}, got &value.valueUnstructured{{Value:{shown}}}"))


def _check_list(shape: Shape, value: Any, path: str, found: list[str], duplicates: bool) -> None:
    if not isinstance(value, list):
        found.append(_at(path, f"expected list, got &{{{go_text(value)}}}"))
        return
    assert shape.item is not None
    seen: set[str] = set()
    for position, item in enumerate(value):
        element = elements.INDEX + str(position)
        if not shape.atomic:
            try:
                element = shape.element_of(item)
            except ValueError as error:
                found.append(_at(path, f"element {position}: {error}"))
                continue
        shown = elements.shown(element)
        if element in seen and not duplicates:
            found.append(_at(path, f"duplicate entries for key {shown}"))
        seen.add(element)
        _check(shape.item, item, path + shown, found, duplicates)


def go_text(value: Any) -> str:
    """A plain value as Go's %v prints it."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{name}:{go_text(value[name])}' for name in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(go_text, value))}]"
    return str(value)


def go_syntax(value: Any) -> str:
    """A plain value as Go's %#v prints it."""
    if isinstance(value, dict):
        inside = ", ".join(f"{go_syntax(name)}:{go_syntax(value[name])}" for name in sorted(value))
        return f"map[string]interface {{}}{{{inside}}}"
    if isinstance(value, list):
        return f"[]interface {{}}{{{', '.join(map(go_syntax, value))}}}"
    if isinstance(value, str):
        return msgspec.json.encode(value).decode()
    return go_text(value)

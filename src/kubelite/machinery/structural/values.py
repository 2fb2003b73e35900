"""Validation of an object against its schema, with kube-openapi's words.

What: `validate(value, node)` returns field errors; with the old value, what was wrong before and has not changed is
tolerated (ratcheting). Why: a stored object must stay writable after its schema became stricter. Flow: object and old
object → errors with paths such as `spec.items[0].name`. Sources: kube-openapi/pkg/validation/{validate,errors},
apiextensions-apiserver's pkg/apiserver/validation/{validation,ratcheting}.go.
"""

from __future__ import annotations

from typing import Any

import msgspec

from kubelite.machinery.fielderrors import FieldError, shown
from kubelite.machinery.structural.keywords import checks_of
from kubelite.machinery.structural.schema import ABSENT, Node, elements_by_key, key_of

NO_PATH = "<nil>"
"""What upstream prints for an error that belongs to no field."""


def validate(value: Any, node: Node, old: Any = ABSENT, path: str = "") -> list[FieldError]:
    """The mistakes of `value`; `old` is what stood there before an update."""
    out: list[FieldError] = []
    _check(value, node, old, path, out)
    return out


def type_name(value: Any) -> str:
    """The JSON type of a value, as error texts name it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _fits(name: str, value: Any, types: tuple[str, ...]) -> bool:
    if name in types or (name == "integer" and "number" in types):
        return True
    return name == "number" and "integer" in types and value.is_integer()


def _check(value: Any, node: Node, old: Any, path: str, out: list[FieldError]) -> None:
    if old is not ABSENT and value == old:
        return
    name = type_name(value)
    if node.types and not (value is None and node.nullable) and not _fits(name, value, node.types):
        text = f'Invalid value: "{name}": {path} in body must be of type {",".join(node.types)}: "{name}"'
        out.append(FieldError("FieldValueTypeInvalid", path or NO_PATH, text))
    if value is None and node.nullable:
        return
    _check_alternatives(value, node, path, out)
    checks = node.checks
    if checks is None:
        checks = node.checks = checks_of(node.raw)
    for check in checks.get(name, ()):
        check(value, path, out)
    if name == "object":
        _check_object(value, node, old, path, out)
    elif name == "array" and node.items is not None:
        _check_list(value, node, old, path, out)


def _check_object(value: dict[str, Any], node: Node, old: Any, path: str, out: list[FieldError]) -> None:
    before = old if isinstance(old, dict) and node.map_type != "atomic" else {}
    for name in node.required:
        if name not in value:
            out.append(FieldError("FieldValueRequired", f"{path}.{name}" if path else name, "Required value"))
    for key, inner in value.items():
        known = node.properties.get(key)
        if known is None:
            if isinstance(node.additional, Node):
                known = node.additional
            elif node.additional is False and not node.preserve:
                text = f"Invalid value: {shown(key)}: {path}.{key} in body is a forbidden property"
                out.append(FieldError("FieldValueInvalid", path or NO_PATH, text))
                continue
            else:
                continue
        _check(inner, known, before.get(key, ABSENT), f"{path}.{key}" if path else key, out)


def _check_list(value: list[Any], node: Node, old: Any, path: str, out: list[FieldError]) -> None:
    assert node.items is not None
    before = elements_by_key(node, old)
    for index, element in enumerate(value):
        was = ABSENT
        if before and isinstance(element, dict):
            key = key_of(node, element)
            was = before.get(key, ABSENT) if key is not None else ABSENT
        _check(element, node.items, was, f"{path}[{index}]", out)


def _check_alternatives(value: Any, node: Node, path: str, out: list[FieldError]) -> None:
    if node.any_of:
        results = [validate(value, one, path=path) for one in node.any_of]
        if all(results):
            out.append(_composite(f"{_quoted(path)} must validate at least one schema (anyOf)"))
            out += _fewest(results)
    if node.one_of:
        results = [validate(value, one, path=path) for one in node.one_of]
        good = results.count([])
        if good != 1:
            found = f"Found {good} valid alternatives" if good else "Found none valid"
            out.append(_composite(f"{_quoted(path)} must validate one and only one schema (oneOf). {found}"))
            out += [] if good else _fewest(results)
    if node.all_of:
        results = [validate(value, one, path=path) for one in node.all_of]
        good = results.count([])
        out += [error for result in results for error in result]
        if good < len(results):
            found = "" if good else ". None validated"
            out.append(_composite(f"{_quoted(path)} must validate all the schemas (allOf){found}"))
    if node.not_ is not None and not validate(value, node.not_, path=path):
        out.append(_composite(f"{_quoted(path)} must not validate the schema (not)"))


def _fewest(results: list[list[FieldError]]) -> list[FieldError]:
    """The mistakes of the alternative that came nearest."""
    return min(results, key=lambda result: len(result))


def _composite(text: str) -> FieldError:
    return FieldError("FieldValueInvalid", NO_PATH, f'Invalid value: "": {text}')


def _quoted(path: str) -> str:
    return msgspec.json.encode(path).decode()

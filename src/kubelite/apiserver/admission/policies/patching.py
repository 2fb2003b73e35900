"""The mutations of a policy, as changes of a plain object.

What: `applied` and `patched`. Why: an apply configuration is merged by the types of its fields, as server-side apply does; a
JSON patch is applied as it is. Flow: value of an expression → plain data → merged or patched copy. Source and texts:
apiserver/pkg/admission/plugin/policy/mutating/patch.
"""

from __future__ import annotations

import math
from typing import Any

from kubelite.apiserver.admission.policies.failures import CannotPatch
from kubelite.machinery import codec, jsonpatch
from kubelite.machinery.apply import merge, typed
from kubelite.machinery.apply.shape import DEDUCED, Shape
from kubelite.machinery.cel import EvaluationError
from kubelite.machinery.cel.mutation import to_json
from kubelite.machinery.cel.values import ObjectValue, type_name
from kubelite.machinery.errors import StatusError

Document = dict[str, Any]
MAX_DEPTH = codec.MAX_DEPTH
_REFUSED = "may not mutate atomic arrays, maps or structs"


def applied(value: Any, document: Document, shape: Shape) -> Document:
    """The object with an apply configuration merged into it. Raises CannotPatch."""
    if not isinstance(value, ObjectValue):
        raise CannotPatch(f"unsupported return type from ApplyConfiguration expression: {type(value).__name__}")
    try:
        config = _plain(to_json(value))
    except EvaluationError as error:
        raise CannotPatch(f"type mismatch: {error}, which matches field name path from root Object type") from None
    for name in ("apiVersion", "kind"):
        config.setdefault(name, document.get(name))
    wrong = typed.errors_of(shape, config)
    if wrong:
        text = typed.message(wrong)
        raise CannotPatch(f"error applying patch: failed to convert patch object to typed object: {text}")
    atomic = _atomic(shape, config, "")
    if atomic:
        raise CannotPatch(f"error applying patch: invalid ApplyConfiguration: {_REFUSED}: {', '.join(atomic)}")
    merged: Document = merge.merge(shape, document, config)
    return merged


def _atomic(shape: Shape | None, value: Any, path: str) -> list[str]:
    """The paths of atomic lists, maps and structs in a configuration."""
    if shape is None or shape.kind == DEDUCED or not isinstance(value, dict | list):
        return []
    found = [path] if shape.atomic else []
    if isinstance(value, list):
        for index, item in enumerate(value):
            found += _atomic(shape.item, item, f"{path}[{index}]")
        return found
    for name, inner in value.items():
        known = shape.fields.get(name)
        child = known[1] if known is not None else None
        found += _atomic(child, inner, f"{path}.{name}")
    return found


def patched(value: Any, document: Document) -> Document:
    """The object after the operations of a JSON patch. Raises CannotPatch."""
    if not isinstance(value, list):
        raise CannotPatch(f"unsupported return type from JSONPatch expression: {type(value).__name__}")
    try:
        operations = [_operation(one) for one in value]
        found = jsonpatch.apply(document, operations)
    except EvaluationError as error:
        raise CannotPatch(f"type mismatch: {error}") from None
    except StatusError as error:
        raise CannotPatch(f"JSON Patch: {_why(error)}") from None
    if not isinstance(found, dict):
        raise CannotPatch("JSON Patch: the result is no object")
    return found


def _operation(one: Any) -> Any:
    """A JSONPatch message as plain data; its value may be any message."""
    if not isinstance(one, dict):
        raise CannotPatch(f"unsupported type of operation in JSONPatch expression: {type(one).__name__}")
    return {name: _plain(to_json(item)) for name, item in one.items()}


def _plain(value: Any, depth: int = 0) -> Any:
    """The value, if it is JSON: expressions know more kinds of values. Raises CannotPatch."""
    if depth > MAX_DEPTH:
        raise CannotPatch("the value is nested too deeply")
    if isinstance(value, dict):
        for name, item in value.items():
            if not isinstance(name, str):
                raise CannotPatch(f"unsupported key type {type_name(name)}, expected string")
            _plain(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _plain(item, depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise CannotPatch(f"unsupported value {value}")
    elif value is not None and not isinstance(value, str | int | float):
        raise CannotPatch(f"unsupported value of type {type_name(value)}")
    return value


def _why(error: StatusError) -> str:
    cause = error.__cause__
    return str(cause) if cause is not None else error.message

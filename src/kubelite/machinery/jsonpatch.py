"""JSON patch (RFC 6902): a list of operations on a document.

What: `apply` returns a patched copy. Why: `kubectl patch --type=json` and many operators send it. Flow: plain document and plain
operations in, plain document out. Failures carry upstream's codes: a malformed patch is 400, one that does not fit the
document 422 (handlers/patch.go); negative indices count from the end, as in evanphx/json-patch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubelite.machinery import jsontree
from kubelite.machinery.errors import StatusError, bad_request

MAX_OPERATIONS = 10_000
_REJECTED = "the server rejected our request due to an error in our request"


class _Mismatch(Exception):
    """An operation that does not fit the document."""


def apply(document: Any, patch: Any) -> Any:
    """A patched copy of `document`. Raises StatusError 400, 413 or 422."""
    if not isinstance(patch, list):
        raise bad_request("json: cannot unmarshal object into Go value of type jsonpatch.Patch")
    if len(patch) > MAX_OPERATIONS:
        message = f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(patch)}"
        raise StatusError(413, "RequestEntityTooLarge", message)
    holder = {"": jsontree.copy(document)}
    for operation in patch:
        if not isinstance(operation, dict):
            raise bad_request("json: cannot unmarshal into Go value of type jsonpatch.Operation")
        try:
            _run(holder, operation)
        except _Mismatch as error:
            # As upstream, the answer does not say which operation failed: clients print a cause in place of the message.
            raise StatusError(422, "Invalid", _REJECTED, {}) from error
    return holder[""]


def _run(holder: dict[str, Any], operation: dict[str, Any]) -> None:
    name = operation.get("op")
    run = _OPERATIONS.get(name) if isinstance(name, str) else None
    if run is None:
        raise _Mismatch(f"Unexpected kind: {name}")
    run(holder, operation)


def _path(operation: dict[str, Any], member: str = "path") -> list[str]:
    pointer = operation.get(member)
    if not isinstance(pointer, str):
        raise _Mismatch(f'operation "{operation.get("op")}" misses "{member}"')
    if pointer and not pointer.startswith("/"):
        raise _Mismatch(f"{operation.get('op')} operation does not apply: invalid path: {pointer}")
    # The document hangs under "" so that the empty pointer, the whole document, needs no special case.
    return ["", *(part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])]


def _value(operation: dict[str, Any]) -> Any:
    if "value" not in operation:
        raise _Mismatch(f"{operation['op']} operation misses its value")
    return jsontree.copy(operation["value"])


def _index(part: str, size: int, limit: int) -> int:
    """An index into a list; `limit` is the largest one allowed."""
    digits = part[1:] if part.startswith("-") else part
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 9 or (digits != "0" and digits.startswith("0")):
        raise _Mismatch(f"invalid array index: {part}")
    index = int(part)
    if index < 0:
        index += size
    if not 0 <= index <= limit:
        raise _Mismatch(f"Unable to access invalid index: {part}")
    return index


def _descend(container: Any, part: str, pointer: list[str]) -> Any:
    if isinstance(container, dict):
        if part not in container:
            raise _Mismatch(f"missing path: {'/'.join(pointer)}")
        return container[part]
    if isinstance(container, list):
        return container[_index(part, len(container), len(container) - 1)]
    raise _Mismatch(f"missing path: {'/'.join(pointer)}")


def _parent(holder: dict[str, Any], pointer: list[str]) -> Any:
    container: Any = holder
    for part in pointer[:-1]:
        container = _descend(container, part, pointer)
    if not isinstance(container, dict | list):
        raise _Mismatch(f"missing container: {'/'.join(pointer)}")
    return container


def _get(holder: dict[str, Any], pointer: list[str]) -> Any:
    return _descend(_parent(holder, pointer), pointer[-1], pointer)


def _put(holder: dict[str, Any], pointer: list[str], value: Any) -> None:
    container, last = _parent(holder, pointer), pointer[-1]
    if isinstance(container, dict):
        container[last] = value
    elif last == "-":
        container.append(value)
    else:
        container.insert(_index(last, len(container) + 1, len(container)), value)


def _add(holder: dict[str, Any], operation: dict[str, Any]) -> None:
    _put(holder, _path(operation), _value(operation))


def _drop(holder: dict[str, Any], pointer: list[str]) -> None:
    container, last = _parent(holder, pointer), pointer[-1]
    _descend(container, last, pointer)
    if container is holder:
        raise _Mismatch("the whole document cannot be removed")
    if isinstance(container, dict):
        del container[last]
    else:
        del container[_index(last, len(container), len(container) - 1)]


def _remove(holder: dict[str, Any], operation: dict[str, Any]) -> None:
    _drop(holder, _path(operation))


def _replace(holder: dict[str, Any], operation: dict[str, Any]) -> None:
    pointer = _path(operation)
    _get(holder, pointer)
    container, last = _parent(holder, pointer), pointer[-1]
    if isinstance(container, dict):
        container[last] = _value(operation)
    else:
        container[_index(last, len(container), len(container) - 1)] = _value(operation)


def _move(holder: dict[str, Any], operation: dict[str, Any]) -> None:
    source, target = _path(operation, "from"), _path(operation)
    value = _get(holder, source)
    if target == source:
        return
    if target[: len(source)] == source:
        raise _Mismatch("move operation does not apply: a value cannot move into itself")
    _drop(holder, source)
    _put(holder, target, value)


def _copy(holder: dict[str, Any], operation: dict[str, Any]) -> None:
    _put(holder, _path(operation), jsontree.copy(_get(holder, _path(operation, "from"))))


def _test(holder: dict[str, Any], operation: dict[str, Any]) -> None:
    pointer = _path(operation)
    wanted = operation.get("value")
    try:
        found = _get(holder, pointer)
    except _Mismatch:
        if wanted is None and "value" in operation:
            return
        raise
    if not _same(found, wanted):
        raise _Mismatch(f"testing value {'/'.join(pointer)} failed")


def _same(left: Any, right: Any) -> bool:
    """JSON equality: `true` is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right)


_OPERATIONS: dict[str, Callable[[dict[str, Any], dict[str, Any]], None]] = {
    "add": _add,
    "copy": _copy,
    "move": _move,
    "remove": _remove,
    "replace": _replace,
    "test": _test,
}

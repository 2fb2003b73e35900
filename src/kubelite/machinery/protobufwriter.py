"""Plain JSON-like values in Kubernetes' protobuf form.

What: `write_message` makes a message of a dict, `write_envelope` puts the magic and runtime.Unknown around it, and
`write_watch_frame` one event of a watch. Why: a client that takes nothing else gets its answers so. Flow: dict → bytes, with the
tables that `kubelite.machinery.protobuf` describes. Fields are written in the order of their numbers; what is absent in JSON is
absent here, which readers take as zero. Source: apimachinery/pkg/runtime/serializer/protobuf/protobuf.go.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

import msgspec

from kubelite.machinery import times
from kubelite.machinery.protobuf import EPOCH, MAGIC, NUMBERS, Field, Lookup, Message
from kubelite.machinery.protowire import put_bytes, put_double, put_number

TYPE_META = ("apiVersion", "kind")


class Unwritable(ValueError):
    """An object that has no protobuf form: a field without a number, or a value of another type."""


def write_envelope(api_version: str, kind: str, raw: bytes | bytearray) -> bytes:
    """A message with the magic and runtime.Unknown around it."""
    meta = bytearray()
    put_bytes(meta, 1, api_version.encode())
    put_bytes(meta, 2, kind.encode())
    out = bytearray(MAGIC)
    put_bytes(out, 1, meta)
    put_bytes(out, 2, raw)
    put_bytes(out, 3, b"")
    put_bytes(out, 4, b"")
    return bytes(out)


def write_watch_frame(type_: str, shown: bytes) -> bytes:
    """One event of a watch: four bytes of length, then a WatchEvent that carries an object in its envelope."""
    event, raw = bytearray(), bytearray()
    put_bytes(raw, 1, shown)
    put_bytes(event, 1, type_.encode())
    put_bytes(event, 2, raw)
    return len(event).to_bytes(4, "big") + bytes(event)


def write_message(lookup: Lookup, name: str, document: dict[str, Any]) -> bytes:
    """A JSON object as a message. Raises Unwritable."""
    return bytes(_message(lookup, lookup(name), document))


def _message(lookup: Lookup, table: Message, document: Any) -> bytearray:
    if table.choice:
        document = _choice(table, document)
    if not isinstance(document, dict):
        raise Unwritable(f"{table.name} is no object")
    parts: list[tuple[int, bytearray]] = []
    rest = {key: value for key, value in document.items() if value is not None}
    for inlined in table.inlined:
        inner = lookup(inlined.message)
        taken = {key: rest.pop(key) for key in _names(lookup, inner) if key in rest}
        if taken:
            out = bytearray()
            put_bytes(out, inlined.number, _message(lookup, inner, taken))
            parts.append((inlined.number, out))
    for key, value in rest.items():
        field = table.by_name.get(key)
        if field is None:
            if table.is_object and key in TYPE_META:
                continue
            raise Unwritable(f"{table.name} has no protobuf field for {key}")
        try:
            parts.append((field.number, _field(lookup, field, value)))
        except (TypeError, AttributeError, ValueError) as error:
            if isinstance(error, Unwritable):
                raise
            raise Unwritable(f"{table.name}.{key}: {error}") from None
    parts.sort(key=lambda part: part[0])
    return bytearray().join(part for _, part in parts)


def _choice(table: Message, value: Any) -> dict[str, Any]:
    """A choice as an object of its one field. Beside a schema Go says that it allows something."""
    if isinstance(value, bool):
        return {"=bool": value}
    if isinstance(value, list):
        return {"=list": value}
    return {"=object": value, **({"=bool": True} if "=bool" in table.by_name else {})}


def _names(lookup: Lookup, table: Message) -> list[str]:
    """The JSON names that a message takes, with those of the messages it inlines."""
    return [*table.by_name, *(name for inner in table.inlined for name in _names(lookup, lookup(inner.message)))]


def _field(lookup: Lookup, field: Field, value: Any) -> bytearray:
    out = bytearray()
    if field.shape == "map":
        for key, item in value.items():
            entry = bytearray()
            put_bytes(entry, 1, key.encode())
            _put(lookup, field._replace(number=2), item, entry)
            put_bytes(out, field.number, entry)
    elif field.shape == "list":
        for item in value:
            _put(lookup, field, item, out)
    else:
        _put(lookup, field, value, out)
    return out


def _put(lookup: Lookup, field: Field, value: Any, out: bytearray) -> None:
    kind = field.kind
    if kind == "message":
        put_bytes(out, field.number, _message(lookup, lookup(field.message), value))
    elif kind in NUMBERS:
        if not isinstance(value, int):
            raise Unwritable(f"{field.name} is no {kind}")
        put_number(out, field.number, value)
    elif kind == "double":
        put_double(out, field.number, value)
    else:
        put_bytes(out, field.number, _WRITERS[kind](value))


def _string(value: Any) -> bytes:
    if not isinstance(value, str):
        raise Unwritable(f"{value!r} is no string")
    return value.encode()


def _base64(value: Any) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise Unwritable(str(error)) from None


def _wrapped(value: bytes) -> bytearray:
    """A message with one field of bytes."""
    out = bytearray()
    put_bytes(out, 1, value)
    return out


def _quantity(value: Any) -> bytearray:
    return _wrapped(str(value).encode())


def _raw(value: Any) -> bytearray:
    return _wrapped(msgspec.json.encode(value))


def _items(value: Any) -> bytearray:
    return bytearray().join(_wrapped(_string(item)) for item in value)


def _int_or_string(value: Any) -> bytearray:
    out = bytearray()
    number = value if isinstance(value, int) else 0
    put_number(out, 1, 0 if isinstance(value, int) else 1)
    put_number(out, 2, number)
    put_bytes(out, 3, b"" if isinstance(value, int) else _string(value))
    return out


def _time(value: Any) -> bytearray:
    """Nanoseconds are written for both kinds of time: zero for whole seconds."""
    moment = times.parse(value)
    seconds, rest = divmod(moment - EPOCH, _SECOND)
    out = bytearray()
    put_number(out, 1, seconds)
    put_number(out, 2, rest.microseconds * 1000)
    return out


_SECOND = times.parse("1970-01-01T00:00:01Z") - EPOCH
_WRITERS: dict[str, Callable[[Any], bytes | bytearray]] = {
    "string": _string,
    "bytes": _base64,
    "quantity": _quantity,
    "raw": _raw,
    "items": _items,
    "intorstring": _int_or_string,
    "time": _time,
    "microtime": _time,
}

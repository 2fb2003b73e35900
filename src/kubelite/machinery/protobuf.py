"""Kubernetes' protobuf form ⇄ plain JSON-like values, driven by tables of facts.

What: `Message` and `Field` are a table and its rows; `read_envelope` takes off the `k8s\\0` magic and runtime.Unknown, and
`read_message` reads what is in them. `protobufwriter` is the other direction. Why: Go clients of typed APIs send and prefer
this form; after `read_message` a body is what its JSON form would have been. Flow: bytes → dict → the way of all JSON bodies.
Pure: the caller finds tables by name (`kubelite.api.wire` does). Anything that is no message raises `Malformed`.

Types in a table: `string bool int32 int64 double bytes time microtime quantity intorstring raw` (RawExtension, FieldsV1),
`items` (a message that only wraps a list of strings, as ExtraValue does), `module.Message`; before it `*` for a pointer in
Go, `[]` for repeated, `map ` for a map from strings; after it `?` where Go's JSON leaves out a zero. An empty JSON name means
that the message's fields stand in its parent's JSON object. The names `=object`, `=list` and `=bool` make the message a
choice: its JSON is the one of them that is set (JSONSchemaPropsOrBool and its like).

Which zeros are kept: the result is what Go would write as JSON after decoding the same bytes. Go's protobuf writer sends every
field that is not a pointer, so a zero of a `?` type means "not set" and is dropped; a pointer is written only when it is set,
so what arrives for it stays even when it is zero (`replicas: 0`); a zero of a plain type stays, as it does in Go's JSON.

Sources: apimachinery/pkg/runtime/serializer/protobuf, apimachinery/pkg/runtime/types_proto.go, gogo's generated readers.
"""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from kubelite.machinery import times
from kubelite.machinery.protowire import BYTES, FIXED64, VARINT, Malformed, read_tag, skip, span, varint, wrong_type

MAGIC = b"k8s\x00"
MAX_DEPTH = 64
"""Deepest nesting of messages taken; the deepest real one is about fifteen."""
EXACT = 2**53
"""Whole numbers below it are written without a fraction, as Go does."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZERO_TIME = datetime.min.replace(tzinfo=UTC)
NUMBERS = frozenset(("bool", "int32", "int64"))
KINDS = NUMBERS | {"double", "string", "bytes", "time", "microtime", "quantity", "intorstring", "raw", "items"}


class Field(NamedTuple):
    """One field: `shape` is "one", "list" or "map"; `kind` a scalar's name or "message", then `message` names it."""

    number: int
    name: str
    kind: str
    message: str
    shape: str
    omitted: bool
    """A zero is left out of JSON."""


class Message(NamedTuple):
    """One message: its fields by number, by JSON name, and those whose own fields stand in the parent's object."""

    name: str
    is_object: bool
    """It has apiVersion and kind in JSON."""
    by_number: dict[int, Field]
    by_name: dict[str, Field]
    inlined: tuple[Field, ...]
    choice: bool
    """In JSON it is one of its fields."""


Lookup = Callable[[str], Message]
"""A message by its name in the tables."""


def message(name: str, rows: list[list[Any]], *, is_object: bool) -> Message:
    """A table's rows as a Message. Raises ValueError for a type that is not known."""
    fields = [_field(number, field_name, text) for number, field_name, text in rows]
    return Message(
        name,
        is_object,
        {field.number: field for field in fields},
        {field.name: field for field in fields if field.name},
        tuple(field for field in fields if not field.name),
        any(field.name.startswith("=") for field in fields),
    )


def _field(number: int, name: str, text: str) -> Field:
    shape, bare = "one", text
    if bare.startswith("[]"):
        shape, bare = "list", bare[2:]
    elif bare.startswith("map "):
        shape, bare = "map", bare[4:]
    kind = bare.removeprefix("*").removesuffix("?")
    if "." in kind:
        return Field(number, name, "message", kind, shape, False)
    if kind not in KINDS:
        raise ValueError(f"{name}: there is no wire type {text!r}")
    return Field(number, name, kind, "", shape, bare.endswith("?"))


def read_message(lookup: Lookup, name: str, data: bytes) -> dict[str, Any]:
    """A message as its JSON object. Raises Malformed."""
    out: dict[str, Any] = {}
    _read(lookup, lookup(name), data, 0, len(data), out, 0)
    return out


def _read(lookup: Lookup, table: Message, data: bytes, at: int, end: int, out: dict[str, Any], depth: int) -> None:
    """Adds the fields between `at` and `end` to `out`: a message that comes in two parts is merged, as in Go."""
    if depth > MAX_DEPTH:
        raise Malformed("proto: messages are nested too deeply")
    fields = table.by_number
    while at < end:
        number, wire, at = read_tag(data, at, end, table.name)
        field = fields.get(number)
        if field is None:
            at = skip(data, at, end, wire)
        elif field.kind in NUMBERS and field.shape != "map":
            at = _read_number(field, data, at, end, wire, out)
        else:
            if wire != BYTES:
                if field.kind != "double" or wire != FIXED64:
                    raise wrong_type(wire, field.name or field.message.rpartition(".")[2])
                at = _read_double(field, data, at, end, out)
                continue
            at, stop = span(data, at, end)
            if field.kind == "string" and field.shape == "one":
                _keep(field, data[at:stop].decode("utf-8", "replace"), out)
            else:
                _read_span(lookup, field, data, at, stop, out, depth)
            at = stop


def _read_number(field: Field, data: bytes, at: int, end: int, wire: int, out: dict[str, Any]) -> int:
    if wire == VARINT:
        value, at = varint(data, at, end)
        if field.shape == "list":
            out.setdefault(field.name, []).append(_number(field.kind, value))
        else:
            _keep(field, _number(field.kind, value), out)
        return at
    if wire != BYTES or field.shape != "list":
        raise wrong_type(wire, field.name)
    at, stop = span(data, at, end)
    found = out.setdefault(field.name, [])
    while at < stop:
        value, at = varint(data, at, stop)
        found.append(_number(field.kind, value))
    return stop


def _read_double(field: Field, data: bytes, at: int, end: int, out: dict[str, Any]) -> int:
    if at + 8 > end:
        raise Malformed("unexpected EOF")
    (value,) = struct.unpack_from("<d", data, at)
    if not math.isfinite(value):
        raise Malformed(f"json: unsupported value: {value}")
    _keep(field, int(value) if value.is_integer() and abs(value) < EXACT else value, out)
    return at + 8


def _number(kind: str, value: int) -> int | bool:
    if kind == "bool":
        return value != 0
    if kind == "int32":
        value &= 0xFFFFFFFF
        return value - (1 << 32) if value >> 31 else value
    return value - (1 << 64) if value >> 63 else value


def _keep(field: Field, value: Any, out: dict[str, Any]) -> None:
    """Sets a field, unless it is a zero that JSON leaves out (or a null); the last one wins."""
    if value is None or (field.omitted and not value):
        out.pop(field.name, None)
    else:
        out[field.name] = value


def _read_span(lookup: Lookup, field: Field, data: bytes, at: int, stop: int, out: dict[str, Any], depth: int) -> None:
    if field.shape == "map":
        key, value = _read_entry(lookup, field, data, at, stop, depth)
        out.setdefault(field.name, {})[key] = value
    elif field.shape == "list":
        out.setdefault(field.name, []).append(_read_value(lookup, field, data, at, stop, depth))
    elif field.kind != "message":
        _keep(field, _read_value(lookup, field, data, at, stop, depth), out)
    else:
        table = lookup(field.message)
        if table.choice:
            _keep(field, _read_value(lookup, field, data, at, stop, depth), out)
            return
        inner = out.setdefault(field.name, {}) if field.name else out
        _read(lookup, table, data, at, stop, inner, depth + 1)


def _read_entry(lookup: Lookup, field: Field, data: bytes, at: int, end: int, depth: int) -> tuple[str, Any]:
    """One entry of a map: key is field 1, value field 2; either may be absent."""
    key, where = "", (at, at)
    while at < end:
        number, wire, at = read_tag(data, at, end, field.name)
        if number in (1, 2):
            if wire != BYTES:
                raise wrong_type(wire, field.name)
            at, stop = span(data, at, end)
            if number == 1:
                key = data[at:stop].decode("utf-8", "replace")
            else:
                where = (at, stop)
            at = stop
        else:
            at = skip(data, at, end, wire)
    return key, _read_value(lookup, field, data, *where, depth)


def _read_value(lookup: Lookup, field: Field, data: bytes, at: int, stop: int, depth: int) -> Any:
    kind = field.kind
    if kind == "string":
        return data[at:stop].decode("utf-8", "replace")
    if kind == "message":
        inner: dict[str, Any] = {}
        table = lookup(field.message)
        _read(lookup, table, data, at, stop, inner, depth + 1)
        return _chosen(table, inner) if table.choice else inner
    if kind == "bytes":
        return base64.b64encode(data[at:stop]).decode()
    if kind == "raw":
        return _read_raw(data[at:stop])
    if kind == "items":
        return _read_items(data[at:stop])
    if kind == "double":
        raise wrong_type(BYTES, field.name)
    return _READERS[kind](_parts(data[at:stop], kind))


def _chosen(table: Message, inner: dict[str, Any]) -> Any:
    """What is set in a choice; a boolean only where nothing else is."""
    for name in ("=object", "=list"):
        if name in inner:
            return inner[name]
    return inner.get("=bool", False if "=bool" in table.by_name else None)


def _parts(data: bytes, name: str) -> dict[int, int | bytes]:
    """The last value of each field of a small message."""
    out: dict[int, int | bytes] = {}
    at, end = 0, len(data)
    while at < end:
        number, wire, at = read_tag(data, at, end, name)
        if wire == VARINT:
            out[number], at = varint(data, at, end)
        elif wire == BYTES:
            at, stop = span(data, at, end)
            out[number] = data[at:stop]
            at = stop
        else:
            at = skip(data, at, end, wire)
    return out


def _bytes(parts: dict[int, int | bytes], number: int, name: str) -> bytes:
    value = parts.get(number, b"")
    if isinstance(value, int):
        raise wrong_type(VARINT, name)
    return value


def _int(parts: dict[int, int | bytes], number: int, name: str, kind: str) -> int:
    value = parts.get(number, 0)
    if isinstance(value, bytes):
        raise wrong_type(BYTES, name)
    return _number(kind, value)


def _read_quantity(parts: dict[int, int | bytes]) -> str:
    return _bytes(parts, 1, "string").decode("utf-8", "replace") or "0"


def _read_int_or_string(parts: dict[int, int | bytes]) -> int | str:
    if _int(parts, 1, "type", "int64") == 1:
        return _bytes(parts, 3, "strVal").decode("utf-8", "replace")
    return _int(parts, 2, "intVal", "int32")


def _moment(parts: dict[int, int | bytes], micro: bool) -> datetime | None:
    """The time in a Timestamp; None for Go's zero time, which JSON writes as null."""
    if not parts:
        return None
    seconds, nanos = _int(parts, 1, "seconds", "int64"), _int(parts, 2, "nanos", "int32")
    try:
        found = EPOCH + timedelta(seconds=seconds, microseconds=nanos // 1000 if micro else 0)
        return None if found == ZERO_TIME else found
    except OverflowError:
        raise Malformed("Time.MarshalJSON: year outside of range [0,9999]") from None


def _read_time(parts: dict[int, int | bytes]) -> str | None:
    found = _moment(parts, False)
    return None if found is None else times.now_text(found)


def _read_micro_time(parts: dict[int, int | bytes]) -> str | None:
    found = _moment(parts, True)
    return None if found is None else times.micro_text(found)


def _read_items(data: bytes) -> list[str]:
    """A message that is only a list of strings."""
    found, at, end = [], 0, len(data)
    while at < end:
        number, wire, at = read_tag(data, at, end, "items")
        if number != 1:
            at = skip(data, at, end, wire)
            continue
        if wire != BYTES:
            raise wrong_type(wire, "items")
        at, stop = span(data, at, end)
        found.append(data[at:stop].decode("utf-8", "replace"))
        at = stop
    return found


def _read_raw(data: bytes) -> Any:
    """RawExtension and FieldsV1 hold JSON; nothing at all is null."""
    raw = _bytes(_parts(data, "RawExtension"), 1, "raw")
    if not raw:
        return None
    if raw.startswith(MAGIC):
        raise Malformed("an object in protobuf form inside another is not read")
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError) as error:
        raise Malformed(str(error)) from None
    level = [found]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level if isinstance(outer, dict | list) for inner in _inside(outer)]
        if not level:
            return found
    raise Malformed("json: exceeded max depth")


def _inside(value: dict[str, Any] | list[Any]) -> Any:
    return value.values() if isinstance(value, dict) else value


_READERS: dict[str, Callable[[dict[int, int | bytes]], Any]] = {
    "quantity": _read_quantity,
    "intorstring": _read_int_or_string,
    "time": _read_time,
    "microtime": _read_micro_time,
}


class Envelope(NamedTuple):
    """runtime.Unknown: what kind of object `raw` is."""

    api_version: str
    kind: str
    raw: bytes


def read_envelope(body: bytes) -> Envelope:
    """Takes off the magic and runtime.Unknown. Raises Malformed."""
    if not body:
        raise Malformed("empty data")
    if not body.startswith(MAGIC):
        raise Malformed("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    if len(body) == len(MAGIC):
        raise Malformed("empty body")
    unknown = _parts(body[len(MAGIC) :], "Unknown")
    meta = _parts(_bytes(unknown, 1, "typeMeta"), "TypeMeta")
    api_version, kind = (_bytes(meta, number, name) for number, name in ((1, "apiVersion"), (2, "kind")))
    raw = _bytes(unknown, 2, "raw")
    return Envelope(api_version.decode("utf-8", "replace"), kind.decode("utf-8", "replace"), raw)

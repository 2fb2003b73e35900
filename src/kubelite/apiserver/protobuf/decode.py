"""From Kubernetes' protobuf envelope to plain values.

What: `document(body)`. Why: after this step a body is what its JSON form would have been, and goes the way of all bodies.
Flow: the magic `k8s\\0` → runtime.Unknown (apiVersion, kind, raw) → the kind's message by the table in `fields`.
Source of the form: apimachinery/pkg/runtime/serializer/protobuf. Empty strings and zero times are left out, as Go's JSON does.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from kubelite.apiserver.protobuf.fields import fields_of, message_of
from kubelite.machinery import errors, times

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\x00"
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
MAX_DEPTH = 40


class Malformed(ValueError):
    """Bytes that are no protobuf message."""


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise Malformed("unexpected EOF")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _parts(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(field number, value) in order; a value is a number or bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        wire = key & 7
        if wire == VARINT:
            number, at = _varint(data, at)
            yield key >> 3, number
        elif wire in (FIXED64, FIXED32):
            size = 8 if wire == FIXED64 else 4
            yield key >> 3, data[at : at + size]
            at += size
        elif wire == BYTES:
            size, at = _varint(data, at)
            if at + size > len(data):
                raise Malformed("unexpected EOF")
            yield key >> 3, data[at : at + size]
            at += size
        else:
            raise Malformed(f"proto: illegal wireType {wire}")


def document(body: bytes) -> dict[str, Any]:
    """The object in a protobuf body. Raises StatusError 400 for broken bytes, 415 for what has no table."""
    if not body.startswith(MAGIC):
        raise errors.bad_request(
            "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
        )
    try:
        envelope = dict(_parts(body[len(MAGIC) :]))
        meta = dict(_parts(_data(envelope.get(1, b""))))
        api_version, kind = _data(meta.get(1, b"")).decode(), _data(meta.get(2, b"")).decode()
        message = message_of(api_version, kind)
        if not message:
            raise errors.unsupported_media_type(("application/json", "application/yaml"))
        found = _message(message, _data(envelope.get(2, b"")), 0)
    except (Malformed, UnicodeDecodeError) as error:
        raise errors.bad_request(f"the object provided is unrecognized: {error}") from None
    return {"apiVersion": api_version, "kind": kind, **found}


def _data(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise Malformed("wrong wireType")
    return value


def _message(name: str, data: bytes, depth: int) -> dict[str, Any]:
    if depth > MAX_DEPTH:
        raise Malformed("messages are nested too deeply")
    fields = fields_of(name)
    found: dict[str, Any] = {}
    for number, raw in _parts(data):
        field = fields.get(number)
        if field is None:
            raise errors.unsupported_media_type(("application/json", "application/yaml"))
        key, type_ = field
        if type_ == "-":
            continue
        if type_.startswith("*"):
            found.setdefault(key, []).append(_value(type_[1:], raw, depth))
        elif type_.startswith("{"):
            entry = dict(_parts(_data(raw)))
            text = _data(entry.get(1, b"")).decode()
            found.setdefault(key, {})[text] = _value(type_[1:], entry.get(2, b""), depth)
        else:
            value = _value(type_, raw, depth)
            if value != "" and value is not None:
                found[key] = value
    return found


def _value(type_: str, raw: int | bytes, depth: int) -> Any:
    if type_ == "i":
        if not isinstance(raw, int):
            raise Malformed("wrong wireType")
        return raw - (1 << 64) if raw >> 63 else raw
    if type_ == "b":
        return bool(raw)
    if type_ in ("I", "B"):  # Go leaves these out of JSON when they are zero
        return _value(type_.lower(), raw, depth) or None
    data = _data(raw)
    if type_ == "s":
        return data.decode()
    if type_ == "y":
        return base64.b64encode(data).decode()
    if type_ in _SCALARS:
        return _SCALARS[type_](dict(_parts(data)))
    return _message(type_, data, depth + 1)


def _quantity(parts: dict[int, Any]) -> str:
    return _data(parts.get(1, b"0")).decode()


def _time(parts: dict[int, Any]) -> str | None:
    seconds = parts.get(1, 0)
    if not isinstance(seconds, int):
        raise Malformed("wrong wireType")
    seconds = seconds - (1 << 64) if seconds >> 63 else seconds
    if not 0 < seconds < 253402300800:
        return None
    return times.now_text(datetime.fromtimestamp(seconds, UTC))


def _int_or_string(parts: dict[int, Any]) -> int | str:
    if parts.get(1, 0) == 1:
        return _data(parts.get(3, b"")).decode()
    number = parts.get(2, 0)
    return int(_value("i", number, 0))


_SCALARS = {"q": _quantity, "t": _time, "x": _int_or_string}

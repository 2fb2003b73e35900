"""The fields of new objects, remembered by the bytes that have them.

What: `fields_text(kind, obj, metadata)`, the FieldsV1 of everything in a new object. Why: a controller creates many pods with
the same spec, and the fields of equal bytes are equal; so are those of bytes that differ in texts which identify nothing, such
as the value of a variable. Only what is new has to be walked. Flow: part of the object → JSON → remembered text, else JSON
without the texts that differ most → remembered text, else a walk (`machinery.apply.text`). Bounds: `ENTRIES` texts of parts up
to `MAX_BYTES`; a kind whose parts do not repeat is walked every time.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from kubelite.api import ownership
from kubelite.machinery.apply.shape import Shape
from kubelite.machinery.apply.text import of_field
from kubelite.machinery.codec import encode
from kubelite.machinery.kind import Kind

ENTRIES = 256
MAX_BYTES = 16 * 1024
_TRIALS = 256
_SCALARS = (str, int, bool)
_generic = msgspec.json.Decoder().decode
OWN_TEXTS = ("value", "hostname", "nodeName", "claimName")
"""Fields in which pods of one maker usually differ; none of them is the key of a list, so the fields stay the same without."""
_BLANKS = [
    (
        b'"%b":"' % name.encode(),
        re.compile(rb'"%b":"[^"\\]*(?:\\.[^"\\]*)*"' % name.encode()),
        b'"%b":""' % name.encode(),
    )
    for name in OWN_TEXTS
]


def without_own_texts(body: bytes) -> bytes:
    """JSON with the texts of `OWN_TEXTS` emptied. Within a text a quote has a backslash, so that only fields match."""
    for start, pattern, blank in _BLANKS:
        if start in body:
            body = pattern.sub(blank, body)
    return body


class Outlines:
    """The remembered texts of one kind."""

    __slots__ = ("_found", "_shape", "_texts", "_tried")

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._texts: dict[tuple[str, bytes], str] = {}
        self._tried = self._found = 0

    def text(self, name: str, body: bytes) -> str:
        """FieldsV1 of the field `name` with the JSON `body`; "" if it has no fields that can be owned."""
        if len(body) > MAX_BYTES:
            return self._walk(name, body)
        if self._tried > _TRIALS:
            # One in eight is tried still, in case that another controller starts.
            if self._found * 2 < self._tried and self._tried % 8:
                self._tried += 1
                return self._walk(name, body)
            self._tried, self._found = self._tried // 2, self._found // 2
        self._tried += 1
        text = self._texts.get((name, body))
        if text is None:
            body = without_own_texts(body)
            text = self._texts.get((name, body))
        if text is not None:
            self._found += 1
            return text
        if len(self._texts) >= ENTRIES:
            self._texts.clear()
        text = self._texts[name, body] = self._walk(name, body)
        return text

    def scalar(self, name: str, value: Any) -> str:
        """As `text`, for a value that is no structure, map or list: there is nothing to remember."""
        return of_field(self._shape, name, value)

    def _walk(self, name: str, body: bytes) -> str:
        return of_field(self._shape, name, _generic(body))


_outlines: dict[tuple[str, str], Outlines] = {}


def fields_text(kind: Kind, obj: Any, metadata: Any) -> bytes:
    """FieldsV1 of all fields of a new object of a built-in kind but its status; `metadata` without what nobody owns."""
    outlines = _outlines.get((kind.api_version, kind.kind))
    if outlines is None:
        outlines = _outlines[kind.api_version, kind.kind] = Outlines(ownership.shape_of(kind))
    parts = []
    for name, attribute in zip(obj.__struct_encode_fields__, obj.__struct_fields__, strict=True):
        if name in ("apiVersion", "kind") or (name == "status" and kind.has_status):
            continue
        value = metadata if name == "metadata" else getattr(obj, attribute)
        if value is None or (not value and value is not False and value != 0):
            continue
        text = outlines.scalar(name, value) if type(value) in _SCALARS else outlines.text(name, encode(value))
        if text:
            parts.append(f'"f:{name}":{text}')
    parts.sort()
    return f"{{{','.join(parts)}}}".encode()

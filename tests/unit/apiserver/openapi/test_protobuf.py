"""OpenAPI 2 as protobuf: what definitions of custom resources bring into schemas."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from kubelite.apiserver.openapi.protobuf import encode


def document(schema: dict[str, Any]) -> dict[str, Any]:
    info = {"title": "t", "version": "v"}
    return {"swagger": "2.0", "info": info, "paths": {}, "definitions": {"Foo": schema}}


@pytest.mark.parametrize(
    ("schema", "encoded"),
    [
        ({"enum": ["Great", "Down"]}, b'\xa2\x01\x0a\x12\x08"Great"\n\xa2\x01\x09\x12\x07"Down"\n'),
        ({"minimum": -1.5}, b"\x49" + struct.pack("<d", -1.5)),
        ({"maximum": 10}, b"\x39" + struct.pack("<d", 10)),
        ({"multipleOf": 2}, b"\x31" + struct.pack("<d", 2)),
        ({"exclusiveMaximum": True, "exclusiveMinimum": False}, b"\x40\x01"),
        ({"uniqueItems": True}, b"\x80\x01\x01"),
        ({"pattern": "a|b", "maxLength": 3}, b"\x6a\x03a|b\x58\x03"),
        ({"externalDocs": {"description": "d", "url": "u"}}, b"\xea\x01\x06\x0a\x01d\x12\x01u"),
        ({"example": {"a": 1}}, b'\xf2\x01\x0a\x12\x08{"a":1}\n'),
        ({"id": "x", "$schema": "y", "title": "t"}, b"\x1a\x01t"),
    ],
)
def test_what_custom_schemas_say_is_encoded(schema: dict[str, Any], encoded: bytes) -> None:
    named = b"\x0a\x03Foo\x12" + bytes([len(encoded)]) + encoded
    assert named in encode(document(schema))


def test_what_has_no_place_is_refused() -> None:
    with pytest.raises(ValueError, match="no protobuf form for 'oneOf'"):
        encode(document({"oneOf": []}))

"""The OpenAPI 2 document in the protobuf form that clients of Go ask for.

What: `encode(document)`. Why: kubectl up to 1.28 and Go clients' discovery read /openapi/v2 as protobuf and as nothing else.
Flow: the document as plain values → bytes of the message openapi.v2.Document. The field numbers are facts of gnostic's
openapiv2/OpenAPIv2.proto; only the parts that this server's documents use are encoded, anything else is refused.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

SCHEMA_TEXTS = {"$ref": 1, "format": 2, "title": 3, "description": 4, "pattern": 13, "discriminator": 26}
SCHEMA_NUMBERS = {
    "maxLength": 11,
    "minLength": 12,
    "maxItems": 14,
    "minItems": 15,
    "maxProperties": 17,
    "minProperties": 18,
}
SCHEMA_DOUBLES = {"multipleOf": 6, "maximum": 7, "minimum": 9}
SCHEMA_FLAGS = {"exclusiveMaximum": 8, "exclusiveMinimum": 10, "uniqueItems": 16, "readOnly": 27}
SCHEMA_LEFT_OUT = ("id", "$schema")
"""What definitions of custom resources may say and the message has no place for."""
METHODS = {"get": 2, "put": 3, "post": 4, "delete": 5, "options": 6, "head": 7, "patch": 8}


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _bytes(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _text(field: int, text: str) -> bytes:
    return _bytes(field, text.encode()) if text else b""


def _texts(field: int, texts: list[str]) -> bytes:
    return b"".join(_bytes(field, text.encode()) for text in texts)


def _number(field: int, number: int) -> bytes:
    return _varint(field << 3) + _varint(number) if number else b""


def _double(field: int, number: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", number) if number else b""


def _named(field: int, values: Mapping[str, Any], encode_value: Callable[[Any], bytes]) -> bytes:
    """A map, as gnostic writes maps: repeated pairs of name and value."""
    return b"".join(_bytes(field, _text(1, name) + _bytes(2, encode_value(value))) for name, value in values.items())


def _any(value: Any) -> bytes:
    """gnostic's Any: the value as YAML, of which JSON is a part."""
    return _text(2, msgspec.json.encode(value).decode() + "\n")


def _extensions(field: int, values: Mapping[str, Any]) -> bytes:
    return _named(field, {name: value for name, value in values.items() if name.startswith("x-")}, _any)


def _schema(schema: Mapping[str, Any]) -> bytes:
    out = b""
    for key, value in schema.items():
        if key in SCHEMA_TEXTS:
            out += _text(SCHEMA_TEXTS[key], value)
        elif key in SCHEMA_NUMBERS:
            out += _number(SCHEMA_NUMBERS[key], value)
        elif key in SCHEMA_DOUBLES:
            out += _double(SCHEMA_DOUBLES[key], value)
        elif key in SCHEMA_FLAGS:
            out += _number(SCHEMA_FLAGS[key], int(value))
        elif key in _SCHEMA_PARTS:
            out += _SCHEMA_PARTS[key](value)
        elif key not in SCHEMA_LEFT_OUT and not key.startswith("x-"):
            raise ValueError(f"OpenAPI 2 has no protobuf form for {key!r} in a schema")
    return out + _extensions(31, schema)


_SCHEMA_PARTS: dict[str, Callable[[Any], bytes]] = {
    "default": lambda value: _bytes(5, _any(value)),
    "required": lambda value: _texts(19, value),
    "additionalProperties": lambda value: _bytes(
        21, _number(2, 1) if value is True else b"" if value is False else _bytes(1, _schema(value))
    ),
    "type": lambda value: _bytes(22, _text(1, value)),
    "items": lambda value: _bytes(23, _bytes(1, _schema(value))),
    "properties": lambda value: _bytes(25, _named(1, value, _schema)),
    "enum": lambda value: b"".join(_bytes(20, _any(one)) for one in value),
    "externalDocs": lambda value: _bytes(29, _text(1, value.get("description", "")) + _text(2, value.get("url", ""))),
    "example": lambda value: _bytes(30, _any(value)),
}


def _parameter(parameter: Mapping[str, Any]) -> bytes:
    """A ParametersItem with a body, path or query parameter."""
    place = parameter["in"]
    required, text, name = parameter.get("required", False), parameter.get("description", ""), parameter["name"]
    if place == "body":
        body = _text(1, text) + _text(2, name) + _text(3, place) + _number(4, int(required))
        return _bytes(1, _bytes(1, body + _bytes(5, _schema(parameter["schema"]))))
    shift = 0 if place == "query" else -1  # a path parameter has no allowEmptyValue
    plain = _number(1, int(required)) + _text(2, place) + _text(3, text) + _text(4, name)
    plain += _text(6 + shift, parameter.get("type", ""))
    plain += _number(20 + shift, int(parameter.get("uniqueItems", False)))
    return _bytes(1, _bytes(2, _bytes(3 if place == "query" else 4, plain)))


def _response(response: Mapping[str, Any]) -> bytes:
    """A ResponseValue."""
    out = _text(1, response["description"])
    if "schema" in response:
        out += _bytes(2, _bytes(1, _schema(response["schema"])))
    return _bytes(1, out)


def _operation(operation: Mapping[str, Any]) -> bytes:
    return b"".join(
        [
            _texts(1, operation.get("tags", [])),
            _text(3, operation.get("description", "")),
            _text(5, operation.get("operationId", "")),
            _texts(6, operation.get("produces", [])),
            _texts(7, operation.get("consumes", [])),
            *(_bytes(8, _parameter(one)) for one in operation.get("parameters", [])),
            _bytes(9, _named(1, operation["responses"], _response)),
            _texts(10, operation.get("schemes", [])),
            _extensions(13, operation),
        ]
    )


def _path_item(item: Mapping[str, Any]) -> bytes:
    operations = [_bytes(METHODS[method], _operation(item[method])) for method in METHODS if method in item]
    parameters = [_bytes(9, _parameter(one)) for one in item.get("parameters", [])]
    return b"".join([*operations, *parameters, _extensions(10, item)])


def _security(scheme: Mapping[str, str]) -> bytes:
    """A SecurityDefinitionsItem with an API key."""
    key = _text(1, scheme["type"]) + _text(2, scheme["name"]) + _text(3, scheme["in"])
    return _bytes(2, key + _text(4, scheme.get("description", "")))


def encode_parts(paths: Mapping[str, Any], definitions: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """Entries of the messages Paths and Definitions. Raises ValueError for a schema that has no such form."""
    return _named(2, paths, _path_item), _named(1, definitions, _schema)


def encode_frame(head: Mapping[str, Any], paths: int, definitions: int) -> tuple[bytes, bytes, bytes]:
    """What stands before paths of that size, between them and the definitions, and after these."""
    info = head["info"]
    before = _text(1, head["swagger"]) + _bytes(2, _text(1, info["title"]) + _text(2, info["version"]))
    requirements = [
        _bytes(12, b"".join(_bytes(1, _text(1, name) + _bytes(2, _texts(1, scopes))) for name, scopes in one.items()))
        for one in head.get("security", [])
    ]
    after = b"".join([*requirements, _bytes(13, _named(1, head.get("securityDefinitions", {}), _security))])
    return before + _opened(8, paths), _opened(9, definitions), after


def _opened(field: int, size: int) -> bytes:
    """The begin of a message of that size."""
    return _varint(field << 3 | 2) + _varint(size)


def encode(document: Mapping[str, Any]) -> bytes:
    """The document as openapi.v2.Document. Raises ValueError for a schema that has no such form."""
    paths, definitions = encode_parts(document["paths"], document["definitions"])
    before, between, after = encode_frame(document, len(paths), len(definitions))
    return b"".join([before, paths, between, definitions, after])

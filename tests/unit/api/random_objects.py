"""Random objects of any kind, made from the schemas beside the types.

What: `random_object(kind, random)` fits the kind's types; its values are right for no rule but those of decoding. Why: what
holds for every object of every kind (reading and writing back, defaults, protobuf) is tested with objects that nobody thought of.
"""

from __future__ import annotations

import base64
from random import Random
from typing import Any

from kubelite.api import schemas
from kubelite.machinery.kind import Kind

DEEPEST = 8
WORDS = ("a", "b", "x-y", "a.b/c", "é", "Always", "Never", "TCP", "10.0.0.1", "1", "In", "Exists", "text with blanks")
SPECIAL = {
    "Quantity": ("1", "100m", "1Gi", "0", "1500m", "3"),
    "IntOrString": (1, 0, "25%", "http"),
    "Time": ("2026-01-01T00:00:00Z", "1999-12-31T23:59:59Z"),
    "MicroTime": ("2026-01-01T00:00:00.123456Z", "2026-01-01T00:00:00.000000Z"),
}


def random_object(kind: Kind, random: Random) -> dict[str, Any]:
    """A plain object that decodes as `kind.type`."""
    name = schemas.openapi_name(kind.api_version, kind.kind)
    assert name is not None
    found = _struct(schemas.definition(name), random, 0)
    metadata = found.get("metadata") or {}
    metadata["name"] = "random"
    return {**found, "apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata}


def _struct(schema: dict[str, Any], random: Random, depth: int) -> dict[str, Any]:
    chance = (0.7, 0.6, 0.5, 0.4)[depth] if depth < 4 else 0.25 if depth < DEEPEST else 0.0
    return {
        name: _value(inner, random, depth + 1)
        for name, inner in schema.get("properties", {}).items()
        if name != "managedFields" and (name in schema.get("required", ()) or random.random() < chance)
    }


def _value(schema: dict[str, Any], random: Random, depth: int) -> Any:
    if "$ref" in schema:
        full = schema["$ref"].rpartition("/")[2]
        short = full.rpartition(".")[2]
        if short in SPECIAL:
            return random.choice(SPECIAL[short])
        if short in ("RawExtension", "JSON", "FieldsV1"):
            return {"f:a": {}}
        if short.startswith("JSONSchemaPropsOr"):
            return {"type": "string"} if short != "JSONSchemaPropsOrStringArray" else ["a"]
        return _struct(schemas.definition(full), random, depth)
    if schema.get("type") == "array":
        return [_value(schema["items"], random, depth) for _ in range(random.randint(0, 2) if depth <= DEEPEST else 0)]
    if schema.get("type") == "object":
        if "additionalProperties" not in schema:
            return {}
        count = random.randint(0, 2) if depth <= DEEPEST else 0
        return {random.choice("abc"): _value(schema["additionalProperties"], random, depth) for _ in range(count)}
    return _scalar(schema, random)


def _scalar(schema: dict[str, Any], random: Random) -> Any:
    form = schema.get("format", "")
    if schema.get("type") == "integer":
        return random.choice((0, 1, 2, 80, 600, -1, 2**31 - 1))
    if schema.get("type") == "number":
        return random.choice((0.5, 1.0, -2.0))
    if schema.get("type") == "boolean":
        return random.random() < 0.5
    if form == "byte":
        return base64.b64encode(random.randbytes(random.randint(0, 5))).decode()
    return random.choice(WORDS)

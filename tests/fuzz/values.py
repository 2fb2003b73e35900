"""Values made from schemas, and the damage done to them.

What: `Maker` draws values that fit a schema of the OpenAPI documents; `damage` puts wrong ones into a document. Why: valid
bodies reach the registry, almost valid ones the checks, absurd ones the readers. Flow: `requests` makes bodies with both.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from random import Random
from typing import Any

from tests.fuzz import words
from tests.fuzz.documents import REFERENCE, Documents

DEEPEST = 9
NEW_KEYS = [
    "name",
    "namespace",
    "spec",
    "status",
    "metadata",
    "labels",
    "selector",
    "unknown",
    "",
    "é",
    "$patch",
    "kind",
]


class Maker:
    """Draws from one source of randomness."""

    def __init__(self, documents: Documents, random: Random) -> None:
        self.documents = documents
        self.random = random

    def value(self, schema: dict[str, Any], name: str = "", depth: int = 0) -> Any:
        """A value for the schema; mostly right."""
        if self.random.random() < 0.01:
            return self.absurd()
        special = self._special(schema, name)
        if special is not None:
            return special
        if "$ref" in schema:
            return self._referred(schema["$ref"].removeprefix(REFERENCE), name, depth)
        if "allOf" in schema:
            return self.value(schema["allOf"][0], name, depth)
        kind = schema.get("type", "object")
        if kind == "array":
            return [self.value(schema.get("items", {}), name, depth + 1) for _ in range(self._count(depth))]
        if kind == "object":
            return self._object(schema, depth)
        return self._scalar(kind, schema.get("format", ""))

    def _count(self, depth: int) -> int:
        return 0 if depth > DEEPEST else self.random.choice((0, 1, 1, 1, 2, 3))

    def _special(self, schema: dict[str, Any], name: str) -> Any:
        """What fields of this name usually hold, where texts are wanted."""
        plain = schema.get("type") in ("string", None) or "oneOf" in schema
        if schema.get("type") == "integer" and name in ("port", "targetPort", "averageUtilization"):
            return self.random.choice(words.OF_FIELD[name])
        if name == "type" and schema.get("type") == "string":
            return self.random.choice(words.TYPES_OF_FIELD_TYPE)
        if plain and name in words.OF_FIELD and self.random.random() < 0.9 and "properties" not in schema:
            found = self.random.choice(words.OF_FIELD[name])
            return found if isinstance(found, str) or "$ref" not in schema else None
        return None

    def _referred(self, full: str, name: str, depth: int) -> Any:
        short = full.rpartition(".")[2]
        if short == "Quantity":
            return self.random.choice(words.QUANTITIES)
        if short == "IntOrString":
            return self.random.choice(words.OF_FIELD.get(name, [1, "50%", "http", -1]))
        if short in ("Time", "MicroTime"):
            return self.random.choice(words.TIMES)
        if short == "FieldsV1":
            return self.random.choice(words.OF_FIELD["fieldsV1"])
        if short in ("RawExtension", "JSON"):
            return self.free(2)
        return self.value(self.documents.schema(full), name, depth)

    def _object(self, schema: dict[str, Any], depth: int) -> Any:
        out: dict[str, Any] = {}
        required = schema.get("required", ())
        chance = 0.45 if depth < 3 else 0.2 if depth < DEEPEST else 0.0
        for name, inner in schema.get("properties", {}).items():
            if name in required or self.random.random() < chance:
                out[name] = self.value(inner, name, depth + 1)
        if isinstance(schema.get("additionalProperties"), dict):
            for _ in range(self._count(depth)):
                out[self.random.choice(("a", "cpu", "memory", "app", "x.y/z", "A_B", "k", ""))] = self.value(
                    schema["additionalProperties"], "", depth + 1
                )
        if not schema.get("properties") and not out and schema.get("x-kubernetes-preserve-unknown-fields"):
            return self.free(2)
        return out

    def _scalar(self, kind: str, form: str) -> Any:
        if kind == "integer":
            return self.random.choice((0, 1, 2, 3, 5, 10, 100, 600, -1, 65535, 2**31 - 1, 2**31))
        if kind == "number":
            return self.random.choice((0, 1, 0.5, -1.5, 1e300))
        if kind == "boolean":
            return self.random.random() < 0.5
        if form == "byte":
            return self.random.choice(("", "eA==", base64.b64encode(self.random.randbytes(20)).decode(), "x", "===="))
        if form == "date-time":
            return self.random.choice(words.TIMES)
        return self.random.choice(("a", "b", "x-y", "app", "", "a.b/c", "A", "1", "seeded", "True", "text with blanks"))

    def free(self, depth: int) -> Any:
        """Any JSON."""
        draw = self.random.random()
        if depth <= 0 or draw < 0.4:
            return self.random.choice((None, True, 0, 1, -1, 1.5, "", "a", "é", 2**40))
        if draw < 0.6:
            return [self.free(depth - 1) for _ in range(self.random.randint(0, 3))]
        return {self.random.choice(("a", "b", "name", "items", "x", "")): self.free(depth - 1) for _ in range(3)}

    def absurd(self) -> Any:
        """A value that no field wants."""
        draw = self.random.random()
        if draw < 0.85:
            return json.loads(json.dumps(self.random.choice(words.ABSURD)))
        if draw < 0.93:
            return "".join(
                chr(self.random.choice((self.random.randint(0, 127), self.random.randint(0, 0xD7FF)))) for _ in range(8)
            )
        return self.random.choice(
            (10 ** self.random.randint(1, 300), -(2 ** self.random.randint(1, 200)), self.free(4))
        )

    def damage(self, document: Any) -> Any:
        """The document with a few wrong values, fields that are missing, and fields that do not exist."""
        for _ in range(self.random.choice((1, 1, 1, 2, 3, 6))):
            places = list(_places(document))
            path = self.random.choice(places)
            draw = self.random.random()
            if draw < 0.15 and path:
                _remove(document, path)
            elif draw < 0.3 and len(places) > 1:
                document = _put(document, path, _copy(_get(document, self.random.choice(places))))
            else:
                if draw < 0.5 and path and isinstance(path[-1], str):
                    path = (*path[:-1], self.random.choice(NEW_KEYS))
                elif path and isinstance(path[-1], str) and path[-1] in words.OF_FIELD and draw < 0.8:
                    document = _put(document, path, self.random.choice(words.OF_FIELD[path[-1]]))
                    continue
                document = _put(document, path, self.absurd())
        return document


def _copy(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _places(inner, (*path, index))


def _get(document: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        document = document[step]
    return document


def _put(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    _get(document, path[:-1])[path[-1]] = value
    return document


def _remove(document: Any, path: tuple[Any, ...]) -> None:
    del _get(document, path[:-1])[path[-1]]

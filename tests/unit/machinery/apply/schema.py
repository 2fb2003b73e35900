"""A type with one field of each kind, for the tests of server-side apply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubelite.machinery.apply import shape
from kubelite.machinery.apply.shape import Shape
from kubelite.machinery.apply.updater import Updater

TEXT, NUMBER = {"type": "string"}, {"type": "integer"}
ITEM = {
    "type": "object",
    "properties": {
        "name": TEXT,
        "value": NUMBER,
        "note": TEXT,
        "protocol": {**TEXT, "default": "TCP"},
        "labels": {"type": "object", "additionalProperties": TEXT},
    },
}
DEFINITIONS: dict[str, Any] = {
    "Thing": {
        "type": "object",
        "properties": {
            "text": TEXT,
            "number": NUMBER,
            "flag": {"type": "boolean"},
            "struct": {"type": "object", "properties": {"a": TEXT, "b": TEXT}},
            "whole": {"type": "object", "properties": {"a": TEXT, "b": TEXT}, "x-kubernetes-map-type": "atomic"},
            "map": {"type": "object", "additionalProperties": TEXT},
            "list": {
                "type": "array",
                "items": ITEM,
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
            },
            "ports": {
                "type": "array",
                "items": ITEM,
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["value", "protocol"],
            },
            "set": {"type": "array", "items": TEXT, "x-kubernetes-list-type": "set"},
            "plain": {"type": "array", "items": TEXT},
            "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            "self": {"$ref": "#/$defs/Thing"},
        },
    }
}


def resolve(name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = DEFINITIONS.get(name, {})
    return found


THING: Shape = shape.of_openapi({"$ref": "#/$defs/Thing"}, resolve)
UPDATER = Updater(THING, "v1", lambda version: None)

"""Paths into a schema, as rules and selectable fields name them: `.spec.replicas`, `.labels['app']`.

What: `resolve(path, schema)` finds the schema of a path's end. Why: a path that names nothing is a mistake that should be
told when it is written. Flow: CRD validation. Source: ValidFieldPath in
apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go.
"""

from __future__ import annotations

import re

from kubelite.machinery.structural.invariants import Schema, values_of

_TOKEN = re.compile(r"'(?:[^'\\]|\\.)*'|[.\[\]]|[^.\[\]']+")
NOT_A_FIELD = "does not refer to a valid field"


def resolve(path: str, schema: Schema, *, brackets: bool = True) -> tuple[list[str], Schema]:
    """(the steps, the schema at the end). Raises ValueError with upstream's words."""
    tokens = _TOKEN.findall(path)
    steps: list[str] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token == "[":
            if not brackets:
                raise ValueError("array notation is not allowed")
            name = _in_brackets(tokens, index)
            index += 3
        elif token == ".":
            if index + 1 >= len(tokens):
                raise ValueError("unexpected end of JSON path")
            name = tokens[index + 1]
            index += 2
        else:
            raise ValueError(f"expected [ or . but got: {token}")
        schema = _step(schema, name)
        steps.append(name)
    if not steps:
        raise ValueError(NOT_A_FIELD)
    return steps, schema


def _in_brackets(tokens: list[str], index: int) -> str:
    if index + 2 >= len(tokens):
        raise ValueError("unexpected end of JSON path")
    token = tokens[index + 1]
    if len(token) < 2 or token[0] != "'" or token[-1] != "'":
        raise ValueError(f"expected single quoted string but got {token}")
    if tokens[index + 2] != "]":
        raise ValueError(f"expected ] but got {tokens[index + 2]}")
    return re.sub(r"\\(.)", r"\1", token[1:-1])


def _step(schema: Schema, name: str) -> Schema:
    properties = schema.get("properties")
    if properties:
        found = properties.get(name)
        if found is None:
            raise ValueError(NOT_A_FIELD)
        return dict(found)
    values = values_of(schema)
    if values is None:
        raise ValueError(NOT_A_FIELD)
    return values

"""CEL expressions over a token's claims, over the user they make, and over an access review.

What: `Expression` compiles once and evaluates to the kinds of values it may have. Why: structured configuration maps
and checks claims, and chooses the requests a webhook is asked about, by expression. Flow: text → `machinery.cel`
program → value, or `ExpressionFailed`. Source: apiserver/pkg/authentication/cel, apiserver/pkg/authorization/cel.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BUDGET = 1_000_000


class ExpressionFailed(Exception):
    """An expression that cannot be evaluated, or has a value of another kind than is wanted."""


class Expression:
    """One compiled expression. Raises ValueError for one that does not compile or can never have a wanted kind."""

    def __init__(self, text: str, variables: Mapping[str, Any], kinds: tuple[str, ...]) -> None:
        from kubelite.machinery.cel.environment import Environment
        from kubelite.machinery.cel.errors import CompileError

        try:
            self._program = Environment(variables).compile(text)
        except CompileError as error:
            raise ValueError(f"compilation failed: {error}") from error
        found = self._program.result_type
        if found.kind not in (*kinds, "dyn"):
            raise ValueError(f"must evaluate to {' or '.join(kinds)}")
        self.text = text

    def value(self, variables: Mapping[str, Any]) -> Any:
        """The value; a wrong kind is the caller's to notice. Raises ExpressionFailed."""
        from kubelite.machinery.cel.errors import CostExceeded, EvaluationError

        try:
            return self._program.evaluate(variables, limit=BUDGET)
        except (EvaluationError, CostExceeded) as error:
            raise ExpressionFailed(f"expression '{self.text}' resulted in error: {error}") from error


def claim_variables() -> Mapping[str, Any]:
    """`claims`, a map of anything."""
    from kubelite.machinery.cel import types

    return {"claims": types.map_of(types.STRING, types.DYN)}


def user_variables() -> Mapping[str, Any]:
    """`user` with username, uid, groups and extra."""
    from kubelite.machinery.cel import types

    texts = {"type": "array", "items": {"type": "string"}}
    schema = {
        "type": "object",
        "properties": {
            "username": {"type": "string"},
            "uid": {"type": "string"},
            "groups": texts,
            "extra": {"type": "object", "additionalProperties": texts},
        },
    }
    return {"user": types.from_schema(schema)}


def request_variables() -> Mapping[str, Any]:
    """`request`, the spec of a SubjectAccessReview (v1)."""
    from kubelite.machinery.cel import types

    texts = {"type": "array", "items": {"type": "string"}}
    resource = {name: {"type": "string"} for name in _RESOURCE}
    selector = {
        "type": "object",
        "properties": {
            "rawSelector": {"type": "string"},
            "requirements": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"key": {"type": "string"}, "operator": {"type": "string"}, "values": texts},
                },
            },
        },
    }
    other = {"path": {"type": "string"}, "verb": {"type": "string"}}
    schema = {
        "type": "object",
        "properties": {
            "user": {"type": "string"},
            "uid": {"type": "string"},
            "groups": texts,
            "extra": {"type": "object", "additionalProperties": texts},
            "resourceAttributes": {
                "type": "object",
                "properties": {**resource, "fieldSelector": selector, "labelSelector": selector},
            },
            "nonResourceAttributes": {"type": "object", "properties": other},
        },
    }
    return {"request": types.from_schema(schema)}


_RESOURCE = ("namespace", "verb", "group", "version", "resource", "subresource", "name")

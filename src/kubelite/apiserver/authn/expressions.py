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
    """`request`, the spec of a SubjectAccessReview (v1). `namespace` is a plain field here, unlike in schemas."""
    from kubelite.machinery.cel import types

    def object_of(name: str, texts: tuple[str, ...], **others: Any) -> Any:
        members = {**dict.fromkeys(texts, types.STRING), **others}
        return types.ObjectType(name, {key: types.Field(kind, key) for key, kind in members.items()})

    listed = types.list_of(types.STRING)
    requirement = object_of("requirement", ("key", "operator"), values=listed)
    selector = object_of("selector", ("rawSelector",), requirements=types.list_of(requirement))
    resource = object_of("resourceAttributes", _RESOURCE, fieldSelector=selector, labelSelector=selector)
    spec = object_of(
        "spec",
        ("user", "uid"),
        groups=listed,
        extra=types.map_of(types.STRING, listed),
        resourceAttributes=resource,
        nonResourceAttributes=object_of("nonResourceAttributes", ("path", "verb")),
    )
    return {"request": spec}


_RESOURCE = ("namespace", "verb", "group", "version", "resource", "subresource", "name")

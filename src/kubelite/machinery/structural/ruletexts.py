"""The texts of x-kubernetes-validations: what must be there, and on one line.

What: `validate_rules(schema, path)` checks the rules of one node without compiling them. Why: their messages become errors,
which are lines. Flow: `openapi.validate` calls it for every node; `compiled` compiles. Source:
apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go.
"""

from __future__ import annotations

from typing import Any

from kubelite.machinery import fielderrors as fe
from kubelite.machinery.fielderrors import FieldError, Path
from kubelite.machinery.structural import fieldpaths
from kubelite.machinery.structural.invariants import Schema

REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")


def _lines(text: str) -> bool:
    return "\n" in text or "\r" in text


def validate_rules(schema: Schema, path: Path) -> list[FieldError]:
    """The mistakes in the rules of one node."""
    out: list[FieldError] = []
    for index, rule in enumerate(schema.get("x-kubernetes-validations") or ()):
        here = (path / "x-kubernetes-validations").index(index)
        out += _texts(rule, here)
        out += _place(schema, rule, here)
    return out


def _texts(rule: dict[str, Any], path: Path) -> list[FieldError]:
    out: list[FieldError] = []
    message, expression = rule.get("message") or "", rule.get("messageExpression") or ""
    text, said = (rule.get("rule") or "").strip(), message.strip()
    if not text:
        out.append(fe.required(path / "rule", "rule is not specified"))
    elif message and not said:
        out.append(fe.invalid(path / "message", message, "message must be non-empty if specified"))
    elif _lines(said):
        out.append(fe.invalid(path / "message", message, "message must not contain line breaks"))
    elif _lines(text) and not said:
        out.append(fe.required(path / "message", "message must be specified if rule contains line breaks"))
    if expression and not expression.strip():
        text = "messageExpression must be non-empty if specified"
        out.append(fe.required(path / "messageExpression", text))
    reason = rule.get("reason")
    if reason and reason not in REASONS:
        out.append(fe.not_supported(path / "reason", reason, REASONS))
    return out


def _place(schema: Schema, rule: dict[str, Any], path: Path) -> list[FieldError]:
    place = rule.get("fieldPath") or ""
    if not place:
        return []
    out: list[FieldError] = []
    if not place.strip():
        out.append(fe.invalid(path / "fieldPath", place, "fieldPath must be non-empty if specified"))
    if _lines(place):
        out.append(fe.invalid(path / "fieldPath", place, "fieldPath must not contain line breaks"))
    try:
        fieldpaths.resolve(place, schema)
    except ValueError:
        out.append(fe.invalid(path / "fieldPath", place, "fieldPath must be a valid path"))
    return out

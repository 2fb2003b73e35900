"""Compiling the rules of a new definition: what does not compile, costs too much or compares what cannot be compared.

What: `validate(schema, path)` compiles every rule and adds up what they may cost. Why: a rule must be refused when it is
written, not when the first object comes. Flow: last step of a definition's validation. Source:
apiextensions-apiserver/pkg/apis/apiextensions/validation/{validation,cel_validation}.go.
"""

from __future__ import annotations

import json
from typing import Any

from kubelite.machinery import fielderrors as fe
from kubelite.machinery.fielderrors import FieldError, Path
from kubelite.machinery.structural.invariants import Schema, items_of, values_of
from kubelite.machinery.structural.rules import Rule

MANY = 100.0
NEARLY = 1.5
_ADVICE = (
    "(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings "
    "are declared)"
)
_RULES = "x-kubernetes-validations"


class _Check:
    """One walk over a schema; `total` is what all its rules may cost."""

    def __init__(self, *, costs: bool) -> None:
        self.out: list[FieldError] = []
        self.total = 0
        self.expensive: list[tuple[int, Path]] = []
        self.costs = costs

    def walk(self, schema: Schema, path: Path, times: int | None, apart: Path | None, root: bool) -> None:
        """`times`: how often the node may occur, None for no limit; `apart`: above it, old and new cannot be matched."""
        if schema.get(_RULES):
            self._rules(schema, path, times, apart, root)
        values, items = values_of(schema), items_of(schema)
        below = _times(schema, times)
        if values is not None:
            self.walk(values, path / "additionalProperties", below, apart, False)
        for name, inner in (schema.get("properties") or {}).items():
            lost = apart or (path if schema.get("x-kubernetes-map-type") == "atomic" else None)
            self.walk(inner, (path / "properties").key(name), below, lost, False)
        if items is not None:
            lost = apart or (path if schema.get("x-kubernetes-list-type") != "map" else None)
            self.walk(items, path / "items", below, lost, False)

    def _rules(self, schema: Schema, path: Path, times: int | None, apart: Path | None, root: bool) -> None:
        from kubelite.machinery.cel.schematypes import from_schema

        type_ = from_schema(schema, root=root or bool(schema.get("x-kubernetes-embedded-resource")))
        for index, raw in enumerate(schema[_RULES]):
            here = (path / _RULES).index(index)
            rule = Rule(raw, type_)
            if rule.program is not None:
                self._cost(rule.program.cost.max, times, here / "rule", "estimated rule cost")
            if rule.failure:
                self.out.append(_refused(here / "rule", raw, rule.failure))
            if rule.message_failure:
                self.out.append(_refused(here / "messageExpression", raw, rule.message_failure))
            elif rule.message is not None:
                name = "estimated messageExpression cost"
                self._cost(rule.message.cost.max, 1, here / "messageExpression", name)
            if rule.uses_old and apart is not None:
                text = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {apart}"
                self.out.append(fe.invalid(here / "rule", raw["rule"], text))
            elif not rule.uses_old and raw.get("optionalOldSelf") is not None:
                text = "may not be set if oldSelf is not used in rule"
                self.out.append(fe.invalid(here / "optionalOldSelf", raw["optionalOldSelf"], text))

    def _cost(self, cost: int, times: int | None, path: Path, name: str) -> None:
        from kubelite.machinery.cel import CRD_LIMIT, RULE_LIMIT
        from kubelite.machinery.cel.schematypes import MAX_REQUEST

        whole = cost * (times if times is not None else MAX_REQUEST)
        if self.costs and whole > RULE_LIMIT:
            self.out.append(fe.forbidden(path, _exceeded(name, whole, RULE_LIMIT)))
        self.total += whole
        if whole >= CRD_LIMIT // 100:
            self.expensive.append((whole, path))


def _times(schema: Schema, times: int | None) -> int | None:
    """How often what is below a node may occur."""
    if times is None:
        return None
    type_ = schema.get("type")
    if type_ == "object" and schema.get("additionalProperties") is not None:
        limit = schema.get("maxProperties")
    elif type_ == "array":
        limit = schema.get("maxItems")
    else:
        return times
    return times * max(int(limit), 0) if limit is not None else None


def _exceeded(name: str, cost: int, limit: int) -> str:
    factor = cost / limit
    if factor > MANY:
        shown = "more than 100x"
    else:
        shown = f"{factor:f}x" if factor < NEARLY else f"{factor:.1f}x"
    return f"{name} exceeds budget by factor of {shown} {_ADVICE}"


def _refused(path: Path, raw: dict[str, Any], why: str) -> FieldError:
    """Upstream shows the whole rule, as Go prints the struct."""
    reason = "(*apiextensions.FieldValueErrorReason)(nil)"
    if raw.get("reason"):
        reason = "(*apiextensions.FieldValueErrorReason)(0xc000000000)"
    optional = "(*bool)(nil)" if raw.get("optionalOldSelf") is None else "(*bool)(0xc000000000)"
    texts = [json.dumps(raw.get(name) or "") for name in ("rule", "message", "messageExpression", "fieldPath")]
    shown = (
        f"apiextensions.ValidationRule{{Rule:{texts[0]}, Message:{texts[1]}, MessageExpression:{texts[2]}, "
        f"Reason:{reason}, FieldPath:{texts[3]}, OptionalOldSelf:{optional}}}"
    )
    return FieldError("FieldValueInvalid", path.text, f"Invalid value: {shown}: {why}")


def validate(schema: Schema, path: Path, *, costs: bool = True) -> list[FieldError]:
    """The rules that cannot be used. `costs` False: the schema was accepted before, single rules may stay expensive."""
    from kubelite.machinery.cel import CRD_LIMIT

    check = _Check(costs=costs)
    check.walk(schema, path, 1, None, True)
    if check.total > CRD_LIMIT:
        for _, place in sorted(check.expensive, key=lambda one: -one[0])[:4]:
            text = "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema"
            check.out.append(fe.forbidden(place, text))
        name = f"{_RULES} estimated rule cost total for entire OpenAPIv3 schema"
        check.out.append(fe.forbidden(path, _exceeded(name, check.total, CRD_LIMIT)))
    return check.out

"""A policy with its expressions compiled.

What: `Compiled`: variables, match conditions, validations, audit annotations and mutations as programs. Why: a policy is compiled
when the first request meets it, and never again. Flow: `source` makes one per policy; `evaluation` and `patching` run it. An
expression that does not compile was refused when it was written; one that got in otherwise fails at each request. Source:
apiserver/pkg/admission/plugin/policy/validating/plugin.go (compilePolicy).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kubelite.api.admissionregistration import expressions
from kubelite.api.types import admissionregistration_v1 as v1
from kubelite.apiserver.admission.dynamic.facts import Conditions
from kubelite.machinery.cel import Environment, Program

Policy = v1.ValidatingAdmissionPolicy | v1.MutatingAdmissionPolicy


class Expression(NamedTuple):
    """A program, or why there is none."""

    text: str
    program: Program | None
    problem: str = ""


class Rule(NamedTuple):
    """One validation."""

    test: Expression
    message: Expression | None
    text: str
    reason: str

    @property
    def plain_message(self) -> str:
        """What is said where messageExpression says nothing."""
        return self.text.strip() or f"failed expression: {self.test.text.strip()}"


class Annotation(NamedTuple):
    """One audit annotation."""

    key: str
    value: Expression


class Change(NamedTuple):
    """One mutation."""

    applies: bool
    """An apply configuration; otherwise a JSON patch."""
    expression: Expression


def _compile(environment: Environment, text: str, what: str) -> Expression:
    try:
        return Expression(text, expressions.compiled(environment, text, expressions.wanted_types(what)))
    except expressions.BadExpression as error:
        return Expression(text, None, str(error))


class Compiled:
    """All programs of one policy."""

    def __init__(self, policy: Policy) -> None:
        made, _ = expressions.composition(policy)
        environment = made.environment
        self.variables = made.programs
        spec = policy.spec
        found: list[tuple[str, Any, str]] = []
        for one in spec.matchConditions:
            condition = _compile(environment, one.expression, "bool")
            found.append((one.name, condition.program, condition.problem))
        self.conditions = Conditions(found)
        self.rules: list[Rule] = []
        self.annotations: list[Annotation] = []
        self.changes: list[Change] = []
        if isinstance(spec, v1.MutatingAdmissionPolicySpec):
            for mutation in spec.mutations:
                applies = mutation.patchType == "ApplyConfiguration"
                part = mutation.applyConfiguration if applies else mutation.jsonPatch
                text = part.expression if part is not None else ""
                self.changes.append(Change(applies, _compile(environment, text, mutation.patchType)))
            return
        for rule in spec.validations:
            said = rule.messageExpression
            message = _compile(environment, said, "message") if said else None
            self.rules.append(Rule(_compile(environment, rule.expression, "bool"), message, rule.message, rule.reason))
        for note in spec.auditAnnotations:
            self.annotations.append(Annotation(note.key, _compile(environment, note.valueExpression, "annotation")))

"""A validating policy evaluated: decisions and audit annotations.

What: `validate(...)` gives the decisions of one evaluation. Why: what follows from a decision (refuse, warn, annotate) is the
binding's matter, not the expression's. Flow: match conditions → validations with their messages → audit annotations, within one
budget. Source and texts: apiserver/pkg/admission/plugin/policy/validating/validator.go.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any, NamedTuple

from kubelite.apiserver.admission.dynamic.facts import Facts, Lazy, Own, evaluate, problem_text
from kubelite.apiserver.admission.policies.compiled import Compiled, Expression, Rule
from kubelite.apiserver.admission.policies.failures import Failure
from kubelite.machinery.cel import Budget, CelError, CostExceeded

MAX_MESSAGE = 5 * 1024
INVALID = "Invalid"
NO_ERROR, COMPILE_ERROR, INVALID_ERROR, OUT_OF_BUDGET = "no_error", "compile_error", "invalid_error", "out_of_budget"


class Decision(NamedTuple):
    """What one validation said. `error`: the kind of error, if it was one that decided."""

    admit: bool
    message: str = ""
    reason: str = ""
    error: str = NO_ERROR
    seconds: float = 0.0


class Note(NamedTuple):
    """An audit annotation; `problem` refuses the request instead."""

    key: str
    value: str = ""
    problem: str = ""


class Outcome(NamedTuple):
    """The result of one evaluation; both empty if the match conditions excluded the request."""

    decisions: list[Decision]
    notes: list[Note]


class Run:
    """One evaluation of one policy: its variables, parameters and budget."""

    def __init__(self, compiled: Compiled, facts: Facts, params: Any) -> None:
        self._compiled = compiled
        self._budget = Budget()
        self._permissions = facts.permissions
        self.facts = Own(facts, params=params)
        self.renew()

    def renew(self) -> None:
        """Forgets what the variables were; at the beginning, and after the object changed."""
        self.facts["variables"] = Lazy(self._compiled.variables, self.facts, self._budget)

    async def value(self, expression: Expression) -> Any:
        """The value of an expression. Raises Failure."""
        if expression.program is None:
            raise Failure(expression.problem, COMPILE_ERROR)
        try:
            return await evaluate(expression.program, self.facts, self._budget, self._permissions)
        except CelError as error:
            spent = isinstance(error, CostExceeded)
            text = problem_text(expression.text, error, self._budget)
            raise Failure(text, OUT_OF_BUDGET if spent else INVALID_ERROR) from None


async def validate(compiled: Compiled, facts: Facts, params: Any, *, fails: bool) -> Outcome:
    """Evaluates a policy; `fails`: an error counts as a refusal."""
    run = Run(compiled, facts, params)
    if compiled.conditions:
        failed, problem = await compiled.conditions.failed(run.facts, facts.permissions)
        if problem:
            return Outcome([Decision(not fails, problem, error=INVALID_ERROR)], [])
        if failed:
            return Outcome([], [])
    decisions = [await _decide(run, rule, fails=fails) for rule in compiled.rules]
    notes = []
    for annotation in compiled.annotations:
        note = await _note(run, annotation.key, annotation.value)
        if note is not None and (fails or not note.problem):
            notes.append(note)
    return Outcome(decisions, notes)


async def _decide(run: Run, rule: Rule, *, fails: bool) -> Decision:
    started = perf_counter()
    try:
        if await run.value(rule.test) is True:
            return Decision(True)
        message = await _message(run, rule)
    except Failure as failure:
        return Decision(not fails, str(failure), error=failure.kind, seconds=perf_counter() - started)
    return Decision(False, message, rule.reason or INVALID, seconds=perf_counter() - started)


async def _message(run: Run, rule: Rule) -> str:
    """What messageExpression says, unless it fails or says nothing that fits into an error."""
    if rule.message is None:
        return rule.plain_message
    try:
        text = await run.value(rule.message)
    except Failure as failure:
        if failure.kind == OUT_OF_BUDGET:
            raise Failure(f"failed messageExpression: {failure}", OUT_OF_BUDGET) from None
        return rule.plain_message
    text = text.strip() if isinstance(text, str) else ""
    if not text or "\n" in text or len(text.encode()) > MAX_MESSAGE:
        return rule.plain_message
    return text


async def _note(run: Run, key: str, expression: Expression) -> Note | None:
    try:
        value = await run.value(expression)
    except Failure as failure:
        return Note(key, problem=str(failure))
    if value is None:
        return None
    if not isinstance(value, str):
        kind = type(value).__name__
        return Note(
            key,
            problem=f"valueExpression '{expression.text}' resulted in unsupported return type: {kind}. "
            "Return type must be either string or null.",
        )
    text = value.strip()
    return Note(key, text) if text else None

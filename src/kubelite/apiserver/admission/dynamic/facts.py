"""The variables of expressions at run time, and their evaluation.

What: `Facts`, a mapping whose values are made when an expression first asks, and `evaluate`. Why: most expressions look at the
object only; a Namespace or the request should cost nothing until it is read, and an authorizer may have to wait for a webhook.
Flow: a plugin makes `Facts` for a request and a version; `evaluate` runs a program over them and, where it meets a decision that
is not known, finds it and runs the program again. Source: apiserver/pkg/admission/plugin/cel/{activation,condition}.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from kubelite.apiserver.admission.dynamic.review import request_of
from kubelite.apiserver.admission.dynamic.seen import Seen
from kubelite.apiserver.request import Attributes, UserInfo
from kubelite.machinery.cel import Budget, CelError, CostExceeded, EvaluationError, Program
from kubelite.machinery.cel.functions_authorizer import Answer, Authorizer, Check, Decisions, ResourceCheck, Undecided
from kubelite.machinery.kind import Kind

CONDITIONS_BUDGET = 2_500_000
"""What the match conditions of one webhook or policy may cost together."""
OUT_OF_BUDGET = "validation failed due to running out of cost budget, no further validation rules will be run"


class Reviewer(Protocol):
    """The server's authorizer."""

    def review(self, user: UserInfo, attributes: Attributes) -> Any:
        """A decision, or an awaitable of one."""


def attributes_of(check: Check) -> Attributes:
    """What an expression asks about, as the authorizer's attributes."""
    if check.path:
        return Attributes(verb=check.verb, is_resource=False, path=check.path)
    return Attributes(
        verb=check.verb,
        namespace=check.namespace,
        group=check.group,
        version="*",
        resource=check.resource,
        subresource=check.subresource,
        name=check.name,
        field_selector=check.field_selector,
        label_selector=check.label_selector,
    )


class Permissions:
    """Who may do what, for the expressions about one request; answers that had to be waited for are kept."""

    def __init__(self, reviewer: Reviewer, user: UserInfo | None) -> None:
        self._reviewer = reviewer
        self._user = user or UserInfo("")
        self._decisions = Decisions()

    def __call__(self, check: Check) -> Answer:
        known = self._decisions.known.get(check)
        if known is not None:
            return known
        found = self._reviewer.review(self._subject(check), attributes_of(check))
        if not isinstance(found, tuple):
            found.close()
            raise Undecided(check)
        return self._keep(check, found)

    async def find(self, check: Check) -> None:
        """Waits for an answer."""
        found = self._reviewer.review(self._subject(check), attributes_of(check))
        self._keep(check, found if isinstance(found, tuple) else await found)

    def _keep(self, check: Check, decision: Any) -> Answer:
        answer = self._decisions.known[check] = Answer(decision.allowed, decision.reason, decision.error)
        return answer

    def _subject(self, check: Check) -> UserInfo:
        if check.service_account is None:
            return self._user
        namespace, name = check.service_account
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
        return UserInfo(f"system:serviceaccount:{namespace}:{name}", groups=groups)


class Facts(dict[str, Any]):
    """The variables of a request, shown in one version; `Seen.load` must have made it ready."""

    def __init__(self, seen: Seen, kind: Kind, permissions: Permissions, namespace: Callable[[], Any]) -> None:
        super().__init__()
        self.permissions = permissions
        self._seen = seen
        self._kind = kind
        self._namespace = namespace

    def __missing__(self, name: str) -> Any:
        made = self[name] = self._make(name)
        return made

    def _make(self, name: str) -> Any:
        seen, kind = self._seen, self._kind
        if name == "object":
            return seen.object(kind)
        if name == "oldObject":
            return seen.old(kind)
        if name == "request":
            return request_of(seen, kind)
        if name == "namespaceObject":
            return self._namespace()
        if name == "authorizer":
            return Authorizer(self.permissions)
        if name == "authorizer.requestResource":
            check = Check(
                group=kind.group,
                resource=kind.plural,
                subresource=seen.subresource,
                namespace=seen.namespace,
                name=seen.name,
            )
            return ResourceCheck(self.permissions, check)
        raise KeyError(name)

    def renew(self) -> None:
        """Forgets the object, after somebody changed it."""
        self.pop("object", None)


class Own(dict[str, Any]):
    """The variables of one policy, on top of those of the request."""

    def __init__(self, base: dict[str, Any], **own: Any) -> None:
        super().__init__(own)
        self._base = base

    def __missing__(self, name: str) -> Any:
        return self._base[name]


class Lazy(dict[str, Any]):
    """`variables`: each is evaluated when it is first read, and remembered, its failure too."""

    def __init__(self, programs: dict[str, Program], facts: dict[str, Any], budget: Budget) -> None:
        super().__init__()
        self._programs = programs
        self._facts = facts
        self._budget = budget
        self._failed: dict[str, str] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._programs

    def __missing__(self, name: str) -> Any:
        failed = self._failed.get(name)
        if failed is None:
            try:
                value = self[name] = self._programs[name].evaluate(self._facts, self._budget)
                return value
            except EvaluationError as error:
                failed = self._failed[name] = f'composited variable "{name}" fails to evaluate: {error}'
        raise EvaluationError(failed)


async def evaluate(program: Program, facts: dict[str, Any], budget: Budget, permissions: Permissions) -> Any:
    """The value. Raises CelError: EvaluationError, or CostExceeded when the budget is spent."""
    while True:
        before = budget.remaining
        if before <= 0:
            raise CostExceeded
        try:
            return program.evaluate(facts, budget)
        except Undecided as unknown:
            budget.remaining = before
            await permissions.find(unknown.check)


class Conditions:
    """Compiled match conditions of a webhook or a policy."""

    def __init__(self, programs: list[tuple[str, Program | None, str]]) -> None:
        self._programs = programs
        """(name, program, why there is none)"""

    def __bool__(self) -> bool:
        return bool(self._programs)

    async def failed(self, facts: dict[str, Any], permissions: Permissions) -> tuple[str, str]:
        """(name of a condition that is false, ""), or ("", what failed to evaluate), or ("", "") if all are true."""
        budget = Budget(CONDITIONS_BUDGET)
        problems: list[str] = []
        for name, program, problem in self._programs:
            if program is None:
                problems.append(problem)
                continue
            try:
                if await evaluate(program, facts, budget, permissions) is False:
                    return name, ""
            except CelError as error:
                problems.append(problem_text(program.text, error, budget))
        if len(problems) > 1:
            return "", f"[{', '.join(problems)}]"
        return "", problems[0] if problems else ""


def problem_text(text: str, error: CelError, budget: Budget) -> str:
    """Why an expression has no value."""
    if isinstance(error, CostExceeded) and budget.remaining <= 0:
        return OUT_OF_BUDGET
    return f"expression '{text}' resulted in error: {error}"

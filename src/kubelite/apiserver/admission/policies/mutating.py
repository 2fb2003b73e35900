"""MutatingAdmissionPolicy: expressions that change what is written.

Flow: one evaluation after the other, policies and bindings in the order of their names; each sees what the former made. Whoever
changed the object causes a second round (`admission.again`). Source and texts:
apiserver/pkg/admission/plugin/policy/mutating/dispatcher.go.
"""

from __future__ import annotations

from collections.abc import Awaitable
from time import perf_counter
from typing import Any

from kubelite.api import ownership
from kubelite.apiserver.admission import observed
from kubelite.apiserver.admission.again import turn_of
from kubelite.apiserver.admission.dynamic.matching import GROUP, POLICIES
from kubelite.apiserver.admission.dynamic.seen import NotChangeable, Seen
from kubelite.apiserver.admission.plugin import Plugin, denied
from kubelite.apiserver.admission.policies.dispatch import Dispatcher, Invocation
from kubelite.apiserver.admission.policies.failures import Failure
from kubelite.apiserver.admission.policies.source import Hook, Policies
from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind


class MutatingAdmissionPolicy(Plugin):
    """The plugin."""

    name = "MutatingAdmissionPolicy"

    def __init__(self, policies: Policies, dispatcher: Dispatcher) -> None:
        self._policies = policies
        self._dispatcher = dispatcher

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        exempt = kind.group == GROUP and kind.plural in POLICIES
        return operation in ("CREATE", "UPDATE") and not exempt

    def mutate(self, request: AdmissionRequest) -> Awaitable[None] | None:
        if not self._policies.any:
            return None
        seen = Seen(request, mutating=True)
        found = self._policies.index.of(seen)
        return self._evaluate_all(seen, found) if found else None

    async def _evaluate_all(self, seen: Seen, found: list[tuple[Hook, Kind]]) -> None:
        again, turn = turn_of(seen.request, self.name)
        if again.second and turn.idle:
            return
        problems: list[str] = []
        facts: Any = None
        async for one in self._dispatcher.invocations(seen, found):
            if again.second and not turn.is_due(one.key):
                continue
            await seen.load(one.kind)
            facts = facts or await self._dispatcher.facts(seen)
            changed, problem = await self._evaluate(seen, one, facts)
            if problem and one.hook.fails:
                problems.append(_refusal_text(one, problem))
            if changed:
                facts = None
                turn.require()
                again.wanted = True
            if one.hook.policy.spec.reinvocationPolicy == "IfNeeded":  # type: ignore[union-attr]
                turn.asked(one.key)
        turn.left(seen.request)
        if problems:
            raise _refusal(seen.request, problems)

    async def _evaluate(self, seen: Seen, one: Invocation, facts: Any) -> tuple[bool, str]:
        """(whether the object was changed, what is wrong). An invocation that fails changes nothing."""
        if one.problem:
            return False, one.problem
        from kubelite.apiserver.admission.policies.evaluation import Run

        compiled = one.hook.compiled
        run = Run(compiled, facts(one.kind), one.params)
        if compiled.conditions:
            failed, problem = await compiled.conditions.failed(run.facts, facts(one.kind).permissions)
            if failed or problem:
                return False, problem
        started = perf_counter()
        changed, error_type, problem = False, "no_error", ""
        try:
            changed = await self._mutate(seen, one, run)
        except Failure as failure:
            error_type, problem = failure.kind, str(failure)
        except (StatusError, NotChangeable, ValueError) as error:
            error_type, problem = "invalid_error", str(error) or "the object of this operation cannot be changed"
        assert one.binding is not None
        labels = (error_type, one.hook.name, one.binding.name)
        observed.MUTATION_CHECKS.inc(*labels)
        observed.MUTATION_DURATION.observe(perf_counter() - started, *labels)
        return changed, problem

    @staticmethod
    async def _mutate(seen: Seen, one: Invocation, run: Any) -> bool:
        from kubelite.apiserver.admission.policies import patching

        before = seen.object(one.kind)
        if before is None:
            return False
        shape = ownership.scale_shape() if seen.subresource == "scale" else ownership.shape_of(one.kind)
        document = before
        for change in one.hook.compiled.changes:
            run.facts["object"] = document
            run.renew()
            value = await run.value(change.expression)
            if change.applies:
                document = patching.applied(value, document, shape)
            else:
                document = patching.patched(value, document)
        if document == before:
            return False
        await seen.store(one.kind, document)
        return True


def _refusal_text(one: Invocation, problem: str) -> str:
    if one.binding is None:
        return f'policy "{one.hook.name}" denied request: {problem}'
    return f"policy '{one.hook.name}' with binding '{one.binding.name}' denied request: {problem}"


def _refusal(request: AdmissionRequest, problems: list[str]) -> StatusError:
    error = denied(request, "")
    error.reason, error.message = "Invalid", problems[0]
    error.details["causes"] = [{"message": one} for one in problems]
    return error

"""ValidatingAdmissionPolicy: expressions that may refuse a request, warn of it, or annotate the audit log.

Flow: every policy that concerns the request is evaluated, with every binding and parameter; then the first denial refuses. Source
and texts: apiserver/pkg/admission/plugin/policy/validating/dispatcher.go.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable
from typing import TYPE_CHECKING, NamedTuple

from kubelite.apiserver.admission import observed
from kubelite.apiserver.admission.dynamic.matching import GROUP, POLICIES
from kubelite.apiserver.admission.dynamic.seen import Seen
from kubelite.apiserver.admission.plugin import Plugin, denied
from kubelite.apiserver.admission.policies.dispatch import Dispatcher, Invocation
from kubelite.apiserver.admission.policies.source import Binding, Hook, Policies
from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind

if TYPE_CHECKING:
    from kubelite.apiserver.admission.policies.evaluation import Decision, Outcome

FAILURE = "validation.policy.admission.k8s.io/validation_failure"
CODES = {"Forbidden": 403, "Unauthorized": 401, "RequestEntityTooLarge": 413, "Invalid": 422}


class Denial(NamedTuple):
    """Why a policy refuses."""

    policy: str
    binding: str
    message: str
    reason: str = ""


class ValidatingAdmissionPolicy(Plugin):
    """The plugin."""

    name = "ValidatingAdmissionPolicy"

    def __init__(self, policies: Policies, dispatcher: Dispatcher) -> None:
        self._policies = policies
        self._dispatcher = dispatcher

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        return not (kind.group == GROUP and kind.plural in POLICIES)

    def validate(self, request: AdmissionRequest) -> Awaitable[None] | None:
        if not self._policies.any:
            return None
        seen = Seen(request)
        found = self._policies.index.of(seen)
        return self._evaluate_all(seen, found) if found else None

    async def _evaluate_all(self, seen: Seen, found: list[tuple[Hook, Kind]]) -> None:
        verdict = _Verdict(seen)
        facts = None
        async for one in self._dispatcher.invocations(seen, found):
            if one.problem:
                verdict.misconfigured(one)
                continue
            from kubelite.apiserver.admission.policies.evaluation import validate

            await seen.load(one.kind)
            facts = facts or await self._dispatcher.facts(seen)
            outcome = await validate(one.hook.compiled, facts(one.kind), one.params, fails=one.hook.fails)
            assert one.binding is not None
            verdict.add(one.hook, one.binding, outcome)
        verdict.finish()


class _Verdict:
    """What the policies say about one request."""

    def __init__(self, seen: Seen) -> None:
        self._request = seen.request
        self._denials: list[Denial] = []
        self._notes: dict[str, list[str]] = {}

    def misconfigured(self, one: Invocation) -> None:
        if one.hook.fails:
            self._denials.append(Denial(one.hook.name, one.binding.name if one.binding else "", one.problem))

    def add(self, hook: Hook, binding: Binding, outcome: Outcome) -> None:
        for index, decision in enumerate(outcome.decisions):
            if not decision.admit:
                self._enforce(hook, binding, index, decision)
            elif decision.error != "no_error":
                _count(hook, binding, decision, "allow")
        for note in outcome.notes:
            if note.problem:
                self._denials.append(Denial(hook.name, binding.name, note.problem))
                continue
            values = self._notes.setdefault(f"{hook.name}/{note.key}", [])
            if note.value not in values:
                values.append(note.value)

    def _enforce(self, hook: Hook, binding: Binding, index: int, decision: Decision) -> None:
        """Does what the binding says about a validation that failed."""
        for action in binding.actions:
            _count(hook, binding, decision, action.lower())
            if action == "Deny":
                self._denials.append(Denial(hook.name, binding.name, decision.message, decision.reason))
            elif action == "Warn":
                self._request.warnings.append(
                    f"Validation failed for ValidatingAdmissionPolicy '{hook.name}' with binding '{binding.name}': "
                    f"{decision.message}"
                )
            elif action == "Audit":
                said = {
                    "message": decision.message,
                    "policy": hook.name,
                    "binding": binding.name,
                    "expressionIndex": index,
                    "validationActions": binding.actions,
                }
                self._request.annotations.setdefault(FAILURE, json.dumps([said], separators=(",", ":")))

    def finish(self) -> None:
        """Annotates, then refuses if there was a denial. Raises StatusError."""
        for key, values in self._notes.items():
            self._request.annotations[key] = ", ".join(values)
        if self._denials:
            raise _refusal(self._request, self._denials[0])


def _count(hook: Hook, binding: Binding, decision: Decision, action: str) -> None:
    labels = (action, decision.error, hook.name, binding.name)
    observed.POLICY_CHECKS.inc(*labels)
    observed.POLICY_DURATION.observe(decision.seconds, *labels)


def _refusal(request: AdmissionRequest, denial: Denial) -> StatusError:
    bound = f" with binding '{denial.binding}'" if denial.binding else ""
    message = f"ValidatingAdmissionPolicy '{denial.policy}'{bound} denied request: {denial.message}"
    error = denied(request, message)
    error.reason = denial.reason or "Invalid"
    error.code = CODES.get(error.reason, 422)
    error.details["causes"] = [{"message": message}]
    return error

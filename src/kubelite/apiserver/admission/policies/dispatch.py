"""Which policies are evaluated for a request, with which bindings and parameters.

What: `Dispatcher.invocations` yields one `Invocation` for each (policy, binding, parameter). Why: validating and mutating
policies are found alike. Flow: index of rules → selectors of the policy → those of each binding → parameters. What is
misconfigured is yielded too, as a problem, since the policy's failurePolicy decides about it. Source:
apiserver/pkg/admission/plugin/policy/generic/policy_dispatcher.go.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import msgspec

from kubelite.apiserver.admission.dynamic.namespaces import Namespaces
from kubelite.apiserver.admission.dynamic.seen import Seen
from kubelite.apiserver.admission.policies.params import Misconfigured, Params
from kubelite.apiserver.admission.policies.source import Binding, Hook
from kubelite.machinery.kind import Kind


class Invocation(NamedTuple):
    """One evaluation. `problem`: why it cannot take place; `binding` is None if the policy itself is wrong."""

    hook: Hook
    binding: Binding | None
    kind: Kind
    params: Any = None
    problem: str = ""
    key: str = ""


class Dispatcher:
    """`reviewer` is the server's authorizer."""

    def __init__(self, namespaces: Namespaces, params: Params, reviewer: Any) -> None:
        self._namespaces = namespaces
        self._params = params
        self._reviewer = reviewer

    async def facts(self, seen: Seen) -> Any:
        """A function from a kind to the variables of the request shown in it."""
        from kubelite.apiserver.admission.dynamic.facts import Facts, Permissions

        body = await self._namespaces.body(seen)
        permissions = Permissions(self._reviewer, seen.request.user)
        made: dict[int, Facts] = {}

        def of(kind: Kind) -> Facts:
            found = made.get(id(kind))
            if found is None:
                found = made[id(kind)] = Facts(
                    seen, kind, permissions, lambda: None if body is None else msgspec.json.decode(body)
                )
            return found

        return of

    async def invocations(self, seen: Seen, found: list[tuple[Hook, Kind]]) -> AsyncIterator[Invocation]:
        """The evaluations that a request needs, in order. Raises StatusError 404 for a namespace that is gone."""
        space = await self._namespaces.labels(seen)
        for hook, kind in found:
            if not hook.matcher.selects(seen, space):
                continue
            for binding in hook.bindings:
                if binding.limits and not self._binds(binding, seen, kind, space):
                    continue
                async for one in self._with_params(hook, binding, kind, seen):
                    yield one

    @staticmethod
    def _binds(binding: Binding, seen: Seen, kind: Kind, space: Any) -> bool:
        known = [seen.kind] if kind is seen.kind else [seen.kind, kind]
        return binding.matcher.kind_for(seen, known) is not None and binding.matcher.selects(seen, space)

    async def _with_params(self, hook: Hook, binding: Binding, kind: Kind, seen: Seen) -> AsyncIterator[Invocation]:
        try:
            params = await self._params.of(hook.policy.spec.paramKind, binding.params, seen)
        except Misconfigured as error:
            yield Invocation(hook, None if error.policy else binding, kind, problem=str(error))
            return
        for one in params:
            about = (one or {}).get("metadata", {})
            key = f"{hook.name}/{binding.name}/{about.get('namespace', '')}/{about.get('name', '')}"
            yield Invocation(hook, binding, kind, one, key=key)

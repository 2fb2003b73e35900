"""The policies of the server with their bindings, compiled and in order.

What: `Hook`, a policy and what binds it; `Policies`, all of one kind. Why: as for webhooks, rules and selectors are compiled when
an object changes. Flow: the watch cache tells of policies and bindings → `Policies.index`, rebuilt when it is next needed, in the
order of names. A policy without a binding concerns no request. Source:
apiserver/pkg/admission/plugin/policy/generic/policy_source.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubelite.api.types import admissionregistration_v1 as v1
from kubelite.apiserver.admission.dynamic.matching import GROUP, Index, Matcher
from kubelite.apiserver.lookup import Lookup
from kubelite.machinery.scheme import Scheme

if TYPE_CHECKING:
    from kubelite.apiserver.admission.policies.compiled import Compiled

Policy = v1.ValidatingAdmissionPolicy | v1.MutatingAdmissionPolicy
BindingObject = v1.ValidatingAdmissionPolicyBinding | v1.MutatingAdmissionPolicyBinding


def _matcher(match: v1.MatchResources | None) -> Matcher:
    found = match or v1.MatchResources()
    return Matcher(
        found.resourceRules,
        found.excludeResourceRules,
        found.matchPolicy,
        found.namespaceSelector,
        found.objectSelector,
    )


class Binding:
    """Where a policy applies, and with which parameters."""

    def __init__(self, raw: BindingObject) -> None:
        self.name = raw.metadata.name
        self.params = raw.spec.paramRef
        self.actions: list[str] = getattr(raw.spec, "validationActions", [])
        self.limits = raw.spec.matchResources is not None
        self.matcher = _matcher(raw.spec.matchResources)


class Hook:
    """One policy with its bindings."""

    def __init__(self, policy: Policy, bindings: list[Binding], programs: dict[str, Compiled]) -> None:
        self.policy = policy
        self.name = policy.metadata.name
        self.bindings = bindings
        self.fails = policy.spec.failurePolicy != "Ignore"
        self.matcher = _matcher(policy.spec.matchConstraints)
        self._programs = programs

    @property
    def compiled(self) -> Compiled:
        """The programs, made when they are first needed."""
        found = self._programs.get(self.name)
        if found is None:
            from kubelite.apiserver.admission.policies.compiled import Compiled

            found = self._programs[self.name] = Compiled(self.policy)
        return found


class Policies:
    """All policies of a kind: `kind` is "validating" or "mutating"."""

    def __init__(self, lookup: Lookup, scheme: Scheme, kind: str, policy_type: Any, binding_type: Any) -> None:
        self._scheme = scheme
        self._policies: dict[str, Policy] = {}
        self._bindings: dict[str, BindingObject] = {}
        self._programs: dict[str, Compiled] = {}
        self._index: Index[Hook] | None = None
        self.any = False
        """Whether there is a policy with a binding."""
        lookup.follow(f"{kind}admissionpolicies", GROUP, policy_type, self._policy_changed)
        lookup.follow(f"{kind}admissionpolicybindings", GROUP, binding_type, self._binding_changed)

    def _policy_changed(self, namespace: str, name: str, found: Policy | None) -> None:
        before = self._policies.pop(name, None)
        if found is not None:
            self._policies[name] = found
        if found is None or before is None or before.spec != found.spec:
            self._programs.pop(name, None)
        self._changed()

    def _binding_changed(self, namespace: str, name: str, found: BindingObject | None) -> None:
        self._bindings.pop(name, None)
        if found is not None:
            self._bindings[name] = found
        self._changed()

    def _changed(self) -> None:
        self._index = None
        self.any = any(one.spec.policyName in self._policies for one in self._bindings.values())

    @property
    def index(self) -> Index[Hook]:
        """The policies that are bound, as they are now."""
        if self._index is None:
            bound: dict[str, list[Binding]] = {}
            for name in sorted(self._bindings):
                raw = self._bindings[name]
                bound.setdefault(raw.spec.policyName, []).append(Binding(raw))
            hooks = [
                Hook(self._policies[name], bound[name], self._programs)
                for name in sorted(self._policies)
                if name in bound
            ]
            self._index = Index(self._scheme, hooks)
        return self._index

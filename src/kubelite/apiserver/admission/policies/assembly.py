"""Puts the two policy plugins of a server together."""

from __future__ import annotations

from typing import Any

from kubelite.api.types import admissionregistration_v1 as v1
from kubelite.apiserver.admission.dynamic.namespaces import Namespaces
from kubelite.apiserver.admission.policies.dispatch import Dispatcher
from kubelite.apiserver.admission.policies.mutating import MutatingAdmissionPolicy
from kubelite.apiserver.admission.policies.params import Params
from kubelite.apiserver.admission.policies.source import Policies
from kubelite.apiserver.admission.policies.validating import ValidatingAdmissionPolicy
from kubelite.apiserver.admission.sources import Sources


def build(sources: Sources, registry: Any, reviewer: Any) -> tuple[MutatingAdmissionPolicy, ValidatingAdmissionPolicy]:
    """(mutating, validating)."""
    namespaces = Namespaces(sources.namespace, sources.live_namespace)
    dispatcher = Dispatcher(namespaces, Params(registry), reviewer)

    def policies(kind: str, policy_type: Any, binding_type: Any) -> Policies:
        return Policies(sources.lookup, registry.scheme, kind, policy_type, binding_type)

    return (
        MutatingAdmissionPolicy(
            policies("mutating", v1.MutatingAdmissionPolicy, v1.MutatingAdmissionPolicyBinding), dispatcher
        ),
        ValidatingAdmissionPolicy(
            policies("validating", v1.ValidatingAdmissionPolicy, v1.ValidatingAdmissionPolicyBinding), dispatcher
        ),
    )

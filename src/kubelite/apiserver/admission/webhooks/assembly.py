"""Puts the two webhook plugins of a server together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubelite.api.types import admissionregistration_v1 as v1
from kubelite.apiserver.admission.dynamic.namespaces import Namespaces
from kubelite.apiserver.admission.sources import Sources
from kubelite.apiserver.admission.webhooks.ask import Asker
from kubelite.apiserver.admission.webhooks.client import Callers
from kubelite.apiserver.admission.webhooks.hooks import Hooks
from kubelite.apiserver.admission.webhooks.identity import of_settings
from kubelite.apiserver.admission.webhooks.mutating import MutatingAdmissionWebhook
from kubelite.apiserver.admission.webhooks.validating import ValidatingAdmissionWebhook


def build(
    sources: Sources, registry: Any, reviewer: Any, configurations: Mapping[str, dict[str, Any]]
) -> tuple[MutatingAdmissionWebhook, ValidatingAdmissionWebhook]:
    """(mutating, validating). Raises ValueError for settings that cannot be used."""
    from kubelite.apiserver.crd.services import resolver

    namespaces = Namespaces(sources.namespace, sources.live_namespace)
    resolve = resolver(registry)

    def parts(plugin: str, resource: str, type_: Any, kind: str) -> tuple[Hooks, Asker]:
        callers = Callers(resolve, of_settings(configurations.get(plugin) or {}, plugin))
        hooks = Hooks(sources.lookup, registry.scheme, resource, type_, callers)
        return hooks, Asker(callers, namespaces, reviewer, kind)

    return (
        MutatingAdmissionWebhook(
            *parts(
                MutatingAdmissionWebhook.name,
                "mutatingwebhookconfigurations",
                v1.MutatingWebhookConfiguration,
                "admit",
            )
        ),
        ValidatingAdmissionWebhook(
            *parts(
                ValidatingAdmissionWebhook.name,
                "validatingwebhookconfigurations",
                v1.ValidatingWebhookConfiguration,
                "validating",
            )
        ),
    )

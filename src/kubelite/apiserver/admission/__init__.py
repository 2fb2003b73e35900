"""What may be written, and what it becomes on the way: the admission plugins.

`build` makes the chain of a server, in upstream's order of plugins.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from kubelite.apiserver.admission import settings
from kubelite.apiserver.admission.chain import Chain
from kubelite.apiserver.admission.plugin import Plugin
from kubelite.apiserver.admission.sources import Sources
from kubelite.apiserver.config import Config

__all__ = ["Chain", "build", "close", "known", "tasks"]

UNSUPPORTED = ("ImagePolicyWebhook", "ClusterTrustBundleAttest")
"""Upstream's plugins that are not here: who wants one is told so, who turns one off has what he wants."""
_chains: WeakKeyDictionary[Any, Chain] = WeakKeyDictionary()


def build(config: Config, registry: Any) -> Chain:
    """The admission of a server. Raises ValueError for a plugin that is not known by that name."""
    plugins = known(config, registry)
    names = {plugin.name for plugin in plugins}
    enabled, disabled = _names(config.enable_admission_plugins), _names(config.disable_admission_plugins)
    for name in enabled:
        if name in UNSUPPORTED:
            raise ValueError(f"the admission plugin {name!r} is not supported")
    for name in (*enabled, *(one for one in disabled if one not in UNSUPPORTED)):
        if name not in names:
            raise ValueError(f"unknown admission plugin {name!r}, known are {', '.join(sorted(names - {''}))}")
    runs = [one for one in plugins if not one.name or one.name in enabled or (one.default and one.name not in disabled)]
    chain = _chains[registry] = Chain(runs)
    return chain


def known(config: Config, registry: Any) -> list[Plugin]:
    """Every plugin there is, in order. Raises ValueError for settings that cannot be used."""
    return _plugins(config, registry, settings.load(config.admission_control_config_file))


def tasks(registry: Any) -> list[tuple[str, Callable[[], Coroutine[Any, Any, None]]]]:
    """(name, coroutine function) of what runs as long as the server."""
    from kubelite.apiserver.admission.policies.status import StatusWriter
    from kubelite.apiserver.lookup import Lookup

    return [("admission policies", StatusWriter(registry, Lookup(registry)).run)]


async def close(registry: Any) -> None:
    """Closes the connections to webhooks."""
    chain = _chains.pop(registry, None)
    if chain is not None:
        await chain.close()


def _names(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


class _Parts(NamedTuple):
    """What plugins are made of."""

    registry: Any
    sources: Sources
    authorizer: Any
    settings: Mapping[str, dict[str, Any]]


def _plugins(config: Config, registry: Any, configurations: dict[str, dict[str, Any]]) -> list[Plugin]:
    """All plugins in upstream's order (kubeapiserver/options/plugins.go)."""
    from kubelite.apiserver import authz
    from kubelite.apiserver.admission.plugins.always import AlwaysAdmit, AlwaysDeny
    from kubelite.apiserver.admission.plugins.paramaccess import ParamAccess
    from kubelite.apiserver.admission.plugins.rbac import RoleEscalation
    from kubelite.apiserver.admission.plugins.resourcequota import QuotaAdmission

    parts = _Parts(registry, Sources(registry), authz.build(config, registry), configurations)
    plugins: list[Plugin] = [AlwaysAdmit(), *_about_namespaces(parts), *_about_pods(parts), *_about_others(parts)]
    if "RBAC" in authz.names(config, registry):
        plugins.append(RoleEscalation(parts.authorizer))
    plugins.append(ParamAccess(parts.authorizer, registry.scheme, parts.sources.lookup))
    plugins += _extensible(parts)
    # Behind whatever may still refuse: it reserves what it lets pass.
    return [*plugins, QuotaAdmission(registry, configurations.get(QuotaAdmission.name)), AlwaysDeny()]


def _about_namespaces(parts: _Parts) -> list[Plugin]:
    from kubelite.apiserver.admission.plugins.antiaffinity import LimitPodHardAntiAffinityTopology
    from kubelite.apiserver.admission.plugins.limitranger import LimitRanger
    from kubelite.apiserver.admission.plugins.namespacelifecycle import NamespaceLifecycle
    from kubelite.apiserver.admission.plugins.namespaces import NamespaceAutoProvision, NamespaceExists

    sources = parts.sources
    return [
        NamespaceAutoProvision(sources.namespace, sources.provide_namespace),
        NamespaceLifecycle(sources.namespace, sources.live_namespace),
        NamespaceExists(sources.namespace, sources.live_namespace),
        LimitPodHardAntiAffinityTopology(),
        LimitRanger(sources.limits),
    ]


def _about_pods(parts: _Parts) -> list[Plugin]:
    from kubelite.apiserver.admission.plugins.alwayspullimages import AlwaysPullImages
    from kubelite.apiserver.admission.plugins.eventratelimit import EventRateLimit
    from kubelite.apiserver.admission.plugins.extendedresources import ExtendedResourceToleration
    from kubelite.apiserver.admission.plugins.nodeaudience import AudienceRestriction
    from kubelite.apiserver.admission.plugins.noderestriction import NodeRestriction
    from kubelite.apiserver.admission.plugins.podplacement import PodNodeSelector, PodTolerationRestriction
    from kubelite.apiserver.admission.plugins.podsecurity import PodSecurity
    from kubelite.apiserver.admission.plugins.priority import Priority
    from kubelite.apiserver.admission.plugins.serviceaccount import ServiceAccountAdmission
    from kubelite.apiserver.admission.plugins.taintnodes import TaintNodesByCondition
    from kubelite.apiserver.admission.plugins.tolerations import DefaultTolerationSeconds

    sources, settings_of = parts.sources, parts.settings.get
    return [
        ServiceAccountAdmission(sources.account, sources.live_account),
        NodeRestriction(sources.pod, AudienceRestriction(sources.lookup, parts.authorizer).check),
        TaintNodesByCondition(),
        AlwaysPullImages(),
        PodSecurity(sources.labels, sources.pods, settings_of(PodSecurity.name)),
        PodNodeSelector(sources.annotations, settings_of(PodNodeSelector.name)),
        Priority(sources.priority_class, sources.priority_classes),
        DefaultTolerationSeconds(),
        PodTolerationRestriction(sources.annotations, settings_of(PodTolerationRestriction.name)),
        EventRateLimit(time.monotonic, settings_of(EventRateLimit.name)),
        ExtendedResourceToleration(),
    ]


def _about_others(parts: _Parts) -> list[Plugin]:
    from kubelite.apiserver.admission.plugins import certificates
    from kubelite.apiserver.admission.plugins.defaultclass import DefaultIngressClass, DefaultStorageClass
    from kubelite.apiserver.admission.plugins.deviceadmin import DeviceAdminAccess
    from kubelite.apiserver.admission.plugins.externalips import DenyServiceExternalIPs
    from kubelite.apiserver.admission.plugins.ownerreferences import OwnerReferencesPermissionEnforcement
    from kubelite.apiserver.admission.plugins.runtimeclass import RuntimeClass
    from kubelite.apiserver.admission.plugins.storage import PersistentVolumeClaimResize, StorageObjectInUseProtection
    from kubelite.apiserver.admission.plugins.topologylabels import PodTopologyLabels

    sources = parts.sources
    return [
        DefaultStorageClass(sources.storage_classes),
        StorageObjectInUseProtection(),
        OwnerReferencesPermissionEnforcement(parts.authorizer, parts.registry.scheme.by_kind),
        PersistentVolumeClaimResize(sources.storage_class),
        RuntimeClass(sources.runtime_class),
        *certificates.plugins(parts.authorizer),
        DefaultIngressClass(sources.ingress_classes),
        DenyServiceExternalIPs(),
        PodTopologyLabels(sources.node_labels),
        DeviceAdminAccess(sources.labels),
    ]


def _extensible(parts: _Parts) -> list[Plugin]:
    """What administrators add: policies and webhooks, those that mutate first."""
    from kubelite.apiserver.admission.policies import assembly as policies
    from kubelite.apiserver.admission.webhooks import assembly as webhooks

    mutating, validating = policies.build(parts.sources, parts.registry, parts.authorizer)
    mutating_webhooks, validating_webhooks = webhooks.build(
        parts.sources, parts.registry, parts.authorizer, parts.settings
    )
    return [mutating, mutating_webhooks, validating, validating_webhooks]

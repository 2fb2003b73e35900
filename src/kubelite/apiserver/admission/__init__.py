"""What may be written, and what it becomes on the way: the admission plugins.

`build` makes the chain of a server, in upstream's order of plugins.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from typing import Any
from weakref import WeakKeyDictionary

from kubelite.apiserver.admission import settings
from kubelite.apiserver.admission.chain import Chain
from kubelite.apiserver.admission.plugin import Plugin
from kubelite.apiserver.admission.sources import Sources
from kubelite.apiserver.config import Config

__all__ = ["Chain", "build", "close", "tasks"]

_chains: WeakKeyDictionary[Any, Chain] = WeakKeyDictionary()


def build(config: Config, registry: Any) -> Chain:
    """The admission of a server. Raises ValueError for a plugin that is not known by that name."""
    known = _plugins(config, registry, settings.load(config.admission_control_config_file))
    names = {plugin.name for plugin in known}
    enabled, disabled = _names(config.enable_admission_plugins), _names(config.disable_admission_plugins)
    for name in (*enabled, *disabled):
        if name not in names:
            raise ValueError(f"unknown admission plugin {name!r}, known are {', '.join(sorted(names - {''}))}")
    runs = [one for one in known if not one.name or one.name in enabled or (one.default and one.name not in disabled)]
    chain = _chains[registry] = Chain(runs)
    return chain


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


def _plugins(config: Config, registry: Any, configurations: dict[str, dict[str, Any]]) -> list[Plugin]:
    """All plugins in upstream's order (kubeapiserver/options/plugins.go)."""
    from kubelite.apiserver import authz
    from kubelite.apiserver.admission.plugins import certificates
    from kubelite.apiserver.admission.plugins.alwayspullimages import AlwaysPullImages
    from kubelite.apiserver.admission.plugins.defaultclass import DefaultIngressClass, DefaultStorageClass
    from kubelite.apiserver.admission.plugins.deviceadmin import DeviceAdminAccess
    from kubelite.apiserver.admission.plugins.eventratelimit import EventRateLimit
    from kubelite.apiserver.admission.plugins.extendedresources import ExtendedResourceToleration
    from kubelite.apiserver.admission.plugins.limitranger import LimitRanger
    from kubelite.apiserver.admission.plugins.namespacelifecycle import NamespaceLifecycle
    from kubelite.apiserver.admission.plugins.nodeaudience import AudienceRestriction
    from kubelite.apiserver.admission.plugins.noderestriction import NodeRestriction
    from kubelite.apiserver.admission.plugins.podplacement import PodNodeSelector, PodTolerationRestriction
    from kubelite.apiserver.admission.plugins.podsecurity import PodSecurity
    from kubelite.apiserver.admission.plugins.priority import Priority
    from kubelite.apiserver.admission.plugins.rbac import RoleEscalation
    from kubelite.apiserver.admission.plugins.resourcequota import QuotaAdmission
    from kubelite.apiserver.admission.plugins.runtimeclass import RuntimeClass
    from kubelite.apiserver.admission.plugins.serviceaccount import ServiceAccountAdmission
    from kubelite.apiserver.admission.plugins.storage import PersistentVolumeClaimResize, StorageObjectInUseProtection
    from kubelite.apiserver.admission.plugins.taintnodes import TaintNodesByCondition
    from kubelite.apiserver.admission.plugins.tolerations import DefaultTolerationSeconds

    sources = Sources(registry)
    authorizer = authz.build(config, registry)
    settings_of = configurations.get
    plugins: list[Plugin] = [
        NamespaceLifecycle(sources.namespace, sources.live_namespace),
        LimitRanger(sources.limits),
        ServiceAccountAdmission(sources.account, sources.live_account),
        NodeRestriction(sources.pod, AudienceRestriction(sources.lookup, authorizer).check),
        TaintNodesByCondition(),
        AlwaysPullImages(),
        PodSecurity(sources.labels, sources.pods, settings_of(PodSecurity.name)),
        PodNodeSelector(sources.annotations, settings_of(PodNodeSelector.name)),
        Priority(sources.priority_class, sources.priority_classes),
        DefaultTolerationSeconds(),
        PodTolerationRestriction(sources.annotations, settings_of(PodTolerationRestriction.name)),
        EventRateLimit(time.monotonic, settings_of(EventRateLimit.name)),
        ExtendedResourceToleration(),
        DefaultStorageClass(sources.storage_classes),
        StorageObjectInUseProtection(),
        PersistentVolumeClaimResize(sources.storage_class),
        RuntimeClass(sources.runtime_class),
        *certificates.plugins(authorizer),
        DefaultIngressClass(sources.ingress_classes),
    ]
    plugins.append(DeviceAdminAccess(sources.labels))
    if "RBAC" in authz.names(config, registry):
        plugins.append(RoleEscalation(authorizer))
    plugins += _extensible(sources, registry, authz.build(config, registry), configurations)
    plugins.append(QuotaAdmission(registry, settings_of(QuotaAdmission.name)))  # last: it reserves what it lets pass
    return plugins


def _extensible(
    sources: Sources, registry: Any, reviewer: Any, configurations: dict[str, dict[str, Any]]
) -> list[Plugin]:
    """What administrators add: policies and webhooks, those that mutate first."""
    from kubelite.apiserver.admission.policies import assembly as policies
    from kubelite.apiserver.admission.webhooks import assembly as webhooks

    mutating, validating = policies.build(sources, registry, reviewer)
    mutating_webhooks, validating_webhooks = webhooks.build(sources, registry, reviewer, configurations)
    return [mutating, mutating_webhooks, validating, validating_webhooks]

"""What may be written, and what it becomes on the way: the admission plugins.

`build` makes the chain of a server, in upstream's order of plugins.
"""

from __future__ import annotations

from typing import Any

from kubelite.apiserver.admission.chain import Chain
from kubelite.apiserver.admission.plugin import Plugin
from kubelite.apiserver.config import Config
from kubelite.apiserver.lookup import Lookup

__all__ = ["Chain", "build"]


def build(config: Config, registry: Any) -> Chain:
    """The admission of a server. Raises ValueError for a plugin that is not known by that name."""
    known = _plugins(config, registry)
    names = {plugin.name for plugin in known}
    enabled, disabled = _names(config.enable_admission_plugins), _names(config.disable_admission_plugins)
    for name in (*enabled, *disabled):
        if name not in names:
            raise ValueError(f"unknown admission plugin {name!r}, known are {', '.join(sorted(names - {''}))}")
    return Chain([plugin for plugin in known if not plugin.name or plugin.name not in disabled])


def _names(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def _plugins(config: Config, registry: Any) -> list[Plugin]:
    from kubelite.api.types.core_v1 import Pod, ServiceAccount
    from kubelite.api.types.scheduling_v1 import PriorityClass
    from kubelite.apiserver import authz
    from kubelite.apiserver.admission.plugins import certificates
    from kubelite.apiserver.admission.plugins.namespacelifecycle import NamespaceLifecycle
    from kubelite.apiserver.admission.plugins.noderestriction import NodeRestriction
    from kubelite.apiserver.admission.plugins.priority import Priority
    from kubelite.apiserver.admission.plugins.rbac import RoleEscalation
    from kubelite.apiserver.admission.plugins.serviceaccount import ServiceAccountAdmission
    from kubelite.apiserver.admission.plugins.taintnodes import TaintNodesByCondition
    from kubelite.apiserver.admission.plugins.tolerations import DefaultTolerationSeconds

    lookup = Lookup(registry)
    scheduling = "scheduling.k8s.io"

    async def live(resource: str, namespace: str, name: str) -> bytes | None:
        kind = lookup.kind(resource)
        entry = None if kind is None else await registry.live(kind, namespace, name)
        return None if entry is None else bytes(entry.body)

    async def live_account(namespace: str, name: str) -> ServiceAccount | None:
        import msgspec

        body = await live("serviceaccounts", namespace, name)
        return None if body is None else msgspec.json.decode(body, type=ServiceAccount)

    plugins: list[Plugin] = [
        NamespaceLifecycle(lambda name: lookup.body("namespaces", "", name), lambda name: live("namespaces", "", name)),
        ServiceAccountAdmission(
            lambda namespace, name: lookup.get("serviceaccounts", namespace, name, ServiceAccount), live_account
        ),
        NodeRestriction(lambda namespace, name: lookup.get("pods", namespace, name, Pod)),
        TaintNodesByCondition(),
        Priority(
            lambda name: lookup.get("priorityclasses", "", name, PriorityClass, scheduling),
            lambda: lookup.shared_list("priorityclasses", PriorityClass, scheduling),
        ),
        DefaultTolerationSeconds(),
        *certificates.plugins(authz.build(config, registry)),
    ]
    if "RBAC" in authz.names(config, registry):
        plugins.append(RoleEscalation(authz.build(config, registry)))
    return plugins

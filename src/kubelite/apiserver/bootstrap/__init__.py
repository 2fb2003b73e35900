"""What a cluster has before its first user comes: namespaces, roles, priority classes, the kubernetes Service.

`ensure` writes what is absent, once at start; `announce` and `run` keep this server among the endpoints of the Service. All are
safe beside another server that does the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

from kubelite.apiserver import features
from kubelite.apiserver.config import Config
from kubelite.machinery.errors import StatusError
from kubelite.storage.interface import StoreError
from kubelite.util.log import get_logger

log = get_logger(__name__)


async def ensure(config: Config, registry: Any) -> None:
    """Brings the default objects into being. Raises StoreError if the store does not answer."""
    from kubelite.apiserver.bootstrap import (
        authentication,
        component_policy,
        controller_policy,
        merge,
        objects,
        user_policy,
    )
    from kubelite.apiserver.bootstrap.writer import Writer, never

    writer = Writer(registry.store)
    service = objects.kubernetes_service(config.service_cluster_ip_range, config.secure_port)
    reporting = features.reports_versions(config.feature_gates)
    groups: list[tuple[str, str, list[Any], Any]] = [
        ("v1", "Namespace", objects.namespaces(), never),
        ("scheduling.k8s.io/v1", "PriorityClass", objects.priority_classes(), never),
        (
            _RBAC,
            "ClusterRole",
            [*user_policy.roles(), *component_policy.cluster_roles(), *controller_policy.cluster_roles(reporting)],
            merge.merge_role,
        ),
        (
            _RBAC,
            "ClusterRoleBinding",
            [*component_policy.cluster_bindings(), *controller_policy.cluster_bindings(reporting)],
            merge.merge_binding,
        ),
        (_RBAC, "Role", component_policy.local_roles(), merge.merge_role),
        (_RBAC, "RoleBinding", component_policy.local_bindings(), merge.merge_binding),
        ("v1", "ConfigMap", [authentication.config_map(config)], authentication.merge),
        ("networking.k8s.io/v1", "ServiceCIDR", [objects.service_cidr(config.service_cluster_ip_range)], never),
        ("v1", "Service", [service], merge.merge_service if config.secure_port else never),
    ]
    for api_version, name, wanted, how in groups:
        kind = registry.scheme.by_kind(api_version, name)
        if kind is None:
            continue
        limit = asyncio.Semaphore(16)

        async def one(kind: Any, obj: Any, how: Any, limit: asyncio.Semaphore) -> None:
            async with limit:
                await writer.ensure(kind, obj, how)

        async with asyncio.TaskGroup() as tasks:
            for obj in wanted:
                tasks.create_task(one(kind, obj, how, limit))
    registry.cache.written = max(registry.cache.written, writer.written)


async def announce(config: Config, registry: Any, port: int) -> None:
    """Puts this server, which listens on `port`, among the endpoints of the Service, and among those that live."""
    from kubelite.apiserver.bootstrap import identity

    await _masters(config, registry, port).announce()
    if features.parse(config.feature_gates)[features.IDENTITY]:
        await identity.renew(registry)


def tasks(config: Config, registry: Any) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
    """What runs in the background besides `run`, by name: the report of storage versions where that is switched on."""
    if not features.reports_versions(config.feature_gates):
        return []
    from kubelite.apiserver.bootstrap import storageversions

    return [("storage versions", lambda: storageversions.run(registry))]


async def run(config: Config, registry: Any, port: int) -> None:
    """Renews this server's Lease and place in the Service, publishes authorities that changed; at last leaves."""
    from kubelite.apiserver.bootstrap import identity
    from kubelite.apiserver.bootstrap.masters import RENEW_SECONDS

    masters = _masters(config, registry, port)
    published: dict[str, str] = {}
    identified = features.parse(config.feature_gates)[features.IDENTITY]
    collected = -identity.COLLECT_SECONDS
    try:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                await masters.announce()
                if identified:
                    await identity.renew(registry)
                    if monotonic() - collected >= identity.COLLECT_SECONDS:
                        collected = monotonic()
                        await identity.collect(registry)
                await _keep_service(config, registry)
                published = await _publish(config, registry, published)
            except (StoreError, StatusError, OSError) as error:
                log.warning("Endpoints or authorities of this server could not be published", error=str(error))
    finally:
        try:
            async with asyncio.timeout(2):
                await masters.withdraw()
        except (StoreError, TimeoutError) as error:
            log.warning("This server could not leave the kubernetes Service", error=str(error))


async def _keep_service(config: Config, registry: Any) -> None:
    """Brings the Service back if somebody deleted it: every pod looks for the API server there. Its range likewise."""
    from kubelite.apiserver.bootstrap import objects

    kind = registry.scheme.by_kind("networking.k8s.io/v1", "ServiceCIDR")
    if kind is not None and registry.entry(kind, "", objects.SERVICE_NAME) is None:
        await registry.create(kind, objects.service_cidr(config.service_cluster_ip_range))
    kind = registry.scheme.by_kind("v1", "Service")
    if kind is not None and registry.entry(kind, "default", "kubernetes") is None:
        # Not straight to the store: its address may have been taken meanwhile.
        await registry.create(kind, objects.kubernetes_service(config.service_cluster_ip_range, config.secure_port))


async def _publish(config: Config, registry: Any, before: dict[str, str]) -> dict[str, str]:
    """Tells extension servers whom this one trusts, if its files say something else than before."""
    from kubelite.apiserver.bootstrap import authentication
    from kubelite.apiserver.bootstrap.writer import Writer

    wanted = authentication.config_map(config)
    kind = registry.scheme.by_kind("v1", "ConfigMap")
    if wanted.data != before and kind is not None:
        await Writer(registry.store).ensure(kind, wanted, authentication.merge)
    return dict(wanted.data)


def _masters(config: Config, registry: Any, port: int) -> Any:
    from kubelite.apiserver.bootstrap import masters

    return masters.of(registry, masters.advertised(config.advertise_address, config.bind_address), port)


_RBAC = "rbac.authorization.k8s.io/v1"

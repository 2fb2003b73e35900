"""`PodEnvironment`: fetches what variables and resolver settings are made of, and keeps the services.

What: the kubelet's `Environment`. Why: the rest of this package is pure. Flow: one informer of all services (narrow); config maps
and secrets are read from the volumes' cache where a volume watches them, otherwise from the API at each container start;
the resolver file is read again when it changes.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import Final

from kubelite.api.types.core_v1 import Pod, Service
from kubelite.client.informer import Informer
from kubelite.kubelet.env import dns, variables
from kubelite.kubelet.env.services import NarrowService, for_pod
from kubelite.kubelet.env.variables import MissingReference, Reference, Sources
from kubelite.kubelet.interfaces import AnyContainer, Context, DnsConfig, SyncError
from kubelite.kubelet.kinds import POD
from kubelite.kubelet.volumes.objects import shared_objects
from kubelite.machinery.kind import Kind

SERVICE: Final = Kind(group="", version="v1", kind="Service", plural="services", type=Service)

SERVICES_SECONDS: Final = 10.0
CONFIG_ERROR: Final = "CreateContainerConfigError"


class PodEnvironment:
    """See `kubelet.interfaces.Environment`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._services: Informer[NarrowService] = Informer(context.client, SERVICE, type=NarrowService)
        self._objects = shared_objects(context)
        self._resolver: tuple[float, DnsConfig] | None = None

    async def run(self) -> None:
        """Keep the services."""
        await self._services.run()

    async def make_env(
        self, pod: Pod, container: AnyContainer, *, pod_ips: Sequence[str], host_ips: Sequence[str]
    ) -> Mapping[str, str]:
        """Variables in order. Raises SyncError."""
        if not self._services.has_synced:
            try:
                async with asyncio.timeout(SERVICES_SECONDS):
                    await self._services.synced()
            except TimeoutError:
                text = "services have not yet been read at least once, cannot construct envvars"
                raise SyncError(CONFIG_ERROR, text) from None
        links = pod.spec.enableServiceLinks is not False
        node = self._context.node()
        try:
            made, complaints = variables.build(
                pod,
                container,
                Sources(
                    services=for_pod(self._services.list(), pod.metadata.namespace, links),
                    objects=await self._fetch(pod, container),
                    pod_ips=pod_ips,
                    host_ips=host_ips,
                    allocatable=node.status.allocatable if node is not None else {},
                ),
            )
        except MissingReference as error:
            raise SyncError(CONFIG_ERROR, str(error)) from error
        for text in complaints:
            self._context.recorder.event(POD, pod, "Warning", "InvalidEnvironmentVariableNames", text)
        return made

    async def _fetch(self, pod: Pod, container: AnyContainer) -> dict[Reference, Mapping[str, str] | None]:
        found: dict[Reference, Mapping[str, str] | None] = {}
        for reference in variables.references(container):
            if reference in found:
                continue
            kind, name = reference
            obj = await self._objects.read(kind, pod.metadata.namespace, name, CONFIG_ERROR)
            if obj is None:
                found[reference] = None
            else:
                found[reference] = variables.decoded(obj.data) if kind == "secret" else obj.data
        return found

    def dns(self, pod: Pod) -> DnsConfig:
        """The pod's resolver settings; what the C library cannot take is left out with an event. Raises SyncError."""
        config = self._context.config
        servers = config.cluster_dns
        if not servers and dns.wants_cluster(pod):
            self._context.recorder.event(
                POD,
                pod,
                "Warning",
                "MissingClusterDNS",
                f'pod: "{pod.metadata.name}_{pod.metadata.namespace}({pod.metadata.uid})". kubelet does not have ClusterDNS IP '
                'configured and cannot create Pod using "ClusterFirst" policy. Falling back to "Default" policy.',
            )
        try:
            wanted = dns.for_pod(pod, self._host(), servers, config.cluster_domain)
        except (ValueError, OSError) as error:
            raise SyncError("FailedCreatePodSandBox", str(error)) from error
        result, complaints = dns.fit_limits(wanted)
        for text in complaints:
            self._context.recorder.event(POD, pod, "Warning", "DNSConfigForming", text)
        return result

    def _host(self) -> DnsConfig:
        path = self._context.config.resolv_conf
        if not path:
            return DnsConfig(["127.0.0.1"], ["."])
        changed = os.stat(path).st_mtime
        if self._resolver is None or self._resolver[0] != changed:
            with open(path, encoding="utf-8", errors="replace") as file:
                self._resolver = changed, dns.parse(file.read())
        return self._resolver[1]

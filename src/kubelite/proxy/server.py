"""`kubelite proxy`: programs the kernel with the virtual addresses of Services.

What: watches Services and EndpointSlices and keeps iptables as wanted. Why: a Service's address exists in no interface; only
these rules lead packets from it to pods. Flow: informers → `changed` → plan.py → render_iptables.py → one atomic
`iptables-restore` with what differs. Bounds: at most one sync every `min_sync_period`; changes in between are merged by
looking at the caches anew. Rules stay when the process ends: connections go on while it restarts.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from kubelite.api import constants
from kubelite.api.core.node import NODE
from kubelite.api.core.service import SERVICE
from kubelite.api.discovery.endpoint_slice import ENDPOINT_SLICE
from kubelite.client.client import Client
from kubelite.client.config import load_kubeconfig
from kubelite.client.informer import Change, Informer
from kubelite.netfilter.iptables import Applier
from kubelite.proxy import model
from kubelite.proxy.health import HealthPorts
from kubelite.proxy.plan import health_nodes, plan, stale_flows
from kubelite.proxy.render_iptables import Settings, tables
from kubelite.util import http1
from kubelite.util.backoff import Backoff
from kubelite.util.log import get_logger
from kubelite.util.metrics import Registry, add_process_metrics
from kubelite.util.process import CommandFailed
from kubelite.util.process import run as run_command
from kubelite.util.tasks import supervise

log = get_logger(__name__)
CHECK_SECONDS = 60.0
ZONE = "topology.kubernetes.io/zone"
UNHEALTHY_AFTER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of the service proxy."""

    kubeconfig: str = f"{constants.ETC}/proxy.kubeconfig"
    """How to reach the API server."""
    hostname_override: str = ""
    """Name of this machine's node; empty takes the host name."""
    cluster_cidr: str = constants.POD_CIDR
    """Range of the pods' addresses: traffic from elsewhere to a cluster address is masqueraded."""
    proxy_mode: str = "iptables"
    """How packets are led: iptables is the one mode there is."""
    min_sync_period: float = 0.2
    """Seconds between two changes of the kernel's rules."""
    healthz_bind_address: str = f"0.0.0.0:{constants.PROXY_HEALTHZ_PORT}"
    """Address of the health check that load balancers ask; empty for none."""
    metrics_bind_address: str = f"127.0.0.1:{constants.PROXY_METRICS_PORT}"
    """Address of /metrics; empty for none."""


class Proxy:
    """Brings the kernel to what the caches say."""

    def __init__(
        self,
        config: Config,
        services: Informer[model.Service],
        slices: Informer[model.EndpointSlice],
        node: str,
        nodes: Informer[model.Node] | None = None,
    ) -> None:
        self.nodes, self.zone = nodes, ""
        self.config, self.services, self.slices, self.node = config, services, slices, node
        self.settings = Settings(config.cluster_cidr)
        self.applier = Applier(("KUBE-",))
        self.health_ports = HealthPorts()
        self.changed = asyncio.Event()
        self.before: list[model.Balanced] = []
        self.failing_since: float | None = None
        self.metrics = Registry()
        add_process_metrics(self.metrics)
        self.syncs = self.metrics.histogram(
            "kubeproxy_sync_proxy_rules_duration_seconds", "SyncProxyRules latency in seconds."
        )
        services.add_handler(lambda _: self.changed.set())
        slices.add_handler(lambda _: self.changed.set())
        if nodes is not None:
            nodes.add_handler(self._moved)

    def _moved(self, change: Change[model.Node]) -> None:
        """Only the zone of this node matters, not its heartbeats."""
        labels = change.new.metadata.labels if change.new is not None else {}
        zone = labels.get(ZONE, "")
        if zone != self.zone:
            self.zone = zone
            self.changed.set()

    def healthy(self) -> tuple[int, str]:
        """503 once the kernel could not be brought up to date for a minute."""
        now = asyncio.get_running_loop().time()
        if self.failing_since is not None and now - self.failing_since > UNHEALTHY_AFTER_SECONDS:
            return 503, "the packet rules could not be updated\n"
        return 200, "ok"

    async def run(self) -> None:
        await asyncio.gather(self.services.synced(), self.slices.synced())
        backoff, loop = Backoff(initial=0.5, cap=30), asyncio.get_running_loop()
        while True:
            self.changed.clear()
            began = loop.time()
            try:
                await self.sync()
                self.failing_since, wait = None, CHECK_SECONDS
                backoff.reset()
            except (OSError, CommandFailed, TimeoutError) as error:
                log.warning("Cannot update the packet rules", error=error)
                self.failing_since = self.failing_since or began
                wait = backoff.next()
            self.syncs.observe(loop.time() - began)
            await asyncio.sleep(self.config.min_sync_period)
            try:
                await asyncio.wait_for(self.changed.wait(), wait)
            except TimeoutError:
                await self.check()

    async def check(self) -> None:
        """Writes everything anew if someone else removed our rules."""
        try:
            if not await self.applier.intact(*tables(self.before, self.settings)):
                log.warning("The packet rules were changed by another program and are written anew")
                self.applier.forget()
        except (OSError, CommandFailed, TimeoutError) as error:
            log.warning("Cannot read the packet rules", error=error)

    async def sync(self) -> None:
        services, slices = list(self.services.list()), list(self.slices.list())
        wanted = plan(services, slices, self.node, self.zone)
        await self.applier.apply(*tables(wanted, self.settings))
        await self.flush(wanted)
        self.before = wanted
        await self.health_ports.apply(health_nodes(services, slices, self.node))

    async def flush(self, wanted: Sequence[model.Balanced]) -> None:
        """Forgets tracked UDP flows to endpoints that are gone."""
        for flow in sorted(stale_flows(self.before, wanted)):
            argv = ["conntrack", "-D", "-p", "udp"]
            argv += ["--orig-dst", flow.address] if flow.address else ["--orig-port-dst", str(flow.node_port)]
            if flow.endpoint:
                argv += ["--dst-nat", flow.endpoint]
            try:
                # conntrack answers 1 when no flow matches.
                await run_command(argv, check=False)
            except FileNotFoundError:
                log.warning("Old UDP connections keep leading to endpoints that are gone: conntrack is not installed")
                return


async def run(config: Config, stop: asyncio.Event) -> None:
    """Runs until `stop`."""
    if config.proxy_mode != "iptables":
        raise ValueError(f"--proxy-mode={config.proxy_mode} is not supported: the one mode there is is iptables")
    client = Client.from_config(load_kubeconfig(config.kubeconfig), user_agent="kubelite-proxy", patience=float("inf"))
    services: Informer[model.Service] = Informer(client, SERVICE, type=model.Service)
    slices: Informer[model.EndpointSlice] = Informer(client, ENDPOINT_SLICE, type=model.EndpointSlice)
    name = config.hostname_override or socket.gethostname().lower()
    nodes: Informer[model.Node] = Informer(client, NODE, type=model.Node, field_selector=f"metadata.name={name}")
    proxy = Proxy(config, services, slices, name, nodes)
    client.transport.calls.tell(proxy.metrics)
    servers = []
    if config.healthz_bind_address:
        servers.append(
            await http1.serve(config.healthz_bind_address, {"/healthz": proxy.healthy, "/livez": proxy.healthy})
        )
    if config.metrics_bind_address:
        routes = {"/metrics": lambda: (200, proxy.metrics.render()), "/proxyMode": lambda: (200, "iptables")}
        servers.append(await http1.serve(config.metrics_bind_address, routes))
    try:
        await supervise(stop, services=services.run(), slices=slices.run(), nodes=nodes.run(), proxy=proxy.run())
    finally:
        for server in servers:
            server.close()
        await proxy.health_ports.close()
        await client.close()

"""`kubelite cloud-controller-manager`: what depends on where the machines stand, in a process of its own.

What: `Config` and `run`. Flow: kubeconfig → leader lease → the provider that `--cloud-provider` names → the controllers that its
parts allow → until `stop`. /healthz and /metrics answer from the start, also while another process leads.
Source: k8s.io/cloud-provider/app.
"""

from __future__ import annotations

import asyncio
import socket
import uuid
from dataclasses import dataclass

from kubelite.api import constants
from kubelite.client.client import Client
from kubelite.client.config import default_config
from kubelite.client.leaderelection import lead, leader_gauge
from kubelite.controllers.cloud import local
from kubelite.controllers.cloud.provider import Provider
from kubelite.controllers.cloudnode.controller import CloudNodeController
from kubelite.controllers.cloudnodelifecycle.controller import CloudNodeLifecycleController
from kubelite.controllers.context import Component, Context, Informers
from kubelite.controllers.metrics import tell_of
from kubelite.controllers.route.controller import RouteController
from kubelite.controllers.route.plan import cluster_ranges
from kubelite.controllers.servicelb.controller import ServiceLbController
from kubelite.util import http1
from kubelite.util.log import get_logger
from kubelite.util.metrics import Registry, add_process_metrics
from kubelite.util.tasks import supervise

NAME = "cloud-controller-manager"
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the cloud controller manager."""

    kubeconfig: str = f"{constants.ETC}/{NAME}.kubeconfig"
    """Path of the kubeconfig with the API server's address and this process's identity."""
    healthz_bind_address: str = f"127.0.0.1:{constants.CLOUD_CONTROLLER_MANAGER_PORT}"
    """Address of /healthz and /metrics; empty for none."""
    cloud_provider: str = local.NAME
    """Where the machines stand: local."""
    load_balancer_pool: str = ""
    """Addresses for Services of type LoadBalancer: CIDRs, FIRST-LAST ranges and addresses, separated by commas."""
    configure_cloud_routes: bool = False
    """Let the provider make the routes to the nodes' pods; the provider local makes them in the kernel of this machine."""
    cluster_cidr: str = constants.POD_CIDR
    """Address range of all pods; two with a comma between them for dual stack. Routes elsewhere are left alone."""
    route_reconciliation_period: float = 10.0
    """Seconds between two looks at the provider's routes."""
    machine_inventory: str = ""
    """File that names the machines there are, for the provider local: on each line "NAME", or "NAME shutdown" if it is off."""
    node_monitor_period: float = 5.0
    """Seconds between two looks whether the machines of nodes that are not ready still exist."""
    leader_elect: bool = True
    """Act only while holding the leader lease."""


def make_provider(config: Config, context: Context) -> Provider:
    """The provider by its name. Raises ValueError for one that nobody knows, and for what it cannot do."""
    if config.cloud_provider != local.NAME:
        raise ValueError(f'unknown cloud provider "{config.cloud_provider}"')
    return local.make(context, config.load_balancer_pool, config.machine_inventory)


def controllers(context: Context, provider: Provider, config: Config) -> dict[str, Component]:
    """The controllers that the provider's parts allow. Raises ValueError for what it cannot do."""
    found: dict[str, Component] = {}
    if config.configure_cloud_routes:
        if provider.routes is None:
            raise ValueError(f'the cloud provider "{provider.name}" has no routes')
        ranges = cluster_ranges(config.cluster_cidr)
        period = config.route_reconciliation_period
        found["node-route-controller"] = RouteController(context, provider.routes, ranges, period)
    if provider.instances is not None:
        found["cloud-node-controller"] = CloudNodeController(context, provider.instances)
    if provider.machines is not None:
        lifecycle = CloudNodeLifecycleController(context, provider.machines, config.node_monitor_period)
        found["cloud-node-lifecycle-controller"] = lifecycle
    if provider.load_balancers is not None:
        found["service-lb-controller"] = ServiceLbController(context, provider.load_balancers)
    else:
        log.info("No load balancers: name addresses with --load-balancer-pool", provider=provider.name)
    return {**found, **provider.extra}


async def run(config: Config, stop: asyncio.Event) -> None:
    """Returns after `stop` is set and everything is closed; raises if it cannot start or loses the lease."""
    metrics = Registry()
    add_process_metrics(metrics)
    client = Client.from_config(default_config(config.kubeconfig), user_agent=NAME, patience=5.0)
    client.transport.calls.tell(metrics)
    context = Context(client, Informers(client), metrics=metrics)
    routes = {"/healthz": http1.healthy, "/livez": http1.healthy, "/readyz": http1.healthy}
    routes["/metrics"] = lambda: (200, metrics.render())
    server = None
    try:
        parts = controllers(context, make_provider(config, context), config)
        server = await http1.serve(config.healthz_bind_address, routes) if config.healthz_bind_address else None
        await supervise(stop, work=_work(config, context, parts, stop))
    finally:
        if server is not None:
            server.close()
        for recorder in context.recorders.values():
            await recorder.close()
        await client.close()


async def _work(config: Config, context: Context, parts: dict[str, Component], stop: asyncio.Event) -> None:
    async def act() -> None:
        await run_parts(context, parts, stop)

    if not config.leader_elect:
        await act()
        return
    identity = f"{socket.gethostname()}_{uuid.uuid4()}"
    told = leader_gauge(context.metrics, NAME)
    space = constants.NAMESPACE_SYSTEM
    await lead(context.client, NAME, identity, act, namespace=space, clock=context.clock, on_leading=told)


async def run_parts(context: Context, parts: dict[str, Component], stop: asyncio.Event) -> None:
    """Run these controllers and the informers that they share; returns when `stop` is set."""
    log.info("Cloud controllers started", controllers=",".join(parts))
    tell_of(context.metrics, NAME, parts)
    tasks = {name: part.run() for name, part in parts.items()}
    await supervise(stop, informers=context.informers.run(), **tasks)

"""The controller manager: all controllers in one process, one such process active at a time.

What: `Config` and `run`. Flow: kubeconfig → client → leader lease → shared informers and controllers → until `stop`. Losing the
lease ends the process with an error, so that its supervisor starts it anew as a candidate. /healthz and /metrics answer from the
start, also while another process leads.
"""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import uuid
from dataclasses import dataclass
from pathlib import Path

from kubelite.api import constants
from kubelite.api.logic import localpath
from kubelite.client.client import Client
from kubelite.client.config import ClientConfig, default_config
from kubelite.client.leaderelection import Timing, lead, leader_gauge
from kubelite.controllers.context import Context, Informers
from kubelite.controllers.metrics import tell_of
from kubelite.controllers.registry import CONTROLLERS, selected
from kubelite.util import http1
from kubelite.util.log import get_logger
from kubelite.util.metrics import Registry, add_process_metrics
from kubelite.util.tasks import supervise

NAME = "kube-controller-manager"
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the controller manager."""

    kubeconfig: str = f"{constants.ETC}/controller-manager.kubeconfig"
    """Path of the kubeconfig with the API server's address and this process's identity."""
    healthz_bind_address: str = f"127.0.0.1:{constants.CONTROLLER_MANAGER_PORT}"
    """Address of /healthz and /metrics; empty for none."""
    controllers: tuple[str, ...] = ("*",)
    """Controllers to run: `*` for all, `name` for one, `-name` to leave one out."""
    leader_elect: bool = True
    """Act only while holding the leader lease."""
    leader_elect_resource_name: str = NAME
    """Name of the lease."""
    leader_elect_resource_namespace: str = constants.NAMESPACE_SYSTEM
    """Namespace of the lease."""
    leader_elect_lease_duration: float = 15.0
    """Seconds for which a lease holds without renewal."""
    leader_elect_renew_deadline: float = 10.0
    """Seconds after which a leader that cannot renew stops acting."""
    leader_elect_retry_period: float = 2.0
    """Seconds between attempts to take or renew the lease."""
    root_ca_file: str = ""
    """File with the CA bundle published to pods; the kubeconfig's CA by default."""
    cluster_cidr: str = constants.POD_CIDR
    """Address range of all pods; two with a comma between them, one of each family, for dual stack."""
    node_cidr_mask_size: int = constants.NODE_POD_PREFIX
    """Prefix length of one node's part of an IPv4 range."""
    node_cidr_mask_size_ipv6: int = 64
    """Prefix length of one node's part of an IPv6 range."""
    node_monitor_grace_period: float = 50.0
    """Seconds of silence after which a node counts as lost."""
    node_startup_grace_period: float = 60.0
    """The same for a node that has never reported."""
    node_eviction_rate: float = 0.1
    """Nodes a second whose pods may be evicted in a healthy zone."""
    secondary_node_eviction_rate: float = 0.01
    """The same in a zone with many lost nodes, in a large cluster; in a small one it is 0."""
    large_cluster_size_threshold: int = 50
    """Nodes above which a cluster is large."""
    unhealthy_zone_threshold: float = 0.55
    """Share of lost nodes (at least three) from which a zone counts as disrupted."""
    terminated_pod_gc_threshold: int = 12500
    """Finished pods to keep; the oldest beyond are deleted. 0 keeps all."""
    cluster_signing_cert_file: str = ""
    """File with the certificate of the authority that signs certificate requests; without it nobody does."""
    cluster_signing_key_file: str = ""
    """File with the key of that authority."""
    cluster_signing_duration: float = 31536000.0
    """Seconds that a certificate lives unless its request asks for less."""
    cluster_signing_kubelet_serving_cert_file: str = ""
    """The authority of kubernetes.io/kubelet-serving, where the signers have authorities of their own."""
    cluster_signing_kubelet_serving_key_file: str = ""
    """Its key."""
    cluster_signing_kubelet_client_cert_file: str = ""
    """The authority of kubernetes.io/kube-apiserver-client-kubelet, where the signers have authorities of their own."""
    cluster_signing_kubelet_client_key_file: str = ""
    """Its key."""
    cluster_signing_kube_apiserver_client_cert_file: str = ""
    """The authority of kubernetes.io/kube-apiserver-client, where the signers have authorities of their own."""
    cluster_signing_kube_apiserver_client_key_file: str = ""
    """Its key."""
    cluster_signing_legacy_unknown_cert_file: str = ""
    """The authority of kubernetes.io/legacy-unknown, where the signers have authorities of their own."""
    cluster_signing_legacy_unknown_key_file: str = ""
    """Its key."""
    service_account_private_key_file: str = ""
    """File with the key that signs the tokens in Secrets of service accounts; without it they stay empty."""
    legacy_service_account_token_clean_up_period: float = 31536000.0
    """Seconds without use after which a token in a Secret that the cluster made by itself is refused, and then deleted."""
    resource_quota_sync_period: float = 300.0
    """Seconds between full counts of what quotas count."""
    pvclaimbinder_sync_period: float = 15.0
    """Seconds after which claims that wait for a volume are looked at, and reported, again."""
    horizontal_pod_autoscaler_sync_period: float = 15.0
    """Seconds between two looks at an autoscaler."""
    horizontal_pod_autoscaler_downscale_stabilization: float = 300.0
    """Seconds of which the highest recommendation counts before pods are taken away."""
    horizontal_pod_autoscaler_tolerance: float = 0.1
    """Share by which usage may differ from its target without any change."""
    horizontal_pod_autoscaler_cpu_initialization_period: float = 300.0
    """Seconds after a pod's start in which its CPU is not counted unless it is ready."""
    horizontal_pod_autoscaler_initial_readiness_delay: float = 30.0
    """Seconds after a pod's start in which changes of its readiness count as its first."""
    local_volume_dir: str = localpath.DIRECTORY
    """Directory on the nodes for the volumes of class local-path; the kubelets' is the same."""
    kube_api_qps: float = 0.0
    """Requests a second to the API server, 0 for no limit."""


async def run(config: Config, stop: asyncio.Event) -> None:
    """Returns after `stop` is set and everything is closed; raises if it cannot start or loses the lease."""
    names = selected(config.controllers)
    connection = default_config(config.kubeconfig)
    bundle = _ca_bundle(config, connection)
    metrics = Registry()
    add_process_metrics(metrics)
    client = Client.from_config(connection, user_agent=NAME, qps=config.kube_api_qps, patience=5.0)
    client.transport.calls.tell(metrics)
    context = _context(config, client, bundle, metrics)
    routes = {"/healthz": http1.healthy, "/livez": http1.healthy, "/readyz": http1.healthy}
    routes["/metrics"] = lambda: (200, metrics.render())
    server = await http1.serve(config.healthz_bind_address, routes) if config.healthz_bind_address else None
    try:
        await supervise(stop, work=_work(config, context, names, stop))
    finally:
        if server is not None:
            server.close()
        for recorder in context.recorders.values():
            await recorder.close()
        await client.close()


def _context(config: Config, client: Client, bundle: str, metrics: Registry) -> Context:
    durations = metrics.histogram(
        "kubelite_controller_reconcile_seconds", "Time of one reconcile by controller and outcome.", ("name", "outcome")
    )

    def observe(name: str, outcome: str, seconds: float) -> None:
        durations.observe(seconds, name, outcome)

    return Context(client, Informers(client), observe=observe, settings=config, ca_bundle=bundle, metrics=metrics)


def _ca_bundle(config: Config, connection: ClientConfig) -> str:
    if config.root_ca_file:
        return Path(config.root_ca_file).read_text()
    if connection.ca_data:
        return connection.ca_data.decode()
    return Path(connection.ca_file).read_text() if connection.ca_file else ""


async def _work(config: Config, context: Context, names: list[str], stop: asyncio.Event) -> None:
    """The controllers, behind the lease where leader election is on."""

    async def controllers() -> None:
        await run_controllers(context, names, stop)

    if not config.leader_elect:
        await controllers()
        return
    identity = f"{socket.gethostname()}_{uuid.uuid4()}"
    timing = Timing(
        config.leader_elect_lease_duration, config.leader_elect_renew_deadline, config.leader_elect_retry_period
    )
    await lead(
        context.client,
        config.leader_elect_resource_name,
        identity,
        controllers,
        namespace=config.leader_elect_resource_namespace,
        timing=timing,
        clock=context.clock,
        on_leading=leader_gauge(context.metrics, config.leader_elect_resource_name),
    )


async def run_controllers(context: Context, names: list[str], stop: asyncio.Event) -> None:
    """Run these controllers and the informers that they share; returns when `stop` is set."""
    parts = {name: CONTROLLERS[name](context) for name in names}
    tell_of(context.metrics, NAME, parts)
    log.info("Controllers started", controllers=",".join(parts), pid=os.getpid())
    tasks = {name: part.run() for name, part in parts.items()}
    await supervise(stop, informers=context.informers.run(), tidy=_tidy(context), **tasks)


async def _tidy(context: Context) -> None:
    """Once everything is loaded, take it out of the garbage collector's sight: full collections stay short."""
    for informer in list(context.informers):
        await informer.synced()
    gc.collect()
    gc.freeze()
    await asyncio.Event().wait()

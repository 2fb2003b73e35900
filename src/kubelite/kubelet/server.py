"""The kubelet as a process: makes the parts, joins them, runs them until stopped.

What: `run(config, stop)`. Flow: API (pods of this node) → workers → CRI; CRI → PLEG → workers → status → API; machine → Node and
Lease → API. On stop containers are left running: the next kubelet finds all it needs in the runtime's labels and annotations.
Upstream: pkg/kubelet/kubelet.go:NewMainKubelet, Run.
"""

from __future__ import annotations

import asyncio
import base64
import os
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from kubelite.api.types.core_v1 import Node, Pod, Secret
from kubelite.api.types.node_v1 import RuntimeClass
from kubelite.client.client import Client
from kubelite.client.config import load_kubeconfig
from kubelite.client.informer import Informer
from kubelite.client.recorder import Recorder
from kubelite.kubelet import admit as admission
from kubelite.kubelet import env, http, probes, volumes
from kubelite.kubelet.cgroups import Cgroups
from kubelite.kubelet.config import Config
from kubelite.kubelet.crashloop import CrashLoop
from kubelite.kubelet.cri import Cri
from kubelite.kubelet.housekeeping import Housekeeper
from kubelite.kubelet.interfaces import Context
from kubelite.kubelet.kinds import NODE, POD, RUNTIME_CLASS, SECRET
from kubelite.kubelet.lifecycle import Hooks
from kubelite.kubelet.node.agent import NodeAgent
from kubelite.kubelet.node.lease import NodeLease
from kubelite.kubelet.node.machine import lowest_oom_score, read_machine
from kubelite.kubelet.pleg import Pleg
from kubelite.kubelet.plugins.registry import PluginRegistry
from kubelite.kubelet.pods import PodTable
from kubelite.kubelet.podworkers.manager import PodWorkers
from kubelite.kubelet.podworkers.parts import Parts
from kubelite.kubelet.runtime.cleaner import Cleaner
from kubelite.kubelet.runtime.handle import RuntimeHandle
from kubelite.kubelet.runtime.images import Images, decode_docker_config
from kubelite.kubelet.runtime.launcher import Launcher
from kubelite.kubelet.runtime.observer import Observer
from kubelite.kubelet.runtime.reporter import EventWriter, Reporter
from kubelite.kubelet.runtime.stopper import Stopper
from kubelite.kubelet.runtime.sync import Runtime
from kubelite.kubelet.status.manager import StatusManager
from kubelite.kubelet.volumes.csi.drivers import PLUGIN_TYPE as CSI_PLUGIN
from kubelite.machinery.errors import StatusError
from kubelite.util import http1
from kubelite.util.log import get_logger
from kubelite.util.tasks import supervise

log = get_logger(__name__)

THREADS = 3


class Kubelet:
    """The joined parts; `run` is the life of the process."""

    def __init__(self, config: Config, client: Client) -> None:
        self.config = config
        self.client = client
        self.name = (config.hostname_override or socket.gethostname()).lower()
        self._events = Recorder(client, "kubelet", self.name)
        self.recorder = EventWriter(self._events)
        self.reporter = Reporter(self.recorder)
        self.cri = Cri(config.container_runtime_endpoint, config.image_service_endpoint)
        self.observer = Observer(self.cri)
        self.machine = read_machine()
        self.table = PodTable()
        self.pleg = Pleg(self.cri, self.observer, self._runtime_changed)
        self.node = NodeAgent(config, self.name, client, self.cri, self.machine, self.pleg, self.recorder)
        self.statuses = StatusManager(client, self.table.get)
        self.table.read_status_from(self.statuses.get)
        context = Context(
            config=config,
            node_name=self.name,
            client=client,
            recorder=self.recorder,
            runtime=RuntimeHandle(self.cri, self.observer),
            pods=self.table,
            node=lambda: self.node.node,
            resync=self._resync,
            registered=self.node.registered,
        )
        self.volumes = volumes.build(context)
        self.plugins = PluginRegistry(config.root_dir, {CSI_PLUGIN: self.volumes.drivers})
        self.env = env.build(context)
        self.probes = probes.build(context)
        self.http = http.build(context)
        self.cgroups = Cgroups(config.cgroup_root)
        self.cleaner = Cleaner(config, self.cri)
        self.workers = PodWorkers(self._parts(), self.table)
        self.informer: Informer[Pod] = Informer(client, POD, field_selector=f"spec.nodeName={self.name}")
        self.informer.add_handler(self.workers.handle)
        self.housekeeper = Housekeeper(
            config, self.cri, self.observer, self.pleg, self.workers, self.cleaner, self.cgroups, self.volumes
        )

    def _parts(self) -> Parts:
        config, hooks = self.config, Hooks(self.cri)
        stopper = Stopper(self.cri, hooks, self.reporter)
        parallel = 1 if config.serialize_image_pulls else config.max_parallel_image_pulls
        launcher = Launcher(
            config=config,
            cri=self.cri,
            images=Images(self.cri, secrets_reader(self.client), parallel=parallel),
            env=self.env,
            volumes=self.volumes,
            hooks=hooks,
            stopper=stopper,
            reporter=self.reporter,
            machine=self.machine,
            lowest_oom=lowest_oom_score(),
            cgroup_v2=self.cgroups.unified,
        )
        runtime = Runtime(
            config=config,
            cri=self.cri,
            cgroups=self.cgroups,
            volumes=self.volumes,
            env=self.env,
            launcher=launcher,
            stopper=stopper,
            reporter=self.reporter,
            machine=self.machine,
            crashes=CrashLoop(config.crash_loop_max_delay),
            runtime_class=runtime_class_reader(self.client),
        )
        return Parts(
            config=config,
            observer=self.observer,
            runtime=runtime,
            launcher=launcher,
            stopper=stopper,
            cleaner=self.cleaner,
            cgroups=self.cgroups,
            volumes=self.volumes,
            probes=self.probes,
            statuses=self.statuses,
            reporter=self.reporter,
            admit=self._admit,
            network_problem=lambda: self.node.network_problem,
            host_ips=lambda: self.node.ips,
            runtime_name=lambda: self.node.runtime_name,
        )

    # --- reactions

    def _resync(self, uid: str) -> None:
        self.workers.wake(uid)

    def _runtime_changed(self, uid: str) -> None:
        self.workers.wake(uid)

    def _admit(self, pod: Pod) -> admission.Rejection | None:
        others = [
            worker.pod
            for worker in self.workers.all()
            if worker.uid != pod.metadata.uid and worker.admitted and worker.is_active
        ]
        return admission.admit(
            pod,
            others,
            self.node.node,
            self.node.allocatable,
            allowed_sysctls=self.config.allowed_unsafe_sysctls,
        )

    # --- life

    async def run(self, stop: asyncio.Event) -> None:
        config = self.config
        # Few threads: each brings an arena of memory, and what blocks here (mounts, cgroups) is short.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="kubelet"))
        os.makedirs(os.path.join(config.root_dir, "pods"), mode=0o750, exist_ok=True)
        os.makedirs(config.pod_log_dir, mode=0o755, exist_ok=True)
        if config.cgroups_per_qos:
            await asyncio.to_thread(self.cgroups.ensure_root)
        await self.pleg.first_list()
        await self.node.look()
        self._tell_start()
        health = await self._serve_health()
        try:
            await supervise(
                stop,
                node=self.node.run(),
                lease=NodeLease(
                    self.client, self.name, config.node_lease_duration_seconds, lambda: self.node.node
                ).run(),
                pods=self.informer.run(),
                pleg=self.pleg.run(),
                runtime_events=self.pleg.events(),
                status=self.statuses.run(),
                volumes=self.volumes.run(),
                plugins=self.plugins.run(),
                env=self.env.run(),
                probes=self.probes.run(),
                http=self.http.run(),
                housekeeping=self._housekeeping(),
            )
        finally:
            if health is not None:
                health.close()
            await self.workers.close()
            await self._events.close()
            await self.cri.close()

    async def _housekeeping(self) -> None:
        """Orphans can only be told from pods when all pods are known."""
        await self.informer.synced()
        await self.housekeeper.run()

    def _tell_start(self) -> None:
        node = Node()
        node.metadata.name = node.metadata.uid = self.name
        self.recorder.event(NODE, node, "Normal", "Starting", "Starting kubelet.")

    async def _serve_health(self) -> asyncio.Server | None:
        if not self.config.healthz_bind_address:
            return None

        def health() -> tuple[int, str]:
            return (500, self.pleg.problem) if self.pleg.problem else (200, "ok")

        return await http1.serve(self.config.healthz_bind_address, {"/healthz": health})


def runtime_class_reader(client: Client) -> Callable[[str], Awaitable[str]]:
    """Looks up the handler of a runtime class; StatusError when there is no such class."""

    async def read(name: str) -> str:
        found: RuntimeClass = await client.get(RUNTIME_CLASS, name)
        return found.handler

    return read


def secrets_reader(client: Client) -> Callable[[Pod], Awaitable[list[dict[str, Any]]]]:
    """Reads the docker configurations of a pod's imagePullSecrets; one that is missing is passed over, as upstream does."""

    async def read(pod: Pod) -> list[dict[str, Any]]:
        found = []
        for reference in pod.spec.imagePullSecrets:
            try:
                secret: Secret = await client.get(SECRET, reference.name, pod.metadata.namespace)
            except StatusError as error:
                log.warning("Cannot read an image pull secret", secret=reference.name, error=error)
                continue
            found.append(_docker_config(secret))
        return found

    return read


def _docker_config(secret: Secret) -> dict[str, Any]:
    for key, legacy in ((".dockerconfigjson", False), (".dockercfg", True)):
        if key in secret.data:
            return decode_docker_config(base64.b64decode(secret.data[key]), legacy)
    return {}


async def run(config: Config, stop: asyncio.Event) -> None:
    """Runs the kubelet until `stop` is set; raises when it cannot start."""
    client = Client.from_config(load_kubeconfig(config.kubeconfig), user_agent="kubelite-kubelet", patience=30)
    try:
        await Kubelet(config, client).run(stop)
    finally:
        await client.close()

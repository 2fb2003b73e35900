"""`kubelite scheduler`: chooses a node for each pending pod.

What: watches pods, nodes and what else decisions look at, decides with cycle.py, writes with binding.py and eviction.py.
Flow: informers → cache.py (columns, queue) → loop.py → the API server → the watch confirms. One scheduler leads at a time; the
others hold warm caches.
"""

from __future__ import annotations

import asyncio
import copy
import os
import pathlib
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import msgspec

from kubelite.api import constants
from kubelite.api.core.namespace import NAMESPACE
from kubelite.api.core.node import NODE
from kubelite.api.core.pod.kind import POD
from kubelite.api.types import resource_v1
from kubelite.client.client import Client
from kubelite.client.config import load_kubeconfig
from kubelite.client.informer import Change, Informer
from kubelite.client.leaderelection import Timing, lead, leader_gauge
from kubelite.client.recorder import Recorder
from kubelite.machinery import times
from kubelite.scheduler.binding import Binder
from kubelite.scheduler.budgets import PodDisruptionBudget
from kubelite.scheduler.cache import Cache
from kubelite.scheduler.claims import ClaimBinder
from kubelite.scheduler.config.load import load
from kubelite.scheduler.config.profiles import build_profiles
from kubelite.scheduler.config.types import API_VERSION, KIND, Configuration
from kubelite.scheduler.config.types import Profile as ProfileConfiguration
from kubelite.scheduler.eviction import Evictor
from kubelite.scheduler.extenders import Extended
from kubelite.scheduler.loop import Loop
from kubelite.scheduler.measured import Measures
from kubelite.scheduler.metrics import Metrics, pod_resources
from kubelite.scheduler.optional import OptionalInformer, Watch
from kubelite.scheduler.owners import WithMap, WithSelector
from kubelite.scheduler.pods import Node, Pod, PodInfo
from kubelite.scheduler.profile import with_user_plugins
from kubelite.scheduler.storage import Attachment, Capacity, Claim, CSIDriver, CSINode, StorageClass, Volume
from kubelite.scheduler.userplugins import UserPlugins
from kubelite.scheduler.volumes import VolumeBinder
from kubelite.util import http1
from kubelite.util.clock import SystemClock
from kubelite.util.log import get_logger
from kubelite.util.tasks import cancel, supervise

log = get_logger(__name__)
RELOAD_SECONDS = 2.0
EVENTS_QUEUED = 10_000
"""Events are written one after the other, behind the bindings; those of a burst are told when it is over."""


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of the scheduler."""

    kubeconfig: str = f"{constants.ETC}/scheduler.kubeconfig"
    """How to reach the API server."""
    config: str = ""
    """A KubeSchedulerConfiguration file (kubescheduler.config.k8s.io/v1): profiles, plugins, extenders, leader election."""
    scheduler_name: str = "default-scheduler"
    """Pods whose spec.schedulerName is this are scheduled; with a configuration file its profiles say so instead."""
    plugin_dir: str = ""
    """A folder with Python files that filter and score in their own way; looked at again every few seconds."""
    plugin_budget_seconds: float = 0.05
    """How long one call of such a plugin may take."""
    leader_elect: bool = True
    """Hold a Lease before scheduling, so that several schedulers can stand by."""
    healthz_bind_address: str = f"127.0.0.1:{constants.SCHEDULER_PORT}"
    """Address of /healthz and /metrics; empty for none."""


def configuration(config: Config) -> Configuration:
    """What the file says, or the defaults under the given name."""
    if config.config:
        return load(pathlib.Path(config.config).read_bytes())
    profile = ProfileConfiguration(schedulerName=config.scheduler_name)
    return Configuration(apiVersion=API_VERSION, kind=KIND, profiles=[profile])


class NamespaceMeta(msgspec.Struct):
    name: str = ""
    resourceVersion: str = ""
    labels: dict[str, str] = msgspec.field(default_factory=dict)


class Namespace(msgspec.Struct):
    """What namespace selectors look at."""

    metadata: NamespaceMeta


class Server:
    """The wiring of one scheduler."""

    def __init__(self, settings: Configuration, client: Client) -> None:
        measures = Measures()
        pending = measures.pods(float(settings.podInitialBackoffSeconds), float(settings.podMaxBackoffSeconds))
        self.client, self.cache = client, Cache(build_profiles(settings), pending, measures.scheduler)
        self.recorder = Recorder(client, next(iter(self.cache.schedulers)), queue=EVENTS_QUEUED)
        clock = SystemClock()
        self.metrics = Metrics(self.cache, measures)
        client.transport.calls.tell(self.metrics.registry)
        binder = Binder(client, self.recorder, clock, self.binding_failed)
        self.volumes = VolumeBinder(client, self.cache.world.storage, self.cache.nodes)
        evictor = Evictor(client, self.recorder, clock)
        self.extended = Extended(settings.extenders, client)
        self.register_hints()
        self.claims = ClaimBinder(client, self.cache.world.devices, clock)
        self.loop = Loop(self.cache, binder, evictor, self.volumes, self.claims, self.extended, self.metrics, self.now)
        living = "status.phase!=Succeeded,status.phase!=Failed"
        self.pods: Informer[Pod] = Informer(client, POD, type=Pod, field_selector=living)
        self.nodes: Informer[Node] = Informer(client, NODE, type=Node)
        self.namespaces: Informer[Namespace] = Informer(client, NAMESPACE, type=Namespace)
        self.pods.add_handler(self.pod_changed)
        self.nodes.add_handler(self.node_changed)
        self.namespaces.add_handler(self.namespace_changed)
        self.optional = [OptionalInformer(client, watch) for watch in self.watches()]
        self.active = asyncio.Event()

    def use_plugins(self, config: Config) -> None:
        """Runs the user's plugins beside the built-in ones."""
        self.user = UserPlugins(config.plugin_dir, self.plugin_failed, config.plugin_budget_seconds)
        self.builtin = {name: copy.copy(s.profile) for name, s in self.cache.schedulers.items()}
        self.load_plugins()

    def load_plugins(self) -> None:
        if not self.user.refresh():
            return
        for name, scheduler in self.cache.schedulers.items():
            with_user_plugins(scheduler.profile, self.builtin[name], self.user.plugins)
        self.register_hints()
        self.cache.pending.everything_changed(self.now())
        self.loop.work.set()

    def register_hints(self) -> None:
        """Which events can help which rejected pods."""
        for name, scheduler in self.cache.schedulers.items():
            self.cache.pending.hints.register(name, [*scheduler.profile.filters, *self.extended.extenders])

    async def reload_plugins(self) -> None:
        """Never returns."""
        while True:
            await asyncio.sleep(RELOAD_SECONDS)
            self.load_plugins()

    def plugin_failed(self, plugin: str, point: str, reason: str, message: str) -> None:
        """For operators: a log line, a count, and an event in kube-system."""
        log.warning("A user plugin failed", plugin=plugin, point=point, reason=reason, error=message)
        self.metrics.plugin_failures.inc(plugin, point, reason)
        about = Namespace(NamespaceMeta("kube-system"))
        text = f"Plugin {plugin} failed at {point}: {message}"
        self.recorder.event(NAMESPACE, about, "Warning", "SchedulerPluginFailed", text, "Scheduling")

    def watches(self) -> list[Watch]:
        """What refines decisions, if the server has it."""

        storage, devices = self.cache.world.storage, self.cache.world.devices

        def claimed(kind: str, plural: str, type: type[Any], changed: Callable[[Any, Any], None]) -> Watch:
            return Watch(
                "resource.k8s.io", "v1", kind, plural, type, lambda change: self.devices_changed(kind, changed, change)
            )

        def stored(group: str, kind: str, plural: str, type: type[Any], table: dict[str, Any]) -> Watch:
            return Watch(group, "v1", kind, plural, type, lambda change: self.storage_changed(kind, table, change))

        def owner(kind: str, group: str, plural: str, type: type[Any]) -> Watch:
            return Watch(group, "v1", kind, plural, type, lambda change: self.owner_changed(kind, change))

        return [
            Watch(
                "policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", PodDisruptionBudget, self.budget_changed
            ),
            owner("Service", "", "services", WithMap),
            owner("ReplicationController", "", "replicationcontrollers", WithMap),
            owner("ReplicaSet", "apps", "replicasets", WithSelector),
            owner("StatefulSet", "apps", "statefulsets", WithSelector),
            stored("", "PersistentVolumeClaim", "persistentvolumeclaims", Claim, storage.claims),
            stored("", "PersistentVolume", "persistentvolumes", Volume, storage.volumes),
            stored("storage.k8s.io", "StorageClass", "storageclasses", StorageClass, storage.classes),
            stored("storage.k8s.io", "CSINode", "csinodes", CSINode, storage.csi_nodes),
            stored("storage.k8s.io", "CSIDriver", "csidrivers", CSIDriver, storage.drivers),
            stored("storage.k8s.io", "CSIStorageCapacity", "csistoragecapacities", Capacity, storage.capacities),
            stored("storage.k8s.io", "VolumeAttachment", "volumeattachments", Attachment, storage.attachments),
            claimed("ResourceClaim", "resourceclaims", resource_v1.ResourceClaim, devices.claim_changed),
            claimed("ResourceSlice", "resourceslices", resource_v1.ResourceSlice, devices.slice_changed),
            claimed("DeviceClass", "deviceclasses", resource_v1.DeviceClass, devices.class_changed),
        ]

    def pod_changed(self, change: Change[Pod]) -> None:
        self.cache.pod_changed(change.old, change.new, self.now())
        old = change.old
        if old is not None and (change.new is None or change.new.metadata.uid != old.metadata.uid):
            why = f'pod does not exist any more: pod "{old.metadata.name}" not found'
            self.loop.prebinder.recall(old.metadata.uid, why)
        self.loop.work.set()

    def node_changed(self, change: Change[Node]) -> None:
        self.cache.node_changed(change.old, change.new, self.now())
        if change.new is None:
            self.loop.prebinder.node_gone(change.object.metadata.name)
        self.loop.work.set()

    def namespace_changed(self, change: Change[Namespace]) -> None:
        meta = change.object.metadata
        self.cache.namespace_changed(meta.name, None if change.new is None else meta.labels, self.now())
        self.loop.work.set()

    def budget_changed(self, change: Change[PodDisruptionBudget]) -> None:
        budgets = self.cache.world.budgets
        if change.new is None:
            budgets.remove(change.object)
        else:
            budgets.set(change.new)

    def storage_changed(self, event: str, table: dict[str, Any], change: Change[Any]) -> None:
        """`event` is the kind: any change of it may help pods that wait for volumes."""
        storage = self.cache.world.storage
        if change.new is None:
            storage.drop(table, change.object)
        else:
            storage.put(table, change.new)
        self.volumes.changed()
        self.cache.pending.happened(event, self.now(), change.old, change.new)
        self.loop.work.set()

    def devices_changed(self, event: str, changed: Callable[[Any, Any], None], change: Change[Any]) -> None:
        """As `storage_changed`, for claims of devices."""
        changed(change.old, change.new)
        self.claims.changed()
        self.cache.pending.happened(event, self.now(), change.old, change.new)
        self.loop.work.set()

    def owner_changed(self, kind: str, change: Change[Any]) -> None:
        owners = self.cache.world.owners
        if change.new is None:
            owners.remove(kind, change.object)
        else:
            owners.set(kind, change.new)

    def binding_failed(self, info: PodInfo) -> bool:
        """The pod goes back to the queue if it still waits for a node; whether it does."""
        waits = self.cache.binding_failed(info, self.pods.get(info.key), self.now())
        self.loop.work.set()
        return waits

    @staticmethod
    def now() -> float:
        return asyncio.get_running_loop().time()

    def followed(self) -> dict[str, Callable[[], Coroutine[Any, Any, None]]]:
        """What keeps the caches up to date, by name."""
        kinds = {"pods": self.pods.run, "nodes": self.nodes.run, "namespaces": self.namespaces.run}
        return {**kinds, **{optional.informer.kind.plural: optional.run for optional in self.optional}}

    async def follow(self, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Never returns; with `delayCacheUntilActive` only a leader fills its caches."""
        await self.active.wait()
        await run()

    async def schedule(self) -> None:
        """Never returns."""
        self.active.set()
        await asyncio.gather(self.pods.synced(), self.nodes.synced(), self.namespaces.synced())
        await asyncio.gather(*(optional.ready() for optional in self.optional))
        await self.loop.schedule()


async def run(config: Config, stop: asyncio.Event) -> None:
    """Runs until `stop`, or until the leadership is lost, which ends the process so that it starts with a fresh view."""
    settings = configuration(config)
    config_of_client = load_kubeconfig(settings.clientConnection.kubeconfig or config.kubeconfig)
    limits = settings.clientConnection
    client = Client(
        config_of_client, user_agent="kubelite-scheduler", qps=limits.qps, burst=limits.burst, patience=float("inf")
    )
    server = Server(settings, client)
    if not (settings.delayCacheUntilActive and elected(config, settings)):
        server.active.set()
    extra: dict[str, Coroutine[Any, Any, None]] = {}
    if config.plugin_dir:
        server.use_plugins(config)
        extra["plugins"] = server.reload_plugins()
    listener = None
    if config.healthz_bind_address:
        routes = {
            "/healthz": http1.healthy,
            "/livez": http1.healthy,
            "/readyz": http1.healthy,
            "/metrics": lambda: (200, server.metrics.render()),
            "/metrics/resources": lambda: (200, pod_resources(server.pods.list())),
            "/configz": lambda: (200, configz(settings)),
        }
        listener = await http1.serve(config.healthz_bind_address, routes)
    try:
        await supervise(
            stop,
            scheduling=leading(config, settings, server),
            **extra,
            **{name: server.follow(run) for name, run in server.followed().items()},
        )
    finally:
        if listener is not None:
            listener.close()
        # A binding that was sent may still succeed: the next start sees it.
        await cancel(*server.loop.tasks)
        await server.recorder.close()
        await server.extended.close()
        await client.close()


def configz(settings: Configuration) -> str:
    """The configuration in use, as upstream shows it."""
    return msgspec.json.encode({"kubescheduler.config.k8s.io": settings}).decode()


def elected(config: Config, settings: Configuration) -> bool:
    """Whether several schedulers can stand by."""
    return config.leader_elect and settings.leaderElection.leaderElect


async def leading(config: Config, settings: Configuration, server: Server) -> None:
    """Schedules, while it holds the lease if it has to."""
    election = settings.leaderElection
    if not elected(config, settings):
        await server.schedule()
        return
    identity = f"{socket.gethostname()}_{os.urandom(8).hex()}"
    parts = (election.leaseDuration, election.renewDeadline, election.retryPeriod)
    timing = Timing(*(times.parse_duration(part) for part in parts))
    await lead(
        server.client,
        election.resourceName,
        identity,
        server.schedule,
        namespace=election.resourceNamespace,
        timing=timing,
        on_leading=leader_gauge(server.metrics.registry, election.resourceName),
    )

"""The API server process: puts the parts together, opens the port, closes everything.

What: `run(config, stop)` for the process, `ApiServer` for tests and the supervisor. Why: this is the one place that
knows all parts; each part gets `(config, registry)`. Flow: store → caches filled → security and admission → bootstrap
objects → port. On stop: no new connections, requests finish, watches end, store closes.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from kubelite.apiserver import (
    admission,
    aggregator,
    allocators,
    audit,
    authn,
    authz,
    bootstrap,
    connect,
    discovery,
    encryption,
    features,
    flowcontrol,
    health,
    issuer,
    openapi,
    tracing,
)
from kubelite.apiserver.authz.refusal import refuse as refuse_user
from kubelite.apiserver.config import Config
from kubelite.apiserver.handlers.answers import refuse
from kubelite.apiserver.handlers.chain import Chain
from kubelite.apiserver.handlers.dispatch import Dispatcher
from kubelite.apiserver.http.listener import Listener
from kubelite.apiserver.http.serving import Serving
from kubelite.apiserver.observed import ObservedAdmission, ObservedStore
from kubelite.apiserver.registry.registry import Registry
from kubelite.apiserver.watchcache.cache import WatchCache
from kubelite.machinery import times
from kubelite.machinery.scheme import Scheme
from kubelite.storage.interface import Store, StoreError
from kubelite.storage.registry import StoreConfig, open_store
from kubelite.util.clock import Clock, SystemClock
from kubelite.util.log import get_logger

if TYPE_CHECKING:
    from kubelite.apiserver.crd.follower import Follower

log = get_logger(__name__)


class ApiServer:
    """One server over an open store. `registry` is usable after `start`. Raises ValueError for unknown feature gates."""

    def __init__(
        self, config: Config, store: Store, *, scheme: Scheme | None = None, clock: Clock | None = None
    ) -> None:
        from kubelite import api

        self.config = config
        # Its own: custom resources that this server adds are no other server's in the process.
        self.scheme = (scheme or api.scheme()).copy()
        if more := features.kinds(config.feature_gates):
            self.scheme.change(add=more)
        store, self._keeper = encryption.build(config, store, lambda: self.scheme)
        store = ObservedStore(store)
        self.store = store
        stored = [kind for kind in self.scheme if kind.verbs and (kind.stored or kind.stored_as is not None)]
        exclusive = not config.etcd_servers
        self.cache = WatchCache(store, stored, history=config.watch_history, exclusive=exclusive)
        self.registry = Registry(
            self.scheme, store, self.cache, clock or SystemClock(), event_ttl=config.event_ttl_seconds
        )
        self.port = 0
        self._tasks: list[asyncio.Task[Any]] = []
        self._listener: Listener | None = None
        self._chain: Chain | None = None
        self._follower: Follower | None = None

    async def start(self) -> None:
        """Fills the caches, makes the bootstrap objects, opens the port (`self.port`)."""
        config, registry = self.config, self.registry
        if self._keeper is not None:
            registry.keeper = self._keeper
            await self._keeper.start()
        self._spawn("watch cache", self.cache.run())
        await self.cache.ready.wait()
        self._spawn("bookmarks", self.cache.run_bookmarks())
        if config.compaction_interval_seconds:
            self._spawn("compaction", self._compact())
        chain = self._chain = assemble(config, registry)
        await self._follow_definitions()
        await bootstrap.ensure(config, registry)
        await allocators.adopt(config, registry)
        await aggregator.start(config, registry)
        context = None
        if config.tls_cert_file:
            authorities = (config.client_ca_file, config.requestheader_client_ca_file)
            serving = Serving(config.tls_cert_file, config.tls_private_key_file, authorities)
            context = serving.context
            authn.files(registry).follow(serving.files, serving.load)
        elif config.bind_address not in ("127.0.0.1", "::1", "localhost"):
            raise ValueError("without --tls-cert-file the server listens on a loopback address only")
        limit = config.max_request_body_bytes
        self._listener = Listener(chain.handle, lambda code, text: refuse(code, text, limit), body_limit=limit)
        self._listener.shared.separate += authn.separate_headers(config)
        self.port = await self._listener.start(config.bind_address, config.secure_port, context)
        await self._join()
        log.info("serving", address=config.bind_address, port=self.port, tls=bool(context))

    async def _follow_definitions(self) -> None:
        """Custom resources are served from the first request on."""
        from kubelite.api.apiextensions.custom_resource_definition import CUSTOM_RESOURCE_DEFINITION as CRD
        from kubelite.apiserver.crd.follower import Follower

        if self.scheme.by_kind(CRD.api_version, CRD.kind) is None:
            return
        self._follower = Follower(self.registry, alone=not self.config.etcd_servers)
        await self._follower.start()
        self._spawn("custom resource definitions", self._follower.run())

    async def _join(self) -> None:
        """Takes a place among the endpoints of the `kubernetes` Service, and starts what keeps the cluster's own data right."""
        await bootstrap.announce(self.config, self.registry, self.port)
        self._spawn("bootstrap", bootstrap.run(self.config, self.registry, self.port))
        self._spawn("allocators", allocators.run(self.config, self.registry, self.port))
        for name, work in (
            *bootstrap.tasks(self.config, self.registry),
            *authn.tasks(self.registry),
            *authz.tasks(self.registry),
            *aggregator.tasks(self.registry),
        ):
            self._spawn(name, work())
        await flowcontrol.ensure(self.registry)
        for name, work in (
            *flowcontrol.tasks(self.registry),
            *audit.tasks(self.registry),
            *admission.tasks(self.registry),
        ):
            self._spawn(name, work())
        self.registry.started = True

    async def stop(self, seconds: float | None = None) -> None:
        """Fails /readyz, closes the port, lets requests finish, ends watches and background tasks. The store stays open."""
        self.registry.stopping = True
        if self._listener is not None:
            delay = times.parse_duration(self.config.shutdown_delay_duration)
            if delay > 0:
                log.info("stopping", delay=self.config.shutdown_delay_duration)
                await asyncio.sleep(delay)
            linger = self.config.shutdown_send_retry_after
            if self._chain is not None:
                self._chain.closed = linger
            self.cache.end_watches()
            await self._listener.stop(self.config.shutdown_seconds if seconds is None else seconds, linger=linger)
            await audit.close(self.registry)
            await admission.close(self.registry)
            await tracing.close(self.registry)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._follower is not None:
            await self._follower.stop()
        await aggregator.stop(self.registry)
        if self._keeper is not None:
            await self._keeper.close()

    def _spawn(self, name: str, work: Any) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(work, name=name))

    async def _compact(self) -> None:
        """Drops history that is older than one interval; never returns."""
        mark = 0
        while True:
            await asyncio.sleep(self.config.compaction_interval_seconds)
            try:
                if mark:
                    await self.store.compact(mark)
                mark = await self.store.revision()
            except StoreError as error:
                log.warning("compaction failed", error=str(error))


def assemble(config: Config, registry: Registry) -> Chain:
    """All parts of the server, as one chain. Raises ValueError for settings that cannot be used."""
    registry.admission = ObservedAdmission(admission.build(config, registry))
    registry.add_hooks(allocators.build(config, registry))
    gate = flowcontrol.build(config, registry)
    others = aggregator.build(config, registry)
    paths = {
        **flowcontrol.path_handlers(registry),
        **discovery.path_handlers(config, registry, others),
        **issuer.path_handlers(config, registry),
        **health.path_handlers(config, registry),
        **openapi.path_handlers(config, registry, others),
    }
    registry.authorizer = authz.build(config, registry)
    return Chain(
        authn.build(config, registry),
        registry.authorizer,
        refuse_user,
        Dispatcher(registry, connect.resource_handlers(config, registry), config.min_request_timeout_seconds),
        {**paths, "/": discovery.index_handler(paths, registry, others)},
        gate=gate,
        timeout=config.request_timeout_seconds,
        auditor=audit.build(config, registry),
        tracing=tracing.build(config, registry),
        aggregation=others,
    )


def store_config(config: Config) -> StoreConfig:
    """Where the settings say that the data is."""
    if config.etcd_servers:
        return StoreConfig(config.etcd_servers, config.etcd_cafile, config.etcd_certfile, config.etcd_keyfile)
    return StoreConfig("memory://" if config.data_path == "memory" else f"sqlite://{config.data_path}")


async def run(config: Config, stop: asyncio.Event) -> None:
    """The process: opens the store, serves until `stop` is set, closes everything. Raises if it cannot start."""
    import gc

    store = await open_store(store_config(config))
    try:
        server = ApiServer(config, store)
        try:
            await server.start()
            gc.collect()
            gc.freeze()
            # Objects of the API are not tracked; what is left to collect comes from requests and is mostly short-lived.
            gc.set_threshold(50_000, 20, 50)
            await stop.wait()
        finally:
            with contextlib.suppress(asyncio.CancelledError):
                await server.stop()
    finally:
        await store.close()

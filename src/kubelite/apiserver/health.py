"""Is the server alive, is it ready, what version is it: /livez, /readyz, /healthz, /version, /metrics.

What: named checks, run on request. Why: load balancers, probes and people ask; each check can be asked for or left out by name.
Flow: `path_handlers(config, registry)`; `?verbose` lists the checks, `?exclude=name` leaves one out, `/readyz/name` runs one.
Texts follow apiserver/pkg/server/healthz/healthz.go.
"""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from kubelite.api import constants
from kubelite.apiserver import metrics
from kubelite.apiserver.config import Config
from kubelite.apiserver.request import Handler, Request, Response
from kubelite.machinery import errors
from kubelite.util.log import get_logger

log = get_logger(__name__)

Check = Callable[[], Awaitable[None]]
"""Returns if all is well, raises an exception that says what is wrong."""

TEXT = "text/plain; charset=utf-8"
HEADERS = (("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-cache, private"))
STORE_SECONDS = 2.0
HOOKS = (
    "start-system-namespaces-controller",
    "start-service-ip-repair-controllers",
    "rbac/bootstrap-roles",
    "scheduling/bootstrap-system-priority-classes",
    "bootstrap-controller",
)
FLOW_HOOKS = (
    "priority-and-fairness-config-consumer",
    "priority-and-fairness-filter",
    "priority-and-fairness-config-producer",
)
"""Upstream's names for what is done once at start; the others of upstream's have no counterpart here."""


STATE = metrics.SLIS.gauge(
    "kubernetes_healthcheck", "This metric records the result of a single healthcheck.", ("name", "type")
)
OUTCOMES = metrics.SLIS.counter(
    "kubernetes_healthchecks_total", "This metric records the results of all healthcheck.", ("name", "type", "status")
)
BUILD = metrics.REGISTRY.gauge(
    "kubernetes_build_info",
    "A metric with a constant '1' value labeled by version and platform.",
    ("git_version", "major", "minor", "platform"),
)
NO_PROFILES = (
    "/debug/pprof serves profiles of Go programs, which kubelite is not:"
    " take a profile of the process with py-spy instead"
)


class Unhealthy(Exception):
    """A check that failed."""


class Endpoint:
    """One of the three, with its checks in order."""

    def __init__(self, name: str, checks: Sequence[tuple[str, Check]]) -> None:
        self.name = name
        self.checks = tuple(checks)

    async def all(self, request: Request) -> Response:
        """Every check that is not excluded."""
        excluded = {name for value in request.query.get("exclude", ()) for name in value.split(",")}
        lines, failed = [], []
        for name, check in self.checks:
            if name in excluded:
                excluded.discard(name)
                lines.append(f"[+]{name} excluded: ok")
                continue
            error = await _outcome(check)
            self._count(name, error is None)
            lines.append(f"[+]{name} ok" if error is None else f"[-]{name} failed: reason withheld")
            if error is not None:
                failed.append(name)
                log.info("Health check failed", endpoint=self.name, check=name, error=str(error))
        if excluded:
            listed = ",".join(f'"{name}"' for name in sorted(excluded))
            lines.append(f"warn: some health checks cannot be excluded: no matches for {listed}")
        text = "\n".join(lines) + "\n"
        if failed:
            return Response(500, f"{text}{self.name} check failed\n".encode(), TEXT, HEADERS)
        if "verbose" not in request.query:
            return Response(200, b"ok", TEXT, HEADERS)
        return Response(200, f"{text}{self.name} check passed\n".encode(), TEXT, HEADERS)

    def _count(self, name: str, well: bool) -> None:
        STATE.set(float(well), name, self.name)
        OUTCOMES.inc(name, self.name, "success" if well else "error")

    async def one(self, request: Request) -> Response:
        """The check that the path names."""
        wanted = request.path.removeprefix(f"/{self.name}/").rstrip("/")
        if not wanted:
            return await self.all(request)
        check = next((check for name, check in self.checks if name == wanted), None)
        if check is None:
            return Response(404, b"404 page not found\n", TEXT, HEADERS)
        error = await _outcome(check)
        self._count(wanted, error is None)
        if error is None:
            return Response(200, b"ok", TEXT, HEADERS)
        return Response(500, f"internal server error: {error}\n".encode(), TEXT, HEADERS)


async def _outcome(check: Check) -> Exception | None:
    try:
        await check()
    except Exception as error:  # noqa: BLE001 - whatever a check raises is its finding
        return error
    return None


async def _fine() -> None:
    return None


def checks_of(registry: Any) -> tuple[list[tuple[str, Check]], list[tuple[str, Check]]]:
    """The checks of /livez and of /readyz."""

    async def store() -> None:
        try:
            async with asyncio.timeout(STORE_SECONDS):
                await registry.store.ping()
        except TimeoutError:
            raise Unhealthy("etcd failed: the store does not answer in time") from None

    async def cache() -> None:
        if not registry.cache.ready.is_set():
            raise Unhealthy("the watch cache is not filled yet")

    async def shutdown() -> None:
        if registry.stopping:
            raise Unhealthy("process is shutting down")

    async def started() -> None:
        if not registry.started:
            raise Unhealthy("not finished")

    async def plugins() -> None:
        registry.keeper.check()

    hooks: list[tuple[str, Check]] = [("poststarthook/generic-apiserver-start-informers", cache)]
    hooks += [(f"poststarthook/{name}", started) for name in HOOKS]
    if registry.flow_control:
        hooks += [(f"poststarthook/{name}", started) for name in FLOW_HOOKS]
    live: list[tuple[str, Check]] = [("ping", _fine), ("log", _fine), ("etcd", store)]
    if registry.keeper is not None and registry.keeper.has_plugins:
        live.append(("kms-providers", plugins))
    ready = [*live, ("etcd-readiness", store), ("informer-sync", cache)]
    return [*live, *hooks], [*ready, *hooks, ("shutdown", shutdown)]


def version() -> dict[str, str]:
    """The answer of /version."""
    release = constants.KUBERNETES_VERSION
    major, minor = release.removeprefix("v").split(".")[:2]
    return {
        "major": major,
        "minor": minor,
        "emulationMajor": major,
        "emulationMinor": minor,
        "minCompatibilityMajor": major,
        "minCompatibilityMinor": minor,
        "gitVersion": release,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": f"python{platform.python_version()}",
        "compiler": platform.python_implementation().lower(),
        "platform": f"linux/{ {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(platform.machine(), platform.machine()) }",
    }


def _caches(registry: Any) -> Iterator[tuple[str, str, Any]]:
    """(group, resource, cache) of every stored kind, once."""
    for (group, plural), cache in list(registry.cache.by_kind.items()):
        if (cache.kind.group, cache.kind.plural) == (group, plural):
            yield group, plural, cache


def publish_objects(registry: Any) -> None:
    """How many objects and watches there are, read from the caches when scraped."""
    collect = metrics.REGISTRY.collect
    stored = "Number of stored objects at the time of last check split by kind."
    collect(
        "apiserver_resource_objects",
        stored,
        "gauge",
        ("group", "resource"),
        lambda: (((group, plural), float(len(cache.entries))) for group, plural, cache in _caches(registry)),
    )
    collect(
        "apiserver_storage_objects",
        stored,
        "gauge",
        ("resource",),
        lambda: (
            ((errors.qualified(plural, group),), float(len(cache.entries)))
            for group, plural, cache in _caches(registry)
        ),
    )
    collect(
        "apiserver_watch_events_total",
        "Number of events sent in watch clients.",
        "counter",
        ("group", "version", "resource"),
        lambda: (
            ((group, cache.kind.version, plural), float(cache.sent))
            for group, plural, cache in _caches(registry)
            if cache.sent
        ),
    )
    collect(
        "apiserver_longrunning_requests",
        "Gauge of all active long-running requests; here the watches, by resource.",
        "gauge",
        ("verb", "group", "version", "resource", "subresource", "scope", "component"),
        lambda: (
            (("WATCH", group, cache.kind.version, plural, "", "cluster", "apiserver"), float(len(cache.watchers)))
            for group, plural, cache in _caches(registry)
            if cache.watchers
        ),
    )


def path_handlers(config: Config, registry: Any) -> Mapping[str, Handler]:
    """Handlers of the three endpoints with their subtrees, of /version and of /metrics."""
    live, ready = checks_of(registry)
    document = msgspec.json.format(msgspec.json.encode(version()), indent=2)

    def show_version(request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            raise errors.path_method_not_allowed()
        return Response(200, document, "application/json", (("Cache-Control", "no-cache, private"),))

    def no_profiles(request: Request) -> Response:
        raise errors.StatusError(404, "NotFound", NO_PROFILES)

    shown = version()
    BUILD.set(1, shown["gitVersion"], shown["major"], shown["minor"], shown["platform"])
    publish_objects(registry)
    handlers: dict[str, Handler] = {
        "/version": show_version,
        "/metrics": metrics.handle,
        "/metrics/slis": metrics.handle_slis,
        "/debug/pprof/": no_profiles,
    }
    for name, checks in (("livez", live), ("readyz", ready), ("healthz", live)):
        endpoint = Endpoint(name, checks)
        handlers[f"/{name}"] = endpoint.all
        handlers[f"/{name}/"] = endpoint.one
    return handlers

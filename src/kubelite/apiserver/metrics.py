"""The server's own numbers, for /metrics.

What: the registry of metrics and `observe`, called once per answered request. Why: names, labels and meanings are upstream's, so
that dashboards and alerts made for Kubernetes work. Flow: the handler chain calls `observe`; /metrics renders.
Source: apiserver/pkg/endpoints/metrics/metrics.go.
"""

from __future__ import annotations

from kubelite.apiserver.request import Request, RequestInfo, Response
from kubelite.util.metrics import Registry, add_process_metrics

REGISTRY = Registry()
add_process_metrics(REGISTRY)

_NAMES = ("verb", "dry_run", "group", "version", "resource", "subresource", "scope", "component", "code")
REQUESTS = REGISTRY.counter(
    "apiserver_request_total",
    "Counter of apiserver requests broken out for each verb, group, version, resource, scope, component, and HTTP code.",
    _NAMES,
)
DURATION = REGISTRY.histogram(
    "apiserver_request_duration_seconds",
    "Response latency distribution in seconds for each verb, group, version, resource, subresource, scope and component.",
    ("verb", "group", "version", "resource", "subresource", "scope", "component"),
    (0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60),
)
COMPONENT = "apiserver"
_KNOWN_METHODS = {"get", "post", "put", "patch", "delete", "head", "options"}
_keys: dict[tuple[str, ...], tuple[tuple[str, ...], tuple[str, ...]]] = {}


def observe(info: RequestInfo, code: int, seconds: float, *, dry_run: bool = False) -> None:
    """Counts one answered request; `seconds` is not recorded for watches and streams."""
    key = (info.verb, info.group, info.version, info.resource, info.subresource, _scope(info), str(code), str(dry_run))
    labels = _keys.get(key)
    if labels is None:
        if len(_keys) > 4096:
            _keys.clear()
        labels = _keys[key] = _labels(info, str(code), dry_run)
    REQUESTS.inc(*labels[0])
    if info.verb not in ("watch", "proxy", "connect"):
        DURATION.observe(seconds, *labels[1])


def _scope(info: RequestInfo) -> str:
    if not info.is_resource:
        return ""
    if info.name:
        return "resource"
    return "namespace" if info.namespace else "cluster"


def _labels(info: RequestInfo, code: str, dry_run: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    verb = info.verb.upper()
    if not info.is_resource:
        verb = verb if info.verb in _KNOWN_METHODS else "other"
    verb = {"CREATE": "POST", "UPDATE": "PUT", "DELETECOLLECTION": "DELETECOLLECTION"}.get(verb, verb)
    if code == "404" and not info.is_resource:
        verb = "other"  # paths that nobody serves must not become label values
    common = (info.group, info.version, info.resource, info.subresource, _scope(info), COMPONENT)
    return (verb, "All" if dry_run else "", *common, code), (verb, *common)


def handle(request: Request) -> Response:
    """GET /metrics."""
    return Response(200, REGISTRY.render().encode(), "text/plain; version=0.0.4; charset=utf-8")

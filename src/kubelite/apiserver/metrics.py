"""The server's own numbers, for /metrics.

What: the registry of metrics and `observe`, called once per answered request. Why: names, labels and meanings are upstream's,
so that dashboards and alerts made for Kubernetes work. Flow: the handler chain calls `observe`; /metrics renders. What
belongs to one request is looked up once per combination of labels (`_Cells`), so that a request pays for a few additions.
Source: apiserver/pkg/endpoints/metrics/metrics.go.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import Any

from kubelite.apiserver.request import Request, RequestInfo, Response
from kubelite.util.metrics import Registry, add_process_metrics

REGISTRY = Registry()
add_process_metrics(REGISTRY)
SLIS = Registry()
"""What /metrics/slis shows: the outcomes of the health checks."""

_RESOURCE = ("verb", "group", "version", "resource", "subresource", "scope", "component")
_NAMES = ("verb", "dry_run", "group", "version", "resource", "subresource", "scope", "component", "code")
_SLOW = (0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60)
REQUESTS = REGISTRY.counter(
    "apiserver_request_total",
    "Counter of apiserver requests broken out for each verb, group, version, resource, scope, component, and HTTP code.",
    _NAMES,
)
DURATION = REGISTRY.histogram(
    "apiserver_request_duration_seconds",
    "Response latency distribution in seconds for each verb, group, version, resource, subresource, scope and component.",
    _RESOURCE,
    _SLOW,
)
SLI_DURATION = REGISTRY.histogram(
    "apiserver_request_sli_duration_seconds",
    "Response latency distribution (not counting webhook duration and priority & fairness queue wait times) in seconds.",
    _RESOURCE,
    _SLOW,
)
SIZES = REGISTRY.histogram(
    "apiserver_response_sizes",
    "Response size distribution in bytes for each group, version, verb, resource, subresource, scope and component.",
    _RESOURCE,
    (1000.0, 10000.0, 100000.0, 1000000.0, 10000000.0, 100000000.0, 1000000000.0),
)
TERMINATIONS = REGISTRY.counter(
    "apiserver_request_terminations_total",
    "Number of requests which apiserver terminated in self-defense.",
    ("verb", "group", "version", "resource", "subresource", "scope", "component", "code"),
)
USERS = REGISTRY.counter(
    "authenticated_user_requests", "Counter of authenticated requests broken out by username.", ("username",)
)
ATTEMPTS = REGISTRY.counter("authentication_attempts", "Counter of authenticated attempts.", ("result",))
DECISIONS = REGISTRY.counter(
    "authorization_attempts_total",
    "Counter of authorization attempts broken down by result.",
    ("result",),
)
COMPONENT = "apiserver"
_KNOWN_METHODS = {"get", "post", "put", "patch", "delete", "head", "options"}
_MOST_KEYS = 4096


class InFlight:
    """Requests that are awaited, of one kind; the highest number since it was last read is shown."""

    __slots__ = ("_highest", "now")

    def __init__(self) -> None:
        self.now = self._highest = 0

    def enter(self) -> None:
        self.now += 1
        if self.now > self._highest:
            self._highest = self.now

    def leave(self) -> None:
        self.now -= 1

    def read(self) -> float:
        highest, self._highest = self._highest, self.now
        return float(highest)


IN_FLIGHT = {True: InFlight(), False: InFlight()}
"""Reading and mutating requests."""
REGISTRY.collect(
    "apiserver_current_inflight_requests",
    "Maximal number of currently used inflight request limit of this apiserver per request kind in last second.",
    "gauge",
    ("request_kind",),
    lambda: [(("mutating",), IN_FLIGHT[False].read()), (("readOnly",), IN_FLIGHT[True].read())],
)


class _Cells:
    """Where the numbers of requests that are alike are added."""

    __slots__ = ("duration", "labels", "size", "sli")

    def __init__(self, labels: tuple[str, ...], rows: tuple[str, ...], *, timed: bool, sized: bool) -> None:
        self.labels = labels
        self.duration = DURATION.row(*rows) if timed else None
        self.sli = SLI_DURATION.row(*rows) if timed else None
        self.size = SIZES.row(*rows) if sized else None


_cells: dict[tuple[Any, ...], _Cells] = {}


def observe(
    request: Request, answer: Response | None, seconds: float, serves: Callable[[RequestInfo], bool], *, code: int = 0
) -> None:
    """Counts one answered request; `seconds` is not recorded for watches and streams, names that nobody `serves` never."""
    info = request.info
    status = code if answer is None else answer.status or 101
    dry_run = "dryRun" in request.raw_query
    key = (info.verb, info.group, info.version, info.resource, info.subresource, _scope(info), status, dry_run)
    cells = _cells.get(key)
    if cells is None:
        shown = info if serves(info) else RequestInfo("", "other")
        cells = _find(shown, key, str(status), dry_run)
    counts = REQUESTS.values
    counts[cells.labels] = counts.get(cells.labels, 0) + 1
    if cells.duration is not None and cells.sli is not None:
        bucket = bisect_left(_SLOW, seconds)
        cells.duration[bucket] += 1
        cells.duration[-1] += seconds
        cells.sli[bucket] += 1
        cells.sli[-1] += seconds
    if cells.size is not None and answer is not None and isinstance(answer.body, (bytes, list)):
        body = answer.body
        size = len(body) if isinstance(body, bytes) else sum(map(len, body))
        cells.size[bisect_left(SIZES.buckets, size)] += 1
        cells.size[-1] += size
    _count_user(request, status)


def _count_user(request: Request, status: int) -> None:
    user = request.user
    if user is None:
        if status == 401:
            ATTEMPTS.inc("failure")
        return
    attempts = ATTEMPTS.values
    attempts[_SUCCESS] = attempts.get(_SUCCESS, 0) + 1
    # Few names make many requests; whoever else there is is counted together, as upstream does.
    label = _LABELS.get(user.name, _OTHER)
    names = USERS.values
    names[label] = names.get(label, 0) + 1
    decision = _FORBIDDEN if status == 403 else _ALLOWED
    decisions = DECISIONS.values
    decisions[decision] = decisions.get(decision, 0) + 1


_SUCCESS = ("success",)
_ALLOWED, _FORBIDDEN = ("allowed",), ("denied",)
_OTHER = ("other",)
_LABELS = {
    name: (name,)
    for name in (
        "admin",
        "system:kube-controller-manager",
        "system:kube-scheduler",
        "system:kube-proxy",
        "system:apiserver",
        "system:anonymous",
        "kubernetes-admin",
        "kube-apiserver-kubelet-client",
    )
}


def _find(info: RequestInfo, key: tuple[Any, ...], code: str, dry_run: bool) -> _Cells:
    if len(_cells) > _MOST_KEYS:
        _cells.clear()
    if len(REQUESTS.values) > _MOST_KEYS and code in ("401", "403", "404", "405"):
        info = RequestInfo("", "other")  # kinds that come and go must not fill the memory with label values
    labels, rows = _labels(info, code, dry_run)
    timed = info.verb not in ("watch", "proxy", "connect")
    cells = _cells[key] = _Cells(labels, rows, timed=timed, sized=info.verb in ("get", "list"))
    return cells


def terminated(info: RequestInfo, code: int, serves: Callable[[RequestInfo], bool]) -> None:
    """Counts a request that the server ended to protect itself."""
    info = info if serves(info) else RequestInfo("", "other")
    _, rows = _labels(info, str(code), dry_run=False)
    TERMINATIONS.inc(*rows, str(code))


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


CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def handle(request: Request) -> Response:
    """GET /metrics."""
    return Response(200, REGISTRY.render().encode(), CONTENT_TYPE)


def handle_slis(request: Request) -> Response:
    """GET /metrics/slis."""
    return Response(200, SLIS.render().encode(), CONTENT_TYPE)

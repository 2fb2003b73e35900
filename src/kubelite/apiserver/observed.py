"""The store and admission as the server's metrics and traces see them.

What: `ObservedStore`, a `Store` around another one that measures each call. Why: upstream's `etcd_request_*` metrics tell
whether it is the store that is slow; they are named so whatever the store is. Flow: registry and watch cache → here →
encryption → back end. Source: apiserver/pkg/storage/etcd3/metrics/metrics.go.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from time import perf_counter
from typing import TypeVar

from kubelite.apiserver import metrics
from kubelite.apiserver.request import Admission, AdmissionRequest
from kubelite.storage.interface import KeyValue, RangeResult, Store, StoreError, WatchBatch

T = TypeVar("T")
ROOT_LENGTH = len("/registry/")
_BUCKETS = (
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
)  # fmt: skip
DURATION = metrics.REGISTRY.histogram(
    "etcd_request_duration_seconds",
    "Etcd request latency in seconds for each operation and object type.",
    ("operation", "resource"),
    _BUCKETS,
)
REQUESTS = metrics.REGISTRY.counter(
    "etcd_requests_total",
    "Etcd request counts for each operation and object type.",
    ("operation", "resource"),
)
ERRORS = metrics.REGISTRY.counter(
    "etcd_request_errors_total",
    "Etcd failed request counts for each operation and object type.",
    ("operation", "resource"),
)
Span = Callable[[str, str], AbstractContextManager[object]]
"""(operation, key) → the trace of one call."""


class ObservedStore:
    """`span` is None while traces are off."""

    def __init__(self, store: Store) -> None:
        self.inner = store
        self.span: Span | None = None

    async def _measure(self, operation: str, key: str, work: Awaitable[T]) -> T:
        end = key.find("/", ROOT_LENGTH)
        labels = (operation, key[ROOT_LENGTH:end] if end > 0 else key[ROOT_LENGTH:])
        started = perf_counter()
        try:
            if self.span is None:
                return await work
            with self.span(operation, key):
                return await work
        except StoreError:
            ERRORS.inc(*labels)
            raise
        finally:
            seconds = perf_counter() - started
            row = DURATION.row(*labels)
            row[bisect_left(_BUCKETS, seconds)] += 1
            row[-1] += seconds
            REQUESTS.inc(*labels)

    async def get(self, key: str, *, revision: int = 0) -> tuple[KeyValue | None, int]:
        return await self._measure("get", key, self.inner.get(key, revision=revision))

    async def range(self, prefix: str, *, limit: int = 0, after: str = "", revision: int = 0) -> RangeResult:
        return await self._measure(
            "list", prefix, self.inner.range(prefix, limit=limit, after=after, revision=revision)
        )

    async def create(self, key: str, value: bytes, *, ttl: int = 0) -> int:
        return await self._measure("create", key, self.inner.create(key, value, ttl=ttl))

    async def update(self, key: str, value: bytes, expected: int, *, ttl: int = 0) -> int:
        return await self._measure("update", key, self.inner.update(key, value, expected, ttl=ttl))

    async def delete(self, key: str, expected: int) -> int:
        return await self._measure("delete", key, self.inner.delete(key, expected))

    def watch(self, prefix: str, after: int) -> AsyncIterator[WatchBatch]:
        return self.inner.watch(prefix, after)

    async def revision(self) -> int:
        return await self.inner.revision()

    async def compact(self, revision: int) -> None:
        await self.inner.compact(revision)

    async def ping(self) -> None:
        await self.inner.ping()

    async def close(self) -> None:
        await self.inner.close()


ADMIT, VALIDATE = "admit", "validate"
STEP = metrics.REGISTRY.histogram(
    "apiserver_admission_step_admission_duration_seconds",
    "Admission sub-step latency histogram in seconds, for each operation and API resource and step type.",
    ("operation", "rejected", "type"),
    (0.005, 0.025, 0.1, 0.5, 1.0, 2.5),
)


class ObservedAdmission:
    """Admission with the time that each phase took."""

    def __init__(self, inner: Admission) -> None:
        self.inner = inner

    async def mutate(self, request: AdmissionRequest) -> None:
        started = perf_counter()
        try:
            await self.inner.mutate(request)
        except BaseException:
            STEP.observe(perf_counter() - started, request.operation, "true", ADMIT)
            raise
        _count(ADMIT, request.operation, perf_counter() - started)

    async def validate(self, request: AdmissionRequest) -> None:
        started = perf_counter()
        try:
            await self.inner.validate(request)
        except BaseException:
            STEP.observe(perf_counter() - started, request.operation, "true", VALIDATE)
            raise
        _count(VALIDATE, request.operation, perf_counter() - started)


def _count(phase: str, operation: str, seconds: float) -> None:
    row = STEP.row(operation, "false", phase)
    row[bisect_left(STEP.buckets, seconds)] += 1
    row[-1] += seconds

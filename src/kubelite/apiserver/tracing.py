"""Traces of requests, sent to an OpenTelemetry collector.

What: `build` makes the tracer of a TracingConfiguration; None, and nothing imported, without one. Why: where a slow request
spent its time is seen across components. Flow: the handler chain begins a span for each sampled request (following the
client's `traceparent`), admission and store add theirs below it; a batch exporter thread of OpenTelemetry's sends them over
gRPC (OTLP). The libraries are the extra `kubelite[tracing]`. Source: component-base/tracing/api/v1,
apiserver/pkg/server/options/tracing.go.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

from kubelite.apiserver.config import Config
from kubelite.apiserver.request import Admission, AdmissionRequest, Request, RequestInfo

API_VERSIONS = ("apiserver.config.k8s.io/v1", "apiserver.config.k8s.io/v1beta1", "apiserver.config.k8s.io/v1alpha1")
MILLION = 1_000_000
_providers: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


class TracingConfiguration(msgspec.Struct, forbid_unknown_fields=True):
    """The file's contents."""

    apiVersion: str = ""
    kind: str = ""
    endpoint: str = "localhost:4317"
    samplingRatePerMillion: int = 0


def load(text: str) -> TracingConfiguration:
    """The configuration in a YAML text. Raises ValueError."""
    import yaml

    try:
        found = msgspec.convert(yaml.safe_load(text) or {}, TracingConfiguration)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise ValueError(f"failed to read tracing configuration: {error}") from None
    if found.kind != "TracingConfiguration" or found.apiVersion not in API_VERSIONS:
        raise ValueError(f"unknown tracing configuration {found.apiVersion} {found.kind}")
    if not 0 <= found.samplingRatePerMillion <= MILLION:
        raise ValueError("samplingRatePerMillion: Invalid value: sampling rate must be between 0 and one million")
    return found


def build(config: Config, registry: Any) -> Traces | None:
    """The tracer of the settings. Raises ValueError for a bad file or when the libraries are not installed."""
    if not config.tracing_config_file:
        return None
    with open(config.tracing_config_file, encoding="utf-8") as file:
        wanted = load(file.read())
    try:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
    except ImportError as error:
        raise ValueError(
            f"--tracing-config-file needs the extra libraries: pip install 'kubelite[tracing]' ({error})"
        ) from None
    sampler = ParentBased(TraceIdRatioBased(wanted.samplingRatePerMillion / MILLION))
    provider = TracerProvider(sampler=sampler, resource=Resource.create({"service.name": "apiserver"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=wanted.endpoint, insecure=True)))
    _providers[registry] = provider
    traces = Traces(provider.get_tracer("kubelite.apiserver"))
    registry.admission = TracedAdmission(registry.admission, traces)
    if hasattr(registry.store, "span"):
        registry.store.span = traces.store_span
    return traces


async def close(registry: Any) -> None:
    """Sends what is left."""
    provider = _providers.pop(registry, None)
    if provider is not None:
        await asyncio.to_thread(provider.shutdown)


def name_of(method: str, info: RequestInfo) -> str:
    """The span's name: the path without the names in it."""
    if not info.is_resource:
        return f"HTTP {method}"
    root = f"/apis/{info.group}/{info.version}" if info.group else f"/api/{info.version}"
    namespace = "/namespaces/{:namespace}" if info.namespace else ""
    name = "/{:name}" if info.name else ""
    sub = f"/{info.subresource}" if info.subresource else ""
    return f"{method} {root}{namespace}/{info.resource}{name}{sub}"


class Traces:
    """Implements `handlers.chain.Tracing`."""

    def __init__(self, tracer: Any) -> None:
        from opentelemetry import context, trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._tracer = tracer
        self._trace = trace
        self._context = context
        self._propagator = TraceContextTextMapPropagator()

    def begin(self, request: Request) -> None:
        parent = self._propagator.extract(request.headers) if "traceparent" in request.headers else None
        span = self._tracer.start_span(
            name_of(request.method, request.info),
            context=parent if parent is not None else self._context.Context(),
            kind=self._trace.SpanKind.SERVER,
        )
        if span.is_recording():
            span.set_attribute("http.request.method", request.method)
            span.set_attribute("url.path", request.path)
            span.set_attribute("audit-id", request.audit_id)
        request.span = span

    def enter(self, request: Request) -> None:
        if request.span is not None:
            self._context.attach(self._trace.set_span_in_context(request.span))

    def finish(self, request: Request, status: int) -> None:
        span = request.span
        if span is None:
            return
        if span.is_recording():
            span.set_attribute("http.response.status_code", status)
            if status >= 500:
                span.set_status(self._trace.StatusCode.ERROR)
        span.end()

    def span(self, name: str) -> AbstractContextManager[object]:
        """A span below the request's."""
        found: AbstractContextManager[object] = self._tracer.start_as_current_span(name)
        return found

    def store_span(self, operation: str, key: str) -> AbstractContextManager[object]:
        """The span of a call of the store; calls that belong to no request are not traced."""
        if not self._trace.get_current_span().get_span_context().is_valid:
            return _Nothing()
        found: AbstractContextManager[object] = self._tracer.start_as_current_span(
            f"{operation} etcd3", attributes={"key": key}
        )
        return found


class _Nothing:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *failure: object) -> None:
        return None


class TracedAdmission:
    """Admission with a span for each phase."""

    def __init__(self, inner: Admission, traces: Traces) -> None:
        self.inner = inner
        self._traces = traces

    async def mutate(self, request: AdmissionRequest) -> None:
        with self._traces.span("mutating admission"):
            await self.inner.mutate(request)

    async def validate(self, request: AdmissionRequest) -> None:
        with self._traces.span("validating admission"):
            await self.inner.validate(request)

"""Traces: a real collector of the tests' own, over gRPC, gets the spans of requests, admission and store."""

from __future__ import annotations

import asyncio
import pathlib
import sys
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from kubelite.apiserver.tracing import load
from tests.apienv import api_server

MAPS = "/api/v1/namespaces/default/configmaps"
CONFIG = "apiVersion: apiserver.config.k8s.io/v1\nkind: TracingConfiguration\n"


class Collector:
    """Takes what OTLP exporters send."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.endpoint = ""

    async def export(self, request: Any, context: Any) -> Any:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

        self.spans += [span for one in request.resource_spans for scope in one.scope_spans for span in scope.spans]
        return ExportTraceServiceResponse()


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    messages = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    pytest.importorskip("opentelemetry.exporter.otlp.proto.grpc.trace_exporter")
    made = Collector()
    handler = grpc.unary_unary_rpc_method_handler(
        made.export,
        request_deserializer=messages.ExportTraceServiceRequest.FromString,
        response_serializer=lambda answer: answer.SerializeToString(),
    )
    service = "opentelemetry.proto.collector.trace.v1.TraceService"
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": handler}),))
    made.endpoint = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    yield made
    await server.stop(None)


async def test_a_write_is_one_trace_down_to_the_store(tmp_path: pathlib.Path, collector: Collector) -> None:
    path = tmp_path / "tracing.yaml"
    path.write_text(f"{CONFIG}endpoint: {collector.endpoint}\nsamplingRatePerMillion: 1000000\n")
    parent = f"00-{'ab' * 16}-{'cd' * 8}-01"
    async with api_server(tracing_config_file=str(path)) as api:
        reply = await api.post(MAPS, {"metadata": {"name": "a"}}, headers={"traceparent": parent})
        assert reply.status == 201
        assert (await api.get(f"{MAPS}/a")).status == 200
    await asyncio.sleep(0)
    mine = [span for span in collector.spans if span.trace_id == bytes.fromhex("ab" * 16)]
    names = {span.name for span in mine}
    root = "POST /api/v1/namespaces/{:namespace}/configmaps"
    assert {root, "mutating admission", "validating admission", "create etcd3"} <= names
    top = next(span for span in mine if span.name == root)
    assert top.parent_span_id == bytes.fromhex("cd" * 8)
    below = next(span for span in mine if span.name == "create etcd3")
    assert below.parent_span_id == top.span_id
    assert any(span.name == "GET /api/v1/namespaces/{:namespace}/configmaps/{:name}" for span in collector.spans)


async def test_without_the_libraries_the_setting_is_refused_by_name(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tracing.yaml"
    path.write_text(CONFIG)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.grpc.trace_exporter", None)
    with pytest.raises(ValueError, match=r"pip install 'kubelite\[tracing\]'"):
        async with api_server(tracing_config_file=str(path)):
            pass


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: Other", "unknown tracing configuration"),
        (f"{CONFIG}samplingRatePerMillion: 1000001", "between 0 and one million"),
        (f"{CONFIG}colour: red", "colour"),
    ],
)
def test_mistakes_in_the_file_are_named(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        load(text)

"""A gRPC probe asks the health service about the service named, or about the whole server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from kubelite.api.types.core_v1 import GRPCAction
from kubelite.kubelet.probes.handlers import Outcome
from kubelite.kubelet.probes.handlers import grpc as probe

ASKED: list[bytes] = []


@pytest.fixture
async def port() -> AsyncIterator[int]:
    import grpc as library
    import grpc.aio

    async def check(request: bytes, context: object) -> bytes:
        ASKED.append(request)
        return b"\x08\x01"

    handler = library.unary_unary_rpc_method_handler(check)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        (library.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": handler}),)
    )
    found = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    ASKED.clear()
    yield found
    await server.stop(None)


@pytest.mark.parametrize(("service", "request_"), [(None, b""), ("", b""), ("web", b"\x0a\x03web")])
async def test_the_service_may_be_absent_empty_or_named(port: int, service: str | None, request_: bytes) -> None:
    outcome, text = await probe(GRPCAction(port=port, service=service), "127.0.0.1", 10.0)
    assert (outcome, text, ASKED) == (Outcome.SUCCESS, "service healthy", [request_])

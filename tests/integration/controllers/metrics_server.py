"""Extension servers of the metrics APIs, of the tests' own.

What: `MetricsServer` answers each path of `answers` with its JSON. Why: autoscalers know metrics only by these APIs. Flow: TLS
on a loopback port, registered as APIService; the endpoints go straight into the store, since validation refuses
loopback addresses.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import pathlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from kubelite import api as kinds
from kubelite.api.types.discovery_v1 import Endpoint, EndpointConditions, EndpointPort, EndpointSlice
from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.apiserver.bootstrap.writer import Writer
from kubelite.util.tls import Authority
from tests.integration.controllers.manager import World, eventually

SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"


@dataclass
class MetricsServer:
    """`answers`: path without query → the document. `seen`: what was asked, with queries."""

    answers: dict[str, Any] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                target = unquote(head.split(" ")[1])
                self.seen.append(target)
                found = self.answers.get(target.partition("?")[0])
                body = json.dumps(found or {"kind": "Status", "code": 404, "message": "not here"}).encode()
                status = b"200 OK" if found is not None else b"404 Not Found"
                lines = b"\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
                writer.write(b"HTTP/1.1 " + status + lines + body)
                await writer.drain()
        writer.close()

    def pods(self, values: dict[str, str], resource: str = "cpu") -> None:
        """Resource metrics of pods, each with the container "c"."""
        self.answers["/apis/metrics.k8s.io/v1beta1/namespaces/default/pods"] = {
            "kind": "PodMetricsList",
            "items": [
                {
                    "metadata": {"name": name, "namespace": "default"},
                    "timestamp": "2040-01-01T00:00:00Z",
                    "window": "30s",
                    "containers": [{"name": "c", "usage": {resource: value}}],
                }
                for name, value in values.items()
            ],
        }

    def values(self, path: str, values: dict[str, str]) -> None:
        """Custom or external metrics by the name of what they describe."""
        items = [
            {"describedObject": {"kind": "Pod", "name": name}, "timestamp": "2040-01-01T00:00:00Z", "value": value}
            for name, value in values.items()
        ]
        self.answers[path] = {"items": items}


@asynccontextmanager
async def metrics_server(world: World, directory: pathlib.Path, *groups: str) -> AsyncIterator[MetricsServer]:
    """A server of these API groups in v1beta1, registered and available."""
    found = MetricsServer()
    pair = Authority.create("metrics-ca").issue_server("metrics", ["metrics"])
    (directory / "m.crt").write_bytes(pair.certificate)
    (directory / "m.key").write_bytes(pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "m.crt", directory / "m.key")
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0, ssl=context)
    await _service(world, server.sockets[0].getsockname()[1])
    for group in groups:
        found.answers[f"/apis/{group}/v1beta1"] = {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": f"{group}/v1beta1",
            "resources": [],
        }
        spec = {
            "group": group,
            "version": "v1beta1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "insecureSkipTLSVerify": True,
            "service": {"namespace": "default", "name": "metrics"},
        }
        await world.create(SERVICES, {"metadata": {"name": f"v1beta1.{group}"}, "spec": spec})

        async def available(group: str = group) -> bool:
            service = await world.get(f"{SERVICES}/v1beta1.{group}")
            return any(c["status"] == "True" for c in service["status"]["conditions"])

        await eventually(available)
    try:
        yield found
    finally:
        server.close()


async def _service(world: World, port: int) -> None:
    spec = {"ports": [{"name": "https", "port": 443, "targetPort": 8443}]}
    await world.create("/api/v1/namespaces/default/services", {"metadata": {"name": "metrics"}, "spec": spec})
    piece = EndpointSlice(
        metadata=ObjectMeta(name="metrics-1", namespace="default", labels={"kubernetes.io/service-name": "metrics"}),
        addressType="IPv4",
        ports=[EndpointPort(name="https", port=port, protocol="TCP")],
        endpoints=[Endpoint(addresses=["127.0.0.1"], conditions=EndpointConditions(ready=True))],
    )
    kind = kinds.scheme().by_kind("discovery.k8s.io/v1", "EndpointSlice")
    assert kind is not None
    await Writer(world.api.store).ensure(kind, piece)

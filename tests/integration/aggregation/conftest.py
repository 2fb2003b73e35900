"""A server with an extension server beside it, which is registered and available."""

from __future__ import annotations

import base64
import pathlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from kubelite import api as kinds
from kubelite.api.types.discovery_v1 import Endpoint, EndpointConditions, EndpointPort, EndpointSlice
from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.apiserver.bootstrap.writer import Writer
from tests.apienv import ApiEnv, api_server
from tests.integration.aggregation.extension import GROUP, VERSION, Extension

NAME = f"{VERSION}.{GROUP}"
PATH = f"/apis/apiregistration.k8s.io/v1/apiservices/{NAME}"
SCHEME = kinds.scheme()


def api_service(extension: Extension, **spec: Any) -> dict[str, Any]:
    """The APIService of the extension server."""
    wanted = {
        "group": GROUP,
        "version": VERSION,
        "groupPriorityMinimum": 2000,
        "versionPriority": 200,
        "service": {"namespace": "default", "name": "wardle"},
        "caBundle": base64.b64encode(extension.ca.pair.certificate).decode(),
        **spec,
    }
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": NAME},
        "spec": {key: value for key, value in wanted.items() if value is not None},
    }


async def add_service(api: ApiEnv) -> None:
    """The service in front of the extension server."""
    made = await api.post(
        "/api/v1/namespaces/default/services",
        {"metadata": {"name": "wardle"}, "spec": {"ports": [{"name": "https", "port": 443, "targetPort": 8443}]}},
    )
    assert made.status == 201, made.body


async def add_endpoints(api: ApiEnv, port: int) -> None:
    """Where it really listens. Straight into the store: validation rightly refuses loopback addresses."""
    one = EndpointSlice(
        metadata=ObjectMeta(name="wardle-1", namespace="default", labels={"kubernetes.io/service-name": "wardle"}),
        addressType="IPv4",
        ports=[EndpointPort(name="https", port=port, protocol="TCP")],
        endpoints=[Endpoint(addresses=["127.0.0.1"], conditions=EndpointConditions(ready=True))],
    )
    kind = SCHEME.by_kind("discovery.k8s.io/v1", "EndpointSlice")
    assert kind is not None
    await Writer(api.store).ensure(kind, one)


async def condition(api: ApiEnv, *reasons: str) -> dict[str, Any]:
    """The condition Available, once it has one of these reasons."""
    async with api.watch("/apis/apiregistration.k8s.io/v1/apiservices", fieldSelector=f"metadata.name={NAME}") as watch:
        while True:
            event = await watch.next(10)
            for one in event["object"].get("status", {}).get("conditions", []):
                if one["reason"] in reasons:
                    found: dict[str, Any] = one
                    return found


async def register(api: ApiEnv, extension: Extension) -> None:
    """Makes the extension server known, and waits until it is available."""
    await add_service(api)
    await add_endpoints(api, extension.port)
    made = await api.post("/apis/apiregistration.k8s.io/v1/apiservices", api_service(extension))
    assert made.status == 201, made.body
    assert (await condition(api, "Passed", "FailedDiscoveryCheck"))["status"] == "True"


@asynccontextmanager
async def server_beside(extension: Extension, **settings: Any) -> AsyncIterator[ApiEnv]:
    """A server that shows the extension server its client certificate."""
    pair = {
        "proxy_client_cert_file": str(extension.directory / "front.crt"),
        "proxy_client_key_file": str(extension.directory / "front.key"),
    }
    async with api_server(**{**pair, **settings}) as api:
        yield api


@pytest.fixture
async def extension(tmp_path: pathlib.Path) -> AsyncIterator[Extension]:
    made = Extension(tmp_path)
    await made.start("wardle.default.svc")
    yield made
    await made.stop()


@pytest.fixture
async def api(extension: Extension) -> AsyncIterator[ApiEnv]:
    """With the extension server available."""
    async with server_beside(extension) as env:
        await register(env, extension)
        yield env

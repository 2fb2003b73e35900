"""A webhook behind a service of the cluster, with the behaviours that the conformance tests ask of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from kubelite import api as kinds
from kubelite.api.types.discovery_v1 import Endpoint, EndpointConditions, EndpointPort, EndpointSlice
from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.apiserver.bootstrap.writer import Writer
from tests.apienv import ApiEnv, Reply
from tests.conformance.harness import good, namespace
from tests.integration.admission.hookserver import HookServer, allow, deny, hook_server, patch, patched

SLOW_SECONDS = 1.5
PORT = 8443
KEY, BAD = "webhook-e2e-test", "webhook-disallow"


def unwanted(message: str) -> Any:
    """Denies objects whose data or label has the bad value; on deletion the old object counts."""

    def judge(request: dict[str, Any]) -> dict[str, Any]:
        obj = request["object"] or request["oldObject"]
        found = (obj.get("data") or {}).get(KEY) or (obj["metadata"].get("labels") or {}).get(KEY)
        return {"allowed": found != BAD, "status": {"message": message}}

    return judge


async def wait_for_ever_or_judge(request: dict[str, Any]) -> dict[str, Any]:
    """For pods: hangs if the label asks for it."""
    if (request["object"]["metadata"].get("labels") or {}).get(KEY) == "wait-forever":
        await asyncio.sleep(60)
    judged: dict[str, Any] = unwanted("the pod contains unwanted label")(request)
    return judged


async def slowly(request: dict[str, Any]) -> dict[str, Any]:
    await asyncio.sleep(SLOW_SECONDS)
    return {"allowed": True}


def stage(request: dict[str, Any]) -> dict[str, Any]:
    """Adds to `data` the stage after the last that is there: from mutation-start to stage 1 to stage 2."""
    data = request["object"].get("data") or {}
    operations = [
        {"op": "add", "path": f"/data/{added}", "value": "yes"}
        for present, added in (("mutation-start", "mutation-stage-1"), ("mutation-stage-1", "mutation-stage-2"))
        if data.get(present) == "yes"
    ]
    return patched(*operations) if operations else {"allowed": True}


INIT_CONTAINER = {"name": "webhook-added-init-container", "image": "webhook-added-image"}
BEHAVIOURS = {
    "always-allow": allow,
    "always-deny": deny("this webhook denies all requests"),
    "delay": slowly,
    "pods": wait_for_ever_or_judge,
    "configmaps": unwanted("the configmap contains unwanted key and value"),
    "custom-resource": unwanted("the custom resource contains unwanted data"),
    "crd": unwanted("the crd contains unwanted label"),
    "attach": deny("attaching to pod 'to-be-attached-pod' is not allowed"),
    "stages": stage,
    "mutating-pods": patch({"op": "add", "path": "/spec/initContainers", "value": [INIT_CONTAINER]}),
    "add-label": patch({"op": "add", "path": "/metadata/labels", "value": {"added-label": "yes"}}),
}


@dataclass
class Deployed:
    """The webhook's server and how configurations name it."""

    api: ApiEnv
    server: HookServer
    place: str

    def service(self, path: str, bundle: bool = True) -> dict[str, Any]:
        """A clientConfig; without the bundle nothing vouches for the server."""
        reference = {"namespace": "conformance", "name": "e2e-test-webhook", "path": f"/{path}", "port": PORT}
        return {"service": reference, **({"caBundle": self.server.bundle} if bundle else {})}

    async def config_map(self, name: str, place: str = "", **data: str) -> Reply:
        body = {"metadata": {"name": name}, "data": {key.replace("_", "-"): value for key, value in data.items()}}
        return await self.api.post(f"{place or self.place}/configmaps", body)


def denied(reply: Reply, name: str, message: str) -> None:
    """The webhook of this name said no with this message."""
    found = reply.json()
    assert (reply.status, found["status"]) == (400, "Failure"), found
    assert found["message"] == f'admission webhook "{name}" denied the request: {message}'


@asynccontextmanager
async def deployed(api: ApiEnv) -> AsyncIterator[Deployed]:
    """The webhook, its service and its endpoint in a namespace of their own."""
    async with hook_server(names=("e2e-test-webhook.conformance.svc",), **BEHAVIOURS) as server:
        place = await namespace(api)
        ports = [{"protocol": "TCP", "port": PORT, "targetPort": 8444}]
        body = {"metadata": {"name": "e2e-test-webhook"}, "spec": {"selector": {"webhook": "true"}, "ports": ports}}
        good(await api.post(f"{place}/services", body), 201)
        await _endpoint(api, server.port)
        yield Deployed(api, server, place)


async def _endpoint(api: ApiEnv, port: int) -> None:
    """What the kubelet and a controller would report. Straight into the store, which takes loopback addresses."""
    label = {"kubernetes.io/service-name": "e2e-test-webhook"}
    found = EndpointSlice(
        metadata=ObjectMeta(name="e2e-test-webhook", namespace="conformance", labels=label),
        addressType="IPv4",
        ports=[EndpointPort(name="", port=port, protocol="TCP")],
        endpoints=[Endpoint(addresses=["127.0.0.1"], conditions=EndpointConditions(ready=True))],
    )
    kind = kinds.scheme().by_kind("discovery.k8s.io/v1", "EndpointSlice")
    assert kind is not None
    await Writer(api.store).ensure(kind, found)
    await api.registry.cache.fresh()

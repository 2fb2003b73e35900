"""The aggregator: an API server beside this one becomes a part of it."""

from __future__ import annotations

import pathlib
from typing import Any

from tests.apienv import ApiEnv
from tests.conformance.harness import eventually, good
from tests.integration.aggregation.conftest import NAME, add_endpoints, add_service, api_service, server_beside
from tests.integration.aggregation.extension import GROUP, ROOT, VERSION, Extension

SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
FLUNDERS = f"{ROOT}/namespaces/default/flunders"
SELECTED = {"labelSelector": f"e2e-{NAME}=patched"}


async def objects_go_through(api: ApiEnv, extension: Extension) -> None:
    """A flunder is made, listed, watched and deleted by the other server, which knows who asks."""
    async with api.watch(FLUNDERS) as watch:
        body = {"kind": "Flunder", "apiVersion": f"{GROUP}/{VERSION}", "metadata": {"name": "test-flunder"}}
        assert good(await api.post(FLUNDERS, body), 201) == body
        assert extension.last().all("X-Remote-User") == ["admin"]
        assert [one["metadata"]["name"] for one in good(await api.get(FLUNDERS))["items"]] == ["test-flunder"]
        assert (await watch.next())["object"]["metadata"]["name"] == "test-flunder"
    good(await api.delete(f"{FLUNDERS}/test-flunder"), 200)
    assert good(await api.get(FLUNDERS))["items"] == []


async def discovered(api: ApiEnv) -> None:
    groups = {one["name"]: one for one in good(await api.get("/apis"))["groups"]}
    assert groups[GROUP]["preferredVersion"] == {"groupVersion": f"{GROUP}/{VERSION}", "version": VERSION}
    listed = good(await api.get(ROOT))
    assert "flunders" in [one["name"] for one in listed["resources"]]


async def service_is_changed(api: ApiEnv) -> None:
    """The APIService takes patches and updates, of its priority, its labels and its status."""
    path = f"{SERVICES}/{NAME}"
    assert good(await api.patch(path, {"spec": {"versionPriority": 400}}))["spec"]["versionPriority"] == 400
    assert NAME in [one["metadata"]["name"] for one in good(await api.get(SERVICES))["items"]]
    good(await api.patch(path, {"metadata": {"labels": {f"e2e-{NAME}": "patched"}}}, "strategic"), 200)

    def condition(kind: str) -> dict[str, Any]:
        times = {"lastTransitionTime": "2026-01-01T00:00:00Z"}
        return {"type": kind, "status": "True", "reason": "E2E", "message": "Set by an e2e test", **times}

    async def updated() -> bool:
        """The server writes the status too: again after a conflict, as clients do."""
        found = good(await api.get(f"{path}/status"))
        found["status"]["conditions"].append(condition("StatusUpdated"))
        reply = await api.put(f"{path}/status", found)
        return reply.status == 200 and "StatusUpdated" in [one["type"] for one in reply.json()["status"]["conditions"]]

    await eventually(updated)
    patch = {"status": {"conditions": [condition("StatusPatched")]}}
    patched = good(await api.patch(f"{path}/status", patch, "strategic"), 200)
    assert {"Available", "StatusUpdated", "StatusPatched"} <= {one["type"] for one in patched["status"]["conditions"]}


async def test_able_to_support_the_1_17_sample_api_server_using_the_current_aggregator(tmp_path: pathlib.Path) -> None:
    """A server that is registered becomes available, is discovered, serves its objects, and is gone when deleted.

    The server speaks as a sample API server does: TLS, client certificates of the front proxy, its own discovery.

    [sig-api-machinery] Aggregator Should be able to support the 1.17 Sample API Server using the current Aggregator
    [LinuxOnly] [Conformance]
    """
    # One as old as 1.17 has no aggregated discovery document.
    extension = Extension(tmp_path, aggregated=False)
    await extension.start("wardle.default.svc")
    try:
        async with server_beside(extension, tls=True) as api:
            await add_service(api)
            await add_endpoints(api, extension.port)
            good(await api.post(SERVICES, api_service(extension)), 201)

            async def available() -> bool:
                conditions = good(await api.get(f"{SERVICES}/{NAME}/status"))["status"]["conditions"]
                found = {one["type"]: one for one in conditions}["Available"]
                return (found["status"], found["reason"]) == ("True", "Passed")

            await eventually(available)
            await discovered(api)
            await objects_go_through(api, extension)
            await service_is_changed(api)
            good(await api.request("DELETE", SERVICES, query=SELECTED), 200)
            assert good(await api.get(SERVICES, query=SELECTED))["items"] == []

            async def gone() -> bool:
                return GROUP not in [one["name"] for one in good(await api.get("/apis"))["groups"]]

            await eventually(gone)
            assert (await api.get(FLUNDERS)).status == 404
    finally:
        await extension.stop()

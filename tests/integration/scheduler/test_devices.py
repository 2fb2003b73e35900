"""Pods with claims of devices: API server, scheduler and the controller of resource claims together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.apienv import ApiEnv
from tests.integration.controllers.manager import eventually, running
from tests.integration.scheduler.world import PODS, World, scheduling

GROUP = "/apis/resource.k8s.io/v1"
CLAIMS = f"{GROUP}/namespaces/default/resourceclaims"
TEMPLATES = f"{GROUP}/namespaces/default/resourceclaimtemplates"
DRIVER = "gpu.example.com"
SPEC = {"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": DRIVER}}]}}


async def create(api: ApiEnv, path: str, name: str, spec: Any) -> Any:
    reply = await api.post(path, {"metadata": {"name": name}, "spec": spec})
    assert reply.status == 201, reply.body
    return reply.json()


async def offer(api: ApiEnv, node: str, *devices: str) -> None:
    pool = {"name": node, "resourceSliceCount": 1, "generation": 1}
    spec = {"driver": DRIVER, "nodeName": node, "pool": pool, "devices": [{"name": name} for name in devices]}
    await create(api, f"{GROUP}/resourceslices", f"{node}-slice", spec)


@asynccontextmanager
async def lab() -> AsyncIterator[World]:
    """Two nodes, one of them with a device, a class, and everything that runs."""
    async with running("resourceclaim-controller") as manager, scheduling(manager.api):
        api = manager.api
        world = World(api)
        await world.node("plain")
        await world.node("fast")
        expression = f'device.driver == "{DRIVER}"'
        await create(api, f"{GROUP}/deviceclasses", DRIVER, {"selectors": [{"cel": {"expression": expression}}]})
        yield world


async def get(world: World, path: str) -> Any:
    reply = await world.api.get(path)
    return reply.json() if reply.status == 200 else None


def using(claim: str) -> list[dict[str, str]]:
    return [{"name": "gpu", "resourceClaimName": claim}]


async def test_a_claim_gets_its_device_and_its_user_and_gives_both_back() -> None:
    async with lab() as world:
        await offer(world.api, "fast", "gpu-0")
        await create(world.api, CLAIMS, "mine", SPEC)
        await world.pod("p", resourceClaims=using("mine"))
        assert await world.placed("p") == "fast"
        claim = await get(world, f"{CLAIMS}/mine")
        pod = await world.get("p")
        assert claim["metadata"]["finalizers"] == ["resource.kubernetes.io/delete-protection"]
        assert claim["status"]["reservedFor"] == [{"resource": "pods", "name": "p", "uid": pod["metadata"]["uid"]}]
        (result,) = claim["status"]["allocation"]["devices"]["results"]
        assert result == {"request": "gpu", "driver": DRIVER, "pool": "fast", "device": "gpu-0"}
        reply = await world.api.delete(f"{PODS}/p", {"gracePeriodSeconds": 0})
        assert reply.status == 200

        async def free() -> bool:
            left = await get(world, f"{CLAIMS}/mine")
            return not left.get("status") and "finalizers" not in left["metadata"]

        await eventually(free)


async def test_a_pod_waits_for_a_device_until_its_user_is_done() -> None:
    async with lab() as world:
        await offer(world.api, "fast", "gpu-0")
        for name in ("first", "second"):
            await create(world.api, CLAIMS, name, SPEC)
        await world.pod("one", resourceClaims=using("first"))
        assert await world.placed("one") == "fast"
        await world.pod("two", resourceClaims=using("second"))
        text = "0/2 nodes are available: 2 cannot allocate all claims. still not schedulable, preemption: 0/2"
        assert (await world.refusal("two")).startswith(text)
        done = {"status": {"phase": "Succeeded"}}
        assert (await world.api.patch(f"{PODS}/one/status", done)).status == 200
        assert await world.placed("two") == "fast"


async def test_a_template_makes_a_claim_for_each_pod_which_goes_with_it() -> None:
    async with lab() as world:
        await offer(world.api, "fast", "gpu-0", "gpu-1")
        await create(world.api, TEMPLATES, "each", {"spec": SPEC})
        for name in ("a", "b"):
            await world.pod(name, resourceClaims=[{"name": "gpu", "resourceClaimTemplateName": "each"}])
        assert {await world.placed("a"), await world.placed("b")} == {"fast"}
        claims = (await get(world, CLAIMS))["items"]
        devices = [c["status"]["allocation"]["devices"]["results"][0]["device"] for c in claims]
        assert sorted(devices) == ["gpu-0", "gpu-1"]
        (status,) = (await world.get("a"))["status"]["resourceClaimStatuses"]
        assert status["resourceClaimName"].startswith("a-gpu-")
        done = {"status": {"phase": "Succeeded"}}
        assert (await world.api.patch(f"{PODS}/a/status", done)).status == 200

        async def one_left() -> bool:
            return [c["metadata"]["generateName"] for c in (await get(world, CLAIMS))["items"]] == ["b-gpu-"]

        await eventually(one_left)


async def test_pods_can_share_a_claim_where_its_device_is() -> None:
    async with lab() as world:
        await offer(world.api, "fast", "gpu-0")
        await create(world.api, CLAIMS, "shared", SPEC)
        for name in ("a", "b", "c"):
            await world.pod(name, resourceClaims=using("shared"))
        assert [await world.placed(name) for name in ("a", "b", "c")] == ["fast"] * 3
        users = (await get(world, f"{CLAIMS}/shared"))["status"]["reservedFor"]
        assert sorted(user["name"] for user in users) == ["a", "b", "c"]


async def test_a_pod_waits_for_slices_classes_and_templates_that_come_later() -> None:
    async with running("resourceclaim-controller") as manager, scheduling(manager.api):
        api = manager.api
        world = World(api)
        await world.node("fast")
        await world.pod("p", resourceClaims=[{"name": "gpu", "resourceClaimTemplateName": "each"}])
        assert 'pod "default/p": ResourceClaim not created yet' in await world.refusal("p")
        assert (await world.event("FailedResourceClaimCreation"))["involvedObject"]["name"] == "p"
        await create(api, TEMPLATES, "each", {"spec": SPEC})
        await world.until("p", lambda pod: "does not exist" in str(pod["status"].get("conditions")))
        await create(api, f"{GROUP}/deviceclasses", DRIVER, {})
        await offer(api, "fast", "gpu-0")
        assert await world.placed("p") == "fast"


async def test_claims_share_a_device_with_their_own_share_of_its_capacity() -> None:
    async with lab() as world:
        card = {"name": "nic", "allowMultipleAllocations": True, "capacity": {"bandwidth": {"value": "10"}}}
        pool = {"name": "fast", "resourceSliceCount": 1, "generation": 1}
        spec = {"driver": DRIVER, "nodeName": "fast", "pool": pool, "devices": [card]}
        await create(world.api, f"{GROUP}/resourceslices", "slice", spec)
        wanted = {"deviceClassName": DRIVER, "capacity": {"requests": {"bandwidth": "5"}}}
        for name in ("a", "b", "c"):
            await create(world.api, CLAIMS, name, {"devices": {"requests": [{"name": "r", "exactly": wanted}]}})
            await world.pod(name, resourceClaims=using(name))
            if name == "c":
                assert "cannot allocate all claims" in await world.refusal(name)
            else:
                assert await world.placed(name) == "fast"
        shares = [(await get(world, f"{CLAIMS}/{n}"))["status"]["allocation"]["devices"]["results"][0] for n in "ab"]
        assert [share["consumedCapacity"] for share in shares] == [{"bandwidth": "5"}] * 2
        assert shares[0]["shareID"] != shares[1]["shareID"]
        done = {"status": {"phase": "Succeeded"}}
        assert (await world.api.patch(f"{PODS}/a/status", done)).status == 200
        assert await world.placed("c") == "fast"


async def reported(world: World, claim: str, condition: str) -> None:
    """The driver says something about the claim's device, once it is allocated."""

    async def allocated() -> Any:
        status = (await get(world, f"{CLAIMS}/{claim}")).get("status", {})
        return status.get("allocation") and status

    (result,) = (await eventually(allocated))["allocation"]["devices"]["results"]
    said = {
        "type": condition,
        "status": "True",
        "reason": "Said",
        "message": "",
        "lastTransitionTime": "2030-01-01T00:00:00Z",
    }
    device = {**{key: result[key] for key in ("driver", "pool", "device")}, "conditions": [said]}
    reply = await world.api.patch(f"{CLAIMS}/{claim}/status", {"status": {"devices": [device]}})
    assert reply.status == 200, reply.body


async def test_a_pod_is_bound_when_its_device_is_ready_and_placed_anew_when_it_failed() -> None:
    async with lab() as world:
        for node in ("fast", "plain"):
            device = {"name": "d", "bindingConditions": ["Attached"], "bindingFailureConditions": ["Broken"]}
            pool = {"name": node, "resourceSliceCount": 1, "generation": 1}
            spec = {"driver": DRIVER, "nodeName": node, "pool": pool, "devices": [device]}
            await create(world.api, f"{GROUP}/resourceslices", f"{node}-slice", spec)
        await create(world.api, CLAIMS, "mine", SPEC)
        await world.pod("p", resourceClaims=using("mine"))
        await reported(world, "mine", "Broken")

        async def given_anew() -> bool:
            status = (await get(world, f"{CLAIMS}/mine")).get("status", {})
            return "allocation" in status and not status.get("devices")

        await eventually(given_anew)
        assert "nodeName" not in (await world.get("p"))["spec"]
        await reported(world, "mine", "Attached")
        node = await world.placed("p")
        status = (await get(world, f"{CLAIMS}/mine"))["status"]
        (result,) = status["allocation"]["devices"]["results"]
        assert (result["pool"], result["bindingConditions"]) == (node, ["Attached"])

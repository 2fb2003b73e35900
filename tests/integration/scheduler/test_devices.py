"""Pods with claims of devices: API server, scheduler and the controller of resource claims together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import msgspec
import pytest

from kubelite.api.types import resource_v1 as v1
from kubelite.client.client import Client
from kubelite.scheduler.binding import BindingFailed
from kubelite.scheduler.claims import ClaimBinder
from kubelite.scheduler.devices.allocation import Allotment
from kubelite.scheduler.devices.extended import claim_for
from kubelite.scheduler.devices.inventory import Inventory
from kubelite.scheduler.pods import Pod, pod_info
from kubelite.util.clock import SystemClock
from tests.apienv import CONTROLLERS_TOKEN, ApiEnv, api_server
from tests.integration.controllers.manager import eventually, running
from tests.integration.controllers.roles import RBAC, USER
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


async def test_a_claim_whose_devices_nobody_uses_is_emptied_for_a_pod_that_cannot_go_there() -> None:
    async with lab() as world:
        await offer(world.api, "fast", "gpu-0")
        await create(world.api, CLAIMS, "mine", SPEC)
        await world.pod("first", resourceClaims=using("mine"))
        assert await world.placed("first") == "fast"
        assert (await world.api.patch(f"{PODS}/first/status", {"status": {"phase": "Succeeded"}})).status == 200
        result = {"request": "gpu", "driver": DRIVER, "pool": "fast", "device": "gpu-0"}
        only = {"key": "metadata.name", "operator": "In", "values": ["fast"]}
        given = {"devices": {"results": [result]}, "nodeSelector": {"nodeSelectorTerms": [{"matchFields": [only]}]}}

        async def emptied() -> bool:
            return "status" not in await get(world, f"{CLAIMS}/mine") or not (
                (await get(world, f"{CLAIMS}/mine"))["status"].get("reservedFor")
            )

        await eventually(emptied)
        assert (await world.api.patch(f"{CLAIMS}/mine/status", {"status": {"allocation": given}})).status == 200
        await offer(world.api, "plain", "gpu-0")
        await world.pod("second", resourceClaims=using("mine"), nodeSelector={"kubernetes.io/hostname": "plain"})
        assert await world.placed("second") == "plain"


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
        pending = await world.event("BindingConditionsPending")
        assert pending["message"].startswith("waiting for binding conditions for device on node ")
        await reported(world, "mine", "Broken")
        failed = await world.event("FailedScheduling")
        text = 'running PreBind plugin "DynamicResources": claim mine binding failed: reason=Said, message=""'
        assert failed["message"] == text

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


def counted(resource: str) -> list[dict[str, Any]]:
    """Containers that ask for a device as for any other resource."""
    amounts = {resource: "1"}
    return [{"name": "main", "image": "registry.example/app:1", "resources": {"requests": amounts, "limits": amounts}}]


async def test_an_extended_resource_is_served_by_the_devices_of_its_class() -> None:
    async with lab() as world:
        await offer(world.api, "fast", "gpu-0")
        await create(world.api, f"{GROUP}/deviceclasses", "counted", {"extendedResourceName": "example.com/gpu"})
        await world.pod("one", containers=counted("example.com/gpu"))
        assert await world.placed("one") == "fast"
        pod = await world.get("one")
        told = pod["status"]["extendedResourceClaimStatus"]
        mapping = {"containerName": "main", "resourceName": "example.com/gpu", "requestName": "container-0-request-0"}
        assert told["requestMappings"] == [mapping]
        claim = await get(world, f"{CLAIMS}/{told['resourceClaimName']}")
        meta = claim["metadata"]
        assert meta["name"].startswith("one-extended-resources-")
        assert meta["annotations"] == {"resource.kubernetes.io/extended-resource-claim": "true"}
        assert [owner["uid"] for owner in meta["ownerReferences"]] == [pod["metadata"]["uid"]]
        assert [user["name"] for user in claim["status"]["reservedFor"]] == ["one"]
        assert claim["status"]["allocation"]["devices"]["results"][0]["device"] == "gpu-0"

        await world.pod("two", containers=counted(f"deviceclass.resource.kubernetes.io/{DRIVER}"))
        text = "0/2 nodes are available: 2 cannot allocate all claims. still not schedulable, preemption: 0/2"
        assert (await world.refusal("two")).startswith(text)
        done = {"status": {"phase": "Succeeded"}}
        assert (await world.api.patch(f"{PODS}/one/status", done)).status == 200
        assert await world.placed("two") == "fast"

        async def one_left() -> bool:
            left = (await get(world, CLAIMS))["items"]
            return [claim["metadata"]["generateName"] for claim in left] == ["two-extended-resources-"]

        await eventually(one_left)


async def test_a_claim_that_an_earlier_scheduler_left_is_replaced() -> None:
    async with lab() as world:
        await offer(world.api, "fast", "gpu-0")
        await world.pod(
            "p", containers=counted(f"deviceclass.resource.kubernetes.io/{DRIVER}"), schedulingGates=[{"name": "wait"}]
        )
        uid = (await world.get("p"))["metadata"]["uid"]
        owner = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": uid, "controller": True}
        meta = {
            "name": "p-extended-resources-old",
            "annotations": {"resource.kubernetes.io/extended-resource-claim": "true"},
            "ownerReferences": [owner],
        }
        assert (await world.api.post(CLAIMS, {"metadata": meta, "spec": SPEC})).status == 201
        opened = {"spec": {"schedulingGates": None}}
        assert (await world.api.patch(f"{PODS}/p", opened)).status == 200
        assert await world.placed("p") == "fast"
        (claim,) = (await get(world, CLAIMS))["items"]
        told = (await world.get("p"))["status"]["extendedResourceClaimStatus"]
        assert told["resourceClaimName"] == claim["metadata"]["name"] != "p-extended-resources-old"


async def test_a_claim_for_extended_resources_goes_when_its_pod_cannot_be_told() -> None:
    """The pod is gone before it is bound: what was made for it is deleted, and its devices are free."""
    async with api_server() as api, AsyncExitStack() as stack:
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:kube-scheduler"}
        binding = {"metadata": {"name": "scheduler"}, "roleRef": role, "subjects": USER}
        assert (await api.post(f"{RBAC}/clusterrolebindings", binding)).status == 201

        async def allowed() -> bool:
            return (await api.get("/api/v1/nodes", token=CONTROLLERS_TOKEN)).status == 200

        await eventually(allowed)
        client = Client.from_config(api.client_config(CONTROLLERS_TOKEN), user_agent="test")
        stack.push_async_callback(client.close)
        meta = {"name": "p", "namespace": "default", "uid": "00000000-0000-4000-8000-000000000001"}
        amounts = {"requests": {"example.com/gpu": "1"}}
        spec = {"containers": [{"name": "main", "image": "a", "resources": amounts}]}
        info = pod_info(msgspec.convert({"metadata": meta, "spec": spec}, Pod))
        claim, mappings = claim_for(info.pod, ["example.com/gpu"], {"example.com/gpu": DRIVER})
        result = {"request": mappings[0].requestName, "driver": DRIVER, "pool": "fast", "device": "gpu-0"}
        given = msgspec.convert({"devices": {"results": [result]}}, v1.AllocationResult)
        inventory = Inventory()
        binder = ClaimBinder(client, inventory, SystemClock())
        allotments = [Allotment(claim, given, tuple(mappings))]
        binder.assume(allotments)
        assert inventory.taken().whole == {(DRIVER, "fast", "gpu-0")}
        async with api.watch(CLAIMS) as events:
            with pytest.raises(BindingFailed):
                await binder.bind(info, "fast", allotments, 10)
            seen = [(await events.next(10) or {}).get("type")]
            while seen[-1] not in ("DELETED", None):
                seen.append((await events.next(10) or {}).get("type"))
        assert (seen[0], seen[-1]) == ("ADDED", "DELETED")
        assert (await api.get(CLAIMS)).json()["items"] == []
        assert not inventory.taken().whole
        assert not inventory.claims

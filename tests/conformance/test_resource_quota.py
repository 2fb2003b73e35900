"""ResourceQuota: what is counted, what is refused and what is given back; with the real controller."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.conformance.harness import controllers, eventually, good, namespace, seen
from tests.integration.controllers.manager import World

PLACE = "/api/v1/namespaces/conformance"
QUOTAS, PODS = f"{PLACE}/resourcequotas", f"{PLACE}/pods"
DONGLE = "example.com/dongle"
HARD = {
    "pods": "5",
    "services": "10",
    "services.nodeports": "1",
    "services.loadbalancers": "1",
    "replicationcontrollers": "10",
    "resourcequotas": "1",
    "configmaps": "10",
    "secrets": "10",
    "persistentvolumeclaims": "10",
    "requests.storage": "10Gi",
    "cpu": "1",
    "memory": "500Mi",
    "ephemeral-storage": "50Gi",
    f"requests.{DONGLE}": "3",
    "count/replicasets.apps": "5",
}
UNUSED = {**dict.fromkeys(HARD, "0"), "resourcequotas": "1"}


@asynccontextmanager
async def quotas(**specs: Any) -> AsyncIterator[World]:
    """A world with a namespace and these quotas (name → spec), once the controller has counted for them.

    Everything is counted anew every other second, which otherwise is every five minutes.
    """
    async with controllers("resourcequota-controller", resource_quota_sync_period=2.0) as world:
        await namespace(world.api)
        for name, spec in specs.items():
            metadata = {"name": name, "labels": {"e2e": "quota"}}
            good(await world.api.post(QUOTAS, {"metadata": metadata, "spec": spec}), 201)
        for name, spec in specs.items():
            used = dict.fromkeys(spec["hard"], "0")
            if "resourcequotas" in used:
                used["resourcequotas"] = "1"
            await status(world, name, {"hard": spec["hard"], "used": used})
        yield world


async def status(world: World, name: str, wanted: dict[str, Any]) -> None:
    """Waits for the status."""

    async def there() -> bool:
        found = (await world.get(f"{QUOTAS}/{name}")).get("status")
        assert found == wanted, found
        return True

    await eventually(there)


async def uses(world: World, name: str = "test-quota", **used: str) -> None:
    """Waits until this is used, and nothing else."""
    hard = (await world.get(f"{QUOTAS}/{name}"))["spec"]["hard"]
    none = {**dict.fromkeys(hard, "0"), **({"resourcequotas": "1"} if "resourcequotas" in hard else {})}
    await status(world, name, {"hard": hard, "used": none | used})


async def forbidden(world: World, path: str, body: Any, *parts: str) -> None:
    """The quota refuses the object and says what is asked for, used and allowed."""
    reply = await world.api.post(path, body)
    found = reply.json()
    assert (reply.status, found["reason"]) == (403, "Forbidden"), found
    for part in ("exceeded quota: test-quota, requested: ", *parts):
        assert part in found["message"], found["message"]


def pod(name: str, resources: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    container = {"name": "pause", "image": "pause", "resources": resources or {}}
    return {"metadata": {"name": name}, "spec": {"containers": [container], **spec}}


async def end(world: World, path: str, name: str) -> None:
    options = {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}
    good(await world.api.delete(f"{path}/{name}", options), 200)


async def life(world: World, path: str, body: Any, **used: str) -> None:
    """What the object uses is counted while it is there."""
    good(await world.api.post(path, body), 201)
    await uses(world, **used)
    await end(world, path, body["metadata"]["name"])
    await uses(world)


TEST = {"test-quota": {"hard": HARD}}


async def test_resourcequota_should_create_a_resourcequota_and_ensure_its_status_is_promptly_calculated() -> None:
    """A new quota soon has its limits and what is used in its status.

    [sig-api-machinery] ResourceQuota should create a ResourceQuota and ensure its status is promptly calculated.
    [Conformance]
    """
    async with quotas(**TEST) as world:
        assert (await world.get(f"{QUOTAS}/test-quota"))["status"] == {"hard": HARD, "used": UNUSED}


async def test_create_a_resourcequota_and_capture_the_life_of_a_service() -> None:
    """Services count while they live, and a load balancer with node ports is refused when those are used up.

    [sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a service. [Conformance]
    """

    def service(name: str, kind: str, **spec: Any) -> dict[str, Any]:
        return {"metadata": {"name": name}, "spec": {"type": kind, "ports": [{"port": 80}], **spec}}

    async with quotas(**TEST) as world:
        path = f"{PLACE}/services"
        good(await world.api.post(path, service("test-service", "ClusterIP")), 201)
        good(await world.api.post(path, service("test-service-np", "NodePort")), 201)
        await uses(world, services="2", **{"services.nodeports": "1"})
        balancer = service("test-service-lb", "LoadBalancer", allocateLoadBalancerNodePorts=True)
        await forbidden(world, path, balancer, "services.nodeports=1, used: services.nodeports=1, limited: ")
        await uses(world, services="2", **{"services.nodeports": "1"})
        for name in ("test-service", "test-service-np"):
            await end(world, path, name)
        await uses(world)


async def test_create_a_resourcequota_and_capture_the_life_of_a_secret() -> None:
    """A secret counts while it is there.

    [sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a secret. [Conformance]
    """
    async with quotas(**TEST) as world:
        body = {"metadata": {"name": "test-secret"}, "data": {"data-1": "dmFsdWUtMQ=="}}
        await life(world, f"{PLACE}/secrets", body, secrets="1")


async def test_create_a_resourcequota_and_capture_the_life_of_a_configmap() -> None:
    """A config map counts while it is there.

    [sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a configMap. [Conformance]
    """
    async with quotas(**TEST) as world:
        body = {"metadata": {"name": "test-configmap"}, "data": {"a": "b"}}
        await life(world, f"{PLACE}/configmaps", body, configmaps="1")


async def test_create_a_resourcequota_and_capture_the_life_of_a_replication_controller() -> None:
    """A replication controller counts while it is there.

    [sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a replication controller.
    [Conformance]
    """
    async with quotas(**TEST) as world:
        template = {"metadata": {"labels": {"name": "rc"}}, "spec": pod("")["spec"]}
        spec = {"replicas": 0, "selector": {"name": "rc"}, "template": template}
        path = f"{PLACE}/replicationcontrollers"
        await life(world, path, {"metadata": {"name": "test-rc"}, "spec": spec}, replicationcontrollers="1")


async def test_create_a_resourcequota_and_capture_the_life_of_a_replica_set() -> None:
    """A replica set is counted as an object of its group.

    [sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a replica set. [Conformance]
    """
    async with quotas(**TEST) as world:
        template = {"metadata": {"labels": {"name": "rs"}}, "spec": pod("")["spec"]}
        spec = {"replicas": 0, "selector": {"matchLabels": {"name": "rs"}}, "template": template}
        body = {"metadata": {"name": "test-rs"}, "spec": spec}
        await life(world, "/apis/apps/v1/namespaces/conformance/replicasets", body, **{"count/replicasets.apps": "1"})


async def test_create_a_resourcequota_and_capture_the_life_of_a_pod() -> None:
    """A pod's requests count while it lives; pods that ask for too much are refused; it cannot ask for more later.

    [sig-api-machinery] ResourceQuota should create a ResourceQuota and capture the life of a pod. [Conformance]
    """
    async with quotas(**TEST) as world:
        requests = {"cpu": "500m", "memory": "252Mi", "ephemeral-storage": "30Gi", DONGLE: "2"}
        body = pod("test-pod", {"requests": requests, "limits": {DONGLE: "2"}})
        made = good(await world.api.post(PODS, body), 201)
        used = {"cpu": "500m", "memory": "252Mi", "ephemeral-storage": "30Gi", f"requests.{DONGLE}": "2", "pods": "1"}
        await uses(world, **used)
        too_much = pod("fail-pod", {"requests": {"cpu": "600m", "memory": "100Mi"}})
        await forbidden(world, PODS, too_much, "cpu=600m, used: cpu=500m, limited: cpu=1")
        dongles = {"cpu": "100m", "memory": "100Mi", DONGLE: "2"}
        body = pod("fail-pod-for-extended-resource", {"requests": dongles, "limits": {DONGLE: "2"}})
        limited = f"requests.{DONGLE}=2, used: requests.{DONGLE}=2, limited: requests.{DONGLE}=3"
        await forbidden(world, PODS, body, limited)
        made["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "100m"
        assert (await world.api.put(f"{PODS}/test-pod", made)).status == 422
        await uses(world, **used)
        await end(world, PODS, "test-pod")
        await uses(world)


async def test_resourcequota_should_verify_resourcequota_with_best_effort_scope() -> None:
    """Each of two quotas counts only the pods of its scope: those without requests and limits, and those with.

    [sig-api-machinery] ResourceQuota should verify ResourceQuota with best effort scope. [Conformance]
    """
    scopes = {
        "quota-besteffort": {"hard": {"pods": "5"}, "scopes": ["BestEffort"]},
        "quota-not-besteffort": {"hard": {"pods": "5"}, "scopes": ["NotBestEffort"]},
    }
    some = {"requests": {"cpu": "500m", "memory": "200Mi"}, "limits": {"cpu": "1", "memory": "400Mi"}}
    async with quotas(**scopes) as world:
        for body, counted, other in (
            (pod("besteffort-pod"), "quota-besteffort", "quota-not-besteffort"),
            (pod("burstable-pod", some), "quota-not-besteffort", "quota-besteffort"),
        ):
            good(await world.api.post(PODS, body), 201)
            await uses(world, counted, pods="1")
            await uses(world, other)
            await end(world, PODS, body["metadata"]["name"])
            await uses(world, counted)


async def test_resourcequota_should_verify_resourcequota_with_terminating_scopes() -> None:
    """Each of two quotas counts pods and their resources of its scope: with a deadline, and without one.

    [sig-api-machinery] ResourceQuota should verify ResourceQuota with terminating scopes. [Conformance]
    """
    hard = {"pods": "5", "requests.cpu": "1", "requests.memory": "500Mi", "limits.cpu": "2", "limits.memory": "1Gi"}
    scopes = {
        "quota-terminating": {"hard": hard, "scopes": ["Terminating"]},
        "quota-not-terminating": {"hard": hard, "scopes": ["NotTerminating"]},
    }
    some = {"requests": {"cpu": "500m", "memory": "200Mi"}, "limits": {"cpu": "1", "memory": "400Mi"}}
    used = {
        "pods": "1",
        "requests.cpu": "500m",
        "requests.memory": "200Mi",
        "limits.cpu": "1",
        "limits.memory": "400Mi",
    }
    async with quotas(**scopes) as world:
        for body, counted, other in (
            (pod("test-pod", some), "quota-not-terminating", "quota-terminating"),
            (pod("terminating-pod", some, activeDeadlineSeconds=3600), "quota-terminating", "quota-not-terminating"),
        ):
            good(await world.api.post(PODS, body), 201)
            await uses(world, counted, **used)
            await uses(world, other)
            await end(world, PODS, body["metadata"]["name"])
            await uses(world, counted)


async def test_resourcequota_should_be_able_to_update_and_delete_resourcequota() -> None:
    """A quota's limits are raised by an update; deleted, it is not found.

    [sig-api-machinery] ResourceQuota should be able to update and delete ResourceQuota. [Conformance]
    """
    async with quotas(**{"test-quota": {"hard": {"cpu": "1", "memory": "500Mi"}}}) as world:
        path = f"{QUOTAS}/test-quota"
        found = good(await world.api.get(path))
        assert found["spec"]["hard"] == {"cpu": "1", "memory": "500Mi"}
        found["spec"]["hard"] = {"cpu": "2", "memory": "1Gi"}
        assert good(await world.api.put(path, found), 200)["spec"]["hard"] == {"cpu": "2", "memory": "1Gi"}
        assert good(await world.api.get(path))["spec"]["hard"] == {"cpu": "2", "memory": "1Gi"}
        await uses(world)
        good(await world.api.delete(path), 200)
        assert (await world.api.get(path)).status == 404


async def test_resourcequota_should_manage_the_lifecycle_of_a_resourcequota() -> None:
    """A quota is found in all namespaces by its label, patched, and deleted by its label.

    [sig-api-machinery] ResourceQuota should manage the lifecycle of a ResourceQuota [Conformance]
    """
    async with quotas(**{"e2e-quota": {"hard": {"cpu": "1", "memory": "500Mi"}}}) as world:
        everywhere, selected = "/api/v1/resourcequotas", {"labelSelector": "e2e=quota"}
        assert len(good(await world.api.get(everywhere, query=selected))["items"]) == 1
        patch = {"metadata": {"labels": {"e2e-quota": "patched"}}, "spec": {"hard": {"memory": "750Mi"}}}
        patched = good(await world.api.patch(f"{QUOTAS}/e2e-quota", patch, "strategic"), 200)
        assert patched["metadata"]["labels"] == {"e2e": "quota", "e2e-quota": "patched"}
        assert patched["spec"]["hard"] == {"cpu": "1", "memory": "750Mi"}
        selected = {"labelSelector": "e2e-quota=patched"}
        good(await world.api.request("DELETE", QUOTAS, query=selected), 200)
        assert good(await world.api.get(everywhere, query=selected))["items"] == []


async def test_resourcequota_should_apply_changes_to_a_resourcequota_status() -> None:
    """The status takes updates and patches, which leave the spec alone; the controller brings it back to the spec.

    [sig-api-machinery] ResourceQuota should apply changes to a resourcequota status [Conformance]
    """
    first, second = {"cpu": "500m", "memory": "500Mi"}, {"cpu": "750m", "memory": "1Gi"}
    async with quotas(**{"e2e-rq-status": {"hard": first}}) as world:
        path = f"{QUOTAS}/e2e-rq-status"
        found = good(await world.api.get(path))
        version = found["metadata"]["resourceVersion"]
        async with world.api.watch(QUOTAS, resourceVersion=version) as watch:
            found["status"]["hard"] = {"cpu": "0", "memory": "0"}
            updated = good(await world.api.put(f"{path}/status", found), 200)
            assert (updated["status"]["hard"], updated["spec"]["hard"]) == ({"cpu": "0", "memory": "0"}, first)
            assert (await seen(watch, "MODIFIED"))["status"]["hard"] == {"cpu": "0", "memory": "0"}
            assert (await seen(watch, "MODIFIED"))["status"]["hard"] == first
        good(await world.api.patch(path, {"spec": {"hard": second}}, "strategic"), 200)
        await uses(world, "e2e-rq-status")
        assert good(await world.api.get(f"{path}/status"))["status"]["hard"] == second
        patched = good(await world.api.patch(f"{path}/status", {"status": {"hard": first}}), 200)
        assert (patched["status"]["hard"], patched["spec"]["hard"]) == (first, second)
        await uses(world, "e2e-rq-status")
        assert good(await world.api.get(path))["spec"]["hard"] == second

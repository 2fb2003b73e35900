"""ResourceQuota from creation to release, as the conformance tests of that name go through it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.integration.controllers.manager import World, eventually, running

BASE = "/api/v1/namespaces/team"
QUOTAS = f"{BASE}/resourcequotas"
NAME = "resourcequota-controller"


@asynccontextmanager
async def counting() -> AsyncIterator[World]:
    """The quota controller, and a namespace of which nothing is used yet."""
    async with running(NAME) as world:
        await world.create("/api/v1/namespaces", {"metadata": {"name": "team"}})
        yield world


async def give(world: World, hard: dict[str, str], name: str = "q", **spec: Any) -> None:
    """A quota, once its status is known."""
    await world.create(QUOTAS, {"metadata": {"name": name}, "spec": {"hard": hard, **spec}})

    async def known() -> bool:
        status = (await world.get(f"{QUOTAS}/{name}"))["status"]
        return bool(status.get("hard") == hard and status["used"].keys() == hard.keys())

    await eventually(known)


async def becomes(world: World, used: dict[str, str], name: str = "q") -> None:
    async def so() -> bool:
        status = (await world.get(f"{QUOTAS}/{name}"))["status"]
        assert {key: status["used"].get(key) for key in used} == used
        return True

    await eventually(so)


def pod(name: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "x"}], **spec}}


TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": pod("x")["spec"]}
SETS = "/apis/apps/v1/namespaces/team/replicasets"
REPLICATED = {"replicas": 0, "template": TEMPLATE}
LIVES = {
    "a pod": (f"{BASE}/pods", {"spec": pod("x")["spec"]}, {"pods": "5", "count/pods": "5"}),
    "a service": (
        f"{BASE}/services",
        {"spec": {"type": "NodePort", "ports": [{"port": 1}]}},
        {"services": "5", "services.nodeports": "5", "services.loadbalancers": "5"},
    ),
    "a secret": (f"{BASE}/secrets", {}, {"secrets": "5"}),
    "a configMap": (f"{BASE}/configmaps", {}, {"configmaps": "5", "count/configmaps": "5"}),
    "a replication controller": (
        f"{BASE}/replicationcontrollers",
        {"spec": {"selector": {"a": "b"}, **REPLICATED}},
        {"replicationcontrollers": "5"},
    ),
    "a replica set": (
        SETS,
        {"spec": {"selector": {"matchLabels": {"a": "b"}}, **REPLICATED}},
        {"count/replicasets.apps": "5"},
    ),
    "a persistent volume claim": (
        f"{BASE}/persistentvolumeclaims",
        {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2"}}}},
        {"persistentvolumeclaims": "5", "requests.storage": "5"},
    ),
}


@pytest.mark.parametrize("what", LIVES)
async def test_a_quota_captures_the_life_of(what: str):
    path, body, hard = LIVES[what]
    async with counting() as world:
        before = dict.fromkeys(hard, "0")
        await give(world, hard)
        await becomes(world, before)
        await world.create(path, {"metadata": {"name": "x"}, **body})
        used = {name: "2" if name == "requests.storage" else "1" for name in hard}
        used |= {"services.loadbalancers": "0"} if "services.loadbalancers" in hard else {}
        assert (await world.get(f"{QUOTAS}/q"))["status"]["used"] == used
        await world.delete(f"{path}/x", {"gracePeriodSeconds": 0, "propagationPolicy": "Background"})
        if await world.get(f"{path}/x") is not None:  # a claim is protected until somebody finds that it is not in use
            await world.merge(f"{path}/x", {"metadata": {"finalizers": None}})
        await becomes(world, before)


async def test_a_quota_counts_what_was_there_before_it_and_itself():
    async with counting() as world:
        for number in range(3):
            await world.create(f"{BASE}/configmaps", {"metadata": {"name": f"c{number}"}})
        await give(world, {"configmaps": "2", "resourcequotas": "1"})
        await becomes(world, {"configmaps": "3", "resourcequotas": "1"})


async def test_a_changed_quota_is_counted_anew():
    async with counting() as world:
        await world.create(f"{BASE}/pods", pod("x"))
        await give(world, {"pods": "5"})
        await world.merge(f"{QUOTAS}/q", {"spec": {"hard": {"pods": None, "count/pods": "7"}}})

        async def counted() -> bool:
            status = (await world.get(f"{QUOTAS}/q"))["status"]
            return bool(status == {"hard": {"count/pods": "7"}, "used": {"count/pods": "1"}})

        await eventually(counted)


async def test_a_pod_that_finishes_makes_room():
    async with counting() as world:
        await give(world, {"pods": "1", "count/pods": "9"})
        await world.create(f"{BASE}/pods", pod("x"))
        assert (await world.api.post(f"{BASE}/pods", pod("y"))).status == 403
        await world.merge(f"{BASE}/pods/x/status", {"status": {"phase": "Succeeded"}})
        await becomes(world, {"pods": "0", "count/pods": "1"})
        await world.create(f"{BASE}/pods", pod("y"))


async def test_a_pod_that_gets_a_deadline_counts_in_the_other_scope():
    async with counting() as world:
        for name, scope in (("ending", "Terminating"), ("lasting", "NotTerminating")):
            quota = {"metadata": {"name": name}, "spec": {"hard": {"pods": "5"}, "scopes": [scope]}}
            await world.create(QUOTAS, quota)

        async def counted(ending: str, lasting: str) -> bool:
            used = [(await world.get(f"{QUOTAS}/{name}"))["status"].get("used") for name in ("ending", "lasting")]
            return used == [{"pods": ending}, {"pods": lasting}]

        await eventually(lambda: counted("0", "0"))
        await world.create(f"{BASE}/pods", pod("x"))
        await eventually(lambda: counted("0", "1"))
        await world.merge(f"{BASE}/pods/x", {"spec": {"activeDeadlineSeconds": 100}})
        await eventually(lambda: counted("1", "0"))


async def test_devices_count_whether_a_claim_or_a_pod_asks_for_them():
    group = "/apis/resource.k8s.io/v1"
    async with counting() as world:
        await world.create(
            f"{group}/deviceclasses", {"metadata": {"name": "gpu"}, "spec": {"extendedResourceName": "example.com/gpu"}}
        )
        hard = {"requests.example.com/gpu": "3", "requests.deviceclass.resource.kubernetes.io/gpu": "9"}
        await give(world, hard)
        request = {"name": "r", "exactly": {"deviceClassName": "gpu"}}
        claim = {"metadata": {"generateName": "c-"}, "spec": {"devices": {"requests": [request]}}}
        await world.create(f"{group}/namespaces/team/resourceclaims", claim)
        await becomes(world, {"requests.example.com/gpu": "1", "requests.deviceclass.resource.kubernetes.io/gpu": "1"})
        asks = pod("x")
        asks["spec"]["containers"][0]["resources"] = {"limits": {"example.com/gpu": "2"}}
        await world.create(f"{BASE}/pods", asks)
        await becomes(world, {"requests.example.com/gpu": "3", "requests.deviceclass.resource.kubernetes.io/gpu": "1"})
        refused = await world.api.post(f"{group}/namespaces/team/resourceclaims", claim)
        assert (refused.status, "exceeded quota: q" in refused.json()["message"]) == (403, True)


async def test_what_a_failed_create_has_reserved_is_given_back():
    async with counting() as world:
        await give(world, {"configmaps": "5"})
        await world.create(f"{BASE}/configmaps", {"metadata": {"name": "c"}})
        assert (await world.api.post(f"{BASE}/configmaps", {"metadata": {"name": "c"}})).status == 409
        await becomes(world, {"configmaps": "1"})


async def test_custom_resources_are_counted():
    async with counting() as world:
        names = {"plural": "widgets", "singular": "widget", "kind": "Widget"}
        schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        version = {"name": "v1", "served": True, "storage": True, "schema": schema}
        spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]}
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        await world.create(path, {"metadata": {"name": "widgets.example.com"}, "spec": spec})
        widgets = "/apis/example.com/v1/namespaces/team/widgets"

        async def served() -> bool:
            return (await world.api.get(widgets)).status == 200

        await eventually(served)
        await give(world, {"count/widgets.example.com": "1"})
        body = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}
        await world.create(widgets, body)
        refused = await world.api.post(widgets, {**body, "metadata": {"name": "v"}})
        assert refused.status == 403
        assert refused.json()["message"] == (
            'widgets.example.com "v" is forbidden: exceeded quota: q, requested: count/widgets.example.com=1, '
            "used: count/widgets.example.com=1, limited: count/widgets.example.com=1"
        )
        await world.delete(f"{widgets}/w")
        await becomes(world, {"count/widgets.example.com": "0"})


async def test_a_quota_holds_while_pods_come_and_go():
    async with counting() as world:
        await give(world, {"pods": "4"})

        async def churn(name: str) -> None:
            for number in range(6):
                path = f"{BASE}/pods/{name}-{number}"
                if (await world.api.post(f"{BASE}/pods", pod(f"{name}-{number}"))).status == 201:
                    assert len(await world.items(f"{BASE}/pods")) <= 4
                    await world.delete(path, {"gracePeriodSeconds": 0})

        await asyncio.gather(*(churn(f"p{number}") for number in range(6)))
        await becomes(world, {"pods": "0"})


async def test_changes_to_a_quota_status_are_put_right():
    async with counting() as world:
        await give(world, {"configmaps": "5"})
        reply = await world.api.patch(f"{QUOTAS}/q/status", {"status": {"hard": {"configmaps": "9"}}})
        assert reply.json()["status"]["hard"] == {"configmaps": "9"}
        assert reply.json()["spec"]["hard"] == {"configmaps": "5"}
        await world.merge(f"{QUOTAS}/q", {"spec": {"hard": {"configmaps": "6"}}})

        async def right() -> bool:
            return bool((await world.get(f"{QUOTAS}/q"))["status"]["hard"] == {"configmaps": "6"})

        await eventually(right)

"""Patches that fit, and the views of objects: status, scale, binding, eviction."""

from __future__ import annotations

import asyncio

from tests.apienv import ApiEnv
from tests.integration.apiserver.objects import DEPLOYMENTS, MAPS, PODS, config_map, deployment, pod


async def test_each_patch_type_changes_what_it_says(api: ApiEnv) -> None:
    await api.post(MAPS, config_map("a", k="1", l="1"))
    assert (await api.patch(f"{MAPS}/a", {"data": {"k": None, "m": "2"}})).json()["data"] == {"l": "1", "m": "2"}
    operations = [{"op": "replace", "path": "/data/l", "value": "3"}, {"op": "remove", "path": "/data/m"}]
    assert (await api.patch(f"{MAPS}/a", operations, "json")).json()["data"] == {"l": "3"}
    await api.post(DEPLOYMENTS, deployment("d"))
    new = {
        "spec": {
            "template": {"spec": {"containers": [{"name": "c", "image": "busybox:2"}, {"name": "e", "image": "x"}]}}
        }
    }
    containers = (await api.patch(f"{DEPLOYMENTS}/d", new, "strategic")).json()["spec"]["template"]["spec"][
        "containers"
    ]
    assert sorted((c["name"], c["image"]) for c in containers) == [("c", "busybox:2"), ("e", "x")]


async def test_patches_at_the_same_time_all_arrive(api: ApiEnv) -> None:
    await api.post(MAPS, config_map("a"))
    replies = await asyncio.gather(*(api.patch(f"{MAPS}/a", {"data": {f"k{n}": "v"}}) for n in range(4)))
    assert {reply.status for reply in replies} == {200}
    assert len((await api.get(f"{MAPS}/a")).json()["data"]) == 4


async def test_status_writes_change_the_status_only(api: ApiEnv) -> None:
    await api.post(PODS, pod("p"))
    patch = {"status": {"phase": "Running"}, "spec": {"nodeName": "x"}}
    changed = await api.patch(f"{PODS}/p/status", patch, "strategic")
    assert changed.status == 200, changed.body
    assert changed.json()["status"]["phase"] == "Running"
    assert "nodeName" not in changed.json()["spec"]
    addressed = await api.patch(f"{PODS}/p/status", {"status": {"podIPs": [{"ip": "10.0.0.1"}]}}, "strategic")
    assert addressed.json()["status"]["podIP"] == "10.0.0.1"
    plain = (await api.get(f"{PODS}/p")).json()
    plain["status"]["phase"] = "Failed"
    assert (await api.put(f"{PODS}/p", plain)).json()["status"]["phase"] == "Running"
    assert (await api.get(f"{PODS}/p/status")).json()["status"]["phase"] == "Running"


async def test_scale_reads_and_sets_the_replicas(api: ApiEnv) -> None:
    await api.post(DEPLOYMENTS, deployment("d"))
    scale = (await api.get(f"{DEPLOYMENTS}/d/scale")).json()
    assert (scale["kind"], scale["spec"]["replicas"], scale["status"]["selector"]) == ("Scale", 2, "app=d")
    scale["spec"]["replicas"] = 0
    assert (await api.put(f"{DEPLOYMENTS}/d/scale", scale)).json()["spec"]["replicas"] == 0
    assert (await api.put(f"{DEPLOYMENTS}/d/scale", scale)).status == 409
    assert (await api.patch(f"{DEPLOYMENTS}/d/scale", {"spec": {"replicas": 7}})).status == 200
    found = (await api.get(f"{DEPLOYMENTS}/d")).json()
    assert (found["spec"]["replicas"], found["metadata"]["generation"]) == (7, 3)
    assert (await api.patch(f"{DEPLOYMENTS}/d/scale", {"spec": {"replicas": -1}})).status == 422


async def test_a_binding_gives_a_pod_its_node_once(api: ApiEnv) -> None:
    await api.post(PODS, pod("p"))
    body = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n1"}}
    assert (await api.post(f"{PODS}/p/binding", body)).status == 201
    found = (await api.get(f"{PODS}/p")).json()
    assert found["spec"]["nodeName"] == "n1"
    assert {c["type"]: c["status"] for c in found["status"]["conditions"]} == {"PodScheduled": "True"}
    again = await api.post(f"{PODS}/p/binding", body)
    assert again.status == 409 and 'already assigned to node "n1"' in again.json()["message"]
    body["target"] = {}
    assert (await api.post(f"{PODS}/p/binding", body)).status == 422


async def test_a_binding_ends_the_promise_of_a_node(api: ApiEnv) -> None:
    await api.post(PODS, pod("p"))
    await api.patch(f"{PODS}/p/status", {"status": {"nominatedNodeName": "n1"}})
    assert (await api.get(f"{PODS}/p")).json()["status"]["nominatedNodeName"] == "n1"
    body = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n1"}}
    assert (await api.post(f"{PODS}/p/binding", body)).status == 201
    assert "nominatedNodeName" not in (await api.get(f"{PODS}/p")).json()["status"]


async def test_an_eviction_deletes_the_pod(api: ApiEnv) -> None:
    await api.post(PODS, pod("p"))
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p", "namespace": "test"}}
    assert (await api.post(f"{PODS}/p/eviction", body)).status == 201
    assert (await api.get(f"{PODS}/p")).status == 404

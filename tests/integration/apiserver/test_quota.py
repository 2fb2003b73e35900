"""The quotas of a namespace hold exactly, whoever writes how fast and through which server."""

from __future__ import annotations

import asyncio
import pathlib
from typing import Any

import pytest

from kubelite.storage.etcd import EtcdStore
from tests.apienv import ApiEnv, api_server
from tests.contract.storage_backends import Etcd, ready
from tests.integration.apiserver.objects import MAPS, PODS, config_map, pod

QUOTAS = "/api/v1/namespaces/test/resourcequotas"
CLAIMS = "/api/v1/namespaces/test/persistentvolumeclaims"
SERVICES = "/api/v1/namespaces/test/services"


async def give(api: ApiEnv, name: str, hard: dict[str, str], used: dict[str, str] | None = None, **spec: Any) -> None:
    """A quota whose status is known, as the controller would have found it out."""
    made = await api.post(QUOTAS, {"metadata": {"name": name}, "spec": {"hard": hard, **spec}})
    assert made.status == 201, made.body
    status = {"hard": hard, "used": {**dict.fromkeys(hard, "0"), **(used or {})}}
    assert (await api.patch(f"{QUOTAS}/{name}/status", {"status": status})).status == 200


async def used(api: ApiEnv, name: str = "q") -> dict[str, str]:
    found: dict[str, str] = (await api.get(f"{QUOTAS}/{name}")).json()["status"]["used"]
    return found


async def refusal(api: ApiEnv, path: str, body: Any) -> str:
    """Why a create is forbidden, without the part that names the object."""
    reply = await api.post(path, body)
    assert reply.status == 403, reply.body
    text: str = reply.json()["message"]
    return text.partition(" is forbidden: ")[2]


def asking(name: str, **amounts: str) -> dict[str, Any]:
    return pod(name, containers=[{"name": "a", "image": "x", "resources": {"requests": amounts}}])


async def test_exactly_as_many_are_created_as_the_quota_allows_however_many_come_at_once(api: ApiEnv):
    await give(api, "q", {"pods": "10"})
    replies = await asyncio.gather(*(api.post(PODS, pod(f"p{number}")) for number in range(50)))
    assert sorted(reply.status for reply in replies) == [201] * 10 + [403] * 40
    assert await used(api) == {"pods": "10"}
    assert (
        await refusal(api, PODS, pod("late")) == "exceeded quota: q, requested: pods=1, used: pods=10, limited: pods=10"
    )


async def test_two_servers_on_one_etcd_together_create_exactly_as_many_as_the_quota_allows(etcd: Etcd):
    stores = [await ready(await EtcdStore.open([etcd.endpoint])) for _ in range(2)]
    shared = {"etcd_servers": etcd.endpoint}  # so that neither takes itself for the only one
    async with api_server(store=stores[0], **shared) as one, api_server(store=stores[1], **shared) as two:
        assert (await one.post("/api/v1/namespaces", {"metadata": {"name": "test"}})).status == 201
        await give(one, "q", {"pods": "10", "count/pods": "11"})
        assert await used(two) == {"pods": "0", "count/pods": "0"}
        writes = [(one, two)[number % 2].post(PODS, pod(f"p{number}")) for number in range(50)]
        replies = await asyncio.gather(*writes)
        assert sorted(reply.status for reply in replies) == [201] * 10 + [403] * 40
        assert await used(one) == {"pods": "10", "count/pods": "10"}
    for store in stores:
        await store.close()


async def test_a_quota_on_compute_resources_demands_them_and_adds_them_up(api: ApiEnv):
    await give(api, "q", {"requests.cpu": "1", "limits.cpu": "2", "requests.example.com/gpu": "3"})
    assert (
        await refusal(api, PODS, pod("silent"))
        == "failed quota: q: must specify limits.cpu for: c; requests.cpu for: c"
    )
    resources = {"requests": {"cpu": "600m"}, "limits": {"cpu": "1", "example.com/gpu": "2"}}
    body = pod("first", containers=[{"name": "a", "image": "x", "resources": resources}])
    assert (await api.post(PODS, body)).status == 201
    assert await used(api) == {"requests.cpu": "600m", "limits.cpu": "1", "requests.example.com/gpu": "2"}
    body["metadata"]["name"] = "second"
    assert await refusal(api, PODS, body) == (
        "exceeded quota: q, requested: requests.cpu=600m,requests.example.com/gpu=2, "
        "used: requests.cpu=600m,requests.example.com/gpu=2, limited: requests.cpu=1,requests.example.com/gpu=3"
    )


async def test_the_usage_of_a_new_quota_must_be_known_first(api: ApiEnv):
    await api.post(QUOTAS, {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "1"}}})
    await api.patch(f"{QUOTAS}/q/status", {"status": {"hard": {"pods": "1"}}})
    assert await refusal(api, PODS, pod("a")) == "status unknown for quota: q, resources: pods"


async def test_a_dry_run_is_checked_but_reserves_nothing(api: ApiEnv):
    await give(api, "q", {"configmaps": "1"})
    assert (await api.post(MAPS, config_map("a"), query={"dryRun": "All"})).status == 201
    assert await used(api) == {"configmaps": "0"}
    assert (await api.post(MAPS, config_map("a"))).status == 201
    assert (await api.post(MAPS, config_map("b"), query={"dryRun": "All"})).status == 403


async def test_an_update_is_charged_with_what_it_adds(api: ApiEnv):
    await give(api, "q", {"services": "1", "services.nodeports": "1"})
    ports = [{"name": f"p{number}", "port": 80 + number} for number in range(2)]
    assert (await api.post(SERVICES, {"metadata": {"name": "s"}, "spec": {"ports": ports[:1]}})).status == 201
    assert (await api.patch(f"{SERVICES}/s", {"spec": {"type": "NodePort"}})).status == 200
    assert await used(api) == {"services": "1", "services.nodeports": "1"}
    reply = await api.patch(f"{SERVICES}/s", {"spec": {"ports": ports}})
    assert (reply.status, reply.json()["reason"]) == (403, "Forbidden")
    assert (
        "requested: services.nodeports=1, used: services.nodeports=1, limited: services.nodeports=1"
        in (reply.json()["message"])
    )
    assert (await api.patch(f"{SERVICES}/s", {"metadata": {"labels": {"a": "b"}}})).status == 200


async def test_scopes_decide_which_pods_count(api: ApiEnv):
    await give(api, "idle", {"pods": "5"}, scopes=["BestEffort"])
    await give(api, "busy", {"pods": "5"}, scopes=["NotBestEffort"])
    ends = {"matchExpressions": [{"scopeName": "Terminating", "operator": "Exists"}]}
    await give(api, "short", {"pods": "5"}, scopeSelector=ends)
    assert (await api.post(PODS, pod("a"))).status == 201
    assert (await api.post(PODS, {**asking("b", cpu="1")})).status == 201
    assert (await api.post(PODS, pod("c", activeDeadlineSeconds=60))).status == 201
    assert [(await used(api, name))["pods"] for name in ("idle", "busy", "short")] == ["2", "1", "1"]


async def test_a_claim_counts_with_its_size_also_under_its_class(api: ApiEnv):
    gold = "gold.storageclass.storage.k8s.io"
    await give(api, "q", {"requests.storage": "10Gi", f"{gold}/requests.storage": "3Gi", "persistentvolumeclaims": "9"})

    def claim(name: str, size: str, kind: str) -> dict[str, Any]:
        spec = {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": kind,
            "resources": {"requests": {"storage": size}},
        }
        return {"metadata": {"name": name}, "spec": spec}

    assert (await api.post(CLAIMS, claim("a", "2Gi", "gold"))).status == 201
    assert (await api.post(CLAIMS, claim("b", "4Gi", "plain"))).status == 201
    assert await used(api) == {
        "requests.storage": "6Gi", f"{gold}/requests.storage": "2Gi", "persistentvolumeclaims": "2"
    }  # fmt: skip
    assert "limited: gold.storageclass" in await refusal(api, CLAIMS, claim("c", "2Gi", "gold"))


async def test_every_quota_of_the_namespace_must_agree_and_other_namespaces_do_not_matter(api: ApiEnv):
    await api.post("/api/v1/namespaces", {"metadata": {"name": "other"}})
    await give(api, "one", {"count/configmaps": "5"})
    await give(api, "two", {"configmaps": "1"})
    assert (await api.post(MAPS, config_map("a"))).status == 201
    assert await refusal(api, MAPS, config_map("b")) == (
        "exceeded quota: two, requested: configmaps=1, used: configmaps=1, limited: configmaps=1"
    )
    assert await used(api, "one") == {"count/configmaps": "1"}
    assert (await api.post("/api/v1/namespaces/other/configmaps", config_map("b"))).status == 201
    await api.delete(f"{QUOTAS}/two")
    assert (await api.post(MAPS, config_map("b"))).status == 201


async def test_a_pod_cannot_be_resized_beyond_the_quota(api: ApiEnv):
    await give(api, "q", {"requests.cpu": "1"})
    assert (await api.post(PODS, asking("p", cpu="500m"))).status == 201

    def wanting(cpu: str) -> dict[str, Any]:
        return {"spec": {"containers": [{"name": "a", "resources": {"requests": {"cpu": cpu}}}]}}

    refused = await api.patch(f"{PODS}/p/resize", wanting("1500m"), kind="strategic")
    assert refused.status == 403, refused.body
    text = "exceeded quota: q, requested: requests.cpu=1, used: requests.cpu=500m, limited: requests.cpu=1"
    assert text in refused.json()["message"]
    assert (await api.patch(f"{PODS}/p/resize", wanting("800m"), kind="strategic")).status == 200
    assert await used(api) == {"requests.cpu": "800m"}


LIMITED = """
apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
- name: ResourceQuota
  configuration:
    apiVersion: apiserver.config.k8s.io/v1
    kind: ResourceQuotaConfiguration
    limitedResources:
    - resource: pods
      matchScopes:
      - {scopeName: PriorityClass, operator: In, values: [high]}
    - resource: persistentvolumeclaims
      matchContains: [.storageclass.storage.k8s.io/requests.storage]
"""


async def test_what_is_limited_by_configuration_needs_a_quota_that_covers_it(tmp_path: pathlib.Path):
    file = tmp_path / "admission.yaml"
    file.write_text(LIMITED)
    async with api_server(admission_control_config_file=str(file)) as api:
        await api.post("/api/v1/namespaces", {"metadata": {"name": "test"}})
        classes = "/apis/scheduling.k8s.io/v1/priorityclasses"
        assert (await api.post(classes, {"metadata": {"name": "high"}, "value": 5})).status == 201
        assert (await api.post(PODS, pod("low"))).status == 201
        assert await refusal(api, PODS, pod("a", priorityClassName="high")) == (
            "insufficient quota to match these scopes: [{PriorityClass In [high]}]"
        )
        high = {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}]}
        await give(api, "q", {"pods": "1"}, scopeSelector=high)
        assert (await api.post(PODS, pod("a", priorityClassName="high"))).status == 201
        assert "exceeded quota: q" in await refusal(api, PODS, pod("b", priorityClassName="high"))
        resources = {"requests": {"storage": "1Gi"}}
        spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "gold", "resources": resources}
        assert await refusal(api, CLAIMS, {"metadata": {"name": "c"}, "spec": spec}) == (
            "insufficient quota to consume: gold.storageclass.storage.k8s.io/requests.storage"
        )


async def test_a_configuration_that_cannot_be_understood_keeps_the_server_from_starting(tmp_path: pathlib.Path):
    file = tmp_path / "admission.yaml"
    file.write_text(LIMITED.replace("- resource: pods", "- group: apps"))
    with pytest.raises(ValueError, match="unknown field 'group'"):
        async with api_server(admission_control_config_file=str(file)):
            pass

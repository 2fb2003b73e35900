"""StorageVersions: what each API server says about how it stores."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest

from kubelite.apiserver.bootstrap import identity, storageversions
from kubelite.storage.memory import MemoryStore
from tests.apienv import ApiEnv, api_server

ON = "StorageVersionAPI=true"
ROOT = "/apis/internal.apiserver.k8s.io/v1alpha1"
PATH = f"{ROOT}/storageversions"
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}


async def when(api: ApiEnv, name: str, check: Callable[[Any], bool]) -> Any:
    """The object, once it is so."""
    async with asyncio.timeout(20):
        while True:
            reply = await api.get(f"{PATH}/{name}")
            if reply.status == 200 and check(reply.json()):
                return reply.json()
            await asyncio.sleep(0.02)


def entries(one: Any) -> list[str]:
    return [entry["apiServerID"] for entry in one["status"].get("storageVersions", [])]


async def complete(api: ApiEnv) -> None:
    """Waits until the last resource is reported."""
    await when(api, list(storageversions.reports(api.registry.scheme, "x"))[-1], lambda one: bool(entries(one)))


async def test_without_the_feature_there_is_no_such_kind() -> None:
    async with api_server() as api:
        assert (await api.get(PATH)).status == 404
        assert (await api.get(ROOT)).status == 404
        groups = [group["name"] for group in (await api.get("/apis")).json()["groups"]]
        assert "internal.apiserver.k8s.io" not in groups
        role = "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:controller:storage-version-garbage-collector"
        assert (await api.get(role)).status == 404
        document = (await api.get("/openapi/v2")).json()
        assert PATH not in document["paths"]
        assert [name for name in document["definitions"] if "StorageVersion" in name] == []


async def test_a_server_says_how_it_stores_every_built_in_resource() -> None:
    async with api_server(feature_gates=ON) as api:
        (resource, status) = (await api.get(ROOT)).json()["resources"]
        assert (resource["name"], resource["namespaced"], status["name"]) == (
            "storageversions", False, "storageversions/status",
        )  # fmt: skip
        await complete(api)
        listed = {one["metadata"]["name"]: one for one in (await api.get(PATH)).json()["items"]}
        assert {"core.pods", "core.events", "apps.deployments", "internal.apiserver.k8s.io.storageversions"} <= set(
            listed
        )
        server = identity.name_of(socket.gethostname().lower())
        assert all(entries(one) == [server] for one in listed.values())
        status = listed["apps.deployments"]["status"]
        (mine,) = status["storageVersions"]
        assert (mine["encodingVersion"], status["commonEncodingVersion"]) == ("apps/v1", "apps/v1")
        assert mine["decodableVersions"][0] == "apps/v1" == mine["servedVersions"][0]
        assert set(mine["servedVersions"]) < set(mine["decodableVersions"])
        (condition,) = status["conditions"]
        assert (condition["type"], condition["status"], condition["reason"], condition["message"]) == (
            "AllEncodingVersionsEqual", "True", "CommonEncodingVersionSet", "Common encoding version set",
        )  # fmt: skip
        assert listed["core.events"]["status"]["storageVersions"][0]["decodableVersions"] == ["v1", "events.k8s.io/v1"]
        assert listed["core.pods"]["spec"] == {}
        table = (await api.get(f"{PATH}/core.pods", headers=TABLE)).json()
        assert [column["name"] for column in table["columnDefinitions"]] == [
            "Name", "CommonEncodingVersion", "StorageVersions", "Age",
        ]  # fmt: skip
        assert table["rows"][0]["cells"][:3] == ["core.pods", "v1", f"{server}=v1"]


async def test_two_servers_of_one_store_both_say_so_and_saying_it_again_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = MemoryStore()
    shared = {"store": store, "etcd_servers": "http://127.0.0.1:1", "feature_gates": ON}
    monkeypatch.setattr(socket, "gethostname", lambda: "one")
    async with api_server(**shared) as first:
        await complete(first)
        monkeypatch.setattr(socket, "gethostname", lambda: "two")
        async with api_server(**shared) as second:
            both = [identity.name_of("one"), identity.name_of("two")]
            found = await when(second, "core.pods", lambda one: entries(one) == both)
            assert found["status"]["commonEncodingVersion"] == "v1"
            await complete(second)
            assert await storageversions.publish(second.registry, both[1])
            again = (await first.get(f"{PATH}/core.pods")).json()
            assert again["metadata"]["resourceVersion"] == found["metadata"]["resourceVersion"]
            # One that somebody removed comes back with the next report.
            assert (await first.delete(f"{PATH}/core.pods")).status == 200
            assert await storageversions.publish(second.registry, both[1])
            assert entries((await second.get(f"{PATH}/core.pods")).json()) == both[1:]
    await store.close()


async def test_servers_that_report_at_the_same_moment_lose_nothing_of_each_other() -> None:
    store = MemoryStore()
    shared = {"store": store, "etcd_servers": "http://127.0.0.1:1", "feature_gates": f"{ON},APIServerIdentity=false"}
    async with api_server(**shared) as first, api_server(**shared) as second:
        names = storageversions.reports(first.registry.scheme, "a")
        assert all(
            await asyncio.gather(
                storageversions.publish(first.registry, "a"), storageversions.publish(second.registry, "b")
            )
        )
        listed = (await first.get(PATH)).json()["items"]
        assert {one["metadata"]["name"] for one in listed} == set(names)
        assert [one["metadata"]["name"] for one in listed if sorted(entries(one)) != ["a", "b"]] == []
    await store.close()


async def test_a_server_without_an_identity_reports_nothing() -> None:
    async with api_server(feature_gates=f"{ON},APIServerIdentity=false") as api:
        assert (await api.get(PATH)).json()["items"] == []
        assert [task for task in api.server._tasks if task.get_name() == "storage versions"] == []


async def test_a_status_is_written_through_its_subresource_only_and_checked_there() -> None:
    async with api_server(feature_gates=f"{ON},APIServerIdentity=false") as api:
        made = await api.post(PATH, {"metadata": {"name": "core.pods"}, "status": {"commonEncodingVersion": "v9"}})
        assert made.status == 201 and "commonEncodingVersion" not in made.json()["status"]
        status: dict[str, Any] = {"commonEncodingVersion": "v1"}
        reply = await api.put(f"{PATH}/core.pods/status", {**made.json(), "status": status})
        assert reply.status == 422
        assert "should be nil if servers do not agree on the same encoding version" in reply.json()["message"]
        entry = {"apiServerID": "a", "encodingVersion": "v1", "decodableVersions": ["v1"]}
        status["storageVersions"] = [entry]
        reply = await api.put(f"{PATH}/core.pods/status", {**made.json(), "status": status})
        assert (reply.status, reply.json()["status"]) == (200, status)
        reply = await api.post(PATH, {"metadata": {"name": "pods"}})
        assert reply.status == 422
        assert "name must be in the form of <group>.<resource>" in reply.json()["message"]

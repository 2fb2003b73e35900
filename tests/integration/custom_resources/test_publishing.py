"""Whoever reads that a definition is Established finds its kind everywhere that he may look, with the next request."""

from __future__ import annotations

import asyncio
import shutil
from typing import Any

import pytest

from kubelite.apiserver.crd import follower
from kubelite.storage.etcd import EtcdStore
from tests.apienv import ApiEnv, api_server
from tests.contract.storage_backends import Etcd, ready
from tests.integration.custom_resources.definitions import CRDS, definition, spec_schema, version

V2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
ROOT = "/apis/stable.example.com/v1"


def is_established(crd: dict[str, Any]) -> bool:
    conditions = crd.get("status", {}).get("conditions", [])
    return any((one["type"], one["status"]) == ("Established", "True") for one in conditions)


async def found_in(api: ApiEnv) -> dict[str, bool]:
    """Where the kind is found, each place asked once."""
    groups = (await api.get("/apis", headers={"Accept": V2})).json()["items"]
    resources = [one["resource"] for group in groups for one in group["versions"][0].get("resources", [])]
    listed = await api.get(ROOT)
    index = (await api.get("/openapi/v3")).json()["paths"]
    third = await api.get(f"/openapi/v3{ROOT}")
    second = (await api.get("/openapi/v2")).json()
    binary = await api.get("/openapi/v2", headers={"Accept": PROTOBUF})
    name = "com.example.stable.v1.CronTab"
    return {
        "aggregated discovery": "crontabs" in resources,
        "plain discovery": listed.status == 200 and "crontabs" in str(listed.json()),
        "groups": "stable.example.com" in [one["name"] for one in (await api.get("/apis")).json()["groups"]],
        "v3 index": ROOT[1:] in index,
        "v3 document": third.status == 200 and name in third.json()["components"]["schemas"],
        "v2 document": name in second["definitions"] and f"{ROOT}/crontabs" in second["paths"],
        "v2 in protobuf": name.encode() in binary.body,
        "objects": (await api.get(f"{ROOT}/crontabs")).status == 200,
    }


async def test_an_established_definition_is_published() -> None:
    async with api_server() as api:
        everywhere = await found_in(api)
        assert not any(everywhere.values())
        async with api.watch(CRDS) as watch:
            crd = definition(versions=[version(schema=spec_schema(image={"type": "string"}))])
            assert (await api.post(CRDS, crd)).status == 201
            while not is_established((await watch.next())["object"]):
                pass
            assert await found_in(api) == dict.fromkeys(everywhere, True)


@pytest.mark.parametrize("place", ["aggregated", "v3", "v2", "objects"])
async def test_the_very_next_request_finds_it(place: str) -> None:
    requests: dict[str, tuple[str, dict[str, str], bytes]] = {
        "aggregated": ("/apis", {"Accept": V2}, b"crontabs"),
        "v3": (f"/openapi/v3{ROOT}", {}, b"CronTab"),
        "v2": ("/openapi/v2", {}, b"com.example.stable.v1.CronTab"),
        "objects": (f"{ROOT}/crontabs", {}, b"CronTabList"),
    }
    path, headers, wanted = requests[place]
    async with api_server() as api, api.watch(CRDS) as watch:
        assert (await api.post(CRDS, definition())).status == 201
        while not is_established((await watch.next())["object"]):
            pass
        reply = await api.get(path, headers=headers)
        assert reply.status == 200 and wanted in reply.body


async def test_names_that_are_accepted_are_served_by_every_server_before_the_kind_is_established(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("etcd") is None:
        pytest.skip("etcd is not installed")
    monkeypatch.setattr(follower, "HA_DELAY", 3600.0)
    etcd = Etcd(tmp_path)
    etcd.start()
    try:
        stores = [await ready(await EtcdStore.open([etcd.endpoint])) for _ in range(2)]
        shared = {"etcd_servers": etcd.endpoint}
        first = api_server(store=stores[0], advertise_address="10.0.0.1", **shared)
        second = api_server(store=stores[1], advertise_address="10.0.0.2", **shared)
        async with first as one, second as two:
            assert (await one.post(CRDS, definition())).status == 201
            for api in (one, two):
                async with asyncio.timeout(10):
                    while (await api.get(f"{ROOT}/crontabs")).status != 200:  # noqa: ASYNC110
                        await asyncio.sleep(0.02)
                assert all((await found_in(api)).values())
                assert not is_established((await api.get(f"{CRDS}/crontabs.stable.example.com")).json())
        for store in stores:
            await store.close()
    finally:
        etcd.kill()

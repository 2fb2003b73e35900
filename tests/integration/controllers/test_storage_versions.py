"""Storage versions of API servers that are gone."""

from __future__ import annotations

import socket

import pytest

from kubelite.api.apiserverinternal.storage_version import STORAGE_VERSION
from kubelite.apiserver.bootstrap import identity, storageversions
from kubelite.controllers.storageversiongc import controller
from tests.integration.controllers.manager import World, eventually, running

NAME = "storageversion-garbage-collector-controller"
PATH = "/apis/internal.apiserver.k8s.io/v1alpha1/storageversions"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
SERVER = {"feature_gates": "StorageVersionAPI=true"}
OTHER = identity.name_of("other")


async def entries(world: World, name: str) -> list[str] | None:
    found = await world.get(f"{PATH}/{name}")
    return None if found is None else [one["apiServerID"] for one in found["status"].get("storageVersions", [])]


async def lease(world: World, name: str, component: str = "kube-apiserver") -> None:
    labels = {"apiserver.kubernetes.io/identity": component}
    await world.create(LEASES, {"metadata": {"name": name, "labels": labels}, "spec": {"holderIdentity": name}})


async def own_report(world: World) -> str:
    """This server's name, once it has reported the last resource."""
    own = identity.name_of(socket.gethostname().lower())
    last = list(storageversions.reports(world.api.registry.scheme, own))[-1]

    async def there() -> bool:
        return await entries(world, last) == [own]

    await eventually(there)
    return own


async def test_the_entries_of_a_server_go_with_its_lease_and_the_last_take_the_objects_along() -> None:
    async with running(NAME, server=SERVER) as world:
        own = await own_report(world)
        await lease(world, OTHER)
        assert await storageversions.publish(world.api.registry, OTHER)
        assert len(await world.items(PATH)) > 50
        assert await entries(world, "core.pods") == [own, OTHER]
        await world.delete(f"{LEASES}/{own}")

        async def left() -> bool:
            found = await world.items(PATH)
            return all([one["apiServerID"] for one in each["status"]["storageVersions"]] == [OTHER] for each in found)

        await eventually(left)
        await world.delete(f"{LEASES}/{OTHER}")

        async def gone() -> bool:
            return not await world.items(PATH)

        await eventually(gone)


async def test_an_entry_of_something_that_is_no_server_does_not_stay() -> None:
    async with running(NAME, server=SERVER) as world:
        own = await own_report(world)
        await lease(world, OTHER, component="somebody-else")
        assert await storageversions.publish(world.api.registry, OTHER)

        async def left() -> bool:
            return await entries(world, "core.pods") == [own] == await entries(world, "apps.deployments")

        await eventually(left)
        condition = (await world.get(f"{PATH}/core.pods"))["status"]["conditions"][0]
        assert (condition["type"], condition["status"]) == ("AllEncodingVersionsEqual", "True")


async def test_the_controller_waits_where_the_kind_is_not_served_and_begins_when_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(controller, "LOOK_SECONDS", 0.05)
    async with running(NAME) as world:
        await world.create(
            "/apis/rbac.authorization.k8s.io/v1/clusterroles",
            {
                "metadata": {"name": "system:controller:storage-version-garbage-collector"},
                "rules": [
                    {"apiGroups": ["internal.apiserver.k8s.io"], "resources": ["*"], "verbs": ["*"]},
                    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "list", "watch"]},
                ],
            },
        )
        assert (await world.api.get(PATH)).status == 404
        assert world.context.informers.known(STORAGE_VERSION) is None
        await world.api.registry.cache.follow_kind(STORAGE_VERSION)
        world.api.registry.scheme.add(STORAGE_VERSION)
        made = await world.create(PATH, {"metadata": {"name": "core.pods"}})
        entry = {"apiServerID": OTHER, "encodingVersion": "v1", "decodableVersions": ["v1"]}
        made["status"] = {"storageVersions": [entry], "commonEncodingVersion": "v1"}
        assert (await world.api.put(f"{PATH}/core.pods/status", made)).status == 200

        async def gone() -> bool:
            return await world.get(f"{PATH}/core.pods") is None

        await eventually(gone)

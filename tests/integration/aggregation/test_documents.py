"""What discovery, OpenAPI and the APIServices say of extension servers and of this server's own group versions.

Conformance: "AggregatedDiscovery should support aggregated discovery interface", "... raw aggregated discovery endpoint
Accept headers", both also for CRDs.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.apienv import ApiEnv, api_server
from tests.integration.aggregation.conftest import (
    NAME,
    PATH,
    add_endpoints,
    add_service,
    api_service,
    condition,
    register,
    server_beside,
)
from tests.integration.aggregation.extension import GROUP, ROOT, VERSION, Extension

SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
V2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def definition(name: str = "crontabs") -> dict[str, Any]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": name, "singular": name[:-1], "kind": "CronTab"}
    spec = {"group": "stable.example.com", "scope": "Namespaced", "names": names, "versions": [version]}
    return {"metadata": {"name": f"{name}.stable.example.com"}, "spec": spec}


async def groups(api: ApiEnv) -> dict[str, Any]:
    """The aggregated document, by group."""
    answer = await api.get("/apis", headers={"Accept": V2})
    assert answer.headers["content-type"] == V2
    return {item["metadata"]["name"]: item for item in answer.json()["items"]}


async def eventually(check: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(5):
        while not await check():  # noqa: ASYNC110 - what is waited for happens in another part of the server
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("aggregated", [True, False])
async def test_discovery_shows_an_extension_server_whatever_form_it_speaks(
    extension: Extension, aggregated: bool
) -> None:
    extension.aggregated = aggregated
    async with server_beside(extension) as api:
        await register(api, extension)
        version = (await groups(api))[GROUP]["versions"][0]
        assert (version["version"], version["freshness"]) == (VERSION, "Current")
        resource = version["resources"][0]
        assert (resource["resource"], resource["scope"], resource["shortNames"]) == ("flunders", "Namespaced", ["fl"])
        assert resource["responseKind"] == {"group": GROUP, "version": VERSION, "kind": "Flunder"}
        alone = (await api.get(f"/apis/{GROUP}")).json()
        assert alone["preferredVersion"] == {"groupVersion": f"{GROUP}/{VERSION}", "version": VERSION}


async def test_an_extension_server_that_breaks_off_when_asked_for_schemas_is_discovered(extension: Extension) -> None:
    extension.has_schemas = False
    async with server_beside(extension) as api:
        await register(api, extension)
        version = (await groups(api))[GROUP]["versions"][0]
        assert (version["freshness"], version["resources"][0]["resource"]) == ("Current", "flunders")


async def test_aggregated_discovery_keeps_its_etag_until_something_changes(api: ApiEnv, extension: Extension) -> None:
    first = await api.get("/apis", headers={"Accept": V2})
    again = await api.get("/apis", headers={"Accept": V2, "If-None-Match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    await api.delete(PATH)
    await eventually(lambda: changed(api, first.headers["etag"]))


async def changed(api: ApiEnv, etag: str) -> bool:
    return (await api.get("/apis", headers={"Accept": V2, "If-None-Match": etag})).status == 200


async def test_a_group_stands_where_its_priority_puts_it(api: ApiEnv) -> None:
    await api.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition())
    await eventually(lambda: served(api, "stable.example.com"))
    order = [one["name"] for one in (await api.get("/apis")).json()["groups"]]
    assert order.index("flowcontrol.apiserver.k8s.io") < order.index(GROUP) < order.index("stable.example.com")
    assert order[0] == "apiregistration.k8s.io"


async def served(api: ApiEnv, group: str) -> bool:
    return group in await groups(api)


async def test_what_cannot_be_learned_any_more_stays_and_is_stale(api: ApiEnv, extension: Extension) -> None:
    extension.healthy = False
    made = await api.patch("/api/v1/namespaces/default/services/wardle", {"metadata": {"labels": {"a": "b"}}})
    assert made.status == 200
    failed = await condition(api, "FailedDiscoveryCheck")
    assert failed["message"].endswith(f"bad status from https://127.0.0.1:{extension.port}{ROOT}: 500")
    version = (await groups(api))[GROUP]["versions"][0]
    assert (version["freshness"], version["resources"][0]["resource"]) == ("Stale", "flunders")
    numbers = (await api.get("/metrics")).body.decode()
    assert f'aggregator_unavailable_apiservice{{name="{NAME}"}} 1' in numbers
    assert f'aggregator_unavailable_apiservice_total{{name="{NAME}",reason="FailedDiscoveryCheck"}} 1' in numbers
    extension.healthy = True
    await condition(api, "Passed")
    assert (await groups(api))[GROUP]["versions"][0]["freshness"] == "Current"


async def test_a_group_version_that_was_never_reached_is_listed_as_stale(extension: Extension) -> None:
    async with server_beside(extension) as api:
        await api.post(SERVICES, api_service(extension))
        await condition(api, "ServiceNotFound")
        assert (await groups(api))[GROUP]["versions"] == [{"version": VERSION, "freshness": "Stale"}]
        assert (await api.get(f"{ROOT}/flunders")).status == 503


async def test_the_condition_says_what_is_missing_step_by_step(extension: Extension) -> None:
    async with server_beside(extension) as api:
        await api.post(
            SERVICES, api_service(extension, service={"namespace": "default", "name": "wardle", "port": 8080})
        )
        missing = await condition(api, "ServiceNotFound")
        assert missing["message"] == 'service/wardle in "default" is not present'
        await add_service(api)
        wrong = await condition(api, "ServicePortError")
        assert wrong["message"] == 'service/wardle in "default" is not listening on port 8080'
        service = {"namespace": "default", "name": "wardle", "port": 443}
        assert (await api.patch(PATH, {"spec": {"service": service}})).status == 200
        none = await condition(api, "EndpointsNotFound")
        assert none["message"] == 'cannot find endpointslices for service/wardle in "default"'
        ports = [{"name": "other", "port": 1, "protocol": "TCP"}]
        slice_ = {"addressType": "IPv4", "ports": ports, "endpoints": [{"addresses": ["10.1.2.3"]}]}
        metadata = {"name": "w", "labels": {"kubernetes.io/service-name": "wardle"}}
        await api.post("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", {"metadata": metadata, **slice_})
        empty = await condition(api, "MissingEndpoints")
        assert empty["message"] == (
            'endpoints for service/wardle in "default" have no addresses with port name "https"'
        )


async def test_openapi_has_the_extension_servers_part(api: ApiEnv) -> None:
    paths = (await api.get("/openapi/v3")).json()["paths"]
    url = paths[ROOT[1:]]["serverRelativeURL"]
    document = await api.get(url)
    assert document.json()["info"]["title"] == "wardle"
    assert document.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "expires" in document.headers
    whole = (await api.get("/openapi/v2")).json()
    assert f"{ROOT}/namespaces/{{namespace}}/flunders" in whole["paths"]
    assert "/apis/other.example.com/v1/" not in whole["paths"]
    assert "com.example.Flunder" in whole["definitions"] and "com.example.Spec" in whole["definitions"]
    assert "com.example.Unused" not in whole["definitions"]


async def test_every_own_group_version_has_a_local_apiservice() -> None:
    async with api_server() as api:
        found = {one["metadata"]["name"]: one for one in (await api.get(SERVICES)).json()["items"]}
        assert {"v1.", "v1.apps", "v2.autoscaling", "v1.rbac.authorization.k8s.io"} <= set(found)
        assert "v1.apiregistration.k8s.io" not in found
        apps = found["v1.apps"]
        assert apps["metadata"]["labels"] == {"kube-aggregator.kubernetes.io/automanaged": "onstart"}
        assert apps["spec"] == {"group": "apps", "version": "v1", "groupPriorityMinimum": 17800, "versionPriority": 15}
        assert [(one["type"], one["status"], one["reason"]) for one in apps["status"]["conditions"]] == [
            ("Available", "True", "Local")
        ]


async def test_definitions_bring_their_apiservice_and_take_it_away() -> None:
    name = f"{SERVICES}/v1.stable.example.com"
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    async with api_server() as api:
        await api.post(definitions, definition())
        await eventually(lambda: present(api, name))
        spec = (await api.get(name)).json()["spec"]
        assert (spec["groupPriorityMinimum"], spec["versionPriority"]) == (1000, 100)
        await api.delete(name)
        await eventually(lambda: present(api, name))
        await api.delete(f"{definitions}/crontabs.stable.example.com")
        await eventually(lambda: absent(api, name))


async def present(api: ApiEnv, path: str) -> bool:
    return (await api.get(path)).status == 200


async def absent(api: ApiEnv, path: str) -> bool:
    return (await api.get(path)).status == 404


async def test_a_local_apiservice_that_a_user_changed_stays_until_the_next_start() -> None:
    from kubelite.storage.memory import MemoryStore

    store = MemoryStore()
    path = f"{SERVICES}/v1.apps"
    try:
        async with api_server(store=store) as api:
            assert (await api.patch(path, {"spec": {"versionPriority": 7}})).status == 200
            await api.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition())
            await eventually(lambda: present(api, f"{SERVICES}/v1.stable.example.com"))
            assert (await api.get(path)).json()["spec"]["versionPriority"] == 7
        async with api_server(store=store) as api:
            assert (await api.get(path)).json()["spec"]["versionPriority"] == 15
    finally:
        await store.close()


async def test_the_index_of_paths_names_the_extension_servers_group(api: ApiEnv) -> None:
    assert ROOT in (await api.get("/")).json()["paths"]
    assert NAME in json.dumps(
        (await api.get(SERVICES, headers={"Accept": "application/json;as=Table;g=meta.k8s.io;v=v1"})).json()
    )


@pytest.mark.parametrize("place", ["aggregated", "v3", "v2"])
async def test_the_very_next_request_finds_what_an_available_extension_server_serves(
    extension: Extension, place: str
) -> None:
    requests: dict[str, tuple[str, dict[str, str], bytes]] = {
        "aggregated": ("/apis", {"Accept": V2}, b"flunders"),
        "v3": (f"/openapi/v3{ROOT}", {}, b"Flunder"),
        "v2": ("/openapi/v2", {}, b"Flunder"),
    }
    path, headers, wanted = requests[place]
    async with server_beside(extension) as api:
        await add_service(api)
        await add_endpoints(api, extension.port)
        assert wanted not in (await api.get(path, headers=headers)).body
        await api.post(SERVICES, api_service(extension))
        assert (await condition(api, "Passed"))["status"] == "True"
        assert wanted in (await api.get(path, headers=headers)).body

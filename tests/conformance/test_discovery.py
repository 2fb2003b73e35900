"""Discovery: the groups, their preferred versions, their resources; one by one and aggregated."""

from __future__ import annotations

from typing import Any

from tests.apienv import ApiEnv
from tests.conformance.harness import eventually, good
from tests.integration.custom_resources.definitions import CRDS, definition

AGGREGATED = {"accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}
# What kubectl and client-go ask for: the newest form first, the old lists for servers that have none.
NEGOTIATED = {
    "accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
}
EXPECTED = {
    ("admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations"),
    ("apiextensions.k8s.io", "v1", "customresourcedefinitions"),
    ("apiregistration.k8s.io", "v1", "apiservices"),
    ("apps", "v1", "deployments"),
    ("authentication.k8s.io", "v1", "tokenreviews"),
    ("authorization.k8s.io", "v1", "selfsubjectaccessreviews"),
    ("autoscaling", "v1", "horizontalpodautoscalers"),
    ("autoscaling", "v2", "horizontalpodautoscalers"),
    ("batch", "v1", "jobs"),
    ("certificates.k8s.io", "v1", "certificatesigningrequests"),
    ("coordination.k8s.io", "v1", "leases"),
    ("discovery.k8s.io", "v1", "endpointslices"),
    ("events.k8s.io", "v1", "events"),
    ("networking.k8s.io", "v1", "ingresses"),
    ("node.k8s.io", "v1", "runtimeclasses"),
    ("policy", "v1", "poddisruptionbudgets"),
    ("scheduling.k8s.io", "v1", "priorityclasses"),
    ("storage.k8s.io", "v1", "csinodes"),
}
CRD = definition("testcrds", "testcrd", group="discovery.example.com")


async def aggregated(api: ApiEnv, path: str, headers: dict[str, str]) -> dict[tuple[str, str, str], Any]:
    """(group, version, resource) → entry of an aggregated document."""
    reply = await api.get(path, headers=headers)
    document = good(reply)
    assert reply.headers["content-type"] == AGGREGATED["accept"]
    assert (document["kind"], document["apiVersion"]) == ("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2")
    found = {}
    for group in document["items"]:
        for version in group["versions"]:
            assert version["freshness"] == "Current"
            for resource in version["resources"]:
                name = group["metadata"].get("name", "")
                found[name, version["version"], resource["resource"]] = resource
    return found


async def test_should_locate_the_groupversion_and_a_resource_within_each_apigroup(api: ApiEnv) -> None:
    """Each version of each group answers with its own name and a list of resources with name, kind and verbs.

    [sig-api-machinery] Discovery should locate the groupVersion and a resource within each APIGroup [Conformance]
    """
    groups = good(await api.get("/apis"))["groups"]
    paths = [f"/apis/{one['groupVersion']}" for group in groups for one in group["versions"]]
    assert len(paths) > 15
    for path in ["/api/v1", *paths]:
        listed = good(await api.get(path))
        assert listed["kind"] == "APIResourceList"
        assert listed["groupVersion"] == path.removeprefix("/apis/").removeprefix("/api/")
        assert listed["resources"], path
        for resource in listed["resources"]:
            assert resource["name"] and resource["kind"] and resource["verbs"], resource


async def test_discovery_should_validate_preferredversion_for_each_apigroup(api: ApiEnv) -> None:
    """Every group names a preferred version that is one of its versions, in the list and in its own document.

    [sig-api-machinery] Discovery should validate PreferredVersion for each APIGroup [Conformance]
    """
    for group in good(await api.get("/apis"))["groups"]:
        alone = good(await api.get(f"/apis/{group['name']}"))
        assert alone["preferredVersion"] == group["preferredVersion"]
        assert group["preferredVersion"] in alone["versions"]
        assert alone["preferredVersion"]["groupVersion"] == f"{group['name']}/{alone['preferredVersion']['version']}"


async def test_should_support_raw_aggregated_discovery_endpoint_accept_headers(api: ApiEnv) -> None:
    """/apis and /api answer that Accept header with one document that has every built-in resource.

    [sig-api-machinery] AggregatedDiscovery should support raw aggregated discovery endpoint Accept headers
    [Conformance]
    """
    found = await aggregated(api, "/apis", AGGREGATED)
    assert EXPECTED - set(found) == set()
    assert ("", "v1", "namespaces") in await aggregated(api, "/api", AGGREGATED)


async def test_should_support_raw_aggregated_discovery_request_for_crds(api: ApiEnv) -> None:
    """A new definition appears in the aggregated document of /apis.

    [sig-api-machinery] AggregatedDiscovery should support raw aggregated discovery request for CRDs [Conformance]
    """
    key = ("discovery.example.com", "v1", "testcrds")
    assert key not in await aggregated(api, "/apis", AGGREGATED)
    good(await api.post(CRDS, CRD), 201)

    async def there() -> Any:
        return (await aggregated(api, "/apis", AGGREGATED)).get(key)

    found = await eventually(there)
    assert found["responseKind"] == {"group": "discovery.example.com", "version": "v1", "kind": "testcrd"}
    assert (found["scope"], found["singularResource"]) == ("Namespaced", "testcrd")


async def test_aggregateddiscovery_should_support_aggregated_discovery_interface(api: ApiEnv) -> None:
    """A client that would also take the old lists gets the aggregated form, with the groups and all resources.

    [sig-api-machinery] AggregatedDiscovery should support aggregated discovery interface [Conformance]
    """
    found = {**await aggregated(api, "/api", NEGOTIATED), **await aggregated(api, "/apis", NEGOTIATED)}
    assert (EXPECTED | {("", "v1", "namespaces")}) - set(found) == set()
    parts = {key: {one["subresource"] for one in found[key].get("subresources", [])} for key in EXPECTED}
    assert parts["apps", "v1", "deployments"] == {"scale", "status"}


async def test_should_support_aggregated_discovery_interface_for_crds(api: ApiEnv) -> None:
    """A new definition is in what such a client reads, and its group among the groups.

    [sig-api-machinery] AggregatedDiscovery should support aggregated discovery interface for CRDs [Conformance]
    """
    good(await api.post(CRDS, CRD), 201)

    async def there() -> bool:
        return ("discovery.example.com", "v1", "testcrds") in await aggregated(api, "/apis", NEGOTIATED)

    await eventually(there)
    assert "discovery.example.com" in [one["name"] for one in good(await api.get("/apis"))["groups"]]

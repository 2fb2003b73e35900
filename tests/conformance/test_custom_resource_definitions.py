"""CustomResourceDefinition resources: definitions themselves, and watches of what they define."""

from __future__ import annotations

from typing import Any

from tests.apienv import ApiEnv
from tests.conformance.harness import find_resources, good, seen
from tests.integration.custom_resources.definitions import (
    CRDS,
    changed,
    custom,
    definition,
    established,
    path,
    spec_schema,
    until,
)

NAME = "crontabs.stable.example.com"
GROUP = "apiextensions.k8s.io"


async def test_simple_customresourcedefinition_creating_deleting_custom_resource_definition_objects_works(
    api: ApiEnv,
) -> None:
    """A definition is created and established, and is gone some time after its deletion.

    [sig-api-machinery] CustomResourceDefinition resources [Privileged:ClusterAdmin] Simple CustomResourceDefinition
    creating/deleting custom resource definition objects works [Conformance]
    """
    made = await established(api, definition())
    assert made["status"]["storedVersions"] == ["v1"]
    good(await api.delete(f"{CRDS}/{NAME}"), 200)
    await until(api, f"{CRDS}/{NAME}", lambda reply: reply.status == 404)
    assert (await api.get(path())).status == 404


async def test_simple_customresourcedefinition_listing_custom_resource_definition_objects_works(api: ApiEnv) -> None:
    """Ten labelled definitions are listed by their label, and deleted by it without touching another one.

    [sig-api-machinery] CustomResourceDefinition resources [Privileged:ClusterAdmin] Simple CustomResourceDefinition
    listing custom resource definition objects works [Conformance]
    """
    for number in range(11):
        crd = definition(f"things{number}", f"Thing{number}")
        crd["metadata"]["labels"] = {"e2e-list-test": "yes" if number else "no"}
        good(await api.post(CRDS, crd), 201)
    selected = {"labelSelector": "e2e-list-test=yes"}
    assert len(good(await api.get(CRDS, query=selected))["items"]) == 10
    good(await api.request("DELETE", CRDS, query=selected), 200)
    reply = await until(api, CRDS, lambda reply: len(reply.json()["items"]) < 2)
    assert [one["metadata"]["name"] for one in reply.json()["items"]] == ["things0.stable.example.com"]


async def test_getting_updating_patching_custom_resource_definition_status_sub_resource_works(api: ApiEnv) -> None:
    """Conditions put in the status by an update and by a patch of the subresource are read back from it.

    [sig-api-machinery] CustomResourceDefinition resources [Privileged:ClusterAdmin] Simple CustomResourceDefinition
    getting/updating/patching custom resource definition status sub-resource works [Conformance]
    """
    await established(api, definition())
    place = f"{CRDS}/{NAME}/status"
    condition = {"reason": "test", "message": "done", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    found = good(await api.get(place))
    found["status"]["conditions"].append({"type": "StatusUpdate", **condition})
    good(await api.put(place, found), 200)
    patch = [{"op": "add", "path": "/status/conditions/-", "value": {"type": "StatusPatch", **condition}}]
    patched = good(await api.patch(place, patch, "json"), 200)
    read = good(await api.get(place))
    assert read == patched
    assert [one["type"] for one in read["status"]["conditions"]][-2:] == ["StatusUpdate", "StatusPatch"]


async def test_custom_resource_defaulting_for_requests_and_from_storage_works(api: ApiEnv) -> None:
    """Defaults added to a schema show in objects stored before; what was stored with a default keeps it.

    [sig-api-machinery] CustomResourceDefinition resources [Privileged:ClusterAdmin] custom resource defaulting for
    requests and from storage works [Conformance]
    """
    schema = spec_schema(a={"type": "string"}, b={"type": "string"})
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    await established(api, definition(versions=[version]))
    assert good(await api.post(path(), custom("first", spec={})), 201)["spec"] == {}
    place = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties"
    await changed(api, NAME, [{"op": "add", "path": f"{place}/a/default", "value": "A"}], "json")
    await until(api, path(name="first"), lambda reply: reply.status == 200 and reply.json()["spec"] == {"a": "A"})
    assert good(await api.post(path(), custom("second", spec={})), 201)["spec"] == {"a": "A"}
    swap = [
        {"op": "remove", "path": f"{place}/a/default"},
        {"op": "add", "path": f"{place}/b/default", "value": "B"},
    ]
    await changed(api, NAME, swap, "json")
    both: Any = {"a": "A", "b": "B"}
    await until(api, path(name="second"), lambda reply: reply.status == 200 and reply.json()["spec"] == both)


async def test_should_include_custom_resource_definition_resources_in_discovery_documents(api: ApiEnv) -> None:
    """The group, its version and the resource of definitions are in all three discovery documents.

    [sig-api-machinery] CustomResourceDefinition resources [Privileged:ClusterAdmin] should include custom resource
    definition resources in discovery documents [Conformance]
    """
    found = await find_resources(api, GROUP, "v1", ["customresourcedefinitions", "customresourcedefinitions/status"])
    assert found["customresourcedefinitions"]["kind"] == "CustomResourceDefinition"
    assert found["customresourcedefinitions"]["namespaced"] is False


async def test_customresourcedefinition_watch_watch_on_custom_resource_definition_objects(api: ApiEnv) -> None:
    """Watches of single custom objects hear of the creation, the change and the deletion of theirs.

    [sig-api-machinery] CustomResourceDefinition Watch [Privileged:ClusterAdmin] CustomResourceDefinition Watch watch on
    custom resource definition objects [Conformance]
    """
    await established(api, definition(scope="Cluster"))
    place = path(namespace="")
    async with (
        api.watch(place, fieldSelector="metadata.name=name1") as first,
        api.watch(place, fieldSelector="metadata.name=name2") as second,
    ):
        for name, watch in (("name1", first), ("name2", second)):
            good(await api.post(place, custom(name, content={"key": "value"}, num={"num1": 1})), 201)
            assert (await seen(watch, "ADDED", name))["num"] == {"num1": 1}
        for name, watch in (("name1", first), ("name2", second)):
            good(await api.patch(f"{place}/{name}", {"dummy": "test"}))
            assert (await seen(watch, "MODIFIED", name))["dummy"] == "test"
        for name, watch in (("name1", first), ("name2", second)):
            good(await api.delete(f"{place}/{name}"), 200)
            assert (await seen(watch, "DELETED", name))["content"] == {"key": "value"}

"""CustomResourceDefinition resources, as the conformance entries describe them."""

from __future__ import annotations

import asyncio

from tests.apienv import ApiEnv, api_server
from tests.integration.custom_resources.definitions import (
    CRDS,
    changed,
    custom,
    definition,
    established,
    path,
    spec_schema,
    until,
    until_condition,
    version,
)

NAME = "crontabs.stable.example.com"


async def _gone(api: ApiEnv, name: str) -> None:
    await until(api, f"{CRDS}/{name}", lambda reply: reply.status == 404)


async def test_creating_and_deleting_custom_resource_definition_objects_works() -> None:
    async with api_server() as api:
        found = await established(api, definition())
        assert found["status"]["acceptedNames"] == {
            "plural": "crontabs",
            "singular": "crontab",
            "kind": "CronTab",
            "listKind": "CronTabList",
        }
        assert found["status"]["storedVersions"] == ["v1"]
        reasons = [(one["type"], one["reason"]) for one in found["status"]["conditions"]]
        assert reasons == [("NamesAccepted", "NoConflicts"), ("Established", "InitialNamesAccepted")]
        gone = (await api.delete(f"{CRDS}/{NAME}")).json()
        assert gone["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
        await _gone(api, NAME)
        assert (await api.get(path())).status == 404
        assert (await api.get("/apis/stable.example.com")).status == 404


async def test_listing_custom_resource_definition_objects_works() -> None:
    async with api_server() as api:
        for number in range(4):
            crd = definition(f"things{number}", f"Thing{number}")
            crd["metadata"]["labels"] = {"test": "list" if number else "other"}
            await established(api, crd)
        listed = (await api.get(CRDS, query={"labelSelector": "test=list"})).json()["items"]
        assert len(listed) == 3
        assert (await api.delete(CRDS, query={"labelSelector": "test=list"})).status == 200
        await until(api, CRDS, lambda reply: len(reply.json()["items"]) == 1)


async def test_getting_updating_and_patching_the_status_of_a_definition_works() -> None:
    async with api_server() as api:
        await established(api, definition())
        status = (await api.get(f"{CRDS}/{NAME}/status")).json()
        status["status"]["conditions"].append(
            {"type": "Mine", "status": "True", "reason": "r", "message": "", "lastTransitionTime": None}
        )
        updated = await api.put(f"{CRDS}/{NAME}/status", status)
        assert updated.status == 200, updated.body
        patch = [{"op": "add", "path": "/status/conditions/-", "value": {"type": "Other", "status": "False"}}]
        patched = await api.patch(f"{CRDS}/{NAME}/status", patch, "json")
        assert patched.status == 200, patched.body
        types = [one["type"] for one in (await api.get(f"{CRDS}/{NAME}")).json()["status"]["conditions"]]
        assert types == ["NamesAccepted", "Established", "Mine", "Other"]


async def test_watch_on_custom_resource_definition_objects() -> None:
    async with api_server() as api:
        await established(api, definition())
        async with api.watch(path()) as watch:
            assert (await api.post(path(), custom("one", spec={"a": 1}))).status == 201
            assert (await api.patch(path(name="one"), {"spec": {"a": 2}})).status == 200
            assert (await api.delete(path(name="one"))).status == 200
            events = [await watch.next() for _ in range(3)]
            assert [event["type"] for event in events] == ["ADDED", "MODIFIED", "DELETED"]
            assert [event["object"]["spec"]["a"] for event in events] == [1, 2, 2]


async def test_defaulting_for_requests_and_from_storage_works() -> None:
    async with api_server() as api:
        await established(
            api, definition(versions=[version(schema=spec_schema(a={"type": "string"}, b={"type": "string"}))])
        )
        assert (await api.post(path(), custom("first", spec={}))).json()["spec"] == {}
        place = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties"
        await changed(api, NAME, [{"op": "add", "path": f"{place}/a/default", "value": "A"}], "json")
        await until(api, path(name="first"), lambda reply: reply.status == 200 and reply.json()["spec"] == {"a": "A"})
        assert (await api.post(path(), custom("second", spec={}))).json()["spec"] == {"a": "A"}
        patch = [
            {"op": "remove", "path": f"{place}/a/default"},
            {"op": "add", "path": f"{place}/b/default", "value": "B"},
        ]
        await changed(api, NAME, patch, "json")
        both = {"a": "A", "b": "B"}
        await until(api, path(name="second"), lambda reply: reply.status == 200 and reply.json()["spec"] == both)
        assert (await api.get(path(name="first"))).json()["spec"] == {"b": "B"}


async def test_discovery_documents_include_custom_resource_definition_resources() -> None:
    async with api_server() as api:
        groups = (await api.get("/apis")).json()["groups"]
        assert any(group["name"] == "apiextensions.k8s.io" for group in groups)
        assert (await api.get("/apis/apiextensions.k8s.io")).json()["preferredVersion"]["version"] == "v1"
        resources = (await api.get("/apis/apiextensions.k8s.io/v1")).json()["resources"]
        assert any(resource["name"] == "customresourcedefinitions" for resource in resources)


async def test_discovery_shows_a_kind_with_its_names_and_a_new_etag() -> None:
    async with api_server() as api:
        accept = {"accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}
        before = await api.get("/apis", headers=accept)
        names = {"shortNames": ["ct"], "categories": ["all"]}
        versions = [version(), version("v1beta1", storage=False), version("v2", served=False, storage=False)]
        await established(api, definition(names=names, versions=versions))
        after = await api.get("/apis", headers=accept)
        assert before.headers["etag"] != after.headers["etag"]
        mine = next(one for one in after.json()["items"] if one["metadata"]["name"] == "stable.example.com")
        assert [one["version"] for one in mine["versions"]] == ["v1", "v1beta1"]
        resource = mine["versions"][0]["resources"][0]
        assert (resource["resource"], resource["shortNames"], resource["categories"]) == ("crontabs", ["ct"], ["all"])
        assert resource["responseKind"] == {"group": "stable.example.com", "version": "v1", "kind": "CronTab"}
        assert (await api.get("/apis", headers={**accept, "if-none-match": after.headers["etag"]})).status == 304
        assert "/apis/stable.example.com/v1" in (await api.get("/")).json()["paths"]


async def test_names_that_another_definition_has_are_refused_until_they_are_free() -> None:
    async with api_server() as api:
        await established(api, definition(names={"shortNames": ["ct"]}))
        other = definition("tabs", "Tab", names={"shortNames": ["ct"]})
        assert (await api.post(CRDS, other)).status == 201
        found = await until_condition(api, "tabs.stable.example.com", "NamesAccepted", "False")
        condition = found["status"]["conditions"][0]
        assert (condition["reason"], condition["message"]) == ("ShortNamesConflict", '"ct" is already in use')
        assert (await api.get(path("tabs"))).status == 404
        await api.delete(f"{CRDS}/{NAME}")
        await until_condition(api, "tabs.stable.example.com", "Established")


async def test_a_definition_waits_for_the_finalizers_of_its_objects() -> None:
    async with api_server() as api:
        await established(api, definition())
        held = custom("held")
        held["metadata"]["finalizers"] = ["example.com/hold"]
        assert (await api.post(path(), held)).status == 201
        assert (await api.post(path(), custom("free"))).status == 201
        await api.delete(f"{CRDS}/{NAME}")
        await until(api, path(), lambda reply: [one["metadata"]["name"] for one in reply.json()["items"]] == ["held"])
        refused = await api.post(path(), custom("late"))
        assert refused.status == 405
        assert refused.json()["message"] == "create not allowed while custom resource definition is terminating"
        assert (await api.patch(path(name="held"), {"metadata": {"finalizers": None}})).status == 200
        await _gone(api, NAME)


async def test_a_changed_definition_ends_watches_and_a_change_of_its_status_does_not() -> None:
    async with api_server() as api:
        await established(api, definition())
        async with api.watch(path()) as watch:
            await changed(api, NAME, {"metadata": {"labels": {"a": "b"}}})
            assert (await api.post(path(), custom("one"))).status == 201
            assert (await watch.next())["type"] == "ADDED"
            await changed(api, NAME, {"spec": {"names": {"categories": ["all"]}}})
            assert await watch.next() is None


async def test_a_deleted_definition_ends_watches_after_the_last_deletion() -> None:
    async with api_server() as api:
        await established(api, definition())
        await api.post(path(), custom("one"))
        async with api.watch(path(), resourceVersion="0") as watch:
            assert (await watch.next())["type"] == "ADDED"
            await api.delete(f"{CRDS}/{NAME}")
            assert (await watch.next())["type"] == "DELETED"
            assert await watch.next() is None


async def test_groups_of_kubernetes_need_an_approval_and_say_so() -> None:
    async with api_server() as api:
        crd = definition(group="tests.k8s.io")
        assert (await api.post(CRDS, crd)).status == 422
        crd["metadata"]["annotations"] = {"api-approved.kubernetes.io": "unapproved, a test"}
        assert (await api.post(CRDS, crd)).status == 201
        found = await until_condition(api, "crontabs.tests.k8s.io", "KubernetesAPIApprovalPolicyConformant", "False")
        condition = found["status"]["conditions"][-1]
        assert condition["reason"] == "UnapprovedAnnotation"


async def test_two_servers_on_one_store_serve_each_others_definitions() -> None:
    async with api_server() as first, api_server(store=first.store) as second:
        await established(first, definition())
        await until(second, path(), lambda reply: reply.status == 200)
        assert (await second.post(path(), custom("one"))).status == 201
        await until(first, path(name="one"), lambda reply: reply.status == 200)
        await first.delete(f"{CRDS}/{NAME}")
        await until(second, path(), lambda reply: reply.status == 404)


async def test_objects_are_there_again_after_a_restart() -> None:
    from kubelite.storage.memory import MemoryStore

    store = MemoryStore()
    async with api_server(store=store) as api:
        await established(api, definition())
        await api.post(path(), custom("one", spec={"a": 1}))
    async with api_server(store=store) as api:
        assert (await api.get(path(name="one"))).json()["spec"] == {"a": 1}
    await store.close()


async def test_many_definitions_are_established_together() -> None:
    async with api_server() as api:
        crds = [definition(f"kinds{number}", f"Kind{number}") for number in range(40)]
        replies = await asyncio.gather(*(api.post(CRDS, crd) for crd in crds))
        assert {reply.status for reply in replies} == {201}
        for crd in crds:
            await until_condition(api, crd["metadata"]["name"], "Established")
        assert len((await api.get("/apis/stable.example.com/v1")).json()["resources"]) == 40


async def test_a_definition_cannot_take_the_names_of_a_built_in_kind() -> None:
    async with api_server() as api:
        group = "rbac.authorization.k8s.io"
        crd = definition("roles", "Role", group=group)
        crd["metadata"]["annotations"] = {"api-approved.kubernetes.io": "unapproved, a test"}
        assert (await api.post(CRDS, crd)).status == 201
        await until_condition(api, f"roles.{group}", "NamesAccepted")
        roles = f"/apis/{group}/v1/namespaces/default/roles"
        made = await api.post(roles, {"metadata": {"name": "one"}, "rules": [{"verbs": ["get"], "nonsense": 1}]})
        assert made.status == 422, "a Role is still checked as a Role"
        assert (await api.get(f"/apis/{group}/v1/clusterroles")).status == 200

"""CustomResourceConversionWebhook, as the conformance entries describe it, over real TLS."""

from __future__ import annotations

from typing import Any

from tests.apienv import ApiEnv, api_server
from tests.integration.custom_resources.converter import Webhook, conversion_webhook
from tests.integration.custom_resources.definitions import (
    changed,
    custom,
    definition,
    established,
    path,
    spec_schema,
    until,
    version,
)

NAME = "crontabs.stable.example.com"
TEXT = {"type": "string"}
V1 = version(schema=spec_schema(hostPort=TEXT), selectableFields=[{"jsonPath": ".spec.hostPort"}])
V2 = version(
    "v2", schema=spec_schema(host=TEXT, port=TEXT), storage=False, selectableFields=[{"jsonPath": ".spec.host"}]
)


async def _serve(api: ApiEnv, webhook: Webhook, **client: Any) -> None:
    await established(api, definition(versions=[V1, V2], conversion=webhook.config(**client)))


async def test_should_be_able_to_convert_from_cr_v1_to_cr_v2() -> None:
    async with conversion_webhook() as webhook, api_server() as api:
        await _serve(api, webhook)
        assert (await api.post(path(), custom("one", spec={"hostPort": "localhost:80"}))).status == 201
        seen = (await api.get(path(version="v2", name="one"))).json()
        assert (seen["apiVersion"], seen["spec"]) == ("stable.example.com/v2", {"host": "localhost", "port": "80"})
        assert seen["metadata"]["uid"]
        review = webhook.reviews[0]
        assert review["apiVersion"] == "apiextensions.k8s.io/v1" and review["kind"] == "ConversionReview"
        assert review["request"]["desiredAPIVersion"] == "stable.example.com/v2"


async def test_should_be_able_to_convert_a_non_homogeneous_list_of_crs() -> None:
    async with conversion_webhook() as webhook, api_server() as api:
        await _serve(api, webhook)
        await api.post(path(), custom("old", spec={"hostPort": "a:1"}))
        patch = [
            {"op": "replace", "path": "/spec/versions/0/storage", "value": False},
            {"op": "replace", "path": "/spec/versions/1/storage", "value": True},
        ]
        found = await changed(api, NAME, patch, "json")
        assert found["status"]["storedVersions"] == ["v1", "v2"]
        await until(api, path(version="v2"), lambda reply: reply.status == 200)
        made = await api.post(path(version="v2"), custom("new", version="v2", spec={"host": "b", "port": "2"}))
        assert made.status == 201, made.body
        for name, specs in (
            ("v1", [{"hostPort": "b:2"}, {"hostPort": "a:1"}]),
            ("v2", [{"host": "b", "port": "2"}, {"host": "a", "port": "1"}]),
        ):
            items = (await api.get(path(version=name))).json()["items"]
            assert [one["spec"] for one in items] == specs
            assert {one["apiVersion"] for one in items} == {f"stable.example.com/{name}"}


async def test_an_update_without_a_change_rewrites_an_object_in_the_storage_version() -> None:
    async with conversion_webhook() as webhook, api_server() as api:
        await _serve(api, webhook)
        await api.post(path(), custom("old", spec={"hostPort": "a:1"}))
        patch = [
            {"op": "replace", "path": "/spec/versions/0/storage", "value": False},
            {"op": "replace", "path": "/spec/versions/1/storage", "value": True},
        ]
        await changed(api, NAME, patch, "json")
        await until(api, path(version="v2"), lambda reply: reply.status == 200)
        found = await until(api, path(name="old"), lambda reply: reply.status == 200)
        key = "/registry/stable.example.com/crontabs/default/old"

        async def stored() -> bytes:
            item, _ = await api.store.get(key)
            assert item is not None
            return bytes(item.value)

        assert b'"stable.example.com/v1"' in (await stored()).replace(b'\\"', b"").partition(b'"spec"')[0]
        put = await api.put(path(name="old"), found.json())
        assert put.status == 200, put.body
        while b'"apiVersion":"stable.example.com/v2","kind"' not in await stored():
            put = await api.put(path(name="old"), (await api.get(path(name="old"))).json())
            assert put.status == 200, put.body


async def test_watches_selectors_and_patches_work_in_the_converted_version() -> None:
    async with conversion_webhook() as webhook, api_server() as api:
        await _serve(api, webhook)
        await api.post(path(), custom("one", spec={"hostPort": "a:1"}))
        async with api.watch(path(version="v2"), fieldSelector="spec.host=a") as watch:
            assert (await watch.next())["object"]["spec"] == {"host": "a", "port": "1"}
            await api.post(path(), custom("two", spec={"hostPort": "b:1"}))
            patched = await api.patch(path(version="v2", name="two"), {"spec": {"host": "a"}})
            assert patched.status == 200, patched.body
            assert patched.json()["spec"] == {"host": "a", "port": "1"}
            event = await watch.next()
            assert (event["type"], event["object"]["spec"]) == ("ADDED", {"host": "a", "port": "1"})
            await api.patch(path(name="two"), {"spec": {"hostPort": "c:1"}})
            event = await watch.next()
            assert (event["type"], event["object"]["spec"]) == ("DELETED", {"host": "a", "port": "1"})
            assert event["object"]["apiVersion"] == "stable.example.com/v2"
            await api.patch(path(name="two"), {"spec": {"hostPort": "a:1"}})
            assert (await watch.next())["type"] == "ADDED"
        assert (await api.get(path(name="two"))).json()["spec"] == {"hostPort": "a:1"}
        listed = (await api.get(path(version="v2"), query={"fieldSelector": "spec.host=a"})).json()
        assert len(listed["items"]) == 2
        gone = await api.delete(path(version="v2"), query={"fieldSelector": "spec.host=a"})
        assert (gone.status, len(gone.json()["items"])) == (200, 2)


async def test_a_list_is_converted_in_one_review_and_once() -> None:
    async with conversion_webhook() as webhook, api_server() as api:
        await _serve(api, webhook)
        for number in range(20):
            await api.post(path(), custom(f"n{number}", spec={"hostPort": f"h:{number}"}))
        for _ in range(3):
            assert len((await api.get(path(version="v2"))).json()["items"]) == 20
        assert [len(review["request"]["objects"]) for review in webhook.reviews] == [20]


async def test_a_broken_webhook_fails_the_request_with_upstreams_words() -> None:
    async with conversion_webhook() as webhook, api_server() as api:
        await _serve(api, webhook)
        await api.post(path(), custom("one", spec={"hostPort": "a:1"}))
        head = "conversion webhook for stable.example.com/v1, Kind=CronTab"

        def failed(review: dict[str, Any]) -> Any:
            review["response"]["result"] = {"status": "Failure", "message": "not today"}
            return review

        def renamed(review: dict[str, Any]) -> Any:
            converted = review["response"]["convertedObjects"][0]
            converted["metadata"] = {**converted["metadata"], "name": "other"}
            return review

        def forgotten(review: dict[str, Any]) -> Any:
            review["response"]["convertedObjects"] = []
            return review

        for spoil, text in (
            (failed, f"{head} failed: not today"),
            (renamed, f"{head} returned invalid object: must have the same name: one != other"),
            (forgotten, f"{head} returned 0 objects, expected 1"),
        ):
            webhook.spoil = spoil
            reply = await api.get(path(version="v2", name="one"))
            assert (reply.status, reply.json()["message"]) == (500, text)
        assert (await api.get(path(name="one"))).status == 200


async def test_the_metadata_stays_the_originals_but_for_labels_and_annotations() -> None:
    def convert(obj: dict[str, Any], api_version: str) -> dict[str, Any]:
        metadata = {**obj["metadata"], "labels": {"converted": "yes"}, "generation": 99}
        return {**obj, "apiVersion": api_version, "metadata": metadata}

    async with conversion_webhook(convert) as webhook, api_server() as api:
        await _serve(api, webhook)
        await api.post(path(), custom("one"))
        metadata = (await api.get(path(version="v2", name="one"))).json()["metadata"]
        assert (metadata["labels"], metadata["generation"]) == ({"converted": "yes"}, 1)


async def test_a_webhook_is_reached_through_a_service_of_the_cluster() -> None:
    async with conversion_webhook(names=("hook.default.svc",)) as webhook, api_server() as api:
        service = {"metadata": {"name": "hook"}, "spec": {"ports": [{"port": 443}]}}
        assert (await api.post("/api/v1/namespaces/default/services", service)).status == 201
        endpoints = {
            "metadata": {"name": "hook-1", "labels": {"kubernetes.io/service-name": "hook"}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": True}}],
            "ports": [{"name": "", "port": webhook.port}],
        }
        slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
        made = await api.post(slices, endpoints)
        if made.status == 422:  # addresses of the own machine are not allowed there
            from kubelite.machinery import codec

            kind = api.registry.scheme.by_resource("discovery.k8s.io", "v1", "endpointslices")
            assert kind is not None
            endpoints["metadata"] |= {"namespace": "default"}  # type: ignore[operator]
            document = {**endpoints, "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice"}
            await api.store.create(kind.key("default", "hook-1"), codec.encode(document))
        await _serve(api, webhook, service={"name": "hook", "namespace": "default", "path": "/convert"})
        await api.post(path(), custom("one", spec={"hostPort": "a:1"}))
        reply = await api.get(path(version="v2", name="one"))
        assert reply.status == 200, reply.body
        assert reply.json()["spec"] == {"host": "a", "port": "1"}

"""The official Python client (`kubernetes`), unmodified: custom objects, dynamic client, informers, watches, elections, apply."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from kubernetes import client, config, dynamic, informer, utils, watch
from kubernetes.dynamic.exceptions import ConflictError
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.configmaplock import ConfigMapLock
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock

from tests.integration.clients.definitions import DEFINITION, GROUP, order
from tests.integration.controllers.manager import World

MINE = (GROUP, "v1", "default", "orders")


@pytest.fixture
async def official(world: World) -> AsyncIterator[Any]:
    """The client, as a kubeconfig file makes it."""
    path = world.api.kubeconfig()
    made = await asyncio.to_thread(config.new_client_from_config, path)
    config.load_kube_config(path)  # the library's election locks take the default configuration only
    yield made
    await asyncio.to_thread(made.close)


def _define(official: Any) -> None:
    """Creates the definition and waits for it as programs do."""
    api = client.ApiextensionsV1Api(official)
    api.create_custom_resource_definition(DEFINITION)
    name = DEFINITION["metadata"]["name"]
    stream = watch.Watch().stream(
        api.list_custom_resource_definition, field_selector=f"metadata.name={name}", timeout_seconds=10
    )
    for event in stream:
        if any(c.type == "Established" and c.status == "True" for c in event["object"].status.conditions or ()):
            return
    raise AssertionError("never established")


async def test_custom_objects_are_created_listed_patched_scaled_and_deleted(official: Any) -> None:
    def program() -> None:
        _define(official)
        api = client.CustomObjectsApi(official)
        made = api.create_namespaced_custom_object(*MINE, order("one"))
        assert (made["spec"]["count"], made["metadata"]["generation"]) == (1, 1)
        api.create_namespaced_custom_object(*MINE, order("two", "milk", count=3))
        found = api.list_namespaced_custom_object(*MINE, label_selector="app=shop", limit=1)
        assert [one["metadata"]["name"] for one in found["items"]] == ["one"]
        rest = api.list_namespaced_custom_object(*MINE, _continue=found["metadata"]["continue"])
        assert [one["metadata"]["name"] for one in rest["items"]] == ["two"]
        patched = api.patch_namespaced_custom_object(
            *MINE, "one", {"spec": {"item": "cake"}, "status": {"phase": "no"}}
        )
        assert (patched["spec"], patched.get("status")) == ({"item": "cake", "count": 1}, None)
        status = api.patch_namespaced_custom_object_status(*MINE, "one", {"status": {"phase": "Paid", "ready": 1}})
        assert (status["status"]["phase"], status["metadata"]["generation"]) == ("Paid", 2)
        scaled = api.patch_namespaced_custom_object_scale(*MINE, "one", {"spec": {"replicas": 7}})
        assert (scaled["spec"]["replicas"], scaled["status"]["replicas"]) == (7, 1)
        assert api.get_namespaced_custom_object(*MINE, "one")["spec"]["count"] == 7
        with pytest.raises(client.ApiException) as wrong:
            api.create_namespaced_custom_object(*MINE, order("bad", count=-1))
        assert (wrong.value.status, json.loads(wrong.value.body)["reason"]) == (422, "Invalid")
        assert "spec.count: Invalid value: -1" in json.loads(wrong.value.body)["message"]
        old = {**made, "spec": {"item": "old"}}
        with pytest.raises(client.ApiException) as conflict:
            api.replace_namespaced_custom_object(*MINE, "one", old)
        assert conflict.value.status == 409
        api.delete_collection_namespaced_custom_object(*MINE, label_selector="app=shop")
        assert api.list_cluster_custom_object(GROUP, "v1", "orders")["items"] == []

    await asyncio.to_thread(program)


async def test_the_dynamic_client_finds_applies_and_watches_kinds(official: Any) -> None:
    def program() -> None:
        _define(official)
        api = dynamic.DynamicClient(official)
        orders = api.resources.get(api_version=f"{GROUP}/v1", kind="Order")
        assert (orders.name, orders.short_names, orders.namespaced) == ("orders", ["od"], True)
        first = orders.server_side_apply(
            body=order("one", parts=[{"name": "a", "weight": 1}]), namespace="default", field_manager="mine"
        )
        other = order("one", parts=[{"name": "b", "weight": 2}])
        both = orders.server_side_apply(body=other, namespace="default", field_manager="theirs")
        assert [part["name"] for part in both.to_dict()["spec"]["parts"]] == ["a", "b"]
        with pytest.raises(ConflictError) as conflict:
            taken = order("one", parts=[{"name": "a", "weight": 9}])
            orders.server_side_apply(body=taken, namespace="default", field_manager="theirs")
        assert '.spec.parts[name="a"].weight' in json.loads(conflict.value.body)["message"]
        taken = order("one", parts=[{"name": "a", "weight": 9}])
        forced = orders.server_side_apply(body=taken, namespace="default", field_manager="theirs", force_conflicts=True)
        assert forced.spec.parts[0].weight == 9
        seen = []
        orders.delete(name="one", namespace="default")
        since = first.metadata.resourceVersion
        for event in orders.watch(namespace="default", resource_version=since, timeout=5):
            seen.append(event["type"])
            if event["type"] == "DELETED":
                break
        assert seen == ["MODIFIED", "MODIFIED", "DELETED"]
        assert api.resources.get(api_version="v1", kind="ConfigMap").get(namespace="default").items == []

    await asyncio.to_thread(program)


async def test_a_watch_tells_what_came_after_a_version(official: Any) -> None:
    def program() -> None:
        api = client.CoreV1Api(official)
        for number in range(3):
            api.create_namespaced_config_map("default", {"metadata": {"name": f"m{number}"}})
        since = api.read_namespaced_config_map("m0", "default").metadata.resource_version
        names = []
        for event in watch.Watch().stream(
            api.list_namespaced_config_map, "default", resource_version=since, timeout_seconds=10
        ):
            names.append((event["type"], event["object"].metadata.name))
            if len(names) == 2:
                break
        assert names == [("ADDED", "m1"), ("ADDED", "m2")]

    await asyncio.to_thread(program)


async def test_what_was_read_is_written_back_unchanged_and_changed(official: Any) -> None:
    """The library writes times with "+00:00" that it has read with "Z"."""

    def program() -> None:
        api = client.CoreV1Api(official)
        api.create_namespaced_config_map("default", {"metadata": {"name": "mine"}, "data": {"a": "1"}})
        read = api.read_namespaced_config_map("mine", "default")
        same, _, headers = api.replace_namespaced_config_map_with_http_info("mine", "default", read)
        assert (same.metadata.resource_version, headers.get("Warning")) == (read.metadata.resource_version, None)
        read.data["a"] = "2"
        assert api.replace_namespaced_config_map("mine", "default", read).data == {"a": "2"}
        with pytest.raises(client.ApiException) as late:
            api.replace_namespaced_config_map("mine", "default", read)
        assert json.loads(late.value.body)["reason"] == "Conflict"

    await asyncio.to_thread(program)


async def test_informers_hold_what_is_there_and_hear_of_changes(official: Any) -> None:
    def program() -> None:
        api = client.CoreV1Api(official)
        api.create_namespaced_config_map("default", {"metadata": {"name": "first"}})
        heard: list[tuple[str, str]] = []
        done = threading.Event()

        def hear(kind: str, obj: Any) -> None:
            heard.append((kind, obj.metadata.name))
            if kind == "DELETED":
                done.set()

        maps = informer.SharedInformer(api.list_namespaced_config_map, namespace="default")
        ready = threading.Event()
        maps.add_event_handler("ADDED", lambda obj: (hear("ADDED", obj), ready.set()))
        maps.add_event_handler("MODIFIED", lambda obj: hear("MODIFIED", obj))
        maps.add_event_handler("DELETED", lambda obj: hear("DELETED", obj))
        maps.start()
        try:
            assert ready.wait(10)
            api.patch_namespaced_config_map("first", "default", {"data": {"a": "b"}})
            api.delete_namespaced_config_map("first", "default")
            assert done.wait(10)
        finally:
            maps.stop()
        assert heard == [("ADDED", "first"), ("MODIFIED", "first"), ("DELETED", "first")]
        assert maps.cache.list() == []

    await asyncio.to_thread(program)


async def test_one_of_two_candidates_leads_and_the_other_follows_when_it_is_gone(official: Any) -> None:
    def program() -> None:
        led: list[str] = []
        started = {name: threading.Event() for name in ("a", "b", "c", "d")}
        gone = threading.Event()

        def candidate(name: str, lock: Any) -> None:
            def lead() -> None:
                led.append(name)
                started[name].set()
                if name in ("a", "c"):
                    gone.wait(10)
                raise RuntimeError("the leader's work fails")  # the library then stops renewing

            mine = electionconfig.Config(
                lock("election", "default", name),
                lease_duration=2,
                renew_deadline=1.5,
                retry_period=1,
                onstarted_leading=lead,
                onstopped_leading=lambda: None,
            )
            leaderelection.LeaderElection(mine).run()

        def start(name: str, lock: Any) -> threading.Thread:
            thread = threading.Thread(target=candidate, args=(name, lock), daemon=True)
            thread.start()
            return thread

        leaders = [start("a", LeaseLock), start("c", ConfigMapLock)]
        assert started["a"].wait(10) and started["c"].wait(10)
        followers = [start("b", LeaseLock), start("d", ConfigMapLock)]
        assert not started["b"].wait(0.5)
        gone.set()
        assert started["b"].wait(15) and started["d"].wait(15)
        for thread in (*leaders, *followers):
            thread.join(15)
        assert (sorted(led[:2]), sorted(led[2:])) == (["a", "c"], ["b", "d"])
        assert (
            client.CoordinationV1Api(official).read_namespaced_lease("election", "default").spec.holder_identity == "b"
        )

    await asyncio.to_thread(program)


async def test_objects_of_a_file_are_created_and_rolled_out(official: Any, world: World) -> None:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": template},
    }

    def program() -> None:
        utils.create_from_dict(official, {"apiVersion": "v1", "kind": "List", "items": [deployment]})
        api = client.AppsV1Api(official)
        for event in watch.Watch().stream(api.list_namespaced_deployment, "default", timeout_seconds=20):
            if event["object"].status.available_replicas == 2:
                break
        pods = client.CoreV1Api(official).list_namespaced_pod("default", label_selector="app=web")
        assert [pod.status.phase for pod in pods.items] == ["Running", "Running"]
        with pytest.raises(utils.FailToCreateError) as again:
            utils.create_from_dict(official, deployment)
        assert again.value.api_exceptions[0].status == 409
        api.delete_namespaced_deployment("web", "default", propagation_policy="Foreground")
        for event in watch.Watch().stream(api.list_namespaced_deployment, "default", timeout_seconds=20):
            if event["type"] == "DELETED":
                break
        assert client.CoreV1Api(official).list_namespaced_pod("default").items == []

    await asyncio.to_thread(program)


async def test_tokens_reviews_and_discovery_answer_the_typed_client(official: Any) -> None:
    def program() -> None:
        core = client.CoreV1Api(official)
        core.create_namespaced_service_account("default", {"metadata": {"name": "robot"}})
        request = client.AuthenticationV1TokenRequest(
            spec=client.V1TokenRequestSpec(audiences=[], expiration_seconds=600)
        )
        token = core.create_namespaced_service_account_token("robot", "default", request).status.token
        review = client.V1TokenReview(spec=client.V1TokenReviewSpec(token=token))
        told = client.AuthenticationV1Api(official).create_token_review(review).status
        assert (told.authenticated, told.user.username) == (True, "system:serviceaccount:default:robot")
        attributes = client.V1ResourceAttributes(verb="get", resource="pods", namespace="default")
        ask = client.V1SelfSubjectAccessReview(
            spec=client.V1SelfSubjectAccessReviewSpec(resource_attributes=attributes)
        )
        assert client.AuthorizationV1Api(official).create_self_subject_access_review(ask).status.allowed is True
        groups = {group.name for group in client.ApisApi(official).get_api_versions().groups}
        assert {"apps", "batch", "apiextensions.k8s.io"} <= groups
        assert client.VersionApi(official).get_code().git_version.startswith("v1.36")

    await asyncio.to_thread(program)

"""What webhooks are told, what their answers do, and what a broken one costs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kubelite.apiserver.admission.webhooks.client import MAX_CONNECTIONS
from tests.apienv import api_server
from tests.integration.admission.hookserver import (
    CONFIGMAPS,
    HANG_UP,
    MUTATING,
    VALIDATING,
    config_map,
    create,
    deny,
    hook_server,
    patch,
    patched,
    register,
    rule,
    set_data,
    webhook,
)
from tests.integration.admission.policies import DEPLOYMENTS, deploy
from tests.integration.custom_resources.converter import conversion_webhook
from tests.integration.custom_resources.definitions import custom, definition, established, path, spec_schema, version

ONE = 'admission webhook "one.example.com" denied the request'
PATCH = {"allowed": True, "patchType": "JSONPatch", "patch": "W10="}


async def test_a_review_says_who_does_what_to_which_object() -> None:
    async with hook_server() as hooks, api_server() as api:
        await register(api, VALIDATING, webhook(hooks.client("see")))
        await create(api)
        await api.put(f"{CONFIGMAPS}/cm", config_map("cm", x="1"), query={"fieldManager": "me"})
        made, updated = hooks.requests["see"]
        assert {key: made[key] for key in ("operation", "name", "namespace", "dryRun", "oldObject")} == {
            "operation": "CREATE", "name": "cm", "namespace": "default", "dryRun": False, "oldObject": None,
        }  # fmt: skip
        gvk, gvr = (
            {"group": "", "version": "v1", "kind": "ConfigMap"},
            {"group": "", "version": "v1", "resource": "configmaps"},
        )
        assert made["kind"] == made["requestKind"] == gvk and made["resource"] == made["requestResource"] == gvr
        assert made["userInfo"] == {
            "username": "admin", "uid": "admin-uid", "groups": ["system:masters", "system:authenticated"],
        }  # fmt: skip
        assert made["object"]["data"] == {"here": "yes"} and made["object"]["metadata"]["uid"]
        assert made["options"] == {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"}
        assert updated["options"] == {"kind": "UpdateOptions", "apiVersion": "meta.k8s.io/v1", "fieldManager": "me"}
        assert updated["oldObject"]["data"] == {"here": "yes"} and updated["object"]["data"] == {"x": "1"}
        assert made["uid"] != updated["uid"]


@pytest.mark.parametrize(
    ("response", "code", "message"),
    [
        ({"allowed": False}, 400, f"{ONE} without explanation"),
        ({"allowed": False, "status": {"reason": "Full"}}, 400, f"{ONE}: Full"),
        (
            {"allowed": False, "status": {"code": 409, "reason": "Conflict", "message": "busy"}},
            409,
            f"{ONE}: busy",
        ),
        ({"allowed": False, "status": {"code": 200}}, 400, f"{ONE} without explanation"),
    ],
)
async def test_a_denial_has_the_webhooks_code_and_words(response: dict[str, Any], code: int, message: str) -> None:
    async with hook_server(deny=lambda request: response) as hooks, api_server() as api:
        await register(api, VALIDATING, webhook(hooks.client("deny")))
        reply = await create(api)
        assert (reply.status, reply.json()["message"]) == (code, message)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (500, "failed to call webhook: an error on the server ("),
        (b"no json", "failed to call webhook: the answer is no JSON"),
        ([1], "received invalid webhook response: webhook response was absent"),
        ({"response": {"uid": "x", "allowed": True}}, "received invalid webhook response: expected response.uid="),
        (
            {"allowed": True, "patch": "e30="},
            "received invalid webhook response: webhook returned response.patch but not",
        ),
        (
            {"allowed": True, "patchType": "JSONPatch"},
            "received invalid webhook response: webhook returned response.patchType",
        ),
        ({**PATCH, "patchType": "Merge"}, 'received invalid webhook response: invalid response.patchType "Merge"'),
        ({**PATCH, "patch": "?"}, "received invalid webhook response: response.patch cannot be read"),
        ({**PATCH, "patch": "e30="}, "received invalid webhook response: response.patch is no list of operations"),
    ],
)
async def test_an_answer_that_makes_no_sense_is_a_failure_of_the_webhook(answer: Any, text: str) -> None:
    async with hook_server(odd=lambda request: answer) as hooks, api_server() as api:
        await register(api, MUTATING, webhook(hooks.client("odd")))
        reply = await create(api)
        assert reply.status == 500
        assert f'Internal error occurred: failed calling webhook "one.example.com": {text}' in reply.json()["message"]
        found = webhook(hooks.client("odd"), failurePolicy="Ignore")
        await api.patch(f"{MUTATING}/test", {"webhooks": [found]})
        await api.registry.cache.fresh()
        assert (await create(api)).status == 201


async def test_a_patch_that_does_not_fit_is_an_internal_error() -> None:
    async with hook_server(bad=patch({"op": "remove", "path": "/data/none"})) as hooks, api_server() as api:
        await register(api, MUTATING, webhook(hooks.client("bad"), failurePolicy="Ignore"))
        assert (await create(api)).status == 500


async def test_a_webhook_cannot_move_an_object_into_another_namespace() -> None:
    move = {"op": "replace", "path": "/metadata/namespace", "value": "kube-system"}
    async with hook_server(move=patch(move)) as hooks, api_server() as api:
        await register(api, MUTATING, webhook(hooks.client("move")))
        reply = await create(api)
        assert reply.status == 500 and "does not match the namespace sent on the request" in reply.json()["message"]


async def test_a_validating_webhook_cannot_patch() -> None:
    async with hook_server(patch=patch(set_data("a", "b"))) as hooks, api_server() as api:
        await register(api, VALIDATING, webhook(hooks.client("patch")))
        assert "validating webhook may not return response.patch" in (await create(api)).json()["message"]


async def test_a_dry_run_is_announced() -> None:
    async with hook_server() as hooks, api_server() as api:
        await register(api, VALIDATING, webhook(hooks.client("see"), sideEffects="NoneOnDryRun"))
        assert (await api.post(CONFIGMAPS, config_map(), query={"dryRun": "All"})).status == 201
        (asked,) = hooks.requests["see"]
        assert asked["dryRun"] is True and asked["options"]["dryRun"] == ["All"]


async def test_a_generated_name_is_seen_by_validation_only() -> None:
    async with hook_server(mutate=patch(set_data("a", "1"))) as hooks, api_server() as api:
        await register(api, MUTATING, webhook(hooks.client("mutate")))
        await register(api, VALIDATING, webhook(hooks.client("validate")))
        body = {**config_map(), "metadata": {"generateName": "cm-"}}
        reply = await api.post(CONFIGMAPS, body)
        assert reply.status == 201, reply.body
        name = reply.json()["metadata"]["name"]
        assert name.startswith("cm-") and reply.json()["data"]["a"] == "1"
        (before,), (after,) = hooks.requests["mutate"], hooks.requests["validate"]
        assert "name" not in before and "name" not in before["object"]["metadata"]
        assert after["name"] == after["object"]["metadata"]["name"] == name


async def test_an_earlier_webhook_is_asked_again_when_a_later_one_changed_the_object() -> None:
    def count(request: dict[str, Any]) -> dict[str, Any]:
        return patched(set_data("seen", request["object"]["data"].get("seen", "") + "x"))

    behaviours = {"again": count, "once": patch(set_data("late", "yes")), "never": patch(set_data("never", "yes"))}
    async with hook_server(**behaviours) as hooks, api_server() as api:
        await register(
            api,
            MUTATING,
            webhook(hooks.client("again"), name="a.example.com", reinvocationPolicy="IfNeeded"),
            webhook(hooks.client("once"), name="b.example.com"),
        )
        assert (await create(api)).json()["data"] == {"here": "yes", "seen": "xx", "late": "yes"}
        assert len(hooks.requests["again"]) == 2 and len(hooks.requests["once"]) == 1


async def test_a_webhook_that_nobody_changed_anything_after_is_asked_once() -> None:
    async with hook_server(a=patch(set_data("a", "1"))) as hooks, api_server() as api:
        await register(api, MUTATING, webhook(hooks.client("a"), reinvocationPolicy="IfNeeded"))
        assert (await create(api)).status == 201
        assert len(hooks.requests["a"]) == 1


async def test_validating_webhooks_are_asked_at_the_same_time() -> None:
    both = asyncio.Barrier(2)

    async def meet(request: dict[str, Any]) -> dict[str, Any]:
        async with asyncio.timeout(5):
            await both.wait()
        return {"allowed": True}

    async with hook_server(meet=meet) as hooks, api_server() as api:
        found = [webhook(hooks.client("meet"), name=f"{name}.example.com") for name in ("one", "two")]
        await register(api, VALIDATING, *found)
        assert (await create(api)).status == 201


async def test_a_webhook_that_hangs_keeps_nobody_else_waiting() -> None:
    free = asyncio.Event()

    async def wait(request: dict[str, Any]) -> dict[str, Any]:
        await free.wait()
        return {"allowed": True}

    async with hook_server(wait=wait) as hooks, api_server() as api:
        await register(api, VALIDATING, webhook(hooks.client("wait"), timeoutSeconds=30))
        waiting = [asyncio.create_task(create(api, f"cm-{number}")) for number in range(40)]
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}
        assert (await api.post("/api/v1/namespaces/default/secrets", secret)).status == 201
        assert not any(one.done() for one in waiting)
        free.set()
        assert {reply.status for reply in await asyncio.gather(*waiting)} == {201}
        assert hooks.connections <= MAX_CONNECTIONS


async def test_connections_are_kept() -> None:
    async with hook_server() as hooks, api_server() as api:
        await register(api, VALIDATING, webhook(hooks.client("see")))
        for number in range(5):
            assert (await create(api, f"cm-{number}")).status == 201
        assert hooks.connections == 1


async def test_a_kept_connection_that_the_webhook_closes_is_replaced_once() -> None:
    answers = iter([{"allowed": True}, HANG_UP, {"allowed": True}, HANG_UP, HANG_UP])
    async with hook_server(see=lambda request: next(answers)) as hooks, api_server() as api:
        await register(api, VALIDATING, webhook(hooks.client("see")))
        assert (await create(api, "a")).status == 201
        assert (await create(api, "b")).status == 201
        assert hooks.connections == 2
        reply = await create(api, "c")
        assert reply.status == 500 and reply.json()["message"].endswith('/see?timeout=10s": EOF')


async def test_equivalent_versions_are_shown_in_the_version_of_the_rule() -> None:
    async with hook_server() as hooks, api_server() as api:
        about = rule("deployments", group="extensions", version="v1beta1")
        await register(
            api,
            VALIDATING,
            webhook(hooks.client("same"), about, name="same.example.com"),
            webhook(hooks.client("exact"), about, name="exact.example.com", matchPolicy="Exact"),
        )
        reply = await deploy(api)
        assert reply.status == 201, reply.body
        (asked,) = hooks.requests["same"]
        assert asked["kind"] == {"group": "extensions", "version": "v1beta1", "kind": "Deployment"}
        assert asked["object"]["apiVersion"] == "extensions/v1beta1"
        assert asked["requestKind"] == {"group": "apps", "version": "v1", "kind": "Deployment"}
        assert "exact" not in hooks.requests


async def test_custom_resources_are_converted_for_equivalent_versions() -> None:
    text = {"type": "string"}
    change = patch({"op": "replace", "path": "/spec/port", "value": "8080"})
    async with conversion_webhook() as converter, hook_server(change=change) as hooks, api_server() as api:
        versions = [
            version(schema=spec_schema(hostPort=text)),
            version("v2", schema=spec_schema(host=text, port=text), storage=False),
        ]
        await established(api, definition(versions=versions, conversion=converter.config()))
        about = rule("crontabs", group="stable.example.com", version="v2", operations="CREATE")
        await register(api, MUTATING, webhook(hooks.client("change"), about))
        reply = await api.post(path(), custom("one", spec={"hostPort": "localhost:80"}))
        assert reply.status == 201, reply.body
        assert hooks.requests["change"][0]["object"]["spec"] == {"host": "localhost", "port": "80"}
        assert reply.json()["spec"] == {"hostPort": "localhost:8080"}


async def test_subresources_are_asked_about_only_if_a_rule_names_them() -> None:
    async with hook_server(deny=deny("no")) as hooks, api_server() as api:
        await deploy(api)
        await register(api, VALIDATING, webhook(hooks.client("deny"), rule("deployments/scale", group="apps")))
        assert (await api.patch(f"{DEPLOYMENTS}/web", {"spec": {"replicas": 2}})).status == 200
        reply = await api.patch(f"{DEPLOYMENTS}/web/scale", {"spec": {"replicas": 3}})
        assert reply.status == 400, reply.body
        (asked,) = hooks.requests["deny"]
        assert asked["kind"] == {"group": "autoscaling", "version": "v1", "kind": "Scale"}
        assert asked["object"]["spec"] == {"replicas": 3} and asked["oldObject"]["spec"] == {"replicas": 2}


async def test_scale_can_be_mutated() -> None:
    limit = patch({"op": "replace", "path": "/spec/replicas", "value": 2})
    async with hook_server(limit=limit) as hooks, api_server() as api:
        await deploy(api)
        about = rule("deployments/scale", group="apps", operations="UPDATE")
        await register(api, MUTATING, webhook(hooks.client("limit"), about))
        reply = await api.patch(f"{DEPLOYMENTS}/web/scale", {"spec": {"replicas": 30}})
        assert reply.json()["spec"] == {"replicas": 2}


async def test_bindings_and_evictions_are_creations() -> None:
    pods = "/api/v1/namespaces/default/pods"
    async with hook_server(see=deny("no")) as hooks, api_server() as api:
        spec = {"containers": [{"name": "c", "image": "i"}]}
        await api.post(pods, {"metadata": {"name": "web"}, "spec": spec})
        await register(
            api, VALIDATING, webhook(hooks.client("see"), rule("pods/binding pods/eviction", operations="CREATE"))
        )
        target = {"apiVersion": "v1", "kind": "Node", "name": "n1"}
        bind = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "web"}, "target": target}
        assert (await api.post(f"{pods}/web/binding", bind)).status == 400
        evict = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "web", "namespace": "default"}}
        assert (await api.post(f"{pods}/web/eviction", evict)).status == 400
        first, second = hooks.requests["see"]
        assert first["object"]["target"]["name"] == "n1" and first["kind"]["kind"] == "Binding"
        assert second["kind"] == {"group": "policy", "version": "v1", "kind": "Eviction"}
        assert (await api.get(f"{pods}/web")).status == 200
        found = webhook(hooks.client("see"), rule("pods", operations="DELETE"))
        await api.patch(f"{VALIDATING}/test", {"webhooks": [found]})
        await api.registry.cache.fresh()
        assert (await api.delete(f"{pods}/web")).status == 400
        assert (await api.post(f"{pods}/web/eviction", evict)).status == 201


async def test_a_service_reference_is_resolved_to_an_endpoint_and_its_name_is_checked() -> None:
    async with hook_server(names=("hooks.default.svc",), deny=deny("by service")) as hooks, api_server() as api:
        service = {"ports": [{"port": 8443, "targetPort": hooks.port}], "clusterIP": "None"}
        await api.post("/api/v1/namespaces/default/services", {"metadata": {"name": "hooks"}, "spec": service})
        labels = {"kubernetes.io/service-name": "hooks"}
        places = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": "hooks-1", "labels": labels},
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["127.0.0.1"]}],
            "ports": [{"port": hooks.port, "name": ""}],
        }
        reply = await api.post("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", places)
        if reply.status == 422:  # a slice may not point at the loopback address: the store is not asked
            kind = api.registry.scheme.by_kind("discovery.k8s.io/v1", "EndpointSlice")
            assert kind is not None
            from kubelite.machinery import codec

            body = {**places, "metadata": {**places["metadata"], "namespace": "default"}}  # type: ignore[dict-item]
            await api.store.create(
                kind.key("default", "hooks-1"), codec.encode({"metadata": body.pop("metadata"), **body})
            )
        reference = {"name": "hooks", "namespace": "default", "path": "/deny", "port": 8443}
        await register(api, VALIDATING, webhook({"service": reference, "caBundle": hooks.bundle}))
        await api.registry.cache.fresh()
        assert "denied the request: by service" in (await create(api)).json()["message"]
        missing = {"service": {"name": "gone", "namespace": "default"}, "caBundle": hooks.bundle}
        await api.patch(f"{VALIDATING}/test", {"webhooks": [webhook(missing)]})
        await api.registry.cache.fresh()
        text = 'Post "https://gone.default.svc:443/?timeout=10s": service "gone" not found'
        assert text in (await create(api)).json()["message"]


async def test_match_conditions_that_fail_reject_or_skip() -> None:
    async with hook_server(deny=deny("asked")) as hooks, api_server() as api:
        conditions = [{"name": "broken", "expression": "object.data.missing == 'x'"}]
        await register(api, VALIDATING, webhook(hooks.client("deny"), matchConditions=conditions))
        reply = await create(api)
        assert reply.status == 403
        assert "resulted in error: no such key: missing" in reply.json()["message"]
        found = webhook(hooks.client("deny"), matchConditions=conditions, failurePolicy="Ignore")
        await api.patch(f"{VALIDATING}/test", {"webhooks": [found]})
        await api.registry.cache.fresh()
        assert (await create(api)).status == 201

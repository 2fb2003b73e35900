"""AdmissionWebhook, as the conformance entries describe it, over real TLS."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.apienv import ApiEnv, api_server
from tests.integration.admission.hookserver import (
    CONFIGMAPS,
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
from tests.integration.custom_resources.definitions import (
    CRDS,
    changed,
    custom,
    definition,
    established,
    path,
    spec_schema,
    until,
    version,
)

PODS = "/api/v1/namespaces/default/pods"
CRONTABS = rule("crontabs", group="stable.example.com")


def pod(name: str = "web", **metadata: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": "c", "image": "i"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **metadata}, "spec": spec}


def refuse_bad_data(request: dict[str, Any]) -> dict[str, Any]:
    """Denies objects with data or a label that says so."""
    obj = request["object"] or request["oldObject"]
    bad = (obj.get("data") or {}).get("bad") == "yes" or (obj["metadata"].get("labels") or {}).get("bad") == "yes"
    return {"allowed": not bad, "status": {"message": "the object contains unwanted data"}}


async def hang(request: dict[str, Any]) -> dict[str, Any]:
    await asyncio.sleep(30)
    return {"allowed": True}


async def test_listing_mutating_webhooks_should_work() -> None:
    async with hook_server(one=patch(set_data("one", "1"))) as hooks, api_server() as api:
        for number in range(10):
            await register(api, MUTATING, webhook(hooks.client("one")), name=f"m{number}", labels={"e2e": "x"})
        found = (await api.get(MUTATING, query={"labelSelector": "e2e=x"})).json()
        assert len(found["items"]) == 10
        assert (await create(api, "a")).json()["data"] == {"here": "yes", "one": "1"}
        assert (await api.delete(MUTATING, query={"labelSelector": "e2e=x"})).status == 200
        await api.registry.cache.fresh()
        assert (await create(api, "b")).json()["data"] == {"here": "yes"}


async def test_listing_validating_webhooks_should_work() -> None:
    async with hook_server(deny=deny("no")) as hooks, api_server() as api:
        for number in range(10):
            await register(api, VALIDATING, webhook(hooks.client("deny")), name=f"v{number}", labels={"e2e": "x"})
        assert len((await api.get(VALIDATING, query={"labelSelector": "e2e=x"})).json()["items"]) == 10
        assert (await create(api)).status == 400
        await api.delete(VALIDATING, query={"labelSelector": "e2e=x"})
        await api.registry.cache.fresh()
        assert (await create(api)).status == 201


@pytest.mark.parametrize("configurations", [MUTATING, VALIDATING])
async def test_patching_and_updating_a_webhook_should_work(configurations: str) -> None:
    async with hook_server(deny=deny("no")) as hooks, api_server() as api:
        found = await register(api, configurations, webhook(hooks.client("deny"), rule(operations="CREATE")))
        found["webhooks"][0]["rules"][0]["operations"] = ["UPDATE"]
        assert (await api.put(f"{configurations}/test", found)).status == 200
        await api.registry.cache.fresh()
        assert (await create(api, "a")).status == 201
        operations = [{"op": "replace", "path": "/webhooks/0/rules/0/operations", "value": ["CREATE"]}]
        assert (await api.patch(f"{configurations}/test", operations, "json")).status == 200
        await api.registry.cache.fresh()
        assert (await create(api, "b")).status == 400


@pytest.mark.parametrize("configurations", [MUTATING, VALIDATING])
async def test_should_be_able_to_create_and_update_webhook_configurations_with_match_conditions(
    configurations: str,
) -> None:
    async with hook_server() as hooks, api_server() as api:
        conditions = [{"name": "expression-1", "expression": "object.metadata.namespace == 'production'"}]
        found = await register(api, configurations, webhook(hooks.client("x"), matchConditions=conditions))
        assert found["webhooks"][0]["matchConditions"] == conditions
        conditions.append({"name": "expression-2", "expression": "object.metadata.namespace == 'staging'"})
        found["webhooks"][0]["matchConditions"] = conditions
        assert (await api.put(f"{configurations}/test", found)).json()["webhooks"][0]["matchConditions"] == conditions


@pytest.mark.parametrize("configurations", [MUTATING, VALIDATING])
async def test_should_reject_webhook_configurations_with_invalid_match_conditions(configurations: str) -> None:
    async with hook_server() as hooks, api_server() as api:
        bad = [{"name": "invalid-expression-1", "expression": "... [} bad expression"}]
        kind = "MutatingWebhookConfiguration" if configurations == MUTATING else "ValidatingWebhookConfiguration"
        one = webhook(hooks.client("x"), matchConditions=bad)
        body = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": "x"}}
        reply = await api.post(configurations, {**body, "webhooks": [one]})
        assert reply.status == 422
        assert "compilation failed" in reply.json()["message"]
        assert reply.json()["details"]["causes"][0]["field"] == "webhooks[0].matchConditions[0].expression"


async def test_should_be_able_to_deny_attaching_pod() -> None:
    async with hook_server(deny=deny("attaching to pod is not allowed")) as hooks, api_server() as api:
        connects = rule("pods/attach", operations="CONNECT")
        await register(api, VALIDATING, webhook(hooks.client("deny"), connects, name="deny-attach.example.com"))
        await api.post(PODS, pod())
        reply = await api.post(f"{PODS}/web/attach", None, query={"container": "c", "stdin": "true"})
        assert reply.status == 400
        assert "attaching to pod is not allowed" in reply.json()["message"]
        asked = hooks.requests["deny"][0]
        assert (asked["operation"], asked["subResource"], asked["name"]) == ("CONNECT", "attach", "web")
        assert asked["kind"] == {"group": "", "version": "v1", "kind": "PodAttachOptions"}
        assert asked["object"]["stdin"] is True and asked["object"]["container"] == "c"
        assert asked["oldObject"] is None


async def test_should_be_able_to_deny_custom_resource_creation_update_and_deletion() -> None:
    async with hook_server(check=refuse_bad_data) as hooks, api_server() as api:
        await established(api, definition())
        await register(api, VALIDATING, webhook(hooks.client("check"), CRONTABS))
        assert (await api.post(path(), custom("bad", data={"bad": "yes"}))).status == 400
        assert (await api.post(path(), custom("good", data={"bad": "no"}))).status == 201
        assert (await api.patch(path(name="good"), {"data": {"bad": "yes"}})).status == 400
        keep = {"metadata": {"labels": {"bad": "yes"}}}
        hooks.behaviours["check"] = lambda request: {"allowed": True}
        assert (await api.patch(path(name="good"), keep)).status == 200
        hooks.behaviours["check"] = refuse_bad_data
        reply = await api.delete(path(name="good"))
        assert reply.status == 400
        asked = hooks.requests["check"][-1]
        assert asked["operation"] == "DELETE" and asked["object"] is None
        assert asked["oldObject"]["metadata"]["name"] == "good"
        assert asked["options"]["kind"] == "DeleteOptions"


async def test_should_be_able_to_deny_pod_and_configmap_creation() -> None:
    async with hook_server(check=refuse_bad_data) as hooks, api_server() as api:
        spared = {"matchExpressions": [{"key": "skip", "operator": "NotIn", "values": ["yes"]}]}
        one = webhook(hooks.client("check"), rule("pods configmaps"), namespaceSelector=spared, name="deny.example.com")
        await register(api, VALIDATING, one)
        assert (await api.post(PODS, pod("bad", labels={"bad": "yes"}))).status == 400
        assert (await create(api, "bad", bad="yes")).status == 400
        assert (await create(api, "good")).status == 201
        reply = await api.put(f"{CONFIGMAPS}/good", config_map("good", bad="yes"))
        assert reply.json()["message"] == (
            'admission webhook "deny.example.com" denied the request: the object contains unwanted data'
        )
        assert (await api.patch(f"{CONFIGMAPS}/good", {"data": {"bad": "yes"}})).status == 400
        await api.post("/api/v1/namespaces", {"metadata": {"name": "free", "labels": {"skip": "yes"}}})
        assert (await api.post("/api/v1/namespaces/free/configmaps", config_map("bad", bad="yes"))).status == 201


async def test_should_deny_crd_creation() -> None:
    async with hook_server(deny=deny("the crd contains unwanted label")) as hooks, api_server() as api:
        crds = rule("customresourcedefinitions", group="apiextensions.k8s.io", operations="CREATE")
        await register(api, VALIDATING, webhook(hooks.client("deny"), crds))
        reply = await api.post(CRDS, definition())
        assert reply.status == 400 and "the crd contains unwanted label" in reply.json()["message"]


@pytest.mark.parametrize(("policy", "status"), [("Fail", 500), ("Ignore", 201)])
async def test_should_honor_timeout(policy: str, status: int) -> None:
    async with hook_server(slow=hang) as hooks, api_server() as api:
        one = webhook(hooks.client("slow"), timeoutSeconds=1, failurePolicy=policy, name="slow.example.com")
        await register(api, VALIDATING, one)
        reply = await create(api)
        assert reply.status == status
        assert hooks.queries == ["timeout=1s"]
        if status == 500:
            url = f"https://127.0.0.1:{hooks.port}/slow?timeout=1s"
            assert reply.json()["message"] == (
                'Internal error occurred: failed calling webhook "slow.example.com": failed to call webhook: '
                f'Post "{url}": context deadline exceeded'
            )


async def test_should_mutate_configmap() -> None:
    def second(request: dict[str, Any]) -> dict[str, Any]:
        return patched(set_data("two", "2")) if "one" in request["object"]["data"] else {"allowed": True}

    async with hook_server(one=patch(set_data("one", "1")), two=second) as hooks, api_server() as api:
        await register(
            api,
            MUTATING,
            webhook(hooks.client("one"), name="one.example.com"),
            webhook(hooks.client("two"), name="two.example.com"),
        )
        reply = await create(api)
        assert reply.status == 201, reply.body
        assert reply.json()["data"] == {"here": "yes", "one": "1", "two": "2"}


async def test_should_mutate_custom_resource() -> None:
    async with hook_server(one=patch(set_data("one", "1"))) as hooks, api_server() as api:
        await established(api, definition())
        await register(api, MUTATING, webhook(hooks.client("one"), CRONTABS))
        reply = await api.post(path(), custom("cr", data={"here": "yes"}))
        assert reply.status == 201, reply.body
        assert reply.json()["data"] == {"here": "yes", "one": "1"}


async def test_should_mutate_custom_resource_with_different_stored_version() -> None:
    async with hook_server(one=patch(set_data("one", "1"))) as hooks, api_server() as api:
        open_schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        await established(api, definition(versions=[version(), version("v2", open_schema, storage=False)]))
        await register(api, MUTATING, webhook(hooks.client("one"), {**CRONTABS, "operations": ["CREATE", "UPDATE"]}))
        assert (await api.post(path(), custom("cr", data={"here": "yes"}))).status == 201
        operations = [
            {"op": "replace", "path": "/spec/versions/0/storage", "value": False},
            {"op": "replace", "path": "/spec/versions/1/storage", "value": True},
        ]
        await changed(api, "crontabs.stable.example.com", operations, "json")
        await until(api, path(version="v2"), lambda reply: reply.status == 200)
        reply = await api.patch(path(name="cr"), {"data": {"new": "value"}})
        assert reply.status == 200, reply.body
        assert reply.json()["data"] == {"here": "yes", "one": "1", "new": "value"}


async def test_should_mutate_custom_resource_with_pruning() -> None:
    behaviours = {"one": patch(set_data("one", "1")), "two": patch(set_data("two", "2"))}
    async with hook_server(**behaviours) as hooks, api_server() as api:
        text = {"type": "string"}
        data = {"type": "object", "properties": {"here": text, "one": text}}
        schema = {"type": "object", "properties": {"data": data}}
        await established(api, definition(versions=[version(schema=schema)]))
        two = webhook(hooks.client("two"), CRONTABS, name="two.example.com")
        await register(api, MUTATING, webhook(hooks.client("one"), CRONTABS), two)
        reply = await api.post(path(), custom("cr", data={"here": "yes"}))
        assert reply.json()["data"] == {"here": "yes", "one": "1"}


async def test_should_mutate_everything_except_skip_me_configmaps() -> None:
    async with hook_server(one=patch(set_data("one", "1"))) as hooks, api_server() as api:
        conditions = [{"name": "skip-me", "expression": "object.metadata.name != 'skip-me'"}]
        await register(api, MUTATING, webhook(hooks.client("one"), matchConditions=conditions))
        assert (await create(api, "skip-me")).json()["data"] == {"here": "yes"}
        assert (await create(api, "other")).json()["data"] == {"here": "yes", "one": "1"}


async def test_should_mutate_pod_and_apply_defaults_after_mutation() -> None:
    init = [{"name": "added", "image": "busybox"}]
    operation = {"op": "add", "path": "/spec/initContainers", "value": init}
    async with hook_server(init=patch(operation)) as hooks, api_server() as api:
        await register(api, MUTATING, webhook(hooks.client("init"), rule("pods", operations="CREATE")))
        reply = await api.post(PODS, pod())
        assert reply.status == 201, reply.body
        (added,) = reply.json()["spec"]["initContainers"]
        assert added["terminationMessagePolicy"] == "File" and added["imagePullPolicy"] == "Always"


async def test_should_not_be_able_to_mutate_or_prevent_deletion_of_webhook_configuration_objects() -> None:
    label = {"op": "add", "path": "/metadata/labels", "value": {"mutated": "yes"}}
    async with hook_server(deny=deny("no"), mutate=patch(label)) as hooks, api_server() as api:
        everything = rule("*", group="*", version="*")
        await register(api, MUTATING, webhook(hooks.client("mutate"), everything), name="m")
        await register(api, VALIDATING, webhook(hooks.client("deny"), everything), name="v")
        made = await register(api, VALIDATING, webhook(hooks.client("deny")), name="dummy")
        assert "mutated" not in (made["metadata"].get("labels") or {})
        for url in (f"{VALIDATING}/dummy", f"{VALIDATING}/v", f"{MUTATING}/m"):
            assert (await api.delete(url)).status == 200
        await api.registry.cache.fresh()
        assert (await create(api)).status == 201


async def test_should_unconditionally_reject_operations_on_fail_closed_webhook() -> None:
    async with hook_server() as hooks, api_server() as api:
        closed = webhook({"url": f"https://127.0.0.1:{hooks.port}/x"}, name="fail-closed.example.com")
        await register(api, VALIDATING, closed)
        reply = await create(api)
        assert reply.status == 500 and reply.json()["reason"] == "InternalError"
        assert reply.json()["message"] == (
            'Internal error occurred: failed calling webhook "fail-closed.example.com": failed to call webhook: '
            f'Post "https://127.0.0.1:{hooks.port}/x?timeout=10s": tls: failed to verify certificate: x509: '
            "certificate signed by unknown authority"
        )


async def test_should_include_webhook_resources_in_discovery_documents(api: ApiEnv) -> None:
    groups = (await api.get("/apis")).json()["groups"]
    (group,) = [one for one in groups if one["name"] == "admissionregistration.k8s.io"]
    assert {"groupVersion": "admissionregistration.k8s.io/v1", "version": "v1"} in group["versions"]
    found = (await api.get("/apis/admissionregistration.k8s.io/v1")).json()["resources"]
    assert {"mutatingwebhookconfigurations", "validatingwebhookconfigurations"} <= {one["name"] for one in found}


async def test_what_a_custom_resource_gains_by_mutation_is_validated() -> None:
    wrong = {"op": "replace", "path": "/spec/n", "value": "text"}
    async with hook_server(wrong=patch(wrong)) as hooks, api_server() as api:
        await established(api, definition(versions=[version(schema=spec_schema(n={"type": "integer"}))]))
        await register(api, MUTATING, webhook(hooks.client("wrong"), CRONTABS))
        reply = await api.post(path(), custom("cr", spec={"n": 1}))
        assert reply.status == 422 and "spec.n: Invalid value" in reply.json()["message"]

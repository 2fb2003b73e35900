"""AdmissionWebhook: what webhooks deny, and how their configurations are kept; over real TLS through a service."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.apienv import ApiEnv
from tests.conformance.harness import find_resources, good
from tests.conformance.webhooks import BAD, KEY, SLOW_SECONDS, denied, deployed
from tests.integration.admission.hookserver import MUTATING, VALIDATING, register, rule, webhook
from tests.integration.custom_resources.definitions import CRDS, custom, definition, established, path

CONFIGMAPS = rule("configmaps", operations="CREATE UPDATE DELETE")
UNWANTED_CONFIGMAP = "the configmap contains unwanted key and value"


def pod(name: str, **labels: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [{"name": "webhook", "image": "pause"}]},
    }


async def changed(api: ApiEnv, path: str, patch: Any = None, body: Any = None) -> Any:
    """A configuration, patched or updated, once the server goes by it."""
    done = await api.put(path, body) if body else await api.patch(path, patch, "json")
    await api.registry.cache.fresh()
    return good(done, 200)


async def test_admissionwebhook_should_include_webhook_resources_in_discovery_documents(api: ApiEnv) -> None:
    """The group, its version and both kinds of configurations are in the discovery documents.

    [sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should include webhook resources in discovery
    documents [Conformance]
    """
    plurals = ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"]
    found = await find_resources(api, "admissionregistration.k8s.io", "v1", plurals)
    assert [found[plural]["namespaced"] for plural in plurals] == [False, False]


async def test_admissionwebhook_should_be_able_to_deny_pod_and_configmap_creation(api: ApiEnv) -> None:
    """Bad pods and config maps are denied when made, updated and patched; hanging counts as no; a namespace is spared.

    [sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should be able to deny pod and configmap creation
    [Conformance]
    """
    async with deployed(api) as hooks:
        pods, maps = "deny-unwanted-pod.k8s.io", "deny-unwanted-configmap-data.k8s.io"
        spared = {"matchExpressions": [{"key": "skip-webhook-admission", "operator": "NotIn", "values": ["yes"]}]}
        await register(
            api,
            VALIDATING,
            webhook(hooks.service("pods"), rule("pods", operations="CREATE"), name=pods, timeoutSeconds=1),
            webhook(hooks.service("configmaps"), CONFIGMAPS, name=maps, namespaceSelector=spared),
        )
        place = f"{hooks.place}/pods"
        denied(await api.post(place, pod("bad", **{KEY: BAD})), pods, "the pod contains unwanted label")
        hanging = await api.post(place, pod("hanging", **{KEY: "wait-forever"}))
        assert (hanging.status, hanging.json()["reason"]) == (500, "InternalError")
        assert f'failed calling webhook "{pods}"' in hanging.json()["message"]
        assert hanging.json()["message"].endswith("context deadline exceeded")
        assert good(await api.get(place))["items"] == []
        bad = {KEY: BAD}
        denied(await hooks.config_map("bad", **bad), maps, UNWANTED_CONFIGMAP)
        made = good(await hooks.config_map("admitted", admit="this"), 201)
        url = f"{hooks.place}/configmaps/admitted"
        denied(await api.put(url, made | {"data": bad}), maps, UNWANTED_CONFIGMAP)
        denied(await api.patch(url, {"data": bad}), maps, UNWANTED_CONFIGMAP)
        labels = {"skip-webhook-admission": "yes"}
        good(await api.post("/api/v1/namespaces", {"metadata": {"name": "exempted", "labels": labels}}), 201)
        good(await hooks.config_map("bad", "/api/v1/namespaces/exempted", **bad), 201)


async def test_admissionwebhook_should_be_able_to_deny_attaching_pod(api: ApiEnv) -> None:
    """A webhook on the subresource attach is asked before anything reaches the node, and its no is given to the client.

    [sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should be able to deny attaching pod [Conformance]
    """
    async with deployed(api) as hooks:
        name = "deny-attaching-pod.k8s.io"
        connects = rule("pods/attach", operations="CONNECT")
        await register(api, VALIDATING, webhook(hooks.service("attach"), connects, name=name))
        good(await api.post(f"{hooks.place}/pods", pod("to-be-attached-pod")), 201)
        url = f"{hooks.place}/pods/to-be-attached-pod/attach"
        upgrade = {"connection": "upgrade", "upgrade": "SPDY/3.1"}
        reply = await api.post(url, None, query={"stdin": "true", "container": "webhook"}, headers=upgrade)
        denied(reply, name, "attaching to pod 'to-be-attached-pod' is not allowed")


async def test_admissionwebhook_should_be_able_to_deny_custom_resource_creation_update_and_deletion(
    api: ApiEnv,
) -> None:
    """Bad custom objects are neither made nor reached by updates; a bad one cannot be deleted until it is mended.

    [sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should be able to deny custom resource creation,
    update and deletion [Conformance]
    """
    async with deployed(api) as hooks:
        await established(api, definition())
        bad = {"data": {KEY: BAD}}
        url = path(name="cr-instance")
        good(await api.post(path(), custom("older", **bad)), 201)
        name, message = "deny-unwanted-custom-resource-data.k8s.io", "the custom resource contains unwanted data"
        about = rule("crontabs", group="stable.example.com", operations="CREATE UPDATE DELETE")
        await register(api, VALIDATING, webhook(hooks.service("custom-resource"), about, name=name))
        denied(await api.post(path(), custom("cr-instance", **bad)), name, message)
        made = good(await api.post(path(), custom("cr-instance", data={KEY: "webhook-allow"})), 201)
        denied(await api.put(url, made | bad), name, message)
        denied(await api.patch(url, bad), name, message)
        denied(await api.delete(path(name="older")), name, message)
        good(await api.patch(path(name="older"), {"data": {KEY: "webhook-allow"}}), 200)
        good(await api.delete(path(name="older")), 200)


async def test_admissionwebhook_should_unconditionally_reject_operations_on_fail_closed_webhook(api: ApiEnv) -> None:
    """A webhook that cannot be called because nothing vouches for it fails every operation that it is for.

    [sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should unconditionally reject operations on fail
    closed webhook [Conformance]
    """
    async with deployed(api) as hooks:
        selected = {"matchLabels": {"fail-closed-webhook": "true"}}
        service = hooks.service("configmaps", bundle=False)
        policy = {"failurePolicy": "Fail", "namespaceSelector": selected}
        one = webhook(service, rule(operations="CREATE"), name="fail-closed.k8s.io", **policy)
        await register(api, VALIDATING, one)
        body = {"metadata": {"name": "failing", "labels": selected["matchLabels"]}}
        good(await api.post("/api/v1/namespaces", body), 201)
        reply = await hooks.config_map("foo", "/api/v1/namespaces/failing")
        assert (reply.status, reply.json()["reason"]) == (500, "InternalError")
        assert 'failed calling webhook "fail-closed.k8s.io"' in reply.json()["message"]
        good(await hooks.config_map("foo"), 201)


async def test_admissionwebhook_should_not_be_able_to_mutate_or_prevent_deletion_of_webhook_configuration_objects(
    api: ApiEnv,
) -> None:
    """Webhooks for all configurations of webhooks are not asked about those, so that nobody is locked out.

    [sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should not be able to mutate or prevent deletion of
    webhook configuration objects [Conformance]
    """
    async with deployed(api) as hooks:
        configurations = rule("*", group="admissionregistration.k8s.io", version="*")
        await register(api, VALIDATING, webhook(hooks.service("always-deny"), configurations), name="deny")
        await register(api, MUTATING, webhook(hooks.service("add-label"), configurations), name="label")
        for place in (VALIDATING, MUTATING):
            dummy = webhook(hooks.service("always-allow"), rule("invalid", operations="CREATE"))
            made = await register(api, place, dummy, name="dummy")
            assert made["metadata"].get("labels", {}) == {}
            good(await api.delete(f"{place}/dummy"), 200)
        for url in (f"{VALIDATING}/deny", f"{MUTATING}/label"):
            good(await api.delete(url), 200)
        assert hooks.server.requests == {}


async def test_admissionwebhook_should_deny_crd_creation(api: ApiEnv) -> None:
    """A webhook that is asked about definitions denies one with a bad label.

    [sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should deny crd creation [Conformance]
    """
    async with deployed(api) as hooks:
        about = rule("customresourcedefinitions", group="apiextensions.k8s.io", version="*", operations="CREATE")
        name = "deny-crd-with-unwanted-label.k8s.io"
        await register(api, VALIDATING, webhook(hooks.service("crd"), about, name=name))
        crd = definition()
        crd["metadata"]["labels"] = {KEY: BAD}
        denied(await api.post(CRDS, crd), name, "the crd contains unwanted label")
        assert good(await api.get(CRDS))["items"] == []
        await established(api, definition())


async def test_admissionwebhook_should_honor_timeout(api: ApiEnv) -> None:
    """A slow webhook fails a request only if its time limit is shorter than its answer and its failure counts.

    [sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should honor timeout [Conformance]
    """
    async with deployed(api) as hooks:
        clock = asyncio.get_running_loop()
        for number, (limit, policy, status, waits) in enumerate(
            [(1, "Fail", 500, False), (1, "Ignore", 201, False), (10, "Fail", 201, True), (None, "Fail", 201, True)]
        ):
            limits = {"timeoutSeconds": limit} if limit else {}
            one = webhook(hooks.service("delay"), rule(operations="CREATE"), failurePolicy=policy, **limits)
            made = await register(api, VALIDATING, one)
            assert made["webhooks"][0]["timeoutSeconds"] == (limit or 10)
            start = clock.time()
            reply = await hooks.config_map(f"cm-{number}")
            assert reply.status == status, reply.body
            assert (clock.time() - start >= SLOW_SECONDS - 0.1) is waits
            assert status == 201 or reply.json()["message"].endswith('?timeout=1s": context deadline exceeded')
            good(await api.delete(f"{VALIDATING}/test"), 200)
            await api.registry.cache.fresh()
        assert hooks.server.queries == ["timeout=1s", "timeout=1s", "timeout=10s", "timeout=10s"]


async def test_patching_updating_a_validating_webhook_should_work(api: ApiEnv) -> None:
    """A webhook that an update takes off creations denies none; one that a patch puts back denies them again.

    [sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] patching/updating a validating webhook should work
    [Conformance]
    """
    async with deployed(api) as hooks:
        url = f"{VALIDATING}/test"
        name = "deny-unwanted-configmap-data.k8s.io"
        await register(api, VALIDATING, webhook(hooks.service("configmaps"), rule(operations="CREATE"), name=name))
        denied(await hooks.config_map("a", **{KEY: BAD}), name, UNWANTED_CONFIGMAP)
        found = good(await api.get(url))
        found["webhooks"][0]["rules"][0]["operations"] = ["UPDATE"]
        await changed(api, url, body=found)
        good(await hooks.config_map("a", **{KEY: BAD}), 201)
        patch = [{"op": "replace", "path": "/webhooks/0/rules/0/operations", "value": ["CREATE"]}]
        await changed(api, url, patch)
        denied(await hooks.config_map("b", **{KEY: BAD}), name, UNWANTED_CONFIGMAP)


async def test_admissionwebhook_listing_validating_webhooks_should_work(api: ApiEnv) -> None:
    """Ten labelled configurations are listed and deny; deleted by their label they deny no more.

    [sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] listing validating webhooks should work [Conformance]
    """
    async with deployed(api) as hooks:
        label = {"e2e-list-test-uuid": "this"}
        for number in range(10):
            one = webhook(hooks.service("configmaps"), rule(operations="CREATE"))
            await register(api, VALIDATING, one, name=f"validating-{number}", labels=label)
        selected = {"labelSelector": "e2e-list-test-uuid=this"}
        assert len(good(await api.get(VALIDATING, query=selected))["items"]) == 10
        denied(await hooks.config_map("a", **{KEY: BAD}), "one.example.com", UNWANTED_CONFIGMAP)
        good(await api.request("DELETE", VALIDATING, query=selected), 200)
        assert good(await api.get(VALIDATING, query=selected))["items"] == []
        await api.registry.cache.fresh()
        good(await hooks.config_map("a", **{KEY: BAD}), 201)


CONDITION = {"name": "expression-1", "expression": "object.metadata.namespace == 'production'"}
OTHER = {"name": "expression-2", "expression": "object.metadata.namespace == 'staging'"}
INVALID = {"name": "invalid-expression-1", "expression": "... [] bad expression"}


async def conditions_are_kept(api: ApiEnv, place: str) -> None:
    """Conditions come back as they were written, and as they were updated."""
    async with deployed(api) as hooks:
        one = webhook(hooks.service("always-allow"), matchConditions=[CONDITION])
        await register(api, place, one)
        found = good(await api.get(f"{place}/test"))
        assert found["webhooks"][0]["matchConditions"] == [CONDITION]
        found["webhooks"][0]["matchConditions"] = [CONDITION, OTHER]
        await changed(api, f"{place}/test", body=found)
        assert good(await api.get(f"{place}/test"))["webhooks"][0]["matchConditions"] == [CONDITION, OTHER]


async def conditions_must_compile(api: ApiEnv, place: str, kind: str) -> None:
    """A condition that is no expression is refused with its place."""
    async with deployed(api) as hooks:
        one = webhook(hooks.service("always-allow"), matchConditions=[INVALID])
        reply = await api.post(place, {"kind": kind, "metadata": {"name": "test"}, "webhooks": [one]})
        status = reply.json()
        assert (reply.status, status["reason"]) == (422, "Invalid")
        assert "compilation failed" in status["message"]
        assert status["details"]["causes"][0]["field"] == "webhooks[0].matchConditions[0].expression"
        assert good(await api.get(place))["items"] == []


async def test_should_be_able_to_create_and_update_validating_webhook_configurations_with_match_conditions(
    api: ApiEnv,
) -> None:
    """Match conditions of validating webhooks are stored and updated.

    [sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should be able to create and update validating webhook
    configurations with match conditions [Conformance]
    """
    await conditions_are_kept(api, VALIDATING)


async def test_should_be_able_to_create_and_update_mutating_webhook_configurations_with_match_conditions(
    api: ApiEnv,
) -> None:
    """Match conditions of mutating webhooks are stored and updated.

    [sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should be able to create and update mutating webhook
    configurations with match conditions [Conformance]
    """
    await conditions_are_kept(api, MUTATING)


async def test_should_reject_validating_webhook_configurations_with_invalid_match_conditions(api: ApiEnv) -> None:
    """A validating webhook whose condition does not compile is refused.

    [sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should reject validating webhook configurations with
    invalid match conditions [Conformance]
    """
    await conditions_must_compile(api, VALIDATING, "ValidatingWebhookConfiguration")


async def test_should_reject_mutating_webhook_configurations_with_invalid_match_conditions(api: ApiEnv) -> None:
    """A mutating webhook whose condition does not compile is refused.

    [sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should reject mutating webhook configurations with
    invalid match conditions [Conformance]
    """
    await conditions_must_compile(api, MUTATING, "MutatingWebhookConfiguration")

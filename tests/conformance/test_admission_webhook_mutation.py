"""AdmissionWebhook: what webhooks change on the way; over real TLS through a service."""

from __future__ import annotations

from typing import Any

from tests.apienv import ApiEnv
from tests.conformance.harness import good
from tests.conformance.webhooks import INIT_CONTAINER, Deployed, deployed
from tests.integration.admission.hookserver import MUTATING, register, rule, webhook
from tests.integration.custom_resources.definitions import (
    changed,
    custom,
    definition,
    established,
    path,
    until,
    version,
)

CREATES = rule(operations="CREATE")
CRONTABS = rule("crontabs", group="stable.example.com", operations="CREATE UPDATE")
START = {"mutation-start": "yes"}
FIRST = {**START, "mutation-stage-1": "yes"}
BOTH = {**FIRST, "mutation-stage-2": "yes"}


async def data_of(hooks: Deployed, name: str) -> Any:
    """The data of a config map made with the start of the mutations."""
    return good(await hooks.config_map(name, mutation_start="yes"), 201)["data"]


async def in_two_stages(hooks: Deployed, about: dict[str, Any]) -> None:
    """Registers two webhooks, of which the second goes on where the first has ended."""
    names = ("stage-1.k8s.io", "stage-2.k8s.io")
    await register(hooks.api, MUTATING, *[webhook(hooks.service("stages"), about, name=name) for name in names])


async def test_admissionwebhook_should_mutate_configmap(api: ApiEnv) -> None:
    """The second of two webhooks sees what the first has added, and adds its own.

    [sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should mutate configmap [Conformance]
    """
    async with deployed(api) as hooks:
        await in_two_stages(hooks, CREATES)
        assert await data_of(hooks, "to-be-mutated") == BOTH
        assert good(await api.get(f"{hooks.place}/configmaps/to-be-mutated"))["data"] == BOTH


async def test_admissionwebhook_should_mutate_pod_and_apply_defaults_after_mutation(api: ApiEnv) -> None:
    """An init container that a webhook adds gets the defaults that every container has.

    [sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should mutate pod and apply defaults after mutation
    [Conformance]
    """
    async with deployed(api) as hooks:
        await register(api, MUTATING, webhook(hooks.service("mutating-pods"), rule("pods", operations="CREATE")))
        body = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "example", "image": "pause"}]}}
        (added,) = good(await api.post(f"{hooks.place}/pods", body), 201)["spec"]["initContainers"]
        assert added.items() >= INIT_CONTAINER.items()
        assert (added["terminationMessagePolicy"], added["terminationMessagePath"]) == ("File", "/dev/termination-log")


async def test_admissionwebhook_should_mutate_custom_resource(api: ApiEnv) -> None:
    """Custom objects are changed by two webhooks in turn.

    [sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should mutate custom resource [Conformance]
    """
    async with deployed(api) as hooks:
        await established(api, definition())
        await in_two_stages(hooks, CRONTABS)
        assert good(await api.post(path(), custom("cr-instance-1", data=START)), 201)["data"] == BOTH


async def test_admissionwebhook_should_mutate_custom_resource_with_pruning(api: ApiEnv) -> None:
    """What a webhook adds to a custom object stays only if the schema has it.

    [sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should mutate custom resource with pruning
    [Conformance]
    """
    async with deployed(api) as hooks:
        text = {"type": "string"}
        data = {"type": "object", "properties": dict.fromkeys(("mutation-start", "mutation-stage-1"), text)}
        schema = {"type": "object", "properties": {"data": data}}
        await established(api, definition(versions=[version(schema=schema)]))
        await in_two_stages(hooks, CRONTABS)
        assert good(await api.post(path(), custom("cr-instance-1", data=START)), 201)["data"] == FIRST
        assert good(await api.get(path(name="cr-instance-1")))["data"] == FIRST


async def test_admissionwebhook_should_mutate_custom_resource_with_different_stored_version(api: ApiEnv) -> None:
    """With webhooks at work, an object stored in one version is patched after another became the stored one.

    [sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should mutate custom resource with different stored
    version [Conformance]
    """
    async with deployed(api) as hooks:
        name = "crontabs.stable.example.com"
        await established(api, definition(versions=[version(), version("v2", storage=False)]))
        await register(api, MUTATING, webhook(hooks.service("stages"), CRONTABS))
        assert good(await api.post(path(), custom("cr-instance-1", data=START)), 201)["data"] == FIRST
        swap = [{"op": "replace", "path": f"/spec/versions/{n}/storage", "value": bool(n)} for n in (0, 1)]
        assert (await changed(api, name, swap, "json"))["status"]["storedVersions"] == ["v1", "v2"]
        await until(api, path(version="v2"), lambda reply: reply.status == 200)
        for served in ("v1", "v2"):
            place = path(version=served, name="cr-instance-1")
            patched = good(await api.patch(place, {"data": {served: "test"}}), 200)
            assert patched["apiVersion"] == f"stable.example.com/{served}"
            assert patched["data"].items() >= {**BOTH, served: "test"}.items()


async def test_patching_updating_a_mutating_webhook_should_work(api: ApiEnv) -> None:
    """A webhook that an update takes off creations changes none; one that a patch puts back changes them again.

    [sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] patching/updating a mutating webhook should work
    [Conformance]
    """
    async with deployed(api) as hooks:
        made = await register(api, MUTATING, webhook(hooks.service("stages"), CREATES))
        made["webhooks"][0]["rules"][0]["operations"] = ["UPDATE"]
        good(await api.put(f"{MUTATING}/test", made), 200)
        await api.registry.cache.fresh()
        assert await data_of(hooks, "a") == START
        patch = [{"op": "replace", "path": "/webhooks/0/rules/0/operations", "value": ["CREATE"]}]
        good(await api.patch(f"{MUTATING}/test", patch, "json"), 200)
        await api.registry.cache.fresh()
        assert await data_of(hooks, "b") == FIRST


async def test_admissionwebhook_listing_mutating_webhooks_should_work(api: ApiEnv) -> None:
    """Ten labelled configurations are listed and change what is made; deleted by their label they change nothing.

    [sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] listing mutating webhooks should work [Conformance]
    """
    async with deployed(api) as hooks:
        label = {"e2e-list-test-uuid": "this"}
        for number in range(10):
            one = webhook(hooks.service("stages"), CREATES, name=f"m{number}.k8s.io")
            await register(api, MUTATING, one, name=f"mutating-{number}", labels=label)
        selected = {"labelSelector": "e2e-list-test-uuid=this"}
        assert len(good(await api.get(MUTATING, query=selected))["items"]) == 10
        assert await data_of(hooks, "a") == BOTH
        good(await api.request("DELETE", MUTATING, query=selected), 200)
        assert good(await api.get(MUTATING, query=selected))["items"] == []
        await api.registry.cache.fresh()
        assert await data_of(hooks, "b") == START


async def test_admissionwebhook_should_mutate_everything_except_skip_me_configmaps(api: ApiEnv) -> None:
    """A match condition keeps the webhook from one name; all others are changed.

    [sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should mutate everything except 'skip-me' configmaps
    [Conformance]
    """
    async with deployed(api) as hooks:
        condition = {"name": "skip-me", "expression": "object.metadata.name != 'skip-me'"}
        await register(api, MUTATING, webhook(hooks.service("stages"), CREATES, matchConditions=[condition]))
        assert await data_of(hooks, "skip-me") == START
        assert await data_of(hooks, "to-be-mutated") == FIRST
        assert [one["name"] for one in hooks.server.requests["stages"]] == ["to-be-mutated"]

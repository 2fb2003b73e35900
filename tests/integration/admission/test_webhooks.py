"""AdmissionWebhook, as the conformance entries describe it, over real TLS."""

from __future__ import annotations

from tests.apienv import api_server
from tests.integration.admission.hookserver import (
    MUTATING,
    VALIDATING,
    create,
    deny,
    hook_server,
    patch,
    register,
    set_data,
    webhook,
)


async def test_should_be_able_to_deny_configmap_creation() -> None:
    async with hook_server(deny=deny("the configmap contains unwanted key and value")) as hooks, api_server() as api:
        await register(api, VALIDATING, webhook(hooks.client("deny"), name="deny.example.com"))
        reply = await create(api)
        assert reply.status == 400
        assert reply.json()["message"] == (
            'admission webhook "deny.example.com" denied the request: the configmap contains unwanted key and value'
        )


async def test_should_mutate_configmap() -> None:
    async with (
        hook_server(one=patch(set_data("one", "1")), two=patch(set_data("two", "2"))) as hooks,
        api_server() as api,
    ):
        await register(
            api,
            MUTATING,
            webhook(hooks.client("one"), name="one.example.com"),
            webhook(hooks.client("two"), name="two.example.com"),
        )
        reply = await create(api)
        assert reply.status == 201, reply.body
        assert reply.json()["data"] == {"here": "yes", "one": "1", "two": "2"}
        assert hooks.requests["two"][0]["object"]["data"] == {"here": "yes", "one": "1"}

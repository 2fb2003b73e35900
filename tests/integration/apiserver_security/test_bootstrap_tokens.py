"""Bootstrap tokens, as machines use them to join."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apienv import ApiEnv, api_server
from tests.integration.apiserver_security.outside import whoami

SECRETS = "/api/v1/namespaces/kube-system/secrets"
TOKEN = "abcdef.0123456789abcdef"


async def put(api: ApiEnv, **data: Any) -> None:
    found = {
        "token-id": "abcdef",
        "token-secret": "0123456789abcdef",
        "usage-bootstrap-authentication": "true",
        "auth-extra-groups": "system:bootstrappers:nodes",
        **data,
    }
    secret = {
        "metadata": {"name": "bootstrap-token-abcdef"},
        "type": "bootstrap.kubernetes.io/token",
        "stringData": found,
    }
    reply = await api.post(SECRETS, secret)
    assert reply.status == 201, reply.body


async def test_a_bootstrap_token_is_a_user_with_its_groups_until_the_secret_is_gone() -> None:
    async with api_server(enable_bootstrap_token_auth=True) as api:
        await put(api)
        user = (await whoami(api, TOKEN)).json()["status"]["userInfo"]
        assert user["username"] == "system:bootstrap:abcdef"
        assert user["groups"] == ["system:bootstrappers", "system:bootstrappers:nodes", "system:authenticated"]
        assert (await whoami(api, "abcdef.0123456789abcdee")).status == 401
        await api.delete(f"{SECRETS}/bootstrap-token-abcdef")
        assert (await whoami(api, TOKEN)).status == 401


@pytest.mark.parametrize(
    "data",
    [
        {"expiration": "2020-01-01T00:00:00Z"},
        {"expiration": "soon"},
        {"usage-bootstrap-authentication": "false"},
        {"auth-extra-groups": "system:masters"},
        {"token-id": "zzzzzz"},
    ],
)
async def test_a_secret_that_does_not_permit_it_is_401(data: dict[str, str]) -> None:
    async with api_server(enable_bootstrap_token_auth=True) as api:
        await put(api, **data)
        assert (await whoami(api, TOKEN)).status == 401


async def test_without_the_flag_bootstrap_tokens_are_401() -> None:
    async with api_server() as api:
        await put(api)
        assert (await whoami(api, TOKEN)).status == 401

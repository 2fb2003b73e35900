"""As whom the server speaks to webhooks, and plugins that it does not have."""

from __future__ import annotations

import json
import pathlib

import pytest

from tests.apienv import api_server
from tests.integration.admission.hookserver import MUTATING, VALIDATING, create, hook_server, register, webhook


@pytest.mark.parametrize("user", ["127.0.0.1:{port}", "*"])
async def test_a_webhook_learns_who_asks_from_the_users_of_a_kubeconfig(tmp_path: pathlib.Path, user: str) -> None:
    plugins = ["MutatingAdmissionWebhook", "ValidatingAdmissionWebhook"]
    async with hook_server() as hooks:
        (tmp_path / "pair").write_bytes(hooks.pair)
        identity = {"token": "secret", "client-certificate": "pair", "client-key": "pair"}
        users = [
            {"name": user.format(port=hooks.port), "user": identity},
            {"name": "elsewhere.example.com", "user": {"token": "wrong"}},
        ]
        (tmp_path / "users").write_text(json.dumps({"users": users}))
        settings = {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "WebhookAdmissionConfiguration",
            "kubeConfigFile": str(tmp_path / "users"),
        }
        admission = {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "AdmissionConfiguration",
            "plugins": [{"name": name, "configuration": settings} for name in plugins],
        }
        (tmp_path / "admission").write_text(json.dumps(admission))
        async with api_server(admission_control_config_file=str(tmp_path / "admission")) as api:
            await register(api, VALIDATING, webhook(hooks.client("see")))
            await register(api, MUTATING, webhook(hooks.client("change")))
            await create(api)
        assert len(hooks.requests["see"]) == len(hooks.requests["change"]) == 1
        assert all("\r\nAuthorization: Bearer secret\r\n" in head for head in hooks.heads)
        assert set(hooks.callers) == {"the-api-server"}


async def test_a_webhook_learns_nothing_by_default() -> None:
    async with hook_server() as hooks, api_server() as api:
        await register(api, VALIDATING, webhook(hooks.client("see")))
        await create(api)
        assert "authorization" not in hooks.heads[0].lower() and hooks.callers == [""]


@pytest.mark.parametrize("name", ["ImagePolicyWebhook", "ClusterTrustBundleAttest"])
async def test_plugins_that_are_not_supported_are_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match=f"the admission plugin '{name}' is not supported"):
        async with api_server(enable_admission_plugins=name):
            pass
    async with api_server(disable_admission_plugins=f"ServiceAccount,{name}"):
        pass  # who does not want it has what he wants

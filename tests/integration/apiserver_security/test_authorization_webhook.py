"""Decisions of an authorization webhook, by flags and by an AuthorizationConfiguration file."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.apienv import ADMIN_TOKEN, ApiEnv, api_server
from tests.integration.apiserver_security.conftest import BOB
from tests.integration.apiserver_security.outside import Outside, outside

PODS = "/api/v1/namespaces/default/pods"


def judge(path: str, review: Any) -> tuple[int, Any]:
    """Allows reading pods, denies deleting, breaks at secrets, has no opinion otherwise."""
    resource = review["spec"].get("resourceAttributes") or {}
    if resource.get("resource") == "secrets":
        return 400, {}
    status: dict[str, Any] = {"allowed": False}
    if resource.get("resource") == "pods":
        status = {"allowed": resource["verb"] in ("get", "list"), "reason": "pods are mine"}
        if resource["verb"] == "delete":
            status = {"allowed": False, "denied": True, "reason": "nobody deletes pods"}
    return 200, {**review, "status": status}


def tokens(tmp_path: Path) -> str:
    file = tmp_path / "tokens.csv"
    file.write_text(f'{ADMIN_TOKEN},admin,1,system:masters\n{BOB},bob,2,"devs"\n')
    return str(file)


def structured(tmp_path: Path, webhook: Outside, **more: Any) -> str:
    entry = {
        "timeout": "3s",
        "subjectAccessReviewVersion": "v1",
        "matchConditionSubjectAccessReviewVersion": "v1",
        "failurePolicy": "Deny",
        "connectionInfo": {"type": "KubeConfigFile", "kubeConfigFile": webhook.kubeconfig()},
        **more,
    }
    file = tmp_path / "authz.yaml"
    kind = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthorizationConfiguration"}
    hook = {"type": "Webhook", "name": "outside", "webhook": entry}
    file.write_text(json.dumps({**kind, "authorizers": [hook, {"type": "RBAC", "name": "rbac"}]}))
    return str(file)


async def bob(api: ApiEnv, method: str, path: str) -> tuple[int, str]:
    reply = await api.request(method, path, token=BOB)
    return reply.status, str(reply.json().get("message", ""))


async def test_the_webhook_is_asked_after_rbac_and_remembered(tmp_path: Path) -> None:
    async with outside(tmp_path, judge) as webhook:
        flags = {"authorization_mode": "RBAC,Webhook", "authorization_webhook_config_file": webhook.kubeconfig()}
        more = {"authorization_webhook_version": "v1", "token_auth_file": tokens(tmp_path)}
        async with api_server(**flags, **more) as api:
            path = f"{PODS}?labelSelector=app%3Dweb&fieldSelector=spec.nodeName%3Dn"
            assert (await bob(api, "GET", path))[0] == 200
            assert (await bob(api, "GET", path))[0] == 200
            assert (await bob(api, "GET", "/api"))[0] == 200, "system:discovery allows it"
            status, message = await bob(api, "DELETE", f"{PODS}/web")
            refused = 'pods "web" is forbidden: User "bob" cannot delete resource "pods" in API group ""'
            assert (status, message) == (403, f'{refused} in the namespace "default": nobody deletes pods')
        first, second = webhook.asked
        assert first["spec"]["groups"] == ["devs", "system:authenticated"]
        asked = first["spec"]["resourceAttributes"]
        assert asked["labelSelector"] == {"requirements": [{"key": "app", "operator": "In", "values": ["web"]}]}
        assert asked["fieldSelector"] == {"requirements": [{"key": "spec.nodeName", "operator": "In", "values": ["n"]}]}
        assert second["spec"]["resourceAttributes"]["verb"] == "delete"


async def test_a_failing_webhook_is_an_error_unless_another_authorizer_allows(tmp_path: Path) -> None:
    async with outside(tmp_path, judge) as webhook:
        flags = {"authorization_mode": "Webhook,RBAC", "authorization_webhook_config_file": webhook.kubeconfig()}
        async with api_server(**flags, token_auth_file=tokens(tmp_path)) as api:
            path = "/api/v1/namespaces/default/secrets"
            assert (await bob(api, "GET", path))[0] == 500
            rule = {"verbs": ["list"], "apiGroups": [""], "resources": ["secrets"]}
            rbac = "/apis/rbac.authorization.k8s.io/v1"
            await api.post(f"{rbac}/clusterroles", {"metadata": {"name": "r"}, "rules": [rule]})
            subject = {"kind": "User", "name": "bob", "apiGroup": "rbac.authorization.k8s.io"}
            role = {"kind": "ClusterRole", "name": "r", "apiGroup": "rbac.authorization.k8s.io"}
            body = {"metadata": {"name": "b"}, "roleRef": role, "subjects": [subject]}
            assert (await api.post(f"{rbac}/clusterrolebindings", body)).status == 201
            assert (await bob(api, "GET", path))[0] == 200


async def test_match_conditions_choose_what_the_webhook_is_asked(tmp_path: Path) -> None:
    async with outside(tmp_path, judge) as webhook:
        conditions = [{"expression": "has(request.resourceAttributes) && request.resourceAttributes.namespace == 'a'"}]
        file = structured(tmp_path, webhook, matchConditions=conditions)
        async with api_server(authorization_config=file, token_auth_file=tokens(tmp_path)) as api:
            assert (await bob(api, "GET", "/api/v1/namespaces/a/pods"))[0] == 200
            assert (await bob(api, "GET", PODS))[0] == 403
        assert len(webhook.asked) == 1


async def test_a_review_tells_what_the_webhook_denied(tmp_path: Path) -> None:
    async with outside(tmp_path, judge) as webhook:
        file = structured(tmp_path, webhook)
        async with api_server(authorization_config=file, token_auth_file=tokens(tmp_path)) as api:
            spec = {"user": "bob", "resourceAttributes": {"verb": "delete", "resource": "pods", "namespace": "x"}}
            reply = await api.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", {"spec": spec})
            assert reply.json()["status"] == {"allowed": False, "denied": True, "reason": "nobody deletes pods"}
            rules = await api.post(
                "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", {"spec": {"namespace": "default"}}
            )
            status = rules.json()["status"]
            text = "webhook authorizer does not support user rule resolution"
            assert (status["incomplete"], status["evaluationError"]) == (True, text)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"authorization_mode": "ABAC"}, "ABAC is not supported"),
        ({"authorization_mode": "AlwaysAllow"}, "unsafe-allow-everything"),
        ({"authorization_mode": "Magic"}, "not a valid mode"),
        ({"authorization_mode": "RBAC,RBAC"}, "more than once"),
        ({"authorization_mode": "Webhook"}, "config file not passed"),
    ],
)
async def test_modes_that_cannot_be_are_refused_at_start(settings: dict[str, str], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        async with api_server(**settings):
            pass


async def test_a_changed_file_takes_effect_and_a_broken_one_does_not(tmp_path: Path) -> None:
    async with outside(tmp_path, judge) as webhook:
        file = structured(tmp_path, webhook)
        async with api_server(authorization_config=file, token_auth_file=tokens(tmp_path)) as api:
            assert (await bob(api, "GET", PODS))[0] == 200
            structured(tmp_path, webhook, matchConditions=[{"expression": "request.user != 'bob'"}])
            async with asyncio.timeout(10):
                while (await bob(api, "GET", f"{PODS}/x"))[0] != 403:  # noqa: ASYNC110 - files are looked at now and then
                    await asyncio.sleep(0.1)
            Path(file).write_text("kind: Nonsense")
            await asyncio.sleep(1.5)
            assert (await bob(api, "GET", f"{PODS}/x"))[0] == 403
            assert (await api.get(PODS)).status == 200


async def test_a_webhook_that_does_not_answer_costs_its_timeout_and_nobody_else_waits(tmp_path: Path) -> None:
    silent = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    async with outside(tmp_path, judge) as webhook:
        webhook.url = f"https://127.0.0.1:{port}"
        file = structured(tmp_path, webhook, timeout="1s")
        async with api_server(authorization_config=file, token_auth_file=tokens(tmp_path)) as api:
            loop = asyncio.get_running_loop()
            started = loop.time()
            waiting = asyncio.create_task(bob(api, "GET", PODS))
            await asyncio.sleep(0.05)
            assert (await api.get(PODS)).status == 200, "members of system:masters are not asked about"
            assert not waiting.done()
            status, message = await waiting
            assert (status, loop.time() - started >= 1) == (500, True), message
    silent.close()

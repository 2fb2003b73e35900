"""Bearer tokens that a webhook knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.apienv import api_server
from tests.integration.apiserver_security.outside import outside, whoami

REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"


def reviewer(path: str, review: Any) -> tuple[int, Any]:
    """Knows the token `good`; breaks at `broken`."""
    token = review["spec"]["token"]
    if token == "broken":
        return 400, {}
    status: dict[str, Any] = {"authenticated": False}
    if token == "good":
        user = {"username": "zoe", "uid": "9", "groups": ["ops"], "extra": {"Team": ["x"]}}
        status = {"authenticated": True, "user": user, "audiences": review["spec"]["audiences"][:1]}
    return 200, {**review, "status": status}


async def test_the_webhook_names_the_user_and_is_asked_once(tmp_path: Path) -> None:
    async with outside(tmp_path, reviewer) as webhook:
        file = webhook.kubeconfig()
        async with api_server(authentication_token_webhook_config_file=file) as api:
            for _ in range(2):
                found = (await whoami(api, "good")).json()["status"]["userInfo"]
                assert (found["username"], found["uid"], found["extra"]) == ("zoe", "9", {"team": ["x"]})
                assert found["groups"] == ["ops", "system:authenticated"]
        (asked,) = webhook.asked
        assert asked["apiVersion"] == "authentication.k8s.io/v1beta1"
        assert asked["spec"]["audiences"] == ["https://kubernetes.default.svc.cluster.local"]


async def test_unknown_tokens_and_a_broken_webhook_are_401(tmp_path: Path) -> None:
    async with outside(tmp_path, reviewer) as webhook:
        more = {"authentication_token_webhook_version": "v1"}
        async with api_server(authentication_token_webhook_config_file=webhook.kubeconfig(), **more) as api:
            assert (await whoami(api, "unknown")).status == 401
            assert (await whoami(api, "broken")).status == 401
            assert (await api.get("/api")).status == 200


async def test_a_token_review_asks_the_webhook_too(tmp_path: Path) -> None:
    async with outside(tmp_path, reviewer) as webhook:
        file = webhook.kubeconfig()
        async with api_server(authentication_token_webhook_config_file=file) as api:
            spec = {"token": "good", "audiences": ["vault", "x"]}
            status = (await api.post(REVIEWS, {"spec": spec})).json()["status"]
            assert (status["authenticated"], status["audiences"]) == (True, ["vault"])
            assert status["user"]["username"] == "zoe"
            bad = (await api.post(REVIEWS, {"spec": {"token": "broken"}})).json()["status"]
            assert bad["error"].startswith("[invalid bearer token, token review webhook")

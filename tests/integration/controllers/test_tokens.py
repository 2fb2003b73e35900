"""Tokens in Secrets: those of service accounts are made and removed, those for joining sign, and end."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import pathlib
from datetime import UTC, datetime, timedelta
from typing import Any

from kubelite.storage.memory import MemoryStore
from kubelite.util import tls
from kubelite.util.clock import SystemClock
from tests.apienv import ApiEnv
from tests.integration.controllers.manager import CA, World, eventually, running

SYSTEM = "/api/v1/namespaces/kube-system"
SECRETS = "/api/v1/namespaces/default/secrets"
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
INFO = "/api/v1/namespaces/kube-public/configmaps"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def account_secret(name: str, account: str) -> dict[str, Any]:
    annotations = {"kubernetes.io/service-account.name": account}
    return {"metadata": {"name": name, "annotations": annotations}, "type": "kubernetes.io/service-account-token"}


async def user_behind(api: ApiEnv, token: str) -> str:
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    status = (await api.post("/apis/authentication.k8s.io/v1/tokenreviews", review)).json()["status"]
    return str(status.get("user", {}).get("username", ""))


async def test_a_secret_for_a_service_account_gets_a_token_that_the_server_takes(tmp_path: pathlib.Path):
    key = tmp_path / "sa.key"
    key.write_bytes(tls.new_key())
    settings = {"service_account_signing_key_file": str(key)}
    async with running(
        "serviceaccount-token-controller", server=settings, service_account_private_key_file=str(key)
    ) as world:
        account = await world.create(ACCOUNTS, {"metadata": {"name": "robot"}})
        await world.create(SECRETS, account_secret("t", "robot"))

        async def filled() -> Any:
            found = await world.get(f"{SECRETS}/t")
            return found if "token" in (found.get("data") or {}) else None

        secret = await eventually(filled)
        assert secret["data"]["ca.crt"] == b64(CA)
        assert secret["data"]["namespace"] == b64("default")
        assert secret["metadata"]["annotations"]["kubernetes.io/service-account.uid"] == account["metadata"]["uid"]
        token = base64.b64decode(secret["data"]["token"]).decode()
        assert await user_behind(world.api, token) == "system:serviceaccount:default:robot"
        await world.delete(f"{ACCOUNTS}/robot")

        async def gone() -> bool:
            return await world.get(f"{SECRETS}/t") is None

        await eventually(gone)
        assert await user_behind(world.api, token) == ""


async def test_a_secret_for_an_account_that_is_not_there_is_removed_and_lists_forget_it():
    async with running("serviceaccount-token-controller") as world:
        await world.create(ACCOUNTS, {"metadata": {"name": "robot"}, "secrets": [{"name": "t"}, {"name": "other"}]})
        await world.create(SECRETS, account_secret("t", "robot"))
        await world.create(SECRETS, account_secret("stray", "nobody"))

        async def gone() -> bool:
            return await world.get(f"{SECRETS}/stray") is None

        await eventually(gone)
        await world.delete(f"{SECRETS}/t")

        async def forgotten() -> bool:
            return bool((await world.get(f"{ACCOUNTS}/robot"))["secrets"] == [{"name": "other"}])

        await eventually(forgotten)


async def give_token(world: World, identity: str, **data: str) -> None:
    data = {"token-id": identity, "token-secret": "0123456789abcdef", **data}
    body = {
        "metadata": {"name": f"bootstrap-token-{identity}"},
        "type": "bootstrap.kubernetes.io/token",
        "data": {key.replace("_", "-"): b64(text) for key, text in data.items()},
    }
    await world.create(f"{SYSTEM}/secrets", body)


async def test_expired_bootstrap_tokens_are_deleted_and_others_stay():
    async with running("token-cleaner-controller") as world:
        soon = (datetime.now(UTC) + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        await give_token(world, "aaaaaa", expiration="2020-01-01T00:00:00Z")
        await give_token(world, "bbbbbb", expiration=soon)
        await give_token(world, "cccccc", expiration="2120-01-01T00:00:00Z")
        await give_token(world, "dddddd")

        async def left() -> bool:
            names = [one["metadata"]["name"][-6:] for one in await world.items(f"{SYSTEM}/secrets")]
            return names == ["cccccc", "dddddd"]

        await eventually(left)


def signature(content: str, identity: str) -> str:
    """As RFC 7515 has it, with the content left out."""

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    head = part(json.dumps({"alg": "HS256", "kid": identity}, separators=(",", ":")).encode())
    message = f"{head}.{part(content.encode())}".encode()
    return f"{head}..{part(hmac.digest(b'0123456789abcdef', message, hashlib.sha256))}"


async def test_the_description_of_the_cluster_is_signed_with_the_tokens_that_may():
    async with running("bootstrap-signer-controller", "token-cleaner-controller") as world:
        await give_token(world, "aaaaaa", usage_bootstrap_signing="true")
        await give_token(world, "bbbbbb", usage_bootstrap_authentication="true")
        await world.create(INFO, {"metadata": {"name": "cluster-info"}, "data": {"kubeconfig": "where it is"}})

        async def becomes(wanted: dict[str, str]) -> None:
            async def so() -> bool:
                return bool((await world.get(f"{INFO}/cluster-info"))["data"] == wanted)

            await eventually(so)

        await becomes({"kubeconfig": "where it is", "jws-kubeconfig-aaaaaa": signature("where it is", "aaaaaa")})
        await world.merge(f"{INFO}/cluster-info", {"data": {"kubeconfig": "elsewhere"}})
        await becomes({"kubeconfig": "elsewhere", "jws-kubeconfig-aaaaaa": signature("elsewhere", "aaaaaa")})
        await world.delete(f"{SYSTEM}/secrets/bootstrap-token-aaaaaa")
        await becomes({"kubeconfig": "elsewhere"})


class _Future(SystemClock):
    """So many days ahead."""

    def __init__(self, days: int) -> None:
        self._ahead = timedelta(days=days)

    def now(self) -> datetime:
        return super().now() + self._ahead


async def test_the_use_of_a_token_in_a_secret_is_noted_by_the_day(tmp_path: pathlib.Path):
    key = tmp_path / "sa.key"
    key.write_bytes(tls.new_key())
    settings = {"service_account_signing_key_file": str(key)}
    names = "serviceaccount-token-controller"
    async with running(names, server=settings, service_account_private_key_file=str(key)) as world:
        await world.create(ACCOUNTS, {"metadata": {"name": "robot"}})
        await world.create(SECRETS, account_secret("t", "robot"))

        async def token() -> str:
            return base64.b64decode((await world.get(f"{SECRETS}/t"))["data"]["token"]).decode()

        text = await eventually(token)
        today = datetime.now(UTC).strftime("%Y-%m-%d")

        async def noted() -> bool:
            assert await user_behind(world.api, text) == "system:serviceaccount:default:robot"
            labels = (await world.get(f"{SECRETS}/t"))["metadata"].get("labels", {})
            return bool(labels.get("kubernetes.io/legacy-token-last-used", "") >= today)

        await eventually(noted)
        since = await world.get(f"{SYSTEM}/configmaps/kube-apiserver-legacy-service-account-token-tracking")
        assert since["data"]["since"] >= today


async def test_tokens_that_a_cluster_made_itself_are_marked_and_then_deleted_when_nobody_uses_them():
    name = "legacy-serviceaccount-token-cleaner-controller"
    mark = "kubernetes.io/legacy-token-invalid-since"
    store = MemoryStore()
    async with running(server={"store": store}) as world:
        body = {"metadata": {"name": "robot"}, "secrets": [{"name": "t"}, {"name": "mounted"}]}
        await world.create(ACCOUNTS, body)
        for one in ("t", "mounted", "wanted"):
            await world.create(SECRETS, account_secret(one, "robot"))
        volume = {"name": "v", "secret": {"secretName": "mounted"}}
        spec = {"containers": [{"name": "c", "image": "i"}], "volumes": [volume]}
        await world.create("/api/v1/namespaces/default/pods", {"metadata": {"name": "p"}, "spec": spec})

    async def labels(world: World) -> dict[str, bool]:
        return {
            one["metadata"]["name"]: mark in one["metadata"].get("labels", {}) for one in await world.items(SECRETS)
        }

    async with running(name, clock=_Future(400), server={"store": store}) as world:

        async def marked() -> bool:
            return await labels(world) == {"t": True, "mounted": False, "wanted": False}

        await eventually(marked)
    async with running(name, clock=_Future(800), server={"store": store}) as world:

        async def gone() -> bool:
            return await labels(world) == {"mounted": False, "wanted": False}

        await eventually(gone)
    await store.close()

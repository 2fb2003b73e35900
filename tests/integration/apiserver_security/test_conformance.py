"""The behaviours of sig-auth in the conformance list that need an API server alone; each test has its entry's name."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from kubelite.apiserver.authn.jwk import keys_of
from kubelite.apiserver.authn.jwt import Signer, decode, unverified
from kubelite.storage.memory import MemoryStore
from kubelite.util import tls
from tests.apienv import ApiEnv, api_server
from tests.integration.apiserver_security.conftest import BOB
from tests.integration.cli.test_certificates_and_roles import request

ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
PODS = "/api/v1/namespaces/default/pods"
CERTIFICATES = "/apis/certificates.k8s.io"
REQUESTS = f"{CERTIFICATES}/v1/certificatesigningrequests"
AUTHZ = "/apis/authorization.k8s.io/v1"


async def token(api: ApiEnv, **spec: Any) -> str:
    reply = await api.post(f"{ACCOUNTS}/web/token", {"spec": spec})
    assert reply.status == 201, reply.body
    return str(reply.json()["status"]["token"])


async def test_certificates_api_should_support_csr_api_operations(api: ApiEnv) -> None:
    groups = (await api.get("/apis")).json()["groups"]
    assert any(group["name"] == "certificates.k8s.io" for group in groups)
    assert [one["version"] for one in (await api.get(CERTIFICATES)).json()["versions"]] == ["v1"]
    found = {one["name"]: one["verbs"] for one in (await api.get(f"{CERTIFICATES}/v1")).json()["resources"]}
    assert {"approval", "status"} == {name.partition("/")[2] for name in found} - {""}
    async with api.watch(REQUESTS) as watch:
        made = await api.post(REQUESTS, request("jane") | {"metadata": {"name": "jane", "labels": {"a": "b"}}})
        assert made.status == 201, made.body
        assert (await api.get(f"{REQUESTS}/jane")).json()["spec"] == made.json()["spec"]
        assert len((await api.get(REQUESTS)).json()["items"]) == 1
        patched = await api.patch(f"{REQUESTS}/jane", {"metadata": {"annotations": {"patched": "true"}}})
        assert patched.json()["metadata"]["annotations"] == {"patched": "true"}
        updated = patched.json() | {"metadata": {**patched.json()["metadata"], "annotations": {"updated": "true"}}}
        assert (await api.put(f"{REQUESTS}/jane", updated)).status == 200
        assert [(await watch.next())["type"] for _ in range(3)] == ["ADDED", "MODIFIED", "MODIFIED"]
    condition = {"type": "Approved", "status": "True", "reason": "E2E", "message": "set"}
    approved = await api.patch(f"{REQUESTS}/jane/approval", {"status": {"conditions": [condition]}})
    assert approved.json()["status"]["conditions"][0]["type"] == "Approved", approved.body
    assert (await api.get(f"{REQUESTS}/jane/approval")).status == 200
    signed = await api.patch(
        f"{REQUESTS}/jane/status", {"status": {"conditions": [condition, {**condition, "type": "StatusPatched"}]}}
    )
    assert len(signed.json()["status"]["conditions"]) == 2, signed.body
    assert (await api.delete(f"{REQUESTS}/jane")).status == 200
    assert (await api.request("DELETE", REQUESTS, query={"labelSelector": "a=b"})).status == 200


async def test_service_account_issuer_discovery_should_support_oidc_discovery(api: ApiEnv) -> None:
    await api.post(ACCOUNTS, {"metadata": {"name": "web"}})
    mine = await token(api)
    found = await api.get("/.well-known/openid-configuration", token=mine)
    keys = await api.get("/openid/v1/jwks", token=mine)
    assert (found.status, keys.status) == (200, 200)
    assert found.headers["content-type"] == "application/json"
    assert keys.headers["content-type"] == "application/jwk-set+json"
    claims = unverified(mine)
    assert found.json()["issuer"] == claims["iss"]
    message, _, signature = mine.rpartition(".")
    header = json.loads(decode(mine.partition(".")[0]))
    assert header["alg"] in found.json()["id_token_signing_alg_values_supported"]
    (key,) = [one for one in keys_of(keys.json()) if one.kid == header["kid"]]
    assert key.verify(header["alg"], message.encode(), decode(signature))
    assert (await api.get("/openid/v1/jwks", token=BOB)).status == 403


async def test_the_issuer_is_found_by_accounts_and_by_nobody_else_where_strangers_are_not_let_in() -> None:
    async with api_server(anonymous_auth=False) as api:
        await api.post(ACCOUNTS, {"metadata": {"name": "web"}})
        mine = await token(api)
        for path in ("/.well-known/openid-configuration", "/openid/v1/jwks"):
            assert (await api.get(path, token="")).status == 401
            assert (await api.get(path, token=mine)).status == 200


@pytest.mark.parametrize("of_pod", [None, True, False])
@pytest.mark.parametrize("of_account", [None, True, False])
async def test_service_accounts_should_allow_opting_out_of_api_token_automount(
    of_pod: bool | None, of_account: bool | None
) -> None:
    async with api_server(disable_admission_plugins="") as api:
        account = {"metadata": {"name": "web"}, "automountServiceAccountToken": of_account}
        assert (await api.post(ACCOUNTS, account)).status == 201
        spec = {"serviceAccountName": "web", "containers": [{"name": "c", "image": "x"}]}
        made = await api.post(
            PODS, {"metadata": {"name": "p"}, "spec": {**spec, "automountServiceAccountToken": of_pod}}
        )
        mounts = made.json()["spec"]["containers"][0].get("volumeMounts", [])
    wanted = of_pod if of_pod is not None else of_account is not False
    assert [one["mountPath"] for one in mounts] == (["/var/run/secrets/kubernetes.io/serviceaccount"] if wanted else [])


async def test_service_accounts_should_create_a_token_and_ensure_a_successful_token_review(api: ApiEnv) -> None:
    assert (await api.post(ACCOUNTS, {"metadata": {"name": "web"}})).status == 201
    mine = await token(api)
    assert mine
    status = (await api.post("/apis/authentication.k8s.io/v1/tokenreviews", {"spec": {"token": mine}})).json()["status"]
    assert (status["authenticated"], status.get("error", "")) == (True, "")
    assert status["user"]["username"] == "system:serviceaccount:default:web"
    assert status["user"]["extra"]["authentication.kubernetes.io/credential-id"][0].startswith("JTI=")


async def test_service_accounts_should_run_through_the_lifecycle_of_a_service_account(api: ApiEnv) -> None:
    async with api.watch(ACCOUNTS, labelSelector="test=static") as watch:
        await api.post(ACCOUNTS, {"metadata": {"name": "life", "labels": {"test": "static"}}})
        added = await watch.next()
        assert (added["type"], added["object"]["metadata"]["name"]) == ("ADDED", "life")
        await api.patch(f"{ACCOUNTS}/life", {"automountServiceAccountToken": False}, kind="strategic")
        listed = (await api.get("/api/v1/serviceaccounts", query={"labelSelector": "test=static"})).json()["items"]
        assert [one["automountServiceAccountToken"] for one in listed] == [False]
        assert (await api.request("DELETE", ACCOUNTS, query={"labelSelector": "test=static"})).status == 200
        assert [(await watch.next())["type"] for _ in range(2)] == ["MODIFIED", "DELETED"]


async def test_service_accounts_should_update_a_service_account(api: ApiEnv) -> None:
    made = (await api.post(ACCOUNTS, {"metadata": {"name": "up"}, "automountServiceAccountToken": False})).json()
    updated = await api.put(f"{ACCOUNTS}/up", made | {"automountServiceAccountToken": True})
    assert (updated.status, updated.json()["automountServiceAccountToken"]) == (200, True)


async def test_subject_review_should_support_subject_review_api_operations(api: ApiEnv) -> None:
    await api.post(ACCOUNTS, {"metadata": {"name": "e2e"}})
    user = "system:serviceaccount:default:e2e"
    wanted = {"verb": "list", "resource": "configmaps", "namespace": "default", "version": "v1"}
    for path in ("subjectaccessreviews", "namespaces/default/localsubjectaccessreviews"):
        place = {"metadata": {"namespace": "default"}} if "namespaces" in path else {}
        review = await api.post(f"{AUTHZ}/{path}", {**place, "spec": {"user": user, "resourceAttributes": wanted}})
        assert review.status == 201, review.body
        listed = await api.get("/api/v1/namespaces/default/configmaps", headers={"impersonate-user": user})
        assert review.json()["status"]["allowed"] is (listed.status == 200)
    elsewhere = {"spec": {"user": user, "resourceAttributes": {**wanted, "namespace": "other"}}}
    refused = await api.post(f"{AUTHZ}/namespaces/default/localsubjectaccessreviews", elsewhere)
    assert refused.status in (400, 422)


async def test_reviews_narrow_by_selectors(api: ApiEnv) -> None:
    def asked(requirements: list[dict[str, Any]]) -> dict[str, Any]:
        attributes = {"verb": "list", "resource": "pods", "fieldSelector": {"requirements": requirements}}
        return {"spec": {"user": "system:node:n", "groups": ["system:nodes"], "resourceAttributes": attributes}}

    own = [{"key": "spec.nodeName", "operator": "In", "values": ["n"]}]
    yes = await api.post(f"{AUTHZ}/subjectaccessreviews", asked(own))
    assert yes.json()["status"]["allowed"] is True
    no = await api.post(f"{AUTHZ}/subjectaccessreviews", asked([{**own[0], "values": ["m"]}]))
    assert no.json()["status"]["allowed"] is False
    wrong = await api.post(f"{AUTHZ}/subjectaccessreviews", asked([{"key": "x", "operator": "Magic"}]))
    assert (wrong.status, "not a valid selector operator" in wrong.json()["message"]) == (422, True)


async def test_injected_tokens_are_extended_and_others_shortened(tmp_path: Any) -> None:
    async with api_server(service_account_max_token_expiration="2h") as api:
        await api.post(ACCOUNTS, {"metadata": {"name": "web"}})
        unbound = unverified(await token(api, expirationSeconds=3607))
        assert unbound["exp"] - unbound["iat"] == 3607
        spec = {"serviceAccountName": "web", "containers": [{"name": "c", "image": "x"}]}
        assert (await api.post(PODS, {"metadata": {"name": "p"}, "spec": spec})).status == 201
        bound = {"apiVersion": "v1", "kind": "Pod", "name": "p"}
        claims = unverified(await token(api, expirationSeconds=3607, boundObjectRef=bound))
        assert claims["exp"] - claims["iat"] == 365 * 24 * 3600
        assert claims["kubernetes.io"]["warnafter"] - claims["iat"] == 3607
        long = await api.post(f"{ACCOUNTS}/web/token", {"spec": {"expirationSeconds": 10000}})
        assert long.json()["spec"]["expirationSeconds"] == 7200
        assert "requested expiration of 10000 seconds shortened to 7200 seconds" in long.headers["warning"]
    async with api_server(service_account_extend_token_expiration=False) as api:
        await api.post(ACCOUNTS, {"metadata": {"name": "web"}})
        claims = unverified(await token(api, expirationSeconds=3607))
        assert claims["exp"] - claims["iat"] == 3607


async def test_tokens_for_secrets_and_nodes_die_with_them(api: ApiEnv) -> None:
    await api.post(ACCOUNTS, {"metadata": {"name": "web"}})
    for kind, path in (("Secret", "/api/v1/namespaces/default/secrets"), ("Node", "/api/v1/nodes")):
        assert (await api.post(path, {"metadata": {"name": "bound"}})).status == 201
        mine = await token(api, boundObjectRef={"apiVersion": "v1", "kind": kind, "name": "bound"})
        assert (await api.get("/api", token=mine)).status == 200
        await api.delete(f"{path}/bound")
        assert (await api.get("/api", token=mine)).status == 401
        await api.post(path, {"metadata": {"name": "bound"}})
        assert (await api.get("/api", token=mine)).status == 401, "another object of that name is another object"


async def test_tokens_of_earlier_keys_and_issuers_stay_good(tmp_path: Any) -> None:
    for name in ("old", "new"):
        (tmp_path / f"{name}.key").write_bytes(tls.new_key())
    store_flags: dict[str, Any] = {"service_account_issuer": ("https://old",)}
    store = MemoryStore()
    old, new = str(tmp_path / "old.key"), str(tmp_path / "new.key")
    async with api_server(store=store, service_account_signing_key_file=old, **store_flags) as api:
        await api.post(ACCOUNTS, {"metadata": {"name": "web"}})
        before = await token(api)
    flags: dict[str, Any] = {"service_account_key_file": (new, old)}
    issuers = ("https://new", "https://old")
    more = {"service_account_issuer": issuers, "service_account_signing_key_file": new}
    async with api_server(store=store, **flags, **more) as api:
        assert (await api.get("/api", token=before)).status == 200
        after = await token(api)
        assert unverified(after)["iss"] == "https://new"
        assert len((await api.get("/openid/v1/jwks")).json()["keys"]) == 2
    await store.close()


async def test_a_label_does_not_slip_rights_into_an_aggregated_role(api: ApiEnv) -> None:
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    group = "rbac.authorization.k8s.io"
    rule = {"verbs": ["get", "update", "patch"], "apiGroups": [group], "resources": ["clusterroles"]}
    await api.post(f"{rbac}/clusterroles", {"metadata": {"name": "editor"}, "rules": [rule]})
    strong = {"metadata": {"name": "strong"}, "rules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]}
    await api.post(f"{rbac}/clusterroles", strong)
    binding = {
        "metadata": {"name": "b"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "editor"},
        "subjects": [{"kind": "User", "apiGroup": group, "name": "bob"}],
    }
    await api.post(f"{rbac}/clusterrolebindings", binding)
    label = {"metadata": {"labels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}}}
    assert (await api.patch(f"{rbac}/clusterroles/strong", label, token=BOB)).status == 403
    finalizer = {"metadata": {"finalizers": ["acme.io/x"]}}
    assert (await api.patch(f"{rbac}/clusterroles/strong", finalizer, token=BOB)).status == 200


async def test_a_token_in_a_secret_lives_as_long_as_the_secret(api: ApiEnv) -> None:
    account = (await api.post(ACCOUNTS, {"metadata": {"name": "web"}})).json()
    prefix = "kubernetes.io/serviceaccount"
    claims = {
        "iss": "kubernetes/serviceaccount",
        f"{prefix}/namespace": "default",
        f"{prefix}/secret.name": "legacy",
        f"{prefix}/service-account.name": "web",
        f"{prefix}/service-account.uid": account["metadata"]["uid"],
        "sub": "system:serviceaccount:default:web",
    }
    mine = Signer((api.directory / "sa.key").read_bytes()).sign(claims)
    secret = {
        "metadata": {
            "name": "legacy",
            "annotations": {f"{prefix.replace('serviceaccount', 'service-account')}.name": "web"},
        },
        "type": "kubernetes.io/service-account-token",
        "data": {"token": base64.b64encode(mine.encode()).decode()},
    }
    assert (await api.get("/api", token=mine)).status == 401
    made = await api.post("/api/v1/namespaces/default/secrets", secret)
    assert made.status == 201, made.body
    assert (await api.get("/api", token=mine)).status == 200
    await api.delete("/api/v1/namespaces/default/secrets/legacy")
    assert (await api.get("/api", token=mine)).status == 401

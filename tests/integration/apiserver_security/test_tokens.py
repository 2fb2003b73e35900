"""Tokens of service accounts, from the request to their end."""

from __future__ import annotations

from typing import Any

from tests.apienv import ApiEnv

ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
PODS = "/api/v1/namespaces/default/pods"


async def account(api: ApiEnv, name: str = "web") -> None:
    assert (await api.post(ACCOUNTS, {"metadata": {"name": name}})).status == 201


async def token(api: ApiEnv, **spec: Any) -> Any:
    reply = await api.post(f"{ACCOUNTS}/web/token", {"spec": {"expirationSeconds": 600, **spec}})
    assert reply.status == 201, reply.body
    return reply.json()["status"]["token"]


async def test_a_requested_token_authenticates_its_account(api: ApiEnv) -> None:
    await account(api)
    reply = await api.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, token=await token(api))
    assert reply.json()["status"]["userInfo"]["username"] == "system:serviceaccount:default:web"


async def test_a_review_tells_whose_token_it_is(api: ApiEnv) -> None:
    await account(api)
    path = "/apis/authentication.k8s.io/v1/tokenreviews"
    good = (await api.post(path, {"spec": {"token": await token(api)}})).json()["status"]
    assert good["authenticated"] is True
    assert good["user"]["groups"][0] == "system:serviceaccounts"
    bad = (await api.post(path, {"spec": {"token": "x"}})).json()["status"]
    assert "authenticated" not in bad or bad["authenticated"] is False
    assert bad["error"]


async def test_a_token_bound_to_a_pod_dies_with_it(api: ApiEnv) -> None:
    await account(api)
    spec = {"serviceAccountName": "web", "containers": [{"name": "c", "image": "x"}]}
    pod = (await api.post(PODS, {"metadata": {"name": "p"}, "spec": spec})).json()
    reference = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": pod["metadata"]["uid"]}
    bound = await token(api, boundObjectRef=reference)
    assert (await api.get("/api", token=bound)).status == 200
    await api.delete(f"{PODS}/p?gracePeriodSeconds=0")
    assert (await api.get(PODS)).json()["items"] == []
    assert (await api.get("/api", token=bound)).status == 401


async def test_wrong_token_requests_are_refused(api: ApiEnv) -> None:
    await account(api)
    absent = await api.post(f"{ACCOUNTS}/none/token", {"spec": {}})
    assert (absent.status, absent.json()["message"]) == (404, 'serviceaccounts "none" not found')
    short = await api.post(f"{ACCOUNTS}/web/token", {"spec": {"expirationSeconds": 5}})
    assert short.status == 422
    assert "may not specify a duration less than 10 minutes" in short.json()["message"]
    odd = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x"}
    kind = await api.post(f"{ACCOUNTS}/web/token", {"spec": {"boundObjectRef": odd}})
    assert (kind.status, kind.json()["message"]) == (400, "cannot bind token to object of type /v1, Kind=ConfigMap")


async def test_a_request_for_another_account_of_the_name_is_refused(api: ApiEnv) -> None:
    await account(api)
    uid = (await api.get(f"{ACCOUNTS}/web")).json()["metadata"]["uid"]

    async def asked(**meta: str) -> Any:
        reply = await api.post(f"{ACCOUNTS}/web/token", {"metadata": meta, "spec": {}})
        return reply.status, reply.json()

    status, found = await asked(name="web", namespace="default", uid=uid)
    assert (status, found["metadata"]["uid"], found["metadata"]["name"]) == (201, uid, "web")
    assert (await asked())[1]["metadata"]["uid"] == uid
    other, wrong = await asked(uid="u-1")
    why = f"the UID in the token request (u-1) does not match the UID of the service account ({uid})"
    what = "Operation cannot be fulfilled on TokenRequest.authentication.k8s.io"
    assert (other, wrong["message"]) == (409, f'{what} "web": {why}')
    status, wrong = await asked(name="else")
    detail = "must match the service account name if specified"
    head = 'TokenRequest.authentication.k8s.io "web" is invalid: metadata.name: Invalid value: "else"'
    assert (status, wrong["message"]) == (422, f"{head}: {detail}")


async def test_the_issuer_publishes_its_keys(api: ApiEnv) -> None:
    configuration = (await api.get("/.well-known/openid-configuration")).json()
    assert configuration["issuer"] == "https://kubernetes.default.svc.cluster.local"
    assert configuration["id_token_signing_alg_values_supported"] == ["ES256"]
    keys = (await api.get("/openid/v1/jwks")).json()["keys"]
    assert keys[0]["kty"] == "EC"

"""Service accounts: their life, their tokens, what is mounted in pods, and what they may do."""

from __future__ import annotations

import json
from typing import Any

from kubelite.apiserver.authn.jwk import keys_of
from kubelite.apiserver.authn.jwt import decode, unverified
from tests.apienv import ApiEnv, api_server
from tests.conformance.harness import controllers, eventually, good, namespace, seen
from tests.integration.controllers.manager import CA

RBAC = "/apis/rbac.authorization.k8s.io/v1"
MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
AUTOMATIC = {
    # (what the account says, what the pod says) → whether the token is mounted
    (None, None): True,
    (True, None): True,
    (False, None): False,
    (None, True): True,
    (True, True): True,
    (False, True): True,
    (None, False): False,
    (True, False): False,
    (False, False): False,
}


async def account(api: ApiEnv, name: str, **fields: Any) -> str:
    """Makes an account in a namespace of its own; the account's path."""
    path = f"{await namespace(api)}/serviceaccounts"
    good(await api.post(path, {"metadata": {"name": name}, **fields}), 201)
    return f"{path}/{name}"


async def test_serviceaccounts_should_allow_opting_out_of_api_token_automount() -> None:
    """The pod's word counts before the account's; without either the token is mounted in every container.

    [sig-auth] ServiceAccounts should allow opting out of API token automount [Conformance]
    """
    async with api_server(tls=True, disable_admission_plugins="") as api:
        place = await namespace(api)
        for of_account in (None, True, False):
            body = {"metadata": {"name": f"mount-{of_account}".lower()}, "automountServiceAccountToken": of_account}
            good(await api.post(f"{place}/serviceaccounts", body), 201)
        for (of_account, of_pod), mounted in AUTOMATIC.items():
            spec = {
                "containers": [{"name": name, "image": "pause"} for name in ("one", "two")],
                "serviceAccountName": f"mount-{of_account}".lower(),
                "automountServiceAccountToken": of_pod,
            }
            pod = good(await api.post(f"{place}/pods", {"metadata": {"generateName": "pod-"}, "spec": spec}), 201)
            found = [[one["mountPath"] for one in c.get("volumeMounts", [])] for c in pod["spec"]["containers"]]
            assert found == [[MOUNT] if mounted else []] * 2, (of_account, of_pod)


async def test_serviceaccounts_should_guarantee_kube_root_ca_crt_exist_in_any_namespace() -> None:
    """The config map with the authority is made with a namespace, again when deleted, and put right when changed.

    [sig-auth] ServiceAccounts should guarantee kube-root-ca.crt exist in any namespace [Conformance]
    """
    async with controllers("root-ca-certificate-publisher-controller") as world:
        path = f"{await namespace(world.api)}/configmaps/kube-root-ca.crt"

        async def right() -> bool:
            found = await world.get(path)
            return found is not None and found["data"] == {"ca.crt": CA}

        await eventually(right)
        first = await world.get(path)
        good(await world.api.delete(path), 200)
        await eventually(right)
        second = await world.get(path)
        assert second["metadata"]["uid"] != first["metadata"]["uid"]
        await world.merge(path, {"data": {"ca.crt": ""}})
        await eventually(right)
        assert (await world.get(path))["metadata"]["uid"] == second["metadata"]["uid"]


async def test_should_create_a_serviceaccounttoken_and_ensure_a_successful_tokenreview(api: ApiEnv) -> None:
    """A token asked for an account is reviewed as this account's, for the audience and with its groups.

    [sig-auth] ServiceAccounts should create a serviceAccountToken and ensure a successful TokenReview [Conformance]
    """
    path = await account(api, "e2e-sa")
    uid = good(await api.get(path))["metadata"]["uid"]
    made = good(await api.post(f"{path}/token", {"spec": {"expirationSeconds": 3600}}), 201)
    assert made["status"]["token"] and made["status"]["expirationTimestamp"]
    review = {"spec": {"token": made["status"]["token"]}}
    status = good(await api.post("/apis/authentication.k8s.io/v1/tokenreviews", review), 201)["status"]
    assert (status["authenticated"], status.get("error", "")) == (True, "")
    assert (status["user"]["username"], status["user"]["uid"]) == ("system:serviceaccount:conformance:e2e-sa", uid)
    groups = {"system:serviceaccounts", "system:serviceaccounts:conformance", "system:authenticated"}
    assert set(status["user"]["groups"]) == groups


async def test_should_run_through_the_lifecycle_of_a_serviceaccount(api: ApiEnv) -> None:
    """An account is watched, patched, found in all namespaces by its label, and deleted by it.

    [sig-auth] ServiceAccounts should run through the lifecycle of a ServiceAccount [Conformance]
    """
    path = f"{await namespace(api)}/serviceaccounts"
    label = {"labelSelector": "test-serviceaccount-static=true"}
    async with api.watch(path, **label) as watch:
        metadata = {"name": "testserviceaccount", "labels": {"test-serviceaccount-static": "true"}}
        good(await api.post(path, {"metadata": metadata}), 201)
        await seen(watch, "ADDED", "testserviceaccount")
        patch = {"automountServiceAccountToken": False}
        good(await api.patch(f"{path}/testserviceaccount", patch, "strategic"), 200)
        (listed,) = good(await api.get("/api/v1/serviceaccounts", query=label))["items"]
        assert listed["automountServiceAccountToken"] is False
        good(await api.request("DELETE", path, query=label), 200)
        assert (await seen(watch, "DELETED"))["automountServiceAccountToken"] is False
    assert good(await api.get(path, query=label))["items"] == []


async def test_serviceaccounts_should_update_a_serviceaccount(api: ApiEnv) -> None:
    """An update turns the automatic mounting of an account on.

    [sig-auth] ServiceAccounts should update a ServiceAccount [Conformance]
    """
    path = await account(api, "e2e-sa", automountServiceAccountToken=False)
    found = good(await api.get(path))
    updated = good(await api.put(path, found | {"automountServiceAccountToken": True}), 200)
    assert updated["automountServiceAccountToken"] is True
    assert good(await api.get(path)) == updated


async def test_serviceaccountissuerdiscovery_should_support_oidc_discovery_of_service_account_issuer() -> None:
    """A token verifies itself: its issuer's document leads to the keys, of which one signed it; accounts may read both.

    [sig-auth] ServiceAccounts ServiceAccountIssuerDiscovery should support OIDC discovery of service account issuer
    [Conformance]
    """
    async with controllers("serviceaccount-controller") as world:
        path = f"{await namespace(world.api)}/serviceaccounts/default"
        await eventually(lambda: world.get(path))
        spec = {"spec": {"audiences": ["oidc-discovery-test"]}}
        token = good(await world.api.post(f"{path}/token", spec), 201)["status"]["token"]
        # The pod of the suite asks with the token that is mounted in it, whose audience is the server.
        mounted = good(await world.api.post(f"{path}/token", {"spec": {}}), 201)["status"]["token"]
        document = good(await world.api.get("/.well-known/openid-configuration", token=mounted))
        claims = unverified(token)
        assert (document["issuer"], claims["aud"]) == (claims["iss"], ["oidc-discovery-test"])
        assert (document["response_types_supported"], document["subject_types_supported"]) == (["id_token"], ["public"])
        assert document["jwks_uri"].endswith("/openid/v1/jwks")
        keys = good(await world.api.get("/openid/v1/jwks", token=mounted))
        message, _, signature = token.rpartition(".")
        header = json.loads(decode(token.partition(".")[0]))
        assert header["alg"] in document["id_token_signing_alg_values_supported"]
        (key,) = [one for one in keys_of(keys) if one.kid == header["kid"]]
        assert key.verify(header["alg"], message.encode(), decode(signature))
        assert claims["sub"] == "system:serviceaccount:conformance:default"


async def test_subjectreview_should_support_subjectreview_api_operations(api: ApiEnv) -> None:
    """What both reviews say of an account is what the account, impersonated, meets: refused, then allowed by a role.

    [sig-auth] SubjectReview should support SubjectReview API operations [Conformance]
    """
    place = (await account(api, "e2e")).rpartition("/serviceaccounts")[0]
    user = "system:serviceaccount:conformance:e2e"
    wanted = {"namespace": "conformance", "verb": "list", "resource": "configmaps", "version": "v1"}
    root = "/apis/authorization.k8s.io/v1"
    spec = {"user": user, "resourceAttributes": wanted}

    async def agree(status: int) -> None:
        listed = await api.get(f"{place}/configmaps", headers={"impersonate-user": user})
        assert listed.status == status
        local = {"metadata": {"namespace": "conformance"}, "spec": spec}
        reviews = [
            good(await api.post(f"{root}/subjectaccessreviews", {"spec": spec}), 201),
            good(await api.post(f"{root}/namespaces/conformance/localsubjectaccessreviews", local), 201),
        ]
        assert [one["status"]["allowed"] for one in reviews] == [status == 200] * 2

    await agree(403)
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}]
    good(await api.post(f"{RBAC}/namespaces/conformance/roles", {"metadata": {"name": "r"}, "rules": rules}), 201)
    subject = {"kind": "ServiceAccount", "name": "e2e", "namespace": "conformance"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}
    binding = {"metadata": {"name": "b"}, "subjects": [subject], "roleRef": role}
    good(await api.post(f"{RBAC}/namespaces/conformance/rolebindings", binding), 201)
    await agree(200)

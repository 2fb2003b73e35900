"""Certificate signing requests with every operation."""

from __future__ import annotations

import base64
from typing import Any

from kubelite.util import tls
from tests.apienv import ApiEnv
from tests.conformance.harness import VERBS, find_resources, good, seen
from tests.integration.cli.test_certificates_and_roles import request

GROUP, PLURAL = "certificates.k8s.io", "certificatesigningrequests"
REQUESTS = f"/apis/{GROUP}/v1/{PLURAL}"
SIGNER = "example.com/e2e-signer"
SELECTED = {"fieldSelector": f"spec.signerName={SIGNER}"}


def condition(type_: str) -> dict[str, Any]:
    return {"type": type_, "status": "True", "reason": "E2E", "message": "Set from an e2e test"}


def types(obj: Any) -> list[str]:
    return [one["type"] for one in obj["status"]["conditions"]]


async def listed(api: ApiEnv) -> int:
    return len(good(await api.get(REQUESTS, query=SELECTED))["items"])


async def approval(api: ApiEnv, path: str, uid: str) -> None:
    """The subresource is the request; a patch sets any condition and metadata, an update approves."""
    found = good(await api.get(f"{path}/approval"))
    assert (found["kind"], found["apiVersion"]) == ("CertificateSigningRequest", f"{GROUP}/v1")
    assert found["metadata"]["uid"] == uid
    conditions = [{"type": "ApprovalPatch", "status": "True", "reason": "e2e"}]
    patch = {"metadata": {"annotations": {"patchedapproval": "true"}}, "status": {"conditions": conditions}}
    patched = good(await api.patch(f"{path}/approval", patch), 200)
    assert types(patched) == ["ApprovalPatch"]
    assert patched["metadata"]["annotations"]["patchedapproval"] == "true"
    patched["status"]["conditions"].append(condition("Approved"))
    assert types(good(await api.put(f"{path}/approval", patched), 200)) == ["ApprovalPatch", "Approved"]


async def status(api: ApiEnv, path: str, uid: str) -> None:
    """A patch of the subresource sets the certificate and metadata, an update adds a condition."""
    assert good(await api.get(f"{path}/status"))["metadata"]["uid"] == uid
    certificate = base64.b64encode(tls.Authority.create("e2e").issue_client("e2e").certificate).decode()
    patch = {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": {"certificate": certificate}}
    patched = good(await api.patch(f"{path}/status", patch), 200)
    assert patched["status"]["certificate"] == certificate
    assert patched["metadata"]["annotations"]["patchedstatus"] == "true"
    patched["status"]["conditions"].append(condition("StatusUpdate"))
    updated = good(await api.put(f"{path}/status", patched), 200)
    assert types(updated) == ["ApprovalPatch", "Approved", "StatusUpdate"]


async def test_certificates_api_should_support_csr_api_operations(api: ApiEnv) -> None:
    """Requests are in discovery and take every operation, also on approval and status, by patch and by update.

    [sig-auth] Certificates API [Privileged:ClusterAdmin] should support CSR API operations [Conformance]
    """
    subresources = [f"{PLURAL}/approval", f"{PLURAL}/status"]
    found = await find_resources(api, GROUP, "v1", [PLURAL, *subresources])
    assert set(found[PLURAL]["verbs"]) >= VERBS
    assert all(set(found[name]["verbs"]) == {"get", "patch", "update"} for name in subresources)
    spec = {**request("", signer=SIGNER)["spec"], "expirationSeconds": 3600}
    for _ in range(3):
        made = good(await api.post(REQUESTS, {"metadata": {"generateName": "e2e-csr-"}, "spec": spec}), 201)
    name, uid = made["metadata"]["name"], made["metadata"]["uid"]
    path = f"{REQUESTS}/{name}"
    read = good(await api.get(path))
    assert (read["metadata"]["uid"], read["spec"]["expirationSeconds"]) == (uid, 3600)
    assert await listed(api) == 3
    async with api.watch(REQUESTS, fieldSelector=f"metadata.name={name}") as watch:
        patched = good(await api.patch(path, {"metadata": {"annotations": {"patched": "true"}}}), 200)
        patched["metadata"]["annotations"]["updated"] = "true"
        updated = good(await api.put(path, patched), 200)
        assert updated["metadata"]["annotations"] == {"patched": "true", "updated": "true"}
        assert (await seen(watch, "MODIFIED", name))["metadata"]["annotations"] == {"patched": "true"}
    await approval(api, path, uid)
    await status(api, path, uid)
    good(await api.delete(path), 200)
    assert (await api.get(path)).status == 404
    assert await listed(api) == 2
    good(await api.request("DELETE", REQUESTS, query=SELECTED), 200)
    assert await listed(api) == 0

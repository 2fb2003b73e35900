"""Certificate signing requests with every operation."""

from __future__ import annotations

from tests.apienv import ApiEnv
from tests.conformance.harness import VERBS, every_operation, find_resources, good
from tests.integration.cli.test_certificates_and_roles import request

GROUP = "certificates.k8s.io"
REQUESTS = f"/apis/{GROUP}/v1/certificatesigningrequests"


async def test_certificates_api_should_support_csr_api_operations(api: ApiEnv) -> None:
    """Requests are in discovery and take every operation, also on approval and status, by patch and by update.

    [sig-auth] Certificates API [Privileged:ClusterAdmin] should support CSR API operations [Conformance]
    """
    plural = "certificatesigningrequests"
    subresources = [f"{plural}/approval", f"{plural}/status"]
    found = await find_resources(api, GROUP, "v1", [plural, *subresources])
    assert set(found[plural]["verbs"]) >= VERBS
    assert all(set(found[name]["verbs"]) == {"get", "patch", "update"} for name in subresources)
    body = request("unused", signer="example.com/e2e")
    await every_operation(api, REQUESTS, {"spec": body["spec"]}, ["approval", "status"])
    made = good(await api.post(REQUESTS, {**body, "metadata": {"name": "by-update"}}), 201)
    denied = {"type": "Denied", "status": "True", "reason": "E2E", "message": "Set from an e2e test"}
    updated = good(await api.put(f"{REQUESTS}/by-update/approval", made | {"status": {"conditions": [denied]}}), 200)
    assert [one["type"] for one in updated["status"]["conditions"]] == ["Denied"]
    assert (updated["spec"], updated["metadata"]["uid"]) == (made["spec"], made["metadata"]["uid"])

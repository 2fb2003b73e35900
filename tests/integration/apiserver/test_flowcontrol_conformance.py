"""API priority and fairness: every operation of FlowSchema and PriorityLevelConfiguration, as the conformance suite runs them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apienv import ApiEnv, api_server

ROOT = "/apis/flowcontrol.apiserver.k8s.io"
LABELS = {"example-e2e-run": "1"}
RULE = {
    "subjects": [{"kind": "User", "user": {"name": "example-e2e-non-existent-user"}}],
    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
}
SCHEMA = {
    "matchingPrecedence": 9500,
    "priorityLevelConfiguration": {"name": "global-default"},
    "distinguisherMethod": {"type": "ByUser"},
    "rules": [RULE],
}
LEVEL = {"type": "Limited", "limited": {"nominalConcurrencyShares": 2, "limitResponse": {"type": "Reject"}}}


async def names(api: ApiEnv, path: str) -> list[str]:
    items = (await api.get(path, query={"labelSelector": "example-e2e-run=1"})).json()["items"]
    return [one["metadata"]["name"] for one in items]


async def test_the_group_is_in_the_discovery_documents() -> None:
    async with api_server() as api:
        groups = (await api.get("/apis")).json()["groups"]
        group = next(one for one in groups if one["name"] == "flowcontrol.apiserver.k8s.io")
        assert "v1" in [one["version"] for one in group["versions"]]
        versions = (await api.get(ROOT)).json()["versions"]
        assert "v1" in [one["version"] for one in versions]
        resources = {one["name"]: one for one in (await api.get(f"{ROOT}/v1")).json()["resources"]}
        for plural in ("flowschemas", "prioritylevelconfigurations"):
            verbs = {"create", "get", "list", "watch", "update", "patch", "delete", "deletecollection"}
            assert verbs <= set(resources[plural]["verbs"])
            assert {"get", "patch", "update"} <= set(resources[f"{plural}/status"]["verbs"])


@pytest.mark.parametrize(("plural", "spec"), [("flowschemas", SCHEMA), ("prioritylevelconfigurations", LEVEL)])
async def test_every_operation_works(plural: str, spec: dict[str, Any]) -> None:
    path = f"{ROOT}/v1/{plural}"
    async with api_server() as api, api.watch(path, labelSelector="example-e2e-run=1") as watch:
        created = await api.post(path, {"metadata": {"generateName": "e2e-", "labels": LABELS}, "spec": spec})
        assert created.status == 201, created.body
        name = created.json()["metadata"]["name"]
        assert (await watch.next())["type"] == "ADDED"
        assert (await api.get(f"{path}/{name}")).json()["metadata"]["uid"] == created.json()["metadata"]["uid"]
        assert await names(api, path) == [name]

        patched = await api.patch(f"{path}/{name}", {"metadata": {"annotations": {"patched": "true"}}})
        assert patched.json()["metadata"]["annotations"]["patched"] == "true"
        present = (await api.get(f"{path}/{name}")).json()
        present["metadata"]["annotations"]["updated"] = "true"
        updated = await api.put(f"{path}/{name}", present)
        while updated.status == 409:
            present["metadata"]["resourceVersion"] = (await api.get(f"{path}/{name}")).json()["metadata"][
                "resourceVersion"
            ]
            updated = await api.put(f"{path}/{name}", present)
        assert updated.json()["metadata"]["annotations"]["updated"] == "true"

        condition = {"type": "PatchStatusFailed", "status": "False", "reason": "e2e", "message": ""}
        told = await api.patch(f"{path}/{name}/status", {"status": {"conditions": [condition]}})
        assert told.status == 200, told.body
        assert "PatchStatusFailed" in [one["type"] for one in told.json()["status"]["conditions"]]
        assert told.json()["spec"] == updated.json()["spec"]
        assert (await api.get(f"{path}/{name}/status")).status == 200

        assert (await api.delete(f"{path}/{name}")).status == 200
        assert (await api.get(f"{path}/{name}")).status == 404
        for _ in range(2):
            assert (
                await api.post(path, {"metadata": {"generateName": "e2e-", "labels": LABELS}, "spec": spec})
            ).status == 201
        assert (await api.request("DELETE", path, query={"labelSelector": "example-e2e-run=1"})).status == 200
        assert await names(api, path) == []
        while (event := await watch.next())["type"] != "DELETED":
            assert event["type"] in ("ADDED", "MODIFIED")

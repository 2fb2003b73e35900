"""Evictions of pods that change at the worst moment."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.apiserver.handlers import eviction
from tests.apienv import ApiEnv

PODS = "/api/v1/namespaces/default/pods"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
READY = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
EVICT = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}}


async def prepare(api: ApiEnv, monkeypatch: pytest.MonkeyPatch, phase: str, times: int = 1) -> None:
    """A pod in this phase, whose budget lets it go while it is not ready; it becomes ready just after that was decided."""
    await api.post("/api/v1/namespaces", {"metadata": {"name": "default"}})
    await api.post(PODS, {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})
    await api.patch(f"{PODS}/p/status", {"status": {"phase": phase}})
    spec = {"minAvailable": 1, "selector": {}, "unhealthyPodEvictionPolicy": "AlwaysAllow"}
    await api.post(BUDGETS, {"metadata": {"name": "b"}, "spec": spec})
    counted = {"observedGeneration": 1, "currentHealthy": 0, "desiredHealthy": 1, "expectedPods": 1}
    await api.patch(f"{BUDGETS}/b/status", {"status": {**counted, "disruptionsAllowed": 0}})
    await api.registry.cache.fresh()
    permit, left = eviction.permit, [times]

    async def decide(*args: Any, **options: Any) -> Any:
        found = await permit(*args, **options)
        if left[0]:
            left[0] -= 1
            await api.patch(f"{PODS}/p/status", READY)
        return found

    monkeypatch.setattr(eviction, "permit", decide)


async def test_a_pod_that_has_become_ready_is_protected_again(api: ApiEnv, monkeypatch: pytest.MonkeyPatch) -> None:
    await prepare(api, monkeypatch, "Running")
    refused = await api.post(f"{PODS}/p/eviction", EVICT)
    (cause,) = refused.json()["details"]["causes"]
    assert (refused.status, cause["message"]) == (
        429,
        "The disruption budget b is still being processed by the server.",
    )
    again = await api.post(f"{PODS}/p/eviction", EVICT)
    (cause,) = again.json()["details"]["causes"]
    assert cause["message"] == "The disruption budget b needs 1 healthy pods and has 0 currently"
    assert (await api.get(f"{PODS}/p")).status == 200


async def test_a_pod_that_has_started_is_looked_at_again(api: ApiEnv, monkeypatch: pytest.MonkeyPatch) -> None:
    await prepare(api, monkeypatch, "Pending")
    refused = await api.post(f"{PODS}/p/eviction", EVICT)
    (cause,) = refused.json()["details"]["causes"]
    assert cause["message"] == "The disruption budget b needs 1 healthy pods and has 0 currently"


async def test_a_client_that_insists_on_a_version_is_told_of_another(
    api: ApiEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    await prepare(api, monkeypatch, "Pending")
    version = (await api.get(f"{PODS}/p")).json()["metadata"]["resourceVersion"]
    body = {**EVICT, "deleteOptions": {"preconditions": {"resourceVersion": version}}}
    refused = await api.post(f"{PODS}/p/eviction", body)
    assert refused.status == 409
    assert f"the ResourceVersion in the precondition ({version}) does not match" in refused.json()["message"]

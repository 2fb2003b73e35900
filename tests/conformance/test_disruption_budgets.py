"""Budgets of disruptions: as objects, their status, and evictions that they block until they allow them."""

from __future__ import annotations

from typing import Any

from tests.conformance.harness import namespace
from tests.conformance.lab import PODS, Lab, condition, lab, name, template

BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
NAME = "disruption-controller"
LABELS = {"foo": "bar"}


def budget(called: str = "foo", **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": called, "labels": {"policy": "e2e"}},
        "spec": {"selector": {"matchLabels": LABELS}, **spec},
    }


async def with_pods(it: Lab, count: int) -> None:
    for number in range(count):
        metadata = {"name": f"pod-{number}", "namespace": "default", "labels": LABELS}
        await it.post(PODS, {"metadata": metadata, "spec": template(LABELS)["spec"]})
    await it.until_pods(lambda pods: [bool(condition(pod, "Ready")) for pod in pods] == [True] * count)


async def allowed(it: Lab, count: int) -> Any:
    """The budget as soon as its last change is seen and it allows so many disruptions."""

    def fine(one: Any) -> bool:
        status = one["status"]
        seen = status.get("observedGeneration") == one["metadata"]["generation"]
        return seen and status["disruptionsAllowed"] == count

    return await it.until(f"{BUDGETS}/foo", fine)


async def evict(it: Lab, called: str) -> tuple[int, Any]:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": called, "namespace": "default"}}
    reply = await it.world.api.post(f"{PODS}/{called}/eviction", body)
    return reply.status, reply.json()


async def test_for_all_namespaces_should_list_and_delete_a_collection_of_poddisruptionbudgets() -> None:
    """Budgets are found in all namespaces by their labels; those of one namespace go together.

    [sig-apps] DisruptionController Listing PodDisruptionBudgets for all namespaces should list and delete a collection
    of PodDisruptionBudgets [Conformance]
    """
    async with lab(NAME) as it:
        await namespace(it.world.api, "other")
        others = BUDGETS.replace("default", "other")
        for path, called in ((BUDGETS, "foo"), (BUDGETS, "foo2"), (others, "foo3")):
            await it.post(path, budget(called, minAvailable=2))
        everywhere = "/apis/policy/v1/poddisruptionbudgets"
        found = await it.items(everywhere, "policy=e2e")
        assert sorted(map(name, found)) == ["foo", "foo2", "foo3"]
        assert len(await it.items(BUDGETS)) == 2
        await it.good("DELETE", BUDGETS, labelSelector="policy=e2e")
        assert [name(one) for one in await it.items(everywhere, "policy=e2e")] == ["foo3"]


async def test_should_block_an_eviction_until_the_pdb_is_updated_to_allow_it() -> None:
    """An eviction is refused while the budget needs the pod, and granted when the budget is updated or gone.

    [sig-apps] DisruptionController should block an eviction until the PDB is updated to allow it [Conformance]
    """
    async with lab(NAME) as it:
        await it.post(BUDGETS, budget(minAvailable=3))
        await with_pods(it, 3)
        await it.until(f"{BUDGETS}/foo", lambda one: one["status"].get("currentHealthy") == 3)
        code, refused = await evict(it, "pod-0")
        assert (code, refused["reason"]) == (429, "TooManyRequests")
        assert refused["message"] == "Cannot evict pod as it would violate the pod's disruption budget."
        (cause,) = refused["details"]["causes"]
        told = "The disruption budget foo needs 3 healthy pods and has 3 currently"
        assert cause == {"reason": "DisruptionBudget", "message": told}
        await it.update(f"{BUDGETS}/foo", lambda one: one["spec"].update(minAvailable=2))
        await allowed(it, 1)
        code, answer = await evict(it, "pod-0")
        assert (code, answer["status"]) == (201, "Success")
        await it.absent(f"{PODS}/pod-0")
        await it.patch(f"{BUDGETS}/foo", {"spec": {"minAvailable": None, "maxUnavailable": 0}}, "merge")
        await allowed(it, 0)
        assert (await evict(it, "pod-1"))[0] == 429
        await it.delete(f"{BUDGETS}/foo")
        await it.absent(f"{BUDGETS}/foo")
        assert (await evict(it, "pod-1"))[0] == 201
        await it.absent(f"{PODS}/pod-1")


async def test_disruptioncontroller_should_create_a_poddisruptionbudget() -> None:
    """A budget is created, updated, patched and deleted; each change is seen by the controller.

    [sig-apps] DisruptionController should create a PodDisruptionBudget [Conformance]
    """
    async with lab(NAME) as it:
        path = f"{BUDGETS}/foo"
        made = await it.post(BUDGETS, budget(minAvailable="1%"))
        assert made["spec"] == {"minAvailable": "1%", "selector": {"matchLabels": LABELS}}
        await allowed(it, 0)
        await it.update(path, lambda one: one["spec"].update(minAvailable="2%"))
        assert (await allowed(it, 0))["spec"]["minAvailable"] == "2%"
        patched = await it.patch(path, {"spec": {"minAvailable": "3%"}})
        assert (patched["spec"]["minAvailable"], patched["metadata"]["generation"]) == ("3%", 3)
        await allowed(it, 0)
        await it.delete(path)
        assert (await it.call("GET", path))[0] == 404


async def test_disruptioncontroller_should_observe_poddisruptionbudget_status_updated() -> None:
    """The status says how many disruptions are allowed once the pods are there, and which condition holds.

    [sig-apps] DisruptionController should observe PodDisruptionBudget status updated [Conformance]
    """
    async with lab(NAME) as it:
        await it.post(BUDGETS, budget(minAvailable=1))
        none = condition(await allowed(it, 0), "DisruptionAllowed", "False")
        assert none["reason"] == "InsufficientPods"
        await with_pods(it, 3)
        status = (found := await allowed(it, 2))["status"]
        assert (status["currentHealthy"], status["desiredHealthy"], status["expectedPods"]) == (3, 1, 3)
        assert condition(found, "DisruptionAllowed")["reason"] == "SufficientPods"


async def test_disruptioncontroller_should_update_patch_poddisruptionbudget_status() -> None:
    """Disrupted pods are put into the status by an update and taken out by a patch.

    [sig-apps] DisruptionController should update/patch PodDisruptionBudget status [Conformance]
    """
    async with lab(NAME) as it:
        path = f"{BUDGETS}/foo"
        await it.post(BUDGETS, budget(minAvailable=1))
        await with_pods(it, 1)
        now = (await it.get(f"{PODS}/pod-0"))["metadata"]["creationTimestamp"]
        await it.until(path, lambda one: one["status"].get("currentHealthy") == 1)
        await it.update(path, lambda one: one["status"].update(disruptedPods={"pod-0": now}), "/status")
        updated = await it.get(f"{path}/status")
        assert updated["status"]["disruptedPods"] == {"pod-0": now}
        patched = await it.patch(f"{path}/status", {"status": {"disruptedPods": None}}, "merge")
        assert "disruptedPods" not in patched["status"]

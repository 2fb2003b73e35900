"""Deletion: at once, with preconditions, finalizers, grace, collections, namespaces."""

from __future__ import annotations

from tests.apienv import ApiEnv
from tests.integration.apiserver.objects import MAPS, PODS, config_map, pod


async def test_a_deletion_answers_with_a_status_that_names_the_object(api: ApiEnv) -> None:
    uid = (await api.post(MAPS, config_map("a"))).json()["metadata"]["uid"]
    reply = await api.delete(f"{MAPS}/a")
    assert reply.json()["status"] == "Success"
    assert reply.json()["details"] == {"name": "a", "kind": "configmaps", "uid": uid}
    assert (await api.get(f"{MAPS}/a")).status == 404
    assert (await api.delete(f"{MAPS}/a")).status == 404


async def test_preconditions_must_hold(api: ApiEnv) -> None:
    await api.post(MAPS, config_map("a"))
    for precondition in ({"uid": "other"}, {"resourceVersion": "1"}):
        reply = await api.delete(
            f"{MAPS}/a", {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": precondition}
        )
        assert (reply.status, reply.json()["reason"]) == (409, "Conflict")
        assert "Precondition failed" in reply.json()["message"]
    assert (await api.get(f"{MAPS}/a")).status == 200


async def test_a_finalizer_holds_an_object_until_it_is_removed(api: ApiEnv) -> None:
    body = config_map("a")
    body["metadata"]["finalizers"] = ["example.com/hold"]
    await api.post(MAPS, body)
    marked = await api.delete(f"{MAPS}/a")
    assert marked.status == 200 and marked.json()["metadata"]["deletionTimestamp"]
    added = await api.patch(f"{MAPS}/a", {"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}})
    assert added.status == 422 and "no new finalizers can be added" in added.json()["message"]
    assert (await api.patch(f"{MAPS}/a", {"metadata": {"finalizers": None}})).status == 200
    assert (await api.get(f"{MAPS}/a")).status == 404


async def test_propagation_policies_become_finalizers(api: ApiEnv) -> None:
    for policy, finalizer in (("Foreground", "foregroundDeletion"), ("Orphan", "orphan")):
        name = policy.lower()
        await api.post(MAPS, config_map(name))
        reply = await api.delete(f"{MAPS}/{name}", {"propagationPolicy": policy})
        assert reply.json()["metadata"]["finalizers"] == [finalizer]
    await api.post(MAPS, config_map("x"))
    assert (await api.delete(f"{MAPS}/x", query={"propagationPolicy": "Sideways"})).status == 422
    both = await api.delete(f"{MAPS}/x", {"propagationPolicy": "Orphan", "orphanDependents": True})
    assert both.status == 422


async def test_a_scheduled_pod_is_deleted_gracefully_and_then_for_good(api: ApiEnv) -> None:
    await api.post(PODS, pod("p", nodeName="n"))
    first = (await api.delete(f"{PODS}/p")).json()["metadata"]
    assert first["deletionGracePeriodSeconds"] == 30
    shorter = (await api.delete(f"{PODS}/p", {"gracePeriodSeconds": 5})).json()["metadata"]
    assert shorter["deletionGracePeriodSeconds"] == 5
    assert shorter["deletionTimestamp"] < first["deletionTimestamp"]
    assert (await api.delete(f"{PODS}/p", {"gracePeriodSeconds": 0})).status == 200
    assert (await api.get(f"{PODS}/p")).status == 404


async def test_a_collection_is_deleted_by_selector(api: ApiEnv) -> None:
    for number in range(5):
        body = config_map(f"m{number}")
        body["metadata"]["labels"] = {"odd": str(number % 2)}
        await api.post(MAPS, body)
    assert (await api.delete(MAPS, query={"labelSelector": "odd=1"})).status == 200
    names = [item["metadata"]["name"] for item in (await api.get(MAPS)).json()["items"]]
    assert [name for name in names if name.startswith("m")] == ["m0", "m2", "m4"]


async def test_a_namespace_that_goes_has_no_period_of_grace(api: ApiEnv) -> None:
    metadata = (await api.delete("/api/v1/namespaces/test")).json()["metadata"]
    assert metadata["deletionTimestamp"] and "deletionGracePeriodSeconds" not in metadata


async def test_a_namespace_goes_when_its_finalizer_is_removed(api: ApiEnv) -> None:
    path = "/api/v1/namespaces/test"
    marked = (await api.delete(path)).json()
    assert marked["status"]["phase"] == "Terminating" and marked["metadata"]["deletionTimestamp"]
    assert (await api.post(MAPS, config_map("late"))).status == 403
    marked["spec"]["finalizers"] = []
    assert (await api.put(f"{path}/finalize", marked)).status == 200
    assert (await api.get(path)).status == 404


async def test_preconditions_hold_for_each_object_of_a_collection(api: ApiEnv):
    made = [(await api.post(MAPS, config_map(name))).json() for name in ("a", "b")]
    wrong = await api.delete(MAPS, {"preconditions": {"uid": "nobody"}})
    assert (wrong.status, wrong.json()["details"]) == (409, {"name": "a", "kind": "configmaps"})
    assert "Precondition failed: UID in precondition: nobody, UID in object meta:" in wrong.json()["message"]
    old = await api.delete(MAPS, {"preconditions": {"resourceVersion": "1"}})
    assert (old.status, len((await api.get(MAPS)).json()["items"])) == (409, 2)
    one = {"preconditions": {"uid": made[0]["metadata"]["uid"]}}
    assert (await api.delete(MAPS, one, query={"fieldSelector": "metadata.name=a"})).status == 200
    assert [left["metadata"]["name"] for left in (await api.get(MAPS)).json()["items"]] == ["b"]


async def test_what_a_collection_leaves_to_its_dependents_is_said_once_for_all(api: ApiEnv):
    for name in ("a", "b"):
        await api.post(MAPS, config_map(name))
    assert (await api.delete(MAPS, {"propagationPolicy": "Orphan"})).status == 200
    waiting = [one["metadata"] for one in (await api.get(MAPS)).json()["items"]]
    assert [(one["name"], one["finalizers"]) for one in waiting] == [("a", ["orphan"]), ("b", ["orphan"])]
    assert all(one["deletionTimestamp"] for one in waiting)
    unknown = await api.delete(MAPS, {"propagationPolicy": "Sometimes"})
    assert (unknown.status, unknown.json()["details"]["causes"][0]["field"]) == (422, "propagationPolicy")

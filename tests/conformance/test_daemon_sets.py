"""Daemon sets on three nodes: where they run, updates, roll-backs, failed pods, and the revisions they leave."""

from __future__ import annotations

from typing import Any

from tests.conformance.lab import (
    APPS,
    NODES,
    PODS,
    Lab,
    controller_of,
    ended,
    image_patch,
    lab,
    name,
    no_image,
    running,
    status_endpoints,
    template,
)

SETS, REVISIONS = f"{APPS}/daemonsets", f"{APPS}/controllerrevisions"
NAME = "daemonset-controller"
LABELS = {"daemonset-name": "daemon-set"}
HASH = "controller-revision-hash"
BAD = "foo:non-existent"


def daemon_set(called: str = "daemon-set", **spec: Any) -> dict[str, Any]:
    wanted = {"selector": {"matchLabels": LABELS}, "template": template(LABELS), **spec}
    return {"metadata": {"name": called, "labels": LABELS}, "spec": wanted}


async def started(it: Lab, *nodes: str, **spec: Any) -> list[Any]:
    """A new set's pods as soon as they are ready on these nodes."""
    await it.post(SETS, daemon_set(**spec))
    return await on(it, *nodes)


async def on(it: Lab, *nodes: str) -> list[Any]:
    """The pods as soon as they are ready on just these nodes, and the status says so."""
    found = await it.until_pods(lambda pods: sorted(pod["spec"].get("nodeName", "") for pod in pods) == sorted(nodes))
    await it.until(f"{SETS}/daemon-set", lambda one: numbers(one) == [len(nodes)] * 4)
    return found


def numbers(one: Any) -> list[int]:
    names = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "numberAvailable")
    return [one["status"].get(name, 0) for name in names]


def images(pods: list[Any]) -> list[str]:
    return sorted(pod["spec"]["containers"][0]["image"] for pod in pods)


async def revisions(it: Lab, count: int, label: str = "") -> list[Any]:
    """The revisions, in order, as soon as there are so many."""
    query = {"labelSelector": label} if label else {}
    found = await it.until(REVISIONS, lambda all_: len(all_["items"]) == count, **query)
    return sorted(found["items"], key=lambda one: one["revision"])


async def test_controllerrevision_should_manage_the_lifecycle_of_a_controllerrevision() -> None:
    """Revisions are listed, patched, created, updated and deleted; the set goes on counting from the highest number.

    [sig-apps] ControllerRevision [Serial] should manage the lifecycle of a ControllerRevision [Conformance]
    """
    async with lab(NAME, nodes=3) as it:
        await started(it, *NODES)
        made = (await it.items("/apis/apps/v1/daemonsets", "daemonset-name=daemon-set"))[0]
        (first,) = await it.items("/apis/apps/v1/controllerrevisions", "daemonset-name=daemon-set")
        assert (first["revision"], first["metadata"]["ownerReferences"][0]["uid"]) == (1, made["metadata"]["uid"])
        path = f"{REVISIONS}/{name(first)}"
        patched = await it.patch(path, {"metadata": {"labels": {name(first): "patched"}}})
        assert patched["metadata"]["labels"][name(first)] == "patched"
        second = {"name": "e2e-second", "labels": LABELS, "ownerReferences": first["metadata"]["ownerReferences"]}
        await it.post(REVISIONS, {"metadata": second, "data": first["data"], "revision": first["revision"] + 1})
        await revisions(it, 2, "daemonset-name=daemon-set")
        status, refused = await it.call("PUT", path, {**patched, "data": {"changed": True}})
        assert (status, refused["reason"]) == (422, "Invalid") and "field is immutable" in refused["message"]
        await it.delete(path)
        await revisions(it, 1, "daemonset-name=daemon-set")
        updated = await it.update(f"{REVISIONS}/e2e-second", lambda one: one["metadata"]["labels"].update(updated="it"))
        assert updated["metadata"]["labels"] == updated["metadata"]["labels"] | {**LABELS, "updated": "it"}
        changed = {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 7}}}}
        await it.patch(f"{SETS}/daemon-set", changed)
        await revisions(it, 2, "daemonset-name=daemon-set")
        await it.good("DELETE", REVISIONS, labelSelector="updated=it")
        (last,) = await revisions(it, 1, "daemonset-name=daemon-set")
        assert (last["revision"], controller_of(last)) == (3, "daemon-set")


async def test_daemon_set_should_list_and_delete_a_collection_of_daemonsets() -> None:
    """The set is found in all namespaces by its labels, and goes by them.

    [sig-apps] Daemon set [Serial] should list and delete a collection of DaemonSets [Conformance]
    """
    async with lab(NAME, nodes=3) as it:
        await started(it, *NODES)
        (found,) = await it.items("/apis/apps/v1/daemonsets", "daemonset-name=daemon-set")
        assert found["metadata"]["labels"] == LABELS
        await it.good("DELETE", SETS, {"gracePeriodSeconds": 0}, labelSelector="daemonset-name=daemon-set")
        assert await it.items("/apis/apps/v1/daemonsets", "daemonset-name=daemon-set") == []


async def test_daemon_set_should_retry_creating_failed_daemon_pods() -> None:
    """A failed pod is deleted and another one takes its place, on the same node.

    [sig-apps] Daemon set [Serial] should retry creating failed daemon pods [Conformance]
    """
    async with lab(NAME, nodes=3) as it:
        pods = await started(it, *NODES)
        it.report = lambda pod: ended(pod, 1) if name(pod) == name(pods[0]) else running(pod)
        await it.again()
        await it.absent(f"{PODS}/{name(pods[0])}")
        new = await on(it, *NODES)
        assert {name(pod) for pod in pods} - {name(pod) for pod in new} == {name(pods[0])}
        node = pods[0]["spec"]["nodeName"]
        message = f"Found failed daemon pod default/{name(pods[0])} on node {node}, will try to kill it"
        await it.told("FailedDaemonPod", message)


async def test_daemon_set_should_rollback_without_unnecessary_restarts() -> None:
    """A roll-back in the middle of a rollout replaces only the pods that were new.

    [sig-apps] Daemon set [Serial] should rollback without unnecessary restarts [Conformance]
    """

    def report(pod: Any) -> Any:
        return no_image(pod) if pod["spec"]["containers"][0]["image"] == BAD else running(pod)

    async with lab(NAME, nodes=3, report=report) as it:
        old = await started(it, *NODES, updateStrategy={"type": "RollingUpdate"})
        await it.patch(f"{SETS}/daemon-set", image_patch(BAD))
        stuck = await it.until_pods(lambda pods: images(pods) == [BAD, "httpd:1", "httpd:1"])
        kept = {name(pod) for pod in stuck} & {name(pod) for pod in old}
        await it.patch(f"{SETS}/daemon-set", image_patch("httpd:1"))
        await it.until_pods(lambda pods: images(pods) == ["httpd:1"] * 3)
        after = {name(pod) for pod in await on(it, *NODES)}
        assert (len(kept), kept <= after) == (2, True)
        first, second = await revisions(it, 2)
        assert (first["revision"], second["revision"]) == (2, 3)  # the old template's revision came to the front


async def test_daemon_set_should_run_and_stop_complex_daemon() -> None:
    """The pods follow the labels of nodes, and the set's own selector of nodes.

    [sig-apps] Daemon set [Serial] should run and stop complex daemon [Conformance]
    """
    async with lab(NAME, nodes=3) as it:
        node = "/api/v1/nodes/node-1"
        await started(it, template=template(LABELS, nodeSelector={"color": "blue"}))
        await it.patch(node, {"metadata": {"labels": {"color": "blue"}}})
        await on(it, "node-1")
        await it.patch(node, {"metadata": {"labels": {"color": "green"}}})
        await on(it)
        spec = {"template": {"spec": {"nodeSelector": {"color": "green"}}}, "updateStrategy": {"type": "RollingUpdate"}}
        await it.patch(f"{SETS}/daemon-set", {"spec": spec})
        await on(it, "node-1")


async def test_daemon_set_should_run_and_stop_simple_daemon() -> None:
    """Every node has one pod; a pod that is deleted comes again.

    [sig-apps] Daemon set [Serial] should run and stop simple daemon [Conformance]
    """
    async with lab(NAME, nodes=3) as it:
        pods = await started(it, *NODES)
        await it.delete(f"{PODS}/{name(pods[0])}")
        await it.absent(f"{PODS}/{name(pods[0])}")
        new = await on(it, *NODES)
        assert len({name(pod) for pod in new} - {name(pod) for pod in pods}) == 1


async def test_update_pod_when_spec_was_updated_and_update_strategy_is_rollingupdate() -> None:
    """The pods change to the new image, one node after the other; each revision has its hash, and the pods have it.

    [sig-apps] Daemon set [Serial] should update pod when spec was updated and update strategy is RollingUpdate
    [Conformance]
    """
    async with lab(NAME, nodes=3) as it:
        pods = await started(it, *NODES, updateStrategy={"type": "RollingUpdate"})
        (first,) = await revisions(it, 1)
        assert {hash_of(pod) for pod in pods} == {hash_of(first)}
        it.log.clear()
        await it.patch(f"{SETS}/daemon-set", image_patch("httpd:2"))
        await it.until_pods(lambda found: images(found) == ["httpd:2"] * 3)
        new = await on(it, *NODES)
        first, second = await revisions(it, 2)
        assert (first["revision"], second["revision"]) == (1, 2)
        assert {hash_of(pod) for pod in new} == {hash_of(second)} != {hash_of(first)}
        assert [what for what, _ in it.log] == ["deleted", "added", "ready"] * 3
        assert (await it.get(f"{SETS}/daemon-set"))["status"]["updatedNumberScheduled"] == 3


def hash_of(obj: Any) -> str:
    return str(obj["metadata"]["labels"][HASH])


async def test_daemon_set_should_verify_changes_to_a_daemon_set_status() -> None:
    """Conditions go into the status by update and patch, and are seen by who reads and watches.

    [sig-apps] Daemon set [Serial] should verify changes to a daemon set status [Conformance]
    """
    async with lab(NAME, nodes=3) as it:
        await started(it, *NODES)
        await status_endpoints(it, f"{SETS}/daemon-set")

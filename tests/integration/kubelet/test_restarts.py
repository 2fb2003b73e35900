"""What happens to pods when the kubelet or the runtime goes away and comes back."""

from __future__ import annotations

import os
import signal

from tests.integration.kubelet.node import NODE, PODS, TestNode


def running(status):
    return status["phase"] == "Running"


def identity(status):
    item = status["containerStatuses"][0]
    return item["containerID"], item["restartCount"]


async def test_a_new_kubelet_takes_over_running_pods_without_touching_them(node: TestNode):
    await node.create("steady")
    before = await node.until("steady", running)
    await node.abort()
    await node.start()
    await node.create("next")
    await node.until("next", running)
    assert identity((await node.get("steady"))["status"]) == identity(before)


async def test_a_pod_deleted_while_the_kubelet_was_away_is_removed_when_it_is_back(node: TestNode):
    for name in ("graceful", "forced"):
        await node.create(name)
        await node.until(name, running)
    await node.abort()
    await node.delete("graceful")
    await node.api.delete(f"{PODS}/forced", {"gracePeriodSeconds": 0})
    await node.start()
    await node.gone("graceful")

    async def nothing_runs():
        return not node.runtime_names()

    await node.eventually(nothing_runs)


async def test_a_container_that_died_while_the_kubelet_was_away_is_restarted(node: TestNode):
    await node.create("web")
    before = await node.until("web", running)
    await node.abort()
    os.kill(node.pid(identity(before)[0].removeprefix("containerd://")), signal.SIGKILL)
    await node.start()
    after = await node.until("web", lambda s: s["containerStatuses"][0]["restartCount"] == 1)
    assert after["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 137


async def test_pods_outlive_the_death_of_the_runtime(node: TestNode):
    await node.create("steady")
    before = await node.until("steady", running)
    node.containerd.kill()
    node.containerd.start(images=False)
    await node.create("next")
    await node.until("next", running, 40)
    assert identity((await node.get("steady"))["status"]) == identity(before)


async def test_a_deleted_node_object_is_registered_again(node: TestNode):
    await node.api.delete(f"/api/v1/nodes/{NODE}")

    async def is_back():
        return (await node.api.get(f"/api/v1/nodes/{NODE}")).status == 200

    await node.eventually(is_back, 30)


async def test_the_node_has_a_lease_that_names_it(node: TestNode):
    async def lease():
        reply = await node.api.get(f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{NODE}")
        return reply.json() if reply.status == 200 else None

    spec = (await node.eventually(lease))["spec"]
    assert (spec["holderIdentity"], spec["leaseDurationSeconds"]) == (NODE, 40)

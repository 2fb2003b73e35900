"""DaemonSets keep one pod on each node, on a real API server."""

from __future__ import annotations

import functools
from typing import Any

from tests.integration.controllers.manager import World, eventually, running
from tests.integration.controllers.workloads import APPS, CORE, finish, gone, image_patch, images, template

SETS = f"{APPS}/daemonsets"
NAME = "daemonset-controller"
NODES = "/api/v1/nodes"


def daemon_set(**spec: Any) -> dict[str, Any]:
    wanted = {"selector": {"matchLabels": {"app": "web"}}, "template": template()}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "web"}, "spec": wanted | spec}


async def nodes(world: World, *names: str, **labels: str) -> None:
    for name in names:
        await world.create(NODES, {"metadata": {"name": name, "labels": labels}})
        await world.merge(f"{NODES}/{name}", {"spec": {"taints": None}})  # a new node is tainted as not ready


async def bind(world: World) -> None:
    """What the scheduler does: each pod goes where its affinity says."""
    for pod in await world.pods():
        if not pod["spec"].get("nodeName"):
            binding = {"metadata": {"name": pod["metadata"]["name"]}, "target": {"kind": "Node", "name": target(pod)}}
            reply = await world.api.post(f"{CORE}/pods/{pod['metadata']['name']}/binding", binding)
            assert reply.status == 201, reply.body


def target(pod: Any) -> str:
    affinity = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    (field,) = affinity["nodeSelectorTerms"][0]["matchFields"]
    return str(field["values"][0])


async def on(world: World, *wanted: str) -> bool:
    assert sorted(target(pod) for pod in await world.pods()) == sorted(wanted)
    return True


async def settled(world: World, count: int, image: str = "one") -> bool:
    found = await world.get(f"{SETS}/web")
    status = found["status"]
    assert status.get("observedGeneration") == found["metadata"]["generation"]
    names = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "numberAvailable",
        "updatedNumberScheduled",
    )
    assert [status.get(name, 0) for name in names] == [count] * 5
    assert images(await world.pods()) == [image] * count
    return True


async def test_daemon_set_runs_and_stops_a_simple_daemon_on_each_node():
    async with running(NAME, kubelet=True) as world:
        await nodes(world, "a", "b")
        await world.create(SETS, daemon_set())
        await eventually(lambda: settled(world, 2))
        pod = (await world.pods())[0]
        labels = pod["metadata"]["labels"]
        revision = (await world.items(f"{APPS}/controllerrevisions"))[0]
        assert labels["controller-revision-hash"] == revision["metadata"]["labels"]["controller-revision-hash"]
        assert labels["pod-template-generation"] == "1"
        keys = {toleration["key"] for toleration in pod["spec"]["tolerations"]}
        assert "node.kubernetes.io/unschedulable" in keys and "node.kubernetes.io/disk-pressure" in keys
        await world.delete(f"{CORE}/pods/{pod['metadata']['name']}")
        await eventually(lambda: settled(world, 2))
        await nodes(world, "c")
        await eventually(lambda: on(world, "a", "b", "c"))
        await world.delete(f"{NODES}/c")
        await eventually(lambda: on(world, "a", "b"))


async def test_daemon_set_follows_node_labels_and_taints():
    async with running(NAME, kubelet=True) as world:
        await nodes(world, "a", "b", color="blue")
        await world.create(SETS, daemon_set(template=template(nodeSelector={"color": "green"})))
        await eventually(lambda: settled(world, 0))
        await world.merge(f"{NODES}/a", {"metadata": {"labels": {"color": "green"}}})
        await eventually(lambda: on(world, "a"))
        await world.merge(f"{NODES}/b", {"metadata": {"labels": {"color": "green"}}})
        await eventually(lambda: on(world, "a", "b"))
        taints = [{"key": "team", "value": "x", "effect": "NoExecute"}]
        await world.merge(f"{NODES}/a", {"spec": {"taints": taints}})
        await eventually(lambda: on(world, "b"))
        await world.merge(f"{NODES}/b", {"metadata": {"labels": {"color": "blue"}}})
        await eventually(lambda: settled(world, 0))


async def test_daemon_set_retries_creating_failed_daemon_pods():
    async with running(NAME) as world:
        await nodes(world, "a")
        await world.create(SETS, daemon_set())
        await eventually(lambda: on(world, "a"))
        failed = (await world.pods())[0]["metadata"]["name"]
        await finish(world, failed, "Failed", 1)

        async def replaced() -> bool:
            found = await world.pods()
            return len(found) == 1 and found[0]["metadata"]["name"] != failed

        await eventually(replaced)

        async def told() -> bool:
            message = f"Found failed daemon pod default/{failed} on node a, will try to kill it"
            return await world.events("FailedDaemonPod") == [message]

        await eventually(told)


async def test_daemon_set_updates_pods_when_the_strategy_is_rolling_update():
    async with running(NAME, kubelet=True) as world:
        await nodes(world, "a", "b", "c")
        await world.create(SETS, daemon_set())
        await eventually(lambda: settled(world, 3))
        await world.merge(f"{SETS}/web", image_patch("two"))
        await eventually(lambda: settled(world, 3, "two"))
        assert len(await world.items(f"{APPS}/controllerrevisions")) == 2


async def test_daemon_set_rolls_back_without_unnecessary_restarts():
    async with running(NAME) as world:
        await nodes(world, "a", "b", "c")
        await world.create(SETS, daemon_set())
        await eventually(lambda: on(world, "a", "b", "c"))
        for pod in await world.pods():
            await world.make_ready(pod)
        await eventually(lambda: settled(world, 3))
        before = {pod["metadata"]["uid"] for pod in await world.pods()}
        await world.merge(f"{SETS}/web", image_patch("broken"))

        async def one_is_broken() -> bool:
            return sorted(images(await world.pods())) == ["broken", "one", "one"]

        await eventually(one_is_broken)
        await world.merge(f"{SETS}/web", image_patch("one"))

        async def back() -> bool:
            return images(await world.pods()) == ["one"] * 3

        await eventually(back)
        assert len(before & {pod["metadata"]["uid"] for pod in await world.pods()}) == 2
        revisions = await world.items(f"{APPS}/controllerrevisions")
        assert sorted(revision["revision"] for revision in revisions) == [2, 3]


async def test_daemon_set_surges_before_it_deletes():
    async with running(NAME) as world:
        await nodes(world, "a")
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
        await world.create(SETS, daemon_set(updateStrategy=strategy))
        await eventually(lambda: on(world, "a"))
        await world.make_ready((await world.pods())[0])
        await eventually(lambda: settled(world, 1))
        await world.merge(f"{SETS}/web", image_patch("two"))
        await eventually(lambda: on(world, "a", "a"))
        old, new = sorted(await world.pods(), key=lambda pod: images([pod]))
        await bind(world)
        await world.make_ready(new)
        await eventually(lambda: on(world, "a"))
        await gone(world, old["metadata"]["name"])
        await eventually(functools.partial(settled, world, 1, "two"))


async def test_daemon_set_on_delete_waits_and_orphans_are_adopted_again():
    async with running(NAME, "garbage-collector-controller", kubelet=True) as world:
        await nodes(world, "a", "b")
        await world.create(SETS, daemon_set(updateStrategy={"type": "OnDelete"}))
        await eventually(lambda: settled(world, 2))
        uids = {pod["metadata"]["uid"] for pod in await world.pods()}
        await world.delete(f"{SETS}/web", {"propagationPolicy": "Orphan"})

        async def left() -> bool:
            return await world.get(f"{SETS}/web") is None

        await eventually(left)
        await world.create(SETS, daemon_set(updateStrategy={"type": "OnDelete"}))
        await eventually(lambda: settled(world, 2))
        assert {pod["metadata"]["uid"] for pod in await world.pods()} == uids
        await world.merge(f"{SETS}/web", image_patch("two"))

        async def noticed() -> bool:
            status = (await world.get(f"{SETS}/web"))["status"]
            return status["observedGeneration"] == 2 and not status.get("updatedNumberScheduled")

        await eventually(noticed)
        assert images(await world.pods()) == ["one", "one"]

"""Simulated nodes do what real ones do, as the API shows it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kubelite.cmd.simulate.fleet import first_error
from kubelite.cmd.simulate.nodes import LOST, MARK
from kubelite.cmd.simulate.script import PREFIX
from tests.integration.controllers.manager import World, eventually
from tests.integration.controllers.workloads import APPS, BATCH, CORE, template
from tests.integration.simulate.cluster import join, make, simulated

NODES = "/api/v1/nodes"


def deployment(replicas: int, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "web"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template(**spec)},
    }


def bare(name: str, node: str = "hollow-0", annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    made: dict[str, Any] = template(**spec)["spec"]
    return {
        "metadata": {"name": name, "annotations": {PREFIX + k: v for k, v in (annotations or {}).items()}},
        "spec": {"nodeName": node, **made},
    }


def ready(pod: dict[str, Any]) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))


async def pod(world: World, name: str) -> Any:
    return await world.get(f"{CORE}/pods/{name}")


async def test_nodes_look_like_nodes_and_are_marked() -> None:
    async with simulated(4, controllers=()) as joined:
        found = (await joined.world.items(NODES))[0]
        assert found["metadata"]["labels"][MARK] == "true"
        assert found["metadata"]["labels"]["topology.kubernetes.io/zone"] == "zone-1"
        assert found["status"]["allocatable"] == found["status"]["capacity"]
        assert found["status"]["capacity"]["cpu"] == "8"
        assert [c["status"] for c in found["status"]["conditions"] if c["type"] == "Ready"] == ["True"]
        lease = await joined.world.get("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/hollow-0")
        assert lease["spec"]["leaseDurationSeconds"] == 40
        assert lease["metadata"]["ownerReferences"][0]["uid"] == found["metadata"]["uid"]


async def test_leases_are_renewed_one_after_the_other() -> None:
    path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"

    async with simulated(5, controllers=(), heartbeat=1.0) as joined:
        first = {item["metadata"]["name"]: item["spec"]["renewTime"] for item in await joined.world.items(path)}

        async def all_renewed() -> bool:
            return all(
                item["spec"]["renewTime"] > first[item["metadata"]["name"]] for item in await joined.world.items(path)
            )

        await eventually(all_renewed)


async def test_deployment_becomes_ready_and_goes_away() -> None:
    async with simulated() as joined:
        world = joined.world
        await world.create(f"{APPS}/deployments", deployment(40))

        async def all_ready() -> bool:
            return (await world.get(f"{APPS}/deployments/web"))["status"].get("readyReplicas") == 40

        await eventually(all_ready)
        pods = await world.pods("app=web")
        assert len({item["status"]["podIP"] for item in pods}) == 40
        assert len({item["spec"]["nodeName"] for item in pods}) == 20
        await world.merge(f"{APPS}/deployments/web", {"spec": {"replicas": 0}})

        async def none_left() -> bool:
            return not await world.items(f"{CORE}/pods") and not len(joined.fleet.runtime)

        await eventually(none_left)


async def test_failing_containers_are_restarted_with_back_off() -> None:
    async with simulated(1, controllers=()) as joined:
        body = bare("bad", annotations={"run-for": "0.1s", "exit-code": "7"})
        await joined.world.create(f"{CORE}/pods", body)

        async def backing_off() -> Any:
            status = (await pod(joined.world, "bad"))["status"]["containerStatuses"][0]
            return status if status["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff" else None

        status = await eventually(backing_off)
        assert status["restartCount"] == 1
        assert status["lastState"]["terminated"]["exitCode"] == 7


async def test_a_share_of_all_starts_fails_the_same_each_time() -> None:
    async with simulated(1, controllers=()) as joined:
        for number in range(12):
            body = bare(f"p{number}", annotations={"fail": "50%"}, restartPolicy="Never")
            await joined.world.create(f"{CORE}/pods", body)

        async def ended() -> Any:
            pods = await joined.world.items(f"{CORE}/pods")
            phases = {item["metadata"]["name"]: item["status"].get("phase") for item in pods}
            return phases if set(phases.values()) <= {"Succeeded", "Failed"} else None

        phases = await eventually(ended)
        assert sorted(name for name, phase in phases.items() if phase == "Failed") == ["p0", "p11", "p3", "p4", "p9"]


async def test_jobs_finish_through_init_containers() -> None:
    async with simulated(3) as joined:
        spec = template(restartPolicy="Never", initContainers=[{"name": "first", "image": "one"}])
        await joined.world.create(
            f"{BATCH}/jobs",
            {"metadata": {"name": "once"}, "spec": {"completions": 3, "parallelism": 3, "template": spec}},
        )

        async def complete() -> bool:
            return (await joined.world.get(f"{BATCH}/jobs/once"))["status"].get("succeeded") == 3

        await eventually(complete)


async def test_readiness_follows_the_script() -> None:
    async with simulated(1, controllers=()) as joined:
        body = bare("slow", annotations={"ready-after": "0.5s"})
        body["spec"]["containers"][0]["readinessProbe"] = {"tcpSocket": {"port": 80}}
        await joined.world.create(f"{CORE}/pods", body)
        seen: list[bool] = []

        async def running_then_ready() -> bool:
            found = await pod(joined.world, "slow")
            if found["status"].get("phase") == "Running":
                seen.append(ready(found))
            return bool(seen) and seen[-1]

        await eventually(running_then_ready)
        assert seen[0] is False


async def test_wrong_annotation_is_told_to_the_user() -> None:
    async with simulated(1, controllers=()) as joined:
        await joined.world.create(f"{CORE}/pods", bare("typo", annotations={"run-for": "soon"}))

        async def told() -> list[str]:
            return await joined.world.events("FailedCreatePodSandBox")

        assert "annotation kubelite.io/simulate-run-for: invalid duration 'soon'" in (await eventually(told))[0]


async def test_node_takes_no_more_pods_than_it_has_room_for() -> None:
    async with simulated(1, controllers=()) as joined:
        body = bare("huge")
        body["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "9"}}
        await joined.world.create(f"{CORE}/pods", body)

        async def rejected() -> Any:
            found = await pod(joined.world, "huge")
            return found["status"].get("reason") == "OutOfcpu"

        await eventually(rejected)


async def test_eviction_empties_a_cordoned_node() -> None:
    async with simulated(3) as joined:
        world = joined.world
        await world.create(f"{APPS}/deployments", deployment(6))

        async def all_ready() -> bool:
            return (await world.get(f"{APPS}/deployments/web"))["status"].get("readyReplicas") == 6

        await eventually(all_ready)
        await world.merge(f"{NODES}/hollow-1", {"spec": {"unschedulable": True}})
        for item in await world.pods():
            if item["spec"]["nodeName"] == "hollow-1":
                name = item["metadata"]["name"]
                await world.create(f"{CORE}/pods/{name}/eviction", {"metadata": {"name": name}})

        async def moved() -> bool:
            pods = await world.items(f"{CORE}/pods")
            return len(pods) == 6 and all(ready(p) and p["spec"]["nodeName"] != "hollow-1" for p in pods)

        await eventually(moved)


async def test_silent_node_neither_reports_nor_starts_and_catches_up_later() -> None:
    async with simulated(1, controllers=()) as joined:
        world, node = joined.world, joined.fleet.nodes["hollow-0"]
        await world.create(f"{CORE}/pods", bare("before"))
        await eventually(lambda: is_ready(world, "before"))
        await world.merge(f"{NODES}/hollow-0", {"metadata": {"annotations": {LOST: "true"}}})

        async def silent() -> bool:
            return node.lost and not len(node.workers)

        await eventually(silent)
        await world.create(f"{CORE}/pods", bare("during"))
        await world.delete(f"{CORE}/pods/before", {"gracePeriodSeconds": 0})
        await world.merge(f"{NODES}/hollow-0", {"metadata": {"annotations": {LOST: None}}})
        await eventually(lambda: is_ready(world, "during"))

        async def forgotten() -> bool:
            return len(joined.fleet.runtime) == 1

        await eventually(forgotten)


async def is_ready(world: World, name: str) -> bool:
    return ready(await pod(world, name))


async def test_next_run_takes_over_kept_nodes_and_their_containers() -> None:
    async with simulated(2, controllers=()) as joined:
        world = joined.world
        await world.create(f"{CORE}/pods", bare("stays"))
        await eventually(lambda: is_ready(world, "stays"))
        before = await pod(world, "stays")
        await joined.leave()
        again = await join(world, 2)
        await world.create(f"{CORE}/pods", bare("new"))
        await eventually(lambda: is_ready(world, "new"))
        after = await pod(world, "stays")
        assert after["status"]["containerStatuses"] == before["status"]["containerStatuses"]
        assert (await pod(world, "new"))["status"]["podIP"] != after["status"]["podIP"]
        await again.leave(remove=True)
        assert await world.items(NODES) == []


async def test_deleted_node_is_left_out_from_then_on() -> None:
    async with simulated(2, controllers=()) as joined:
        await joined.world.delete(f"{NODES}/hollow-1")

        async def left_out() -> bool:
            return list(joined.fleet.nodes) == ["hollow-0"]

        await eventually(left_out)


async def test_real_node_of_the_same_name_is_not_taken_over() -> None:
    async with simulated(1, controllers=()) as joined:
        await joined.leave(remove=True)
        await joined.world.create(NODES, {"metadata": {"name": "hollow-0"}})
        fleet, clients = make(joined.world, 1)
        with pytest.raises(ExceptionGroup) as caught:
            async with asyncio.timeout(10):
                await fleet.run(asyncio.Event())
        for client in clients:
            await client.close()
        assert "node hollow-0 exists and is not simulated" in str(first_error(caught.value))


async def test_a_pod_that_starts_soon_writes_one_status_and_one_when_it_ends() -> None:
    async with simulated(2) as joined:
        world = joined.world
        await world.create(f"{CORE}/pods", bare("stays"))

        async def runs() -> bool:
            return ready(await pod(world, "stays"))

        await eventually(runs)
        assert joined.fleet.statuses.written == 1
        await world.create(f"{CORE}/pods", bare("ends", annotations={"run-for": "0.5s"}, restartPolicy="Never"))

        async def ended() -> bool:
            return (await pod(world, "ends"))["status"]["phase"] == "Succeeded"

        await eventually(ended)
        conditions = {c["type"]: c["status"] for c in (await pod(world, "ends"))["status"]["conditions"]}
        assert conditions["PodReadyToStartContainers"] == "False"
        assert joined.fleet.statuses.written == 3


async def test_a_pod_that_takes_long_to_start_says_that_it_waits() -> None:
    async with simulated(1, controllers=()) as joined:
        await joined.world.create(f"{CORE}/pods", bare("slow", annotations={"start-time": "1h"}))

        async def waits() -> bool:
            found = (await pod(joined.world, "slow"))["status"].get("containerStatuses", [])
            return bool(found) and found[0]["state"]["waiting"]["reason"] == "ContainerCreating"

        await eventually(waits)


async def test_a_status_that_somebody_else_wrote_is_set_right_even_just_after_ones_own() -> None:
    async with simulated(1, controllers=()) as joined:
        world, written = joined.world, joined.fleet.statuses
        await world.create(f"{CORE}/pods", bare("web"))
        await eventually(lambda: is_ready(world, "web"))
        before = written.written
        marked = {"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-01T00:00:00Z"}
        reply = await world.api.patch(f"{CORE}/pods/web/status", {"status": {"conditions": [marked]}})
        assert reply.status == 200

        async def again() -> bool:
            return written.written > before and await is_ready(world, "web")

        await eventually(again)

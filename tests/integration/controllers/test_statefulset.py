"""StatefulSets keep pods with names and storage of their own, on a real API server."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

from tests.integration.controllers.manager import World, eventually, running
from tests.integration.controllers.workloads import APPS, CORE, finish, image_patch, images, names, template

SETS = f"{APPS}/statefulsets"
NAME = "statefulset-controller"
CLAIMS = f"{CORE}/persistentvolumeclaims"


def stateful_set(replicas: int, **spec: Any) -> dict[str, Any]:
    wanted = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": "web"}},
        "serviceName": "web",
        "template": template(),
    }
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web"}, "spec": wanted | spec}


def with_claims(replicas: int, **policy: str) -> dict[str, Any]:
    claim = {
        "metadata": {"name": "data", "labels": {"tier": "db"}},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    mounts = [{"name": "data", "mountPath": "/data"}]
    return stateful_set(
        replicas,
        volumeClaimTemplates=[claim],
        persistentVolumeClaimRetentionPolicy=policy,
        template=template(containers=[{"name": "c", "image": "one", "volumeMounts": mounts}]),
    )


async def status(world: World) -> dict[str, Any]:
    return (await world.get(f"{SETS}/web"))["status"]


async def has(world: World, *wanted: str) -> bool:
    assert names(await world.pods()) == sorted(wanted)
    return True


async def settled(world: World, count: int) -> bool:
    found = await world.get(f"{SETS}/web")
    counts = found["status"]
    assert counts.get("observedGeneration") == found["metadata"]["generation"]
    assert [counts.get(name, 0) for name in ("replicas", "readyReplicas", "availableReplicas")] == [count] * 3
    return True


async def ready(world: World, count: int) -> bool:
    return (await status(world)).get("readyReplicas", 0) == count


async def has_first(world: World, count: int) -> None:
    await eventually(lambda: has(world, *(f"web-{i}" for i in range(count))))


async def stays(world: World, *wanted: str) -> None:
    """The pods stay the same although the controller is given reason to look."""
    for number in range(3):
        await world.merge(f"{SETS}/web", {"metadata": {"annotations": {"look": str(number)}}})
        await asyncio.sleep(0.05)
        await has(world, *wanted)


async def test_statefulset_creates_pods_in_order_each_when_the_one_before_is_ready():
    async with running(NAME) as world:
        await world.create(SETS, stateful_set(3))
        await eventually(lambda: has(world, "web-0"))
        await stays(world, "web-0")
        pod = (await world.pods())[0]
        assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("web-0", "web")
        labels = pod["metadata"]["labels"]
        assert labels["statefulset.kubernetes.io/pod-name"] == "web-0"
        assert labels["apps.kubernetes.io/pod-index"] == "0"
        revision = (await world.items(f"{APPS}/controllerrevisions"))[0]
        assert labels["controller-revision-hash"] == revision["metadata"]["name"]
        assert revision["metadata"]["labels"]["controller.kubernetes.io/hash"] in revision["metadata"]["name"]
        assert revision["revision"] == 1 and revision["metadata"]["ownerReferences"][0]["name"] == "web"
        await world.make_ready(pod)
        await eventually(lambda: has(world, "web-0", "web-1"))
        for index in (1, 2):
            await has_first(world, index + 1)
            await world.make_ready(await world.get(f"{CORE}/pods/web-{index}"))
        await eventually(lambda: settled(world, 3))
        counts = await status(world)
        assert counts["currentRevision"] == counts["updateRevision"] == revision["metadata"]["name"]
        assert counts["currentReplicas"] == counts["updatedReplicas"] == 3

        async def told() -> bool:
            return sorted(await world.events("SuccessfulCreate")) == [
                f"create Pod web-{i} in StatefulSet web successful" for i in range(3)
            ]

        await eventually(told)


async def test_statefulset_scaling_down_goes_from_the_top_and_stops_while_a_pod_is_unhealthy():
    async with running(NAME) as world:
        await world.create(SETS, stateful_set(3))
        for index in range(3):
            await has_first(world, index + 1)
            await world.make_ready(await world.get(f"{CORE}/pods/web-{index}"))
        await eventually(lambda: settled(world, 3))
        not_ready = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
        for index in range(3):
            await world.merge(f"{CORE}/pods/web-{index}/status", not_ready)
        await eventually(lambda: ready(world, 0))
        await world.merge(f"{SETS}/web", {"spec": {"replicas": 0}})
        await stays(world, "web-0", "web-1", "web-2")
        for index in range(2):
            await world.make_ready(await world.get(f"{CORE}/pods/web-{index}"))
        await eventually(lambda: settled(world, 0))
        order = [text.split()[2] for text in await world.events("SuccessfulDelete")]
        assert order == ["web-2", "web-1", "web-0"]
        await eventually(lambda: settled(world, 0))


async def test_statefulset_burst_scaling_runs_to_completion_even_with_unhealthy_pods():
    async with running(NAME) as world:
        await world.create(SETS, stateful_set(4, podManagementPolicy="Parallel"))
        await eventually(lambda: has(world, *(f"web-{i}" for i in range(4))))
        await world.merge(f"{SETS}/web", {"spec": {"replicas": 1}})
        await eventually(lambda: has(world, "web-0"))


async def test_statefulset_recreates_a_failed_pod_under_its_name():
    async with running(NAME) as world:
        await world.create(SETS, stateful_set(1))
        await eventually(lambda: has(world, "web-0"))
        old = (await world.get(f"{CORE}/pods/web-0"))["metadata"]["uid"]
        await finish(world, "web-0", "Failed", 1)

        async def replaced() -> bool:
            return (await world.get(f"{CORE}/pods/web-0"))["metadata"]["uid"] != old

        await eventually(replaced)


async def test_statefulset_rolling_update_and_rollback_go_in_reverse_order():
    async with running(NAME, kubelet=True) as world:
        await world.create(SETS, stateful_set(3))
        await eventually(lambda: settled(world, 3))
        first = (await status(world))["currentRevision"]
        await world.merge(f"{SETS}/web", image_patch("two"))

        async def updated(image: str) -> bool:
            await settled(world, 3)
            counts = await status(world)
            assert counts["currentRevision"] == counts["updateRevision"]
            assert images(await world.pods()) == [image] * 3
            return True

        await eventually(lambda: updated("two"))
        assert (await status(world))["currentRevision"] != first
        order = [text.split()[2] for text in await world.events("SuccessfulDelete")]
        assert order == ["web-2", "web-1", "web-0"]
        await world.merge(f"{SETS}/web", image_patch("one"))
        await eventually(lambda: updated("one"))
        assert (await status(world))["currentRevision"] == first
        revisions = await world.items(f"{APPS}/controllerrevisions")
        assert sorted(revision["revision"] for revision in revisions) == [2, 3]


async def test_statefulset_rolling_update_with_partition_is_a_canary_then_phased():
    async with running(NAME, kubelet=True) as world:
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 3}}
        await world.create(SETS, stateful_set(3, updateStrategy=strategy))
        await eventually(lambda: settled(world, 3))
        await world.merge(f"{SETS}/web", image_patch("two"))

        async def as_wanted(wanted: list[str]) -> bool:
            await settled(world, 3)
            counts = await status(world)
            assert images(await world.pods()) == wanted
            assert counts.get("updatedReplicas", 0) == wanted.count("two")
            return True

        for partition, wanted in ((3, ["one"] * 3), (2, ["one", "one", "two"]), (0, ["two"] * 3)):
            await world.merge(f"{SETS}/web", {"spec": {"updateStrategy": {"rollingUpdate": {"partition": partition}}}})

            await eventually(functools.partial(as_wanted, wanted))
            if partition == 2:
                # A pod below the partition comes back at the old revision.
                await world.delete(f"{CORE}/pods/web-0")
                await eventually(functools.partial(as_wanted, wanted))


async def test_statefulset_on_delete_waits_for_somebody_to_delete_the_pods():
    async with running(NAME, kubelet=True) as world:
        await world.create(SETS, stateful_set(2, updateStrategy={"type": "OnDelete"}))
        await eventually(lambda: settled(world, 2))
        await world.merge(f"{SETS}/web", image_patch("two"))
        await eventually(lambda: settled(world, 2))
        assert images(await world.pods()) == ["one", "one"]
        await world.delete(f"{CORE}/pods/web-0")

        async def replaced() -> bool:
            return images(await world.pods()) == ["two", "one"]

        await eventually(replaced)


async def test_statefulset_starts_at_the_ordinal_that_it_is_told():
    async with running(NAME, kubelet=True) as world:
        await world.create(SETS, stateful_set(2, ordinals={"start": 3}))
        await eventually(lambda: has(world, "web-3", "web-4"))
        await world.merge(f"{SETS}/web", {"spec": {"ordinals": {"start": 4}}})
        await eventually(lambda: has(world, "web-4", "web-5"))


async def test_statefulset_makes_a_claim_for_each_pod_and_keeps_it_when_scaled_down():
    async with running(NAME, kubelet=True) as world:
        await world.create(SETS, with_claims(2))
        await eventually(lambda: settled(world, 2))
        claims = await world.items(CLAIMS)
        assert names(claims) == ["data-web-0", "data-web-1"]
        assert claims[0]["metadata"]["labels"] == {"tier": "db", "app": "web"}
        assert "ownerReferences" not in claims[0]["metadata"]
        volumes = (await world.get(f"{CORE}/pods/web-1"))["spec"]["volumes"]
        assert volumes[0]["name"] == "data" and volumes[0]["persistentVolumeClaim"]["claimName"] == "data-web-1"
        await world.merge(f"{SETS}/web", {"spec": {"replicas": 1}})
        await eventually(lambda: has(world, "web-0"))
        assert len(await world.items(CLAIMS)) == 2

        async def told() -> bool:
            return "create Claim data-web-1 Pod web-1 in StatefulSet web success" in await world.events(
                "SuccessfulCreate"
            )

        await eventually(told)


async def test_statefulset_hands_its_claims_to_the_garbage_collector_as_the_policy_says():
    async with running(NAME, "garbage-collector-controller", kubelet=True) as world:
        await world.create(SETS, with_claims(2, whenScaled="Delete", whenDeleted="Retain"))
        await eventually(lambda: settled(world, 2))
        await world.merge(f"{SETS}/web", {"spec": {"replicas": 1}})

        async def claims(*wanted: str) -> bool:
            found = [c for c in await world.items(CLAIMS) if "deletionTimestamp" not in c["metadata"]]
            return names(found) == list(wanted)

        await eventually(lambda: claims("data-web-0"))
        policy = {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}
        await world.merge(f"{SETS}/web", {"spec": policy})

        async def owned() -> bool:
            owners = (await world.get(f"{CLAIMS}/data-web-0"))["metadata"]["ownerReferences"]
            return [owner["kind"] for owner in owners] == ["StatefulSet"]

        await eventually(owned)
        await world.delete(f"{SETS}/web")
        await eventually(claims)


async def test_statefulset_adopts_claims_that_were_there_before_as_soon_as_it_makes_the_pod():
    async with running(NAME) as world:
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "u", "controller": True}
        await world.create(CLAIMS, {"metadata": {"name": "data-web-0"}, "spec": spec})
        await world.create(CLAIMS, {"metadata": {"name": "data-web-1", "ownerReferences": [owner]}, "spec": spec})
        wanted = with_claims(2, whenDeleted="Delete", whenScaled="Retain")
        wanted["spec"]["podManagementPolicy"] = "Parallel"
        await world.create(SETS, wanted)

        async def owners(claim: str) -> list[str]:
            found = (await world.get(f"{CLAIMS}/{claim}"))["metadata"].get("ownerReferences", ())
            return [one["kind"] for one in found]

        async def adopted() -> bool:
            text = (
                "PersistentVolumeClaim data-web-1 has a conflicting OwnerReference that acts as a manging controller, "
                "the retention policy is ignored for this claim"
            )
            assert text in await world.events("ConflictingController")
            return await owners("data-web-0") == ["StatefulSet"]

        await eventually(adopted)
        assert await owners("data-web-1") == ["ConfigMap"]


async def test_statefulset_makes_a_pod_anew_once_the_claim_of_its_predecessor_is_gone():
    async with running(NAME, "garbage-collector-controller", kubelet=True) as world:
        await world.create(SETS, with_claims(2, whenScaled="Delete", whenDeleted="Retain"))
        await eventually(lambda: settled(world, 2))
        hold = {"metadata": {"finalizers": ["example.com/hold"]}}
        before = (await world.merge(f"{CLAIMS}/data-web-1", hold))["metadata"]["uid"]
        await world.merge(f"{SETS}/web", {"spec": {"replicas": 1}})

        async def going() -> bool:
            found = (await world.get(f"{CLAIMS}/data-web-1"))["metadata"]
            return "deletionTimestamp" in found and await has(world, "web-0")

        await eventually(going)
        await world.merge(f"{SETS}/web", {"spec": {"replicas": 2}})
        await eventually(lambda: settled(world, 1))
        await world.merge(f"{CLAIMS}/data-web-1", {"metadata": {"finalizers": None}})
        await eventually(lambda: settled(world, 2))
        assert (await world.get(f"{CLAIMS}/data-web-1"))["metadata"]["uid"] != before


async def test_statefulset_adopts_orphans_of_its_name_and_keeps_a_limited_history():
    async with running(NAME, "garbage-collector-controller", kubelet=True) as world:
        await world.create(SETS, stateful_set(1, revisionHistoryLimit=1))
        await eventually(lambda: settled(world, 1))
        uid = (await world.get(f"{CORE}/pods/web-0"))["metadata"]["uid"]
        await world.delete(f"{SETS}/web", {"propagationPolicy": "Orphan"})

        async def left() -> bool:
            return await world.get(f"{SETS}/web") is None

        await eventually(left)
        await world.create(SETS, stateful_set(1, revisionHistoryLimit=1))
        await eventually(lambda: settled(world, 1))
        assert (await world.get(f"{CORE}/pods/web-0"))["metadata"]["uid"] == uid

        async def has_image(image: str) -> bool:
            return images(await world.pods()) == [image] and await settled(world, 1)

        for image in ("two", "three", "four"):
            await world.merge(f"{SETS}/web", image_patch(image))
            await eventually(functools.partial(has_image, image))

        async def cut() -> bool:
            return len(await world.items(f"{APPS}/controllerrevisions")) == 2

        await eventually(cut)

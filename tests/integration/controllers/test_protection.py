"""Objects in use stay, finished Jobs go, and ClusterRoles take in the rules of others."""

from __future__ import annotations

from typing import Any

from tests.integration.controllers.manager import World, eventually, running

BASE = "/api/v1/namespaces/default"
CLAIMS = f"{BASE}/persistentvolumeclaims"
VOLUMES = "/api/v1/persistentvolumes"
CLASSES = "/apis/storage.k8s.io/v1/volumeattributesclasses"
JOBS = "/apis/batch/v1/namespaces/default/jobs"
ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"


async def is_gone(world: World, path: str) -> None:
    async def gone() -> bool:
        return await world.get(path) is None

    await eventually(gone)


def claim(name: str, **spec: Any) -> dict[str, Any]:
    resources = {"requests": {"storage": "1Gi"}}
    return {"metadata": {"name": name}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": resources, **spec}}


def user_of(name: str, node: str = "n1") -> dict[str, Any]:
    volume = {"name": "v", "persistentVolumeClaim": {"claimName": name}}
    spec = {"containers": [{"name": "c", "image": "x"}], "volumes": [volume], **({"nodeName": node} if node else {})}
    return {"metadata": {"name": f"user-of-{name}"}, "spec": spec}


async def test_a_claim_goes_when_the_last_pod_that_uses_it_has_gone():
    async with running("persistentvolumeclaim-protection-controller") as world:
        for name in ("used", "free", "wanted"):
            await world.create(CLAIMS, claim(name))
        await world.create(f"{BASE}/pods", user_of("used"))
        await world.create(f"{BASE}/pods", user_of("wanted", node=""))
        for name in ("used", "free", "wanted"):
            await world.delete(f"{CLAIMS}/{name}")
        await is_gone(world, f"{CLAIMS}/free")
        await is_gone(world, f"{CLAIMS}/wanted")
        held = await world.get(f"{CLAIMS}/used")
        assert held["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
        await world.delete(f"{BASE}/pods/user-of-used", {"gracePeriodSeconds": 0})
        await is_gone(world, f"{CLAIMS}/used")


async def test_a_claim_without_protection_gets_it():
    async with running("persistentvolumeclaim-protection-controller") as world:
        await world.create(CLAIMS, claim("c"))
        await world.merge(f"{CLAIMS}/c", {"metadata": {"finalizers": None}})

        async def protected() -> bool:
            finalizers = (await world.get(f"{CLAIMS}/c"))["metadata"].get("finalizers")
            return bool(finalizers == ["kubernetes.io/pvc-protection"])

        await eventually(protected)


async def test_a_volume_goes_when_it_is_not_bound_any_more():
    async with running("persistentvolume-protection-controller") as world:
        for name in ("bound", "free"):
            spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}}
            await world.create(VOLUMES, {"metadata": {"name": name}, "spec": spec})
        await world.merge(f"{VOLUMES}/bound/status", {"status": {"phase": "Bound"}})
        for name in ("bound", "free"):
            await world.delete(f"{VOLUMES}/{name}")
        await is_gone(world, f"{VOLUMES}/free")
        assert await world.get(f"{VOLUMES}/bound") is not None
        await world.merge(f"{VOLUMES}/bound/status", {"status": {"phase": "Released"}})
        await is_gone(world, f"{VOLUMES}/bound")


async def test_a_class_of_attributes_goes_when_no_claim_has_it():
    async with running("volumeattributesclass-protection-controller") as world:
        for name in ("used", "free"):
            await world.create(
                CLASSES, {"metadata": {"name": name}, "driverName": "d.example.com", "parameters": {"a": "b"}}
            )
        await world.create(CLAIMS, claim("c", volumeAttributesClassName="used"))
        for name in ("used", "free"):
            await world.delete(f"{CLASSES}/{name}")
        await is_gone(world, f"{CLASSES}/free")
        assert await world.get(f"{CLASSES}/used") is not None
        await world.delete(f"{CLAIMS}/c")
        await world.merge(f"{CLAIMS}/c", {"metadata": {"finalizers": None}})
        await is_gone(world, f"{CLASSES}/used")


def job(name: str, **spec: Any) -> dict[str, Any]:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}}
    return {"metadata": {"name": name}, "spec": {"template": template, **spec}}


async def finish(world: World, name: str) -> None:
    then = "2026-01-01T00:00:00Z"
    conditions = [
        {"type": type_, "status": "True", "lastTransitionTime": then} for type_ in ("FailureTarget", "Failed")
    ]
    status = {"startTime": then, "failed": 1, "conditions": conditions}
    reply = await world.api.patch(f"{JOBS}/{name}/status", {"status": status})
    assert reply.status == 200, reply.body


async def test_a_finished_job_goes_when_its_time_has_run_out():
    async with running("ttl-after-finished-controller", "garbage-collector-controller") as world:
        for name, more in (("short", {"ttlSecondsAfterFinished": 1}), ("kept", {}), ("running", {})):
            await world.create(JOBS, job(name, **more))
        await world.merge(f"{JOBS}/running", {"spec": {"ttlSecondsAfterFinished": 0}})
        await finish(world, "kept")
        await finish(world, "short")
        await is_gone(world, f"{JOBS}/short")
        counted = world.context.metrics.render()
        assert "\nttl_after_finished_controller_job_deletion_duration_seconds_count 1\n" in counted
        assert await world.get(f"{JOBS}/kept") is not None
        assert await world.get(f"{JOBS}/running") is not None


def role(name: str, verb: str, **labels: str) -> dict[str, Any]:
    rule = {"apiGroups": ["example.com"], "resources": ["widgets"], "verbs": [verb]}
    return {"metadata": {"name": name, "labels": labels}, "rules": [rule]}


async def test_a_cluster_role_takes_in_the_rules_that_it_selects_and_lets_them_go():
    async with running("clusterrole-aggregation-controller") as world:
        selectors = [{"matchLabels": {"team": "a"}}, {"matchLabels": {"team": "b"}}]
        whole = {"metadata": {"name": "whole"}, "aggregationRule": {"clusterRoleSelectors": selectors}}
        await world.create(ROLES, whole)
        await world.create(ROLES, role("one", "get", team="b"))
        await world.create(ROLES, role("two", "list", team="a"))
        await world.create(ROLES, role("three", "watch"))

        async def verbs(*wanted: str) -> None:
            async def so() -> bool:
                found = (await world.get(f"{ROLES}/whole")).get("rules") or []
                return [rule["verbs"][0] for rule in found] == list(wanted)

            await eventually(so)

        await verbs("list", "get")
        await world.merge(f"{ROLES}/three", {"metadata": {"labels": {"team": "a"}}})
        await verbs("watch", "list", "get")
        await world.delete(f"{ROLES}/two")
        await world.merge(f"{ROLES}/one", {"metadata": {"labels": {"team": None}}})
        await verbs("watch")


async def test_the_default_roles_of_users_are_aggregated():
    async with running("clusterrole-aggregation-controller") as world:
        await world.create(ROLES, role("more", "fly", **{"rbac.authorization.k8s.io/aggregate-to-view": "true"}))

        async def so() -> bool:
            return all(
                [any("fly" in rule["verbs"] for rule in (await world.get(f"{ROLES}/{name}")).get("rules") or [])
                 for name in ("view", "edit", "admin")]
            )  # fmt: skip

        await eventually(so)

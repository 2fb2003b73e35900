"""Claims and volumes find each other, wait for consumers and provisioners, and part, against a real API server."""

from __future__ import annotations

from typing import Any

from tests.integration.controllers.manager import World, eventually, running

BASE = "/api/v1/namespaces/default"
CLAIMS = f"{BASE}/persistentvolumeclaims"
VOLUMES = "/api/v1/persistentvolumes"
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
BINDER = "persistentvolume-binder-controller"


def claim(name: str, size: str = "1Gi", **spec: Any) -> dict[str, Any]:
    resources = {"requests": {"storage": size}}
    return {"metadata": {"name": name}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": resources, **spec}}


def volume(name: str, size: str = "1Gi", annotations: Any = None, **spec: Any) -> dict[str, Any]:
    spec = {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}, **spec}
    return {"metadata": {"name": name, "annotations": annotations or {}}, "spec": spec}


def a_class(name: str, provisioner: str = "x.example.com", default: bool = False, **more: Any) -> dict[str, Any]:
    notes = {"storageclass.kubernetes.io/is-default-class": "true"} if default else {}
    return {"metadata": {"name": name, "annotations": notes}, "provisioner": provisioner, **more}


async def phase(world: World, path: str, wanted: str) -> Any:
    async def reached() -> bool:
        found = await world.get(path)
        return bool(found is not None and found["status"].get("phase") == wanted)

    await eventually(reached)
    return await world.get(path)


async def told(world: World, reason: str, text: str) -> None:
    async def said() -> bool:
        return any(text in message for message in await world.events(reason))

    await eventually(said)


async def test_a_claim_is_bound_to_the_smallest_volume_that_is_large_enough():
    async with running(BINDER) as world:
        for name, size in (("large", "5Gi"), ("fitting", "2Gi"), ("small", "1Gi")):
            await world.create(VOLUMES, volume(name, size))
        await world.create(CLAIMS, claim("c", "1500Mi"))
        bound = await phase(world, f"{CLAIMS}/c", "Bound")
        assert bound["spec"]["volumeName"] == "fitting"
        assert bound["status"]["capacity"] == {"storage": "2Gi"}
        assert bound["status"]["accessModes"] == ["ReadWriteOnce"]
        taken = await phase(world, f"{VOLUMES}/fitting", "Bound")
        assert taken["spec"]["claimRef"]["uid"] == bound["metadata"]["uid"]
        await phase(world, f"{VOLUMES}/large", "Available")


async def test_a_claim_waits_for_a_volume_that_comes_later():
    async with running(BINDER) as world:
        await world.create(CLAIMS, claim("c"))
        await told(world, "FailedBinding", "no persistent volumes available for this claim and no storage class is set")
        await world.create(VOLUMES, volume("v"))
        await phase(world, f"{CLAIMS}/c", "Bound")


async def test_many_claims_share_many_volumes_one_to_one():
    async with running(BINDER) as world:
        for number in range(20):
            await world.create(VOLUMES, volume(f"v{number}"))
            await world.create(CLAIMS, claim(f"c{number}"))

        async def all_bound() -> bool:
            return all(c["status"]["phase"] == "Bound" for c in await world.items(CLAIMS))

        await eventually(all_bound)
        assert len({c["spec"]["volumeName"] for c in await world.items(CLAIMS)}) == 20


async def test_a_volume_kept_for_a_claim_goes_to_it_alone():
    async with running(BINDER) as world:
        await world.create(VOLUMES, volume("kept", claimRef={"namespace": "default", "name": "mine"}))
        await phase(world, f"{VOLUMES}/kept", "Available")
        await world.create(CLAIMS, claim("other"))
        await world.create(CLAIMS, claim("mine"))
        bound = await phase(world, f"{CLAIMS}/mine", "Bound")
        assert bound["spec"]["volumeName"] == "kept"
        await phase(world, f"{CLAIMS}/other", "Pending")


async def test_a_volume_outlives_its_claim_released_and_is_offered_again_without_its_reference():
    async with running(BINDER, "persistentvolumeclaim-protection-controller") as world:
        await world.create(VOLUMES, volume("v", persistentVolumeReclaimPolicy="Retain"))
        await world.create(CLAIMS, claim("first"))
        await phase(world, f"{CLAIMS}/first", "Bound")
        await world.delete(f"{CLAIMS}/first")
        await phase(world, f"{VOLUMES}/v", "Released")
        await world.create(CLAIMS, claim("second"))
        await world.merge(f"{VOLUMES}/v", {"spec": {"claimRef": None}})
        await phase(world, f"{CLAIMS}/second", "Bound")


async def test_what_nobody_can_delete_or_recycle_fails_visibly():
    async with running(BINDER, "persistentvolumeclaim-protection-controller") as world:
        for policy in ("Delete", "Recycle"):
            name = policy.lower()
            await world.create(VOLUMES, volume(name, persistentVolumeReclaimPolicy=policy))
            await world.create(CLAIMS, claim(name, volumeName=name))
            await phase(world, f"{CLAIMS}/{name}", "Bound")
            await world.delete(f"{CLAIMS}/{name}")
            await phase(world, f"{VOLUMES}/{name}", "Failed")
        await told(world, "VolumeFailedDelete", "no deletable volume plugin matched")
        await told(world, "VolumeFailedRecycle", "No recycler plugin found for the volume!")


async def test_a_claim_without_its_volume_is_lost_and_found_again_with_it():
    async with running(BINDER) as world:
        await world.create(VOLUMES, volume("v"))
        await world.create(CLAIMS, claim("c"))
        await phase(world, f"{CLAIMS}/c", "Bound")
        await world.delete(f"{VOLUMES}/v")
        await world.merge(f"{VOLUMES}/v", {"metadata": {"finalizers": None}})
        await phase(world, f"{CLAIMS}/c", "Lost")
        await told(world, "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!")
        await world.create(VOLUMES, volume("v"))
        await phase(world, f"{CLAIMS}/c", "Bound")


async def test_an_external_provisioner_is_asked_and_its_volume_taken():
    async with running(BINDER) as world:
        await world.create(CLASSES, a_class("fast"))
        await world.create(CLAIMS, claim("c", storageClassName="fast"))
        await told(world, "ExternalProvisioning", "external provisioner 'x.example.com'")
        asked = await world.get(f"{CLAIMS}/c")
        assert asked["metadata"]["annotations"]["volume.kubernetes.io/storage-provisioner"] == "x.example.com"
        reference = {"namespace": "default", "name": "c", "uid": asked["metadata"]["uid"]}
        notes = {"pv.kubernetes.io/provisioned-by": "x.example.com"}
        made = volume("pvc-1", annotations=notes, storageClassName="fast", claimRef=reference)
        await world.create(VOLUMES, made)
        await phase(world, f"{CLAIMS}/c", "Bound")
        await phase(world, f"{VOLUMES}/pvc-1", "Bound")


async def test_a_claim_of_a_class_that_comes_later_is_handed_over_then():
    async with running(BINDER) as world:
        await world.create(CLAIMS, claim("c", storageClassName="fast"))
        await told(world, "ProvisioningFailed", 'storageclass.storage.k8s.io "fast" not found')
        await world.create(CLASSES, a_class("fast"))
        await told(world, "ExternalProvisioning", "x.example.com")


async def test_a_default_class_that_comes_later_is_given_to_claims_without_one():
    async with running(BINDER) as world:
        await world.create(CLAIMS, claim("c"))
        await told(world, "FailedBinding", "no storage class is set")
        await world.create(CLASSES, a_class("standard", default=True))

        async def given() -> bool:
            return bool((await world.get(f"{CLAIMS}/c"))["spec"].get("storageClassName") == "standard")

        await eventually(given)


async def test_a_claim_that_waits_for_its_consumer_is_bound_when_the_scheduler_has_chosen():
    async with running(BINDER) as world:
        await world.create(
            CLASSES, a_class("local", "kubernetes.io/no-provisioner", volumeBindingMode="WaitForFirstConsumer")
        )
        for name in ("a", "b"):
            await world.create(VOLUMES, volume(name, storageClassName="local"))
            await phase(world, f"{VOLUMES}/{name}", "Available")
        made = await world.create(CLAIMS, claim("c", storageClassName="local"))
        await told(world, "WaitForFirstConsumer", "waiting for first consumer to be created before binding")
        reference = {"namespace": "default", "name": "c", "uid": made["metadata"]["uid"]}
        await world.merge(f"{VOLUMES}/b", {"spec": {"claimRef": reference}})
        bound = await phase(world, f"{CLAIMS}/c", "Bound")
        assert bound["spec"]["volumeName"] == "b"
        await phase(world, f"{VOLUMES}/a", "Available")


def with_ephemeral(name: str) -> dict[str, Any]:
    template = {"metadata": {"labels": {"for": name}}, "spec": claim("")["spec"]}
    volumes = [{"name": "data", "ephemeral": {"volumeClaimTemplate": template}}]
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "x"}], "volumes": volumes}}


async def test_an_ephemeral_volume_gets_a_claim_that_goes_with_its_pod():
    parts = ("garbage-collector-controller", "persistentvolumeclaim-protection-controller")
    async with running("ephemeral-volume-controller", BINDER, *parts) as world:
        await world.create(VOLUMES, volume("v"))
        made = await world.create(f"{BASE}/pods", with_ephemeral("p"))
        bound = await phase(world, f"{CLAIMS}/p-data", "Bound")
        assert bound["metadata"]["ownerReferences"][0]["uid"] == made["metadata"]["uid"]
        assert bound["metadata"]["labels"] == {"for": "p"}
        assert "\nephemeral_volume_controller_create_total 1\n" in world.context.metrics.render()
        await world.delete(f"{BASE}/pods/p", {"gracePeriodSeconds": 0})

        async def gone() -> bool:
            return await world.get(f"{CLAIMS}/p-data") is None

        await eventually(gone)
        await phase(world, f"{VOLUMES}/v", "Released")


async def test_a_claim_in_the_way_of_an_ephemeral_volume_is_reported_and_replaced_when_it_goes():
    async with running("ephemeral-volume-controller") as world:
        await world.create(CLAIMS, claim("p-data"))
        made = await world.create(f"{BASE}/pods", with_ephemeral("p"))
        await told(
            world,
            "FailedBinding",
            "PVC default/p-data was not created for pod default/p (pod is not owner)",
        )
        await world.delete(f"{CLAIMS}/p-data")
        await world.merge(f"{CLAIMS}/p-data", {"metadata": {"finalizers": None}})

        async def replaced() -> bool:
            found = await world.get(f"{CLAIMS}/p-data")
            owners = found["metadata"].get("ownerReferences") if found is not None else None
            return bool(owners and owners[0]["uid"] == made["metadata"]["uid"])

        await eventually(replaced)


async def test_a_claim_that_grows_waits_for_its_drivers_resizer():
    async with running(BINDER, "persistentvolume-expander-controller") as world:
        await world.create(CLASSES, a_class("fast", allowVolumeExpansion=True))
        source = {"csi": {"driver": "x.example.com", "volumeHandle": "h"}, "hostPath": None}
        await world.create(VOLUMES, volume("v", storageClassName="fast", **source))
        await world.create(CLAIMS, claim("c", storageClassName="fast"))
        await phase(world, f"{CLAIMS}/c", "Bound")
        await world.merge(f"{CLAIMS}/c", {"spec": {"resources": {"requests": {"storage": "2Gi"}}}})
        await told(world, "ExternalExpanding", "waiting for an external controller to expand this PVC")
        # What the resizer does; the binder leaves the claim's own capacity alone.
        await world.merge(f"{VOLUMES}/v", {"spec": {"capacity": {"storage": "2Gi"}}})
        condition = {"type": "FileSystemResizePending", "status": "True"}
        await world.merge(f"{CLAIMS}/c/status", {"status": {"conditions": [condition]}})
        await world.merge(f"{CLAIMS}/c", {"metadata": {"labels": {"seen": "again"}}})
        assert (await world.get(f"{CLAIMS}/c"))["status"]["capacity"] == {"storage": "1Gi"}

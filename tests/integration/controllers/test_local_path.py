"""Claims of the default class get directories on the nodes of their pods, against a real API server."""

from __future__ import annotations

from typing import Any

from kubelite.api.logic.localpath import DIRECTORY, PROVISIONER
from tests.integration.controllers.manager import World, eventually, running
from tests.integration.controllers.test_volumes import BINDER, CLAIMS, CLASSES, VOLUMES, a_class, claim, phase, told

MAKER = "local-path-provisioner-controller"
PARTS = (BINDER, MAKER, "persistentvolumeclaim-protection-controller", "persistentvolume-protection-controller")
NODES = "/api/v1/nodes"
SELECTED = "volume.kubernetes.io/selected-node"


async def the_class(world: World) -> Any:
    async def there() -> bool:
        return await world.get(f"{CLASSES}/local-path") is not None

    await eventually(there)
    return await world.get(f"{CLASSES}/local-path")


async def provisioned(world: World) -> str:
    """A claim with a volume on node n1; the volume's name."""
    await the_class(world)
    await world.create(NODES, {"metadata": {"name": "n1", "labels": {"kubernetes.io/hostname": "host-1"}}})
    await world.create(CLAIMS, claim("c", storageClassName="local-path"))
    await told(world, "WaitForFirstConsumer", "waiting for first consumer to be created before binding")
    await world.merge(f"{CLAIMS}/c", {"metadata": {"annotations": {SELECTED: "n1"}}})
    bound = await phase(world, f"{CLAIMS}/c", "Bound")
    return str(bound["spec"]["volumeName"])


async def volume_is_gone(world: World, name: str) -> None:
    async def gone() -> bool:
        return await world.get(f"{VOLUMES}/{name}") is None

    await eventually(gone)


async def test_the_class_is_the_default_where_there_is_no_other():
    async with running(MAKER) as world:
        made = await the_class(world)
        assert made["metadata"]["annotations"] == {"storageclass.kubernetes.io/is-default-class": "true"}
        assert (made["provisioner"], made["volumeBindingMode"]) == (PROVISIONER, "WaitForFirstConsumer")


async def test_a_claim_gets_a_directory_on_the_node_that_was_selected():
    async with running(*PARTS) as world:
        made = await world.get(f"{VOLUMES}/{await provisioned(world)}")
        uid = made["spec"]["claimRef"]["uid"]
        assert made["spec"]["hostPath"] == {"path": f"{DIRECTORY}/pvc-{uid}_default_c", "type": "DirectoryOrCreate"}
        (term,) = made["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
        assert term["matchExpressions"][0]["values"] == ["host-1"]
        await told(world, "ProvisioningSucceeded", f"Successfully provisioned volume pvc-{uid}")


async def test_a_volume_goes_with_its_claim_when_its_node_is_gone():
    async with running(*PARTS) as world:
        name = await provisioned(world)
        await world.delete(f"{NODES}/n1")
        await world.delete(f"{CLAIMS}/c")
        await volume_is_gone(world, name)


async def test_a_volume_stays_while_its_node_does_not_answer():
    async with running(*PARTS) as world:
        name = await provisioned(world)
        await world.delete(f"{CLAIMS}/c")
        await told(world, "VolumeFailedDelete", "node n1 did not remove the directory")
        left = await world.get(f"{VOLUMES}/{name}")
        assert "kubelite.io/local-path" in left["metadata"]["finalizers"]


async def test_a_volume_goes_when_the_node_that_did_not_answer_is_removed():
    async with running(*PARTS) as world:
        name = await provisioned(world)
        await world.delete(f"{CLAIMS}/c")
        await told(world, "VolumeFailedDelete", "node n1 did not remove the directory")
        await world.delete(f"{NODES}/n1")
        await volume_is_gone(world, name)


async def test_a_volume_on_a_simulated_node_goes_with_its_claim():
    async with running(*PARTS) as world:
        name = await provisioned(world)
        await world.merge(f"{NODES}/n1", {"metadata": {"labels": {"kubelite.io/simulated": "true"}}})
        await world.delete(f"{CLAIMS}/c")
        await volume_is_gone(world, name)


async def test_a_claim_whose_node_has_gone_is_given_back_to_the_scheduler():
    async with running(*PARTS) as world:
        await the_class(world)
        body = claim("c", storageClassName="local-path")
        body["metadata"]["annotations"] = {SELECTED: "vanished"}
        await world.create(CLAIMS, body)
        await told(world, "ProvisioningFailed", 'node "vanished" not found')

        async def given_back() -> bool:
            return SELECTED not in (await world.get(f"{CLAIMS}/c"))["metadata"]["annotations"]

        await eventually(given_back)


async def test_what_a_directory_cannot_be_is_refused():
    async with running(*PARTS) as world:
        await world.create(CLASSES, a_class("now", PROVISIONER, volumeBindingMode="Immediate"))
        await world.create(CLAIMS, claim("early", storageClassName="now"))
        await told(world, "ProvisioningFailed", "the class must have volumeBindingMode WaitForFirstConsumer")
        await world.create(CLAIMS, claim("shared", storageClassName="now", accessModes=["ReadWriteMany"]))
        await told(world, "ProvisioningFailed", "access mode ReadWriteMany is not supported")

"""Volumes that have grown: the driver follows on the node and the claim says so."""

from __future__ import annotations

import pytest

from kubelite.kubelet.interfaces import SyncError
from kubelite.kubelet.volumes.csi import manager, names
from tests.integration.csi.world import CLAIMS, DRIVER, HERE, VOLUMES, World

EXPANDS = ("--capability=EXPAND_VOLUME", "--capability=STAGE_UNSTAGE_VOLUME")
RESIZING = [
    {"type": "FileSystemResizePending", "status": "True"},
    {"type": "ModifyingVolume", "status": "True"},
]
SUCCESS = f'MountVolume.NodeExpandVolume succeeded for volume "v" {HERE}'


async def grown(world: World, state: str = "NodeResizePending") -> None:
    """As the resizer leaves it."""
    await world.api.patch(f"{VOLUMES}/v", {"spec": {"capacity": {"storage": "2Gi"}}})
    statuses = {"allocatedResourceStatuses": {"storage": state}, "allocatedResources": {"storage": "2Gi"}}
    await world.api.patch(f"{CLAIMS}/v/status", {"status": {"conditions": RESIZING, **statuses}})


async def status(world: World) -> dict:
    return (await world.api.get(f"{CLAIMS}/v")).json()["status"]


async def test_a_volume_that_grew_while_nobody_had_it_is_expanded_when_it_is_mounted(world: World):
    driver = world.driver(*EXPANDS)
    await world.registered()
    await world.describe()
    await world.volume("v", csi_fsType="ext4")
    await grown(world)
    path = await world.mount(world.pod("p", "v"))
    assert driver.calls("NodeExpandVolume") == [
        {
            "method": "NodeExpandVolume",
            "volume_id": "handle-v",
            "volume_path": str(path),
            "staging_target_path": f"{names.device_dir(str(world.root), DRIVER, 'handle-v')}/globalmount",
            "capacity_range": {"required_bytes": str(2 << 30)},
            "volume_capability": {"mount": {"fs_type": "ext4"}, "access_mode": {"mode": "SINGLE_NODE_WRITER"}},
        }
    ]
    found = await status(world)
    assert found["capacity"] == {"storage": "2Gi"}
    assert [one["type"] for one in found["conditions"]] == ["ModifyingVolume"]
    assert not found.get("allocatedResourceStatuses")
    assert found["allocatedResources"] == {"storage": "2Gi"}
    assert ("FileSystemResizeSuccessful", SUCCESS) in world.events


async def test_a_volume_that_grows_under_its_pod_is_expanded_where_it_is(world: World, monkeypatch):
    monkeypatch.setattr(manager, "AGAIN_SECONDS", 0.0)
    driver = world.driver(*EXPANDS)
    await world.registered()
    await world.describe()
    await world.volume("v")
    pod = world.pod("p", "v")
    await world.mount(pod)
    assert driver.calls("NodeExpandVolume") == []
    await grown(world)
    driver.fail(NodeExpandVolume=["UNAVAILABLE", "later"])
    await world.manager.update(pod)
    await world.until(lambda: world.events)
    why = "Expander.NodeExpand failed to expand the volume : rpc error: code = Unavailable desc = later"
    assert world.events == [("VolumeResizeFailed", f'NodeExpandVolume.NodeExpandVolume failed for volume "v" : {why}')]
    assert (await status(world))["allocatedResourceStatuses"] == {"storage": "NodeResizeInProgress"}
    driver.fail()
    await world.cared_for(pod)
    await world.manager.update(pod)
    await world.until(lambda: ("FileSystemResizeSuccessful", SUCCESS) in world.events)
    assert (await status(world))["capacity"] == {"storage": "2Gi"}
    await world.cared_for(pod)
    await world.manager.update(pod)
    await world.cared_for(pod)
    assert len(driver.calls("NodeExpandVolume")) == 2


async def test_what_a_driver_can_never_expand_is_not_tried_again_and_the_pod_starts(world: World):
    driver = world.driver(*EXPANDS)
    await world.registered()
    await world.describe()
    await world.volume("v")
    await grown(world)
    driver.fail(NodeExpandVolume=["OUT_OF_RANGE", "too large"])
    pod = world.pod("p", "v")
    why = "Expander.NodeExpand failed to expand the volume : rpc error: code = OutOfRange desc = too large"
    with pytest.raises(SyncError) as caught:
        await world.mount(pod)
    assert caught.value.message == f'MountVolume.Setup failed while expanding volume for volume "v" : {why}'
    found = await status(world)
    assert found["allocatedResourceStatuses"] == {"storage": "NodeResizeInfeasible"}
    told = next(one for one in found["conditions"] if one["type"] == "NodeResizeError")
    assert (told["status"], told["message"]) == ("True", f"failed to expand pvc with {why}")
    assert (await world.mount(pod)).is_dir()
    assert len(driver.calls("NodeExpandVolume")) == 1


async def test_a_volume_in_a_use_that_keeps_it_from_growing_is_mounted_all_the_same(world: World):
    driver = world.driver(*EXPANDS)
    await world.registered()
    await world.describe()
    await world.volume("v")
    await grown(world)
    driver.fail(NodeExpandVolume=["FAILED_PRECONDITION", "in use"])
    assert (await world.mount(world.pod("p", "v"))).is_dir()
    assert (await status(world))["capacity"] == {"storage": "1Gi"}


@pytest.mark.parametrize("state", ["ControllerResizeInProgress", "NodeResizeInfeasible"])
async def test_the_node_waits_while_it_is_not_its_turn(world: World, state):
    driver = world.driver(*EXPANDS)
    await world.registered()
    await world.describe()
    await world.volume("v")
    await grown(world, state)
    await world.mount(world.pod("p", "v"))
    assert driver.calls("NodeExpandVolume") == []


async def test_a_volume_that_is_only_read_is_not_expanded(world: World):
    driver = world.driver(*EXPANDS)
    await world.registered()
    await world.describe()
    await world.volume("v")
    await grown(world)
    await world.mount(world.pod("p", "v", claim_fields={"readOnly": True}))
    assert driver.calls("NodeExpandVolume") == []
    text = 'MountVolume.NodeExpandVolume failed for volume "v" requested read-only file system'
    assert ("FileSystemResizeFailed", text) in world.events

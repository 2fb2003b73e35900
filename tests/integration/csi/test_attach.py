"""Volumes that are attached first: the node says what it has in use and waits for the attacher."""

from __future__ import annotations

import asyncio

import pytest

from kubelite.kubelet.interfaces import SyncError
from kubelite.kubelet.volumes.csi import attachments, names
from tests.integration.csi.world import ATTACHMENTS, DRIVER, HERE, NODES, World

STAGES = "--capability=STAGE_UNSTAGE_VOLUME"
USED = names.unique_name(DRIVER, "handle-v")


async def test_a_volume_is_in_use_before_it_is_attached_until_it_is_unstaged(world: World):
    driver = world.driver(STAGES)
    await world.registered()
    await world.volume("v")
    mounting = asyncio.create_task(world.mount(world.pod("p", "v")))
    await world.eventually(world.in_use)
    assert await world.in_use() == [USED]
    assert driver.calls("NodeStageVolume", "NodePublishVolume") == []
    await world.attach("v", device="/dev/x")
    await mounting
    for call in driver.calls("NodeStageVolume", "NodePublishVolume"):
        assert call["publish_context"] == {"device": "/dev/x"}
    driver.fail(NodeUnstageVolume=["INTERNAL", "busy"])
    await world.manager.unmount("uid-p")
    await world.until(lambda: driver.calls("NodeUnstageVolume"))
    assert await world.in_use() == [USED]
    driver.fail()

    async def free() -> bool:
        return not await world.in_use()

    await world.eventually(free)
    assert len(driver.calls("NodeUnstageVolume")) > 1


async def test_what_is_in_use_is_known_after_a_restart_and_told_to_a_new_node(world: World):
    world.driver(STAGES)
    await world.registered()
    await world.volume("v")
    await world.attach("v")
    await world.mount(world.pod("p", "v"))
    await world.api.patch(f"{NODES}/{HERE}/status", {"status": {"volumesInUse": None}})
    await world.restart()
    await world.eventually(world.in_use)
    assert await world.in_use() == [USED]


async def test_a_driver_that_does_not_attach_waits_for_nothing_and_reports_nothing(world: World):
    driver = world.driver(STAGES)
    await world.registered()
    await world.describe()
    await world.volume("v")
    await world.mount(world.pod("p", "v"))
    assert "publish_context" not in driver.calls("NodePublishVolume")[0]
    assert await world.in_use() == []


async def test_an_attachment_that_cannot_be_read_is_named(world: World):
    world.driver()
    await world.registered()
    await world.volume("v")
    name = await world.attach("v")
    await world.api.delete(f"{ATTACHMENTS}/{name}")
    with pytest.raises(SyncError) as caught:
        await world.mount(world.pod("p", "v"))
    why = f"volume handle-v has GET error for volume attachment {name}: "
    assert caught.value.message.startswith(f'MountVolume.WaitForAttach failed for volume "v" : {why}')


async def test_a_pod_is_told_what_it_waits_for(world: World, monkeypatch):
    monkeypatch.setattr(attachments, "WAIT_SECONDS", 0.2)
    world.driver()
    await world.registered()
    await world.volume("v")
    with pytest.raises(SyncError) as caught:
        await world.mount(world.pod("p", "v"))
    assert caught.value.message == (
        "Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[data],"
        " failed to process volumes=[]: context deadline exceeded"
    )
    # Nothing of it was staged: when the pod goes it is free at once.
    assert await world.in_use() == [USED]
    await world.manager.unmount("uid-p")

    async def free() -> bool:
        return not await world.in_use()

    await world.eventually(free)


async def test_a_driver_that_hangs_keeps_only_its_own_pod_waiting(world: World):
    hanging = world.driver(STAGES)
    fine = world.driver(name="other.example.com")
    await world.registered()
    await world.registered("other.example.com")
    await world.describe()
    await world.describe("other.example.com")
    await world.volume("v")
    await world.volume("w", csi_driver="other.example.com")
    hanging.fail(NodeStageVolume=["HANG", ""])
    stuck = asyncio.create_task(world.mount(world.pod("stuck", "v")))
    await world.until(lambda: hanging.calls("NodeStageVolume"))
    await world.mount(world.pod("p", "w"))
    assert len(fine.calls("NodePublishVolume")) == 1
    # The pod is deleted: what was begun is left off, and taken down by the record.
    stuck.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stuck
    hanging.fail()
    await world.manager.unmount("uid-stuck")
    await world.until(lambda: hanging.calls("NodeUnstageVolume"))

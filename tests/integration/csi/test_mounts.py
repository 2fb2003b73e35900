"""Volumes of pods by a driver: staged, published, taken down, and what the driver is told."""

from __future__ import annotations

import json
import os
import signal

import pytest

from kubelite.kubelet.interfaces import SyncError
from kubelite.kubelet.volumes import mountpoints
from kubelite.kubelet.volumes.csi import names
from tests.integration.csi.world import DRIVER, HERE, World

STAGES = "--capability=STAGE_UNSTAGE_VOLUME"


async def refused(world: World, pod) -> str:
    with pytest.raises(SyncError) as caught:
        await world.mount(pod)
    assert caught.value.reason == "FailedMount"
    return caught.value.message


async def test_a_volume_is_published_to_its_pod_and_taken_down_with_it(world: World):
    driver = world.driver()
    await world.registered()
    await world.describe()
    await world.volume("v", csi_volumeAttributes={"share": "a"}, csi_fsType="ext4", mountOptions=["noatime"])
    pod = world.pod("p", "v")
    path = await world.mount(pod)
    assert path == world.root / "pods/uid-p/volumes/kubernetes.io~csi/v/mount"
    (path / "kept").write_text("yes")
    assert (driver.volume("handle-v") / "kept").read_text() == "yes"
    assert driver.calls("NodePublishVolume") == [
        {
            "method": "NodePublishVolume",
            "volume_id": "handle-v",
            "target_path": str(path),
            "volume_capability": {
                "mount": {"fs_type": "ext4", "mount_flags": ["noatime"]},
                "access_mode": {"mode": "SINGLE_NODE_WRITER"},
            },
            "volume_context": {"share": "a"},
        }
    ]
    assert json.loads((path.parent / "vol_data.json").read_text()) == {
        "attachmentID": names.attachment_name("handle-v", DRIVER, HERE),
        "driverName": DRIVER,
        "nodeName": HERE,
        "specVolID": "v",
        "volumeHandle": "handle-v",
        "volumeLifecycleMode": "Persistent",
    }
    await world.manager.unmount("uid-p")
    assert driver.calls("NodeUnpublishVolume")[0]["target_path"] == str(path)
    assert not (world.root / "pods/uid-p/volumes").exists()
    assert (driver.volume("handle-v") / "kept").exists()
    assert driver.calls("NodeStageVolume") == []


async def test_a_volume_is_staged_once_for_all_its_pods_and_unstaged_after_the_last(world: World):
    driver = world.driver(STAGES)
    await world.registered()
    await world.describe()
    await world.volume("v")
    await world.mount(world.pod("one", "v"))
    await world.mount(world.pod("two", "v"))
    staged = driver.calls("NodeStageVolume")
    home = names.device_dir(str(world.root), DRIVER, "handle-v")
    assert [call["staging_target_path"] for call in staged] == [f"{home}/globalmount"]
    assert {call["staging_target_path"] for call in driver.calls("NodePublishVolume")} == {f"{home}/globalmount"}
    with open(f"{home}/vol_data.json") as file:
        assert json.load(file) == {"driverName": DRIVER, "volumeHandle": "handle-v"}
    await world.manager.unmount("uid-one")
    assert driver.calls("NodeUnstageVolume") == []
    await world.manager.unmount("uid-two")
    await world.until(lambda: driver.calls("NodeUnstageVolume"))
    await world.until(lambda: not os.path.exists(home))


async def test_a_kubelet_that_restarts_takes_down_what_another_has_mounted(world: World):
    driver = world.driver(STAGES)
    await world.registered()
    await world.describe()
    await world.volume("v")
    await world.mount(world.pod("p", "v"))
    await world.restart()
    assert await world.manager.reconstruct() == ["uid-p"]
    await world.met()
    await world.manager.unmount("uid-p")
    await world.until(lambda: driver.calls("NodeUnstageVolume"))
    await world.until(lambda: mountpoints.below(str(world.root)) == [])


async def test_a_kubelet_that_died_between_staging_and_publishing_cleans_up_after_its_restart(world: World):
    driver = world.driver(STAGES)
    await world.registered()
    await world.describe()
    await world.volume("v")
    driver.fail(NodePublishVolume=["UNAVAILABLE", "not now"])
    await refused(world, world.pod("p", "v"))
    driver.fail()
    await world.restart()
    await world.met()
    await world.manager.unmount("uid-p")
    await world.until(lambda: driver.calls("NodeUnstageVolume"))
    await world.until(lambda: mountpoints.below(str(world.root)) == [])


async def test_a_volume_that_is_shown_is_not_asked_for_again(world: World):
    driver = world.driver()
    await world.registered()
    await world.describe()
    await world.volume("v")
    pod = world.pod("p", "v")
    path = await world.mount(pod)
    driver.end(signal.SIGKILL)
    assert await world.mount(pod) == path


async def test_a_driver_that_has_not_registered_is_named(world: World):
    await world.describe(volumeLifecycleModes=["Persistent", "Ephemeral"])
    await world.volume("v")
    missing = f"driver name {DRIVER} not found in the list of registered CSI drivers"
    assert await refused(world, world.pod("p", "v")) == (
        'MountVolume.MountDevice failed for volume "v" : kubernetes.io/csi: attacher.MountDevice failed to create'
        f" newCsiDriverClient: {missing}"
    )
    assert await refused(world, world.pod("q", inline={"driver": DRIVER})) == (
        'MountVolume.SetUp failed for volume "data" : kubernetes.io/csi: mounter.SetUpAt failed to get CSI client:'
        f" {missing}"
    )


async def test_what_a_driver_refuses_is_told_and_leaves_nothing(world: World):
    driver = world.driver(STAGES)
    await world.registered()
    await world.describe()
    await world.volume("v")
    pod = world.pod("p", "v")
    driver.fail(NodeStageVolume=["INTERNAL", "no disk"])
    text = 'MountVolume.MountDevice failed for volume "v" : rpc error: code = Internal desc = no disk'
    assert await refused(world, pod) == text
    assert not os.path.exists(names.device_dir(str(world.root), DRIVER, "handle-v"))
    driver.fail(NodePublishVolume=["INVALID_ARGUMENT", "bad flag"])
    text = 'MountVolume.SetUp failed for volume "v" : rpc error: code = InvalidArgument desc = bad flag'
    assert await refused(world, pod) == text
    assert not (world.root / "pods/uid-p/volumes/kubernetes.io~csi/v").exists()
    driver.fail()
    assert (await world.mount(pod)).is_dir()


async def test_a_pod_whose_driver_cannot_unpublish_is_kept_until_it_can(world: World):
    driver = world.driver()
    await world.registered()
    await world.describe()
    await world.volume("v")
    path = await world.mount(world.pod("p", "v"))
    driver.fail(NodeUnpublishVolume=["INTERNAL", "busy"])
    with pytest.raises(SyncError, match=r"Unmounter.TearDownAt failed: .* desc = busy"):
        await world.manager.unmount("uid-p")
    assert mountpoints.is_mounted(str(path))
    driver.fail()
    await world.manager.unmount("uid-p")
    assert not path.exists()


@pytest.mark.parametrize(
    ("modes", "capabilities", "told"),
    [
        (("ReadOnlyMany",), (), "MULTI_NODE_READER_ONLY"),
        (("ReadWriteMany", "ReadWriteOnce"), (), "MULTI_NODE_MULTI_WRITER"),
        (("ReadWriteOncePod",), (), "SINGLE_NODE_WRITER"),
        (("ReadWriteOncePod",), ("SINGLE_NODE_MULTI_WRITER",), "SINGLE_NODE_SINGLE_WRITER"),
        (("ReadWriteOnce",), ("SINGLE_NODE_MULTI_WRITER",), "SINGLE_NODE_MULTI_WRITER"),
    ],
)
async def test_access_modes_are_told_in_the_words_of_drivers(world: World, modes, capabilities, told):
    driver = world.driver(*(f"--capability={one}" for one in capabilities))
    await world.registered()
    await world.describe()
    await world.volume("v", modes)
    await world.mount(world.pod("p", "v"))
    assert driver.calls("NodePublishVolume")[0]["volume_capability"]["access_mode"] == {"mode": told}


async def test_capabilities_of_a_later_protocol_are_passed_over(world: World):
    driver = world.driver("--capability=99", STAGES)
    await world.registered()
    await world.describe()
    await world.volume("v")
    await world.mount(world.pod("p", "v"))
    assert len(driver.calls("NodeStageVolume")) == 1


async def test_a_claim_that_is_only_read_is_published_so(world: World):
    driver = world.driver()
    await world.registered()
    await world.describe()
    await world.volume("v")
    path = await world.mount(world.pod("p", "v", claim_fields={"readOnly": True}))
    assert driver.calls("NodePublishVolume")[0]["readonly"] is True
    with pytest.raises(OSError, match="Read-only"):
        (path / "x").touch()


@pytest.mark.parametrize(
    ("policy", "fs_type", "given"),
    [
        ("ReadWriteOnceWithFSType", "ext4", True),
        ("ReadWriteOnceWithFSType", "", False),
        ("File", "", True),
        ("None", "ext4", False),
    ],
)
async def test_files_are_given_to_the_pods_group_as_the_driver_says(world: World, policy, fs_type, given):
    world.driver()
    await world.registered()
    await world.describe(fsGroupPolicy=policy)
    await world.volume("v", csi_fsType=fs_type)
    path = await world.mount(world.pod("p", "v", securityContext={"fsGroup": 4321}))
    assert (path.stat().st_gid == 4321) is given


async def test_a_driver_that_cares_for_groups_is_told_the_group(world: World):
    driver = world.driver("--capability=VOLUME_MOUNT_GROUP", STAGES)
    await world.registered()
    await world.describe(fsGroupPolicy="File")
    await world.volume("v")
    path = await world.mount(world.pod("p", "v", securityContext={"fsGroup": 4321}))
    for call in driver.calls("NodeStageVolume", "NodePublishVolume"):
        assert call["volume_capability"]["mount"]["volume_mount_group"] == "4321"
    assert path.stat().st_gid != 4321

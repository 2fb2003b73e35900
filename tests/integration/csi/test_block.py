"""Block volumes by a driver: a device where the pod's volume is, and nothing of it left afterwards."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator

import pytest

from kubelite.api.types.core_v1 import VolumeDevice
from kubelite.kubelet.interfaces import SyncError
from kubelite.kubelet.volumes import mountpoints
from tests.integration.csi.world import DRIVER, World


@pytest.fixture
def device(tmp_path) -> Iterator[str]:
    image = tmp_path / "image"
    image.write_bytes(bytes(1 << 20))
    made = subprocess.run(["losetup", "--find", "--show", str(image)], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"no loop device: {made.stderr}")
    yield made.stdout.strip()
    subprocess.run(["losetup", "--detach", made.stdout.strip()], check=True)


def pod(world: World, name: str):
    made = world.pod(name, "v")
    container = made.spec.containers[0]
    container.volumeDevices, container.volumeMounts = [VolumeDevice(name="data", devicePath="/dev/x")], []
    return made


async def test_a_device_is_published_as_such_and_taken_down_also_after_a_restart(world: World, device):
    driver = world.driver("--capability=STAGE_UNSTAGE_VOLUME")
    await world.registered()
    await world.describe(fsGroupPolicy="File")
    await world.volume("v", volumeMode="Block")
    os.symlink(device, driver.directory / "device")
    path = await world.mount(pod(world, "p"))
    assert stat.S_ISBLK(path.stat().st_mode)
    assert path.stat().st_rdev == os.stat(device).st_rdev
    for call in driver.calls("NodeStageVolume", "NodePublishVolume"):
        assert call["volume_capability"] == {"block": {}, "access_mode": {"mode": "SINGLE_NODE_WRITER"}}
    await world.restart()
    await world.met()
    await world.manager.unmount("uid-p")
    await world.until(lambda: driver.calls("NodeUnstageVolume"))
    await world.until(lambda: mountpoints.below(str(world.root)) == [])
    assert not path.parent.exists()


async def test_a_driver_that_is_missing_is_named_in_the_words_of_devices(world: World):
    await world.describe()
    await world.volume("v", volumeMode="Block")
    with pytest.raises(SyncError) as caught:
        await world.mount(pod(world, "p"))
    assert caught.value.message == (
        'MapVolume.SetUpDevice failed for volume "v" : kubernetes.io/csi: blockMapper.SetUpDevice failed to get CSI client:'
        f" driver name {DRIVER} not found in the list of registered CSI drivers"
    )


async def test_a_device_is_not_mounted(world: World):
    await world.volume("v", volumeMode="Block")
    with pytest.raises(SyncError, match="volume data has volumeMode Block, but is specified in volumeMounts"):
        await world.mount(world.pod("p", "v"))

"""What mount(8) is asked for an NFS volume, and what becomes of its refusal."""

from __future__ import annotations

import os
import subprocess

import pytest

from kubelite.api.types.core_v1 import NFSVolumeSource
from kubelite.kubelet.volumes import mountpoints, nfs

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")


@pytest.mark.parametrize(
    ("source", "more", "words"),
    [
        (NFSVolumeSource(server="files", path="/a"), {}, ["-t", "nfs", "files:/a", "/t"]),
        (NFSVolumeSource(server="fd00::1", path="/a"), {}, ["-t", "nfs", "[fd00::1]:/a", "/t"]),
        (NFSVolumeSource(server="files", path="/a", readOnly=True), {}, ["-t", "nfs", "-o", "ro", "files:/a", "/t"]),
        (
            NFSVolumeSource(server="files", path="/a"),
            {"read_only": True, "options": ["vers=4.2", "hard"]},
            ["-t", "nfs", "-o", "hard,ro,vers=4.2", "files:/a", "/t"],
        ),
    ],
)
def test_mount_is_asked_for_the_share_with_its_options(source, more, words):
    assert nfs.arguments(nfs.of(source, "v", **more), "/t") == words


@root_only
async def test_what_mount_says_reaches_the_user_and_leaves_nothing(tmp_path):
    # Nothing listens there, and a kernel without the protocol refuses even earlier: either way mount(8) fails with 32.
    share = nfs.Share("v", "127.0.0.1", "/absent", options=("soft", "retry=0", "timeo=1"))
    with pytest.raises(ValueError, match=r"^mount failed: exit status 32\nMounting command: mount\n") as caught:
        await nfs.mount(share, str(tmp_path))
    target = tmp_path / nfs.PLUGIN / "v"
    asked = f"Mounting arguments: -t nfs -o retry=0,soft,timeo=1 127.0.0.1:/absent {target}\nOutput: "
    assert asked in str(caught.value)
    assert str(caught.value).split("Output: ")[1].strip()
    assert not target.exists()


@root_only
async def test_what_is_mounted_is_kept_and_unmounted_with_the_pod(tmp_path):
    target = tmp_path / nfs.PLUGIN / "v"
    target.mkdir(parents=True)
    mountpoints.mount_tmpfs(str(target))
    try:
        assert await nfs.mount(nfs.Share("v", "files", "/a"), str(tmp_path)) == str(target)
        await nfs.unmount_all(str(tmp_path))
        assert mountpoints.below(str(tmp_path)) == []
    finally:
        subprocess.run(["umount", "-l", str(target)], capture_output=True, check=False)


async def test_a_machine_without_mount_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match='mount failed: exec: "mount": executable file not found in \\$PATH'):
        await nfs.mount(nfs.Share("v", "files", "/a"), str(tmp_path))

"""What is mounted below the cluster's folders is not emptied with them."""

from __future__ import annotations

import os
import pathlib

import pytest

from kubelite.cmd.cluster.config import Paths
from kubelite.cmd.cluster.down import purge
from kubelite.kubelet.volumes import mountpoints

PLACES = ("lib", "etc", "log", "cni_state", "pod_logs", "run", "containerd_root", "kubelet")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_nothing_is_purged_while_a_volume_is_mounted(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PLACES:
        monkeypatch.setattr(Paths, name, tmp_path / name)
    monkeypatch.setattr(Paths, "lib", tmp_path)
    share = tmp_path / "kubelet" / "pods" / "uid" / "mount"
    share.mkdir(parents=True)
    mountpoints.mount_tmpfs(str(share))
    try:
        (share / "kept").touch()
        with pytest.raises(RuntimeError, match="nothing was removed, as something is still mounted"):
            purge()
        assert (share / "kept").exists()
    finally:
        mountpoints.unmount(str(share))
    purge()
    assert not tmp_path.exists()

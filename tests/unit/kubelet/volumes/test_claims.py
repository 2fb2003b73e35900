"""What is behind a claim on this node, and the group that local volumes are given to."""

from __future__ import annotations

import os
import re
import stat

import pytest

from kubelite.api.types.core_v1 import Node, PersistentVolume
from kubelite.kubelet.volumes import ownership
from kubelite.kubelet.volumes.claims import check_node, place
from kubelite.machinery import codec

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="changing groups needs root")
ELSEWHERE = {
    "required": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "host", "operator": "In", "values": ["b"]}]}]}
}


def node(**labels):
    return codec.from_generic({"metadata": {"name": "n", "labels": labels}}, Node)


def volume(**spec):
    return codec.from_generic({"metadata": {"name": "v"}, "spec": spec}, PersistentVolume)


def test_local_directories_and_host_paths_are_where_they_say(tmp_path):
    made = tmp_path / "made"
    assert place(volume(local={"path": str(tmp_path)})) == str(tmp_path)
    assert place(volume(hostPath={"path": str(made), "type": "DirectoryOrCreate"})) == str(made)
    assert made.is_dir()


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        (
            {"iscsi": {"targetPortal": "p", "iqn": "q", "lun": 0}},
            'persistent volume type "iscsi" is not supported by this kubelet',
        ),
        ({"local": {"path": "/absent"}}, 'path "/absent" does not exist'),
        ({"local": {"path": "/etc/passwd"}}, 'local volume "/etc/passwd" is not a directory'),
        ({"local": {"path": "/tmp"}, "volumeMode": "Block"}, 'local volume "/tmp" is not a block device'),
        ({"local": {"path": "/absent"}, "volumeMode": "Block"}, 'path "/absent" does not exist'),
        (
            {"hostPath": {"path": "/dev"}, "volumeMode": "Block"},
            "block volumes of this type are not supported by this kubelet",
        ),
        ({"local": {"path": "/tmp"}, "nodeAffinity": ELSEWHERE}, "no matching NodeSelectorTerms"),
    ],
)
def test_what_cannot_be_used_here_is_refused_by_name(spec, why):
    with pytest.raises(ValueError, match=f"^{re.escape(why)}$"):
        check_node(volume(**spec), node(host="a"))
        place(volume(**spec))


@root_only
def test_everything_in_a_volume_is_given_to_the_group(tmp_path):
    (tmp_path / "deep").mkdir(mode=0o700)
    (tmp_path / "deep" / "file").touch(mode=0o600)
    os.symlink("/absent", tmp_path / "link")
    ownership.give(str(tmp_path), 4321)
    for path in (tmp_path, tmp_path / "deep"):
        info = path.stat()
        assert info.st_gid == 4321
        assert info.st_mode & (stat.S_ISGID | 0o070) == stat.S_ISGID | 0o070
    info = (tmp_path / "deep" / "file").stat()
    assert (info.st_gid, stat.S_IMODE(info.st_mode)) == (4321, 0o660)
    assert os.lstat(tmp_path / "link").st_gid == 4321


@root_only
def test_nothing_is_walked_when_the_root_is_right_and_the_pod_asks_for_that(tmp_path):
    ownership.give(str(tmp_path), 4321)
    (tmp_path / "file").touch(mode=0o600)
    os.chown(tmp_path / "file", 0, 0)
    ownership.give(str(tmp_path), 4321, "OnRootMismatch")
    assert (tmp_path / "file").stat().st_gid == 0
    ownership.give(str(tmp_path), 4321, "Always")
    assert (tmp_path / "file").stat().st_gid == 4321

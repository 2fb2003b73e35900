"""hostPath checks and safe sub-paths."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from kubelite.api.types.core_v1 import HostPathVolumeSource
from kubelite.kubelet.volumes import hostpath, mountpoints, subpath

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")


def prepare(path, type_=""):
    return hostpath.prepare(HostPathVolumeSource(path=str(path), type=type_))


@pytest.mark.parametrize(
    ("type_", "what"),
    [
        ("Directory", "a directory"),
        ("File", "a file"),
        ("Socket", "a socket file"),
        ("CharDevice", "a character device"),
        ("BlockDevice", "a block device"),
    ],
)
def test_what_is_absent_or_of_another_type_is_refused(tmp_path, type_, what):
    (tmp_path / "file").touch()
    wrong = [tmp_path / "absent", tmp_path / "file" if type_ != "File" else tmp_path]
    for path in wrong:
        with pytest.raises(ValueError, match="hostPath type check failed") as caught:
            prepare(path, type_)
        assert str(caught.value) == f"hostPath type check failed: {path} is not {what}"


def test_what_exists_is_accepted(tmp_path):
    (tmp_path / "file").touch()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "sock"))
        for path, type_ in (
            (tmp_path, "Directory"),
            (tmp_path / "file", "File"),
            (tmp_path / "sock", "Socket"),
            ("/dev/null", "CharDevice"),
        ):
            assert prepare(path, type_) == str(path)
    assert prepare("/no/such/path") == "/no/such/path"


def test_directories_and_files_are_made_on_demand(tmp_path):
    assert (tmp_path / "d/e").as_posix() == prepare(tmp_path / "d/e", "DirectoryOrCreate")
    prepare(tmp_path / "f", "FileOrCreate")
    assert (tmp_path / "d/e").is_dir()
    assert (tmp_path / "f").stat().st_mode & 0o777 == 0o644


@pytest.fixture
def pod_dir(tmp_path):
    path = tmp_path / "pod"
    path.mkdir()
    yield str(path)
    for mounted in mountpoints.below(str(path)):
        mountpoints.unmount(mounted)


@root_only
def test_a_sub_path_shows_its_directory_and_makes_what_is_missing(tmp_path, pod_dir):
    volume = tmp_path / "v"
    volume.mkdir(mode=0o777)
    bound = subpath.prepare(pod_dir, "v", "c", 0, str(volume), "a/b")
    (volume / "a/b/file").write_text("hello")
    assert Path(bound, "file").read_text() == "hello"


@root_only
def test_a_sub_path_may_be_one_file_and_is_bound_afresh_at_a_restart(tmp_path, pod_dir):
    volume = tmp_path / "v"
    volume.mkdir()
    (volume / "f").write_text("old")
    subpath.prepare(pod_dir, "v", "c", 0, str(volume), "f")
    (volume / "new").write_text("new")
    (volume / "new").rename(volume / "f")
    bound = subpath.prepare(pod_dir, "v", "c", 0, str(volume), "f")
    assert Path(bound).read_text() == "new"
    assert len(mountpoints.below(pod_dir)) == 1


@pytest.mark.parametrize("path", ["../x", "/etc", "link/passwd", "link"])
def test_a_sub_path_never_leaves_the_volume(tmp_path, pod_dir, path):
    volume = tmp_path / "v"
    volume.mkdir()
    os.symlink("/etc", volume / "link")
    with pytest.raises(ValueError, match="subPath"):
        subpath.prepare(pod_dir, "v", "c", 0, str(volume), path)
    assert mountpoints.below(pod_dir) == []

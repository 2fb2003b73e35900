"""Directories whose files change all at once."""

from __future__ import annotations

import os

import pytest

from kubelite.kubelet.volumes.atomic import DATA, File, write


def shown(root):
    """What a program sees: path → content."""
    found = {}
    for name in os.listdir(root):
        if name.startswith(".."):
            continue
        top = root / name
        files = [top] if top.is_file() else [path for path in top.rglob("*") if path.is_file()]
        found.update({str(path.relative_to(root)): path.read_bytes() for path in files})
    return found


def test_files_appear_behind_links(tmp_path):
    assert write(str(tmp_path), {"a": File(b"1"), "d/e/f": File(b"2", 0o400)})
    assert shown(tmp_path) == {"a": b"1", "d/e/f": b"2"}
    assert os.readlink(tmp_path / "a") == "..data/a"
    assert (tmp_path / "d/e/f").stat().st_mode & 0o777 == 0o400


def test_nothing_is_written_when_nothing_changed(tmp_path):
    write(str(tmp_path), {"a": File(b"1")})
    before = os.readlink(tmp_path / DATA)
    assert not write(str(tmp_path), {"a": File(b"1")})
    assert os.readlink(tmp_path / DATA) == before


@pytest.mark.parametrize(
    "changed", [{"a": File(b"2")}, {"a": File(b"1", 0o600)}, {"a": File(b"1"), "b": File(b"")}, {}]
)
def test_any_change_swaps_the_whole_directory(tmp_path, changed):
    write(str(tmp_path), {"a": File(b"1")})
    before = os.readlink(tmp_path / DATA)
    assert write(str(tmp_path), changed)
    assert os.readlink(tmp_path / DATA) != before
    assert shown(tmp_path) == {path: file.data for path, file in changed.items()}
    assert not (tmp_path / before).exists()


def test_a_leftover_of_a_killed_writer_is_swept(tmp_path):
    write(str(tmp_path), {"a": File(b"1")})
    (tmp_path / "..2020_01_01_00_00_00.1").mkdir()
    os.symlink("nowhere", tmp_path / "..data_tmp")
    write(str(tmp_path), {"a": File(b"2")})
    assert sorted(name for name in os.listdir(tmp_path) if name != os.readlink(tmp_path / DATA)) == ["..data", "a"]


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "a/../../x", "..data", "x" * 256])
def test_paths_that_leave_the_volume_are_refused(tmp_path, path):
    with pytest.raises(ValueError, match="invalid path"):
        write(str(tmp_path), {path: File(b"")})
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="giving files away needs root")
def test_a_group_may_read_every_file(tmp_path):
    write(str(tmp_path), {"d/a": File(b"1", 0o400)}, group=4242)
    info = (tmp_path / "d/a").stat()
    assert (info.st_gid, info.st_mode & 0o777) == (4242, 0o440)
    assert (tmp_path / "d").stat().st_mode & 0o2070 == 0o2050

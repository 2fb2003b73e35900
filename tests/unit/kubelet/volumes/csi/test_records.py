"""What the disk remembers of CSI volumes, and what becomes of files that cannot be read."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.kubelet.volumes.csi import names, records
from kubelite.kubelet.volumes.csi.records import Record

WORDS = st.text(min_size=1, max_size=40)
STAGED = Record(driverName="d", volumeHandle="h")


@given(driver=WORDS, handle=WORDS, name=WORDS)
def test_a_record_is_read_as_it_was_written(tmp_path_factory, driver, handle, name):
    directory = str(tmp_path_factory.mktemp("r") / "v")
    record = Record(driverName=driver, volumeHandle=handle, specVolID=name)
    records.write(directory, record)
    assert records.read(directory) == record


@pytest.mark.parametrize("text", ["", "{", "[]", '{"driverName": 1, "volumeHandle": "h"}', '{"driverName": "d"}'])
def test_a_record_that_cannot_be_read_is_passed_over(tmp_path, text):
    (tmp_path / names.DATA).write_text(text)
    assert records.read(str(tmp_path)) is None


def test_what_older_kubelets_wrote_beside_is_no_obstacle(tmp_path):
    (tmp_path / names.DATA).write_text('{"driverName":"d","volumeHandle":"h","seLinuxMountContext":""}')
    assert records.read(str(tmp_path)) == STAGED


def test_everything_on_the_disk_is_found(tmp_path):
    root = str(tmp_path)
    records.write(names.device_dir(root, "d", "h"), STAGED)
    shown = Record(driverName="d", volumeHandle="h", specVolID="v", volumeLifecycleMode="Persistent")
    directory = os.path.dirname(names.publish_path(root, "uid", "v"))
    records.write(directory, shown)
    (tmp_path / "pods" / "other" / "volumes").mkdir(parents=True)
    assert list(records.all_staged(root)) == [STAGED]
    assert list(records.all_published(root)) == [records.Published("uid", directory, shown)]
    assert records.published(root, "uid")[0].path == names.publish_path(root, "uid", "v")


def test_a_place_that_is_not_empty_is_not_erased(tmp_path):
    records.write(str(tmp_path / "v"), STAGED)
    (tmp_path / "v" / "mount").mkdir()
    (tmp_path / "v" / "mount" / "precious").touch()
    with pytest.raises(OSError, match="not empty"):
        records.erase(str(tmp_path / "v"), "mount")
    assert records.read(str(tmp_path / "v")) == STAGED
    (tmp_path / "v" / "mount" / "precious").unlink()
    records.erase(str(tmp_path / "v"), "mount")
    assert not (tmp_path / "v").exists()

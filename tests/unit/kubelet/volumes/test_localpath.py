"""Provisioned directories are made for everybody, and nothing else is ever removed."""

from __future__ import annotations

import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.api.logic.localpath import folder_name, is_folder_name
from kubelite.kubelet.volumes import localpath

UID = "0f0e0d0c-1111-2222-3333-444455556666"
NAME = folder_name(UID, "default", "data")


def test_a_directory_is_made_for_every_user_and_kept_as_it_is(tmp_path):
    path = localpath.make(str(tmp_path / "volumes" / NAME))
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o777
    os.chmod(path, 0o700)
    localpath.make(path)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o700


def test_a_directory_goes_with_all_it_holds_and_only_once(tmp_path):
    path = localpath.make(str(tmp_path / NAME))
    os.makedirs(f"{path}/deep/er")
    (tmp_path / NAME / "deep" / "file").write_text("x")
    assert localpath.remove(str(tmp_path), NAME) is True
    assert not os.path.exists(path)
    assert os.listdir(tmp_path / localpath.GONE) == []
    assert localpath.remove(str(tmp_path), NAME) is False


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../etc", "etc", f"{NAME}/deep", f"../{NAME}", f"{NAME}\n", ".deleted"]
)
def test_nothing_of_another_name_is_removed_or_made(tmp_path, name):
    (tmp_path / "etc").mkdir()
    with pytest.raises(ValueError, match="is not the name of a provisioned directory"):
        localpath.remove(str(tmp_path), name)
    assert (tmp_path / "etc").is_dir()
    if "/" not in name:
        with pytest.raises(ValueError, match="is not a provisioned directory"):
            localpath.make(f"{tmp_path}/{name}")


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "precious").mkdir()
    os.symlink(tmp_path / "precious", tmp_path / NAME)
    with pytest.raises(ValueError, match="is a symbolic link"):
        localpath.remove(str(tmp_path), NAME)
    assert (tmp_path / "precious").is_dir()


NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,60}[a-z0-9])?", fullmatch=True)


@given(uid=st.uuids(), namespace=NAMES, name=NAMES)
def test_every_claim_has_a_directory_of_the_agreed_form(uid, namespace, name):
    assert is_folder_name(folder_name(str(uid), namespace, name))


def test_the_longest_name_still_is_a_name():
    assert is_folder_name(folder_name(UID, "n" * 63, "c" * 253))

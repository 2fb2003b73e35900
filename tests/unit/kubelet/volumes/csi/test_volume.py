"""CSI volumes as PersistentVolumes and pods name them; names that others compute too."""

from __future__ import annotations

import hashlib

import pytest

from kubelite.api.types.core_v1 import PersistentVolume
from kubelite.api.types.storage_v1 import CSIDriver
from kubelite.kubelet.volumes.csi import names
from kubelite.kubelet.volumes.csi import volume as volumes
from kubelite.machinery import codec


def persistent(*modes, options=(), annotations=None, **csi):
    body = {
        "metadata": {"name": "v", "annotations": annotations or {}},
        "spec": {
            "accessModes": list(modes),
            "mountOptions": list(options),
            "csi": {"driver": "d", "volumeHandle": "h", **csi},
        },
    }
    return codec.convert(body, PersistentVolume)


def driver(**spec):
    return codec.convert({"metadata": {"name": "d"}, "spec": spec}, CSIDriver)


def test_names_are_those_that_attachers_and_controllers_compute():
    def sha(text):
        return hashlib.sha256(text.encode()).hexdigest()

    assert names.attachment_name("h", "d", "n") == "csi-" + sha("hdn")
    assert names.inline_handle("uid", "data") == "csi-" + sha("uiddata")
    assert names.unique_name("d", "h") == "kubernetes.io/csi/d^h"
    assert names.device_dir("/k", "d", "h") == f"/k/plugins/kubernetes.io/csi/d/{sha('h')}"
    assert names.publish_path("/k", "uid", "v") == "/k/pods/uid/volumes/kubernetes.io~csi/v/mount"


def test_mount_options_are_in_the_field_or_in_the_older_annotation():
    assert volumes.of_claim(persistent(options=["a", "b"]), "data", read_only=False).mount_options == ("a", "b")
    old = persistent(options=["a"], annotations={volumes.MOUNT_OPTIONS: "x,y"})
    assert volumes.mount_options(old) == ("x", "y")


@pytest.mark.parametrize(
    ("policy", "modes", "fs_type", "read_only", "given"),
    [
        ("File", ("ReadWriteMany",), "", False, True),
        ("File", ("ReadWriteOnce",), "ext4", True, False),
        ("None", ("ReadWriteOnce",), "ext4", False, False),
        ("ReadWriteOnceWithFSType", ("ReadWriteOnce",), "ext4", False, True),
        ("ReadWriteOnceWithFSType", ("ReadWriteOncePod",), "ext4", False, True),
        ("ReadWriteOnceWithFSType", ("ReadWriteMany",), "ext4", False, False),
        ("ReadWriteOnceWithFSType", ("ReadWriteOnce",), "", False, False),
    ],
)
def test_the_policy_says_whether_files_are_given_to_the_group(policy, modes, fs_type, read_only, given):
    volume = volumes.of_claim(persistent(*modes, fsType=fs_type), "data", read_only=read_only)
    assert volumes.changes_owner(volume, 4321, driver(fsGroupPolicy=policy)) is given
    assert not volumes.changes_owner(volume, None, driver(fsGroupPolicy=policy))


def test_a_driver_without_an_object_attaches_and_has_persistent_volumes_only():
    assert volumes.attaches(None)
    assert not volumes.attaches(driver(attachRequired=False))
    volumes.check_mode(volumes.of_claim(persistent(), "data", read_only=False), None)

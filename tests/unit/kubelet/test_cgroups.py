from __future__ import annotations

import pathlib

import pytest

from kubelite.kubelet.cgroups import Cgroups, Hierarchies, find_hierarchies, pod_limits, pod_path
from tests.unit.kubelet.podbuilder import make_pod

GUARANTEED = {"limits": {"cpu": "500m", "memory": "64Mi"}, "requests": {"cpu": "500m", "memory": "64Mi"}}
MOUNTS = """tmpfs /sys/fs/cgroup tmpfs rw 0 0
cgroup /sys/fs/cgroup/cpu cgroup rw,relatime,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,name=systemd 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
"""


@pytest.fixture
def v1(tmp_path: pathlib.Path) -> Hierarchies:
    for name in ("cpu", "memory", "cpuset"):
        (tmp_path / name).mkdir()
    return Hierarchies({name: str(tmp_path / name) for name in ("cpu", "memory", "cpuset")}, "")


def test_hierarchies_are_read_from_the_mount_table(tmp_path):
    (tmp_path / "mounts").write_text(MOUNTS)
    found = find_hierarchies(str(tmp_path / "mounts"))
    assert found.v1["cpu"] == found.v1["cpuacct"] == "/sys/fs/cgroup/cpu"
    assert found.v1["name=systemd"] == "/sys/fs/cgroup/systemd"
    assert found.v2 == "/sys/fs/cgroup/unified" and not found.unified


def test_a_machine_with_only_v2_is_unified(tmp_path):
    (tmp_path / "mounts").write_text("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n")
    assert find_hierarchies(str(tmp_path / "mounts")).unified


@pytest.mark.parametrize(
    ("qos", "path"),
    [
        ("Guaranteed", "/node/kubepods/podu1"),
        ("Burstable", "/node/kubepods/burstable/podu1"),
        ("BestEffort", "/node/kubepods/besteffort/podu1"),
    ],
)
def test_a_pods_path_follows_its_quality_of_service(qos, path):
    assert pod_path("/node", qos, "u1") == path


def test_limits_of_a_pod_are_the_sums_of_its_containers():
    two = [{"name": name, "image": "i", "resources": GUARANTEED} for name in "ab"]
    assert pod_limits(make_pod(two)) == {"shares": 1024, "quota": 100_000, "memory": 128 << 20}


def test_one_container_without_limits_leaves_the_pod_unlimited():
    mixed = [{"name": "a", "image": "i", "resources": GUARANTEED}, {"name": "b", "image": "i"}]
    assert pod_limits(make_pod(mixed)) == {"shares": 512, "quota": 0, "memory": 0}


def test_a_pod_is_made_in_every_hierarchy_found_again_and_removed(v1):
    cgroups = Cgroups("/", v1)
    cgroups.ensure_root()
    assert cgroups.ensure_pod(make_pod()) == "/kubepods/besteffort/podu1"
    assert all(pathlib.Path(mount, "kubepods/besteffort/podu1").is_dir() for mount in v1.mounts)
    assert cgroups.pod_uids() == {"u1"}
    assert cgroups.remove_pod("u1") and cgroups.pod_uids() == set()
    assert cgroups.remove_pod("u1")

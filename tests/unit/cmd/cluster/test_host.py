"""Kernel settings of the host are put back as they were."""

from __future__ import annotations

import pathlib

import pytest

from kubelite.cmd.cluster import host
from kubelite.cmd.cluster.config import Paths
from tests.unit.cmd.cluster.places import relocate

BEFORE = {
    "net/ipv4/ip_forward": "0",
    "net/ipv4/conf/all/route_localnet": "1",
    "net/bridge/bridge-nf-call-iptables": "0",
    "fs/inotify/max_user_instances": "128",
    "fs/inotify/max_user_watches": "1048576",
}


@pytest.fixture
def kernel(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A folder that stands for /proc/sys."""
    relocate(monkeypatch, tmp_path)
    root = tmp_path / "proc-sys"
    monkeypatch.setattr(host, "ROOT", root)
    monkeypatch.setattr(host, "tables", list)  # this host's own tables are no matter of these tests
    for name, value in BEFORE.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{value}\n")
    return root


def values(root: pathlib.Path) -> dict[str, str]:
    return {name: (root / name).read_text().strip() for name in BEFORE if (root / name).exists()}


def test_settings_are_made_and_put_back(kernel: pathlib.Path) -> None:
    assert host.prepare() == []
    # A larger limit than ours is left alone.
    assert values(kernel) == {**host.SYSCTLS, "fs/inotify/max_user_watches": "1048576"}
    host.restore()
    assert values(kernel) == BEFORE
    assert not Paths.host.exists()


def test_a_second_start_does_not_forget_what_stood_there_first(kernel: pathlib.Path) -> None:
    host.prepare()
    host.prepare()
    host.restore()
    assert values(kernel) == BEFORE


def test_a_setting_that_the_kernel_does_not_have_is_named(kernel: pathlib.Path) -> None:
    (kernel / "net/bridge/bridge-nf-call-iptables").unlink()
    assert host.prepare() == ["net.bridge.bridge-nf-call-iptables: No such file or directory"]
    host.restore()
    host.restore()


def test_the_database_folder_is_for_its_owner_only(kernel: pathlib.Path) -> None:
    host.prepare()
    assert Paths.database.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("listing", "empty"),
    [
        ("table ip6 nat {\n}\n", True),
        ("# Warning: table ip nat is managed by iptables-nft, do not touch!\ntable ip nat {\n}\n", True),
        ("table ip nat {\n\tchain OUTPUT {\n\t}\n}\n", False),
        ("table ip x {\n\tset y {\n\t\ttype ipv4_addr\n\t}\n}\n", False),
        ("", False),
    ],
)
def test_a_table_is_empty_if_nothing_is_in_it(listing: str, empty: bool) -> None:
    assert host.is_empty(listing) == empty

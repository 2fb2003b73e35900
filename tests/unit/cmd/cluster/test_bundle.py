"""A node joins with a tar of credentials."""

from __future__ import annotations

import pathlib
import tarfile

import pytest

from kubelite.cmd.cluster import bundle, certificates
from kubelite.cmd.cluster.config import Config, Paths, load, save
from kubelite.cmd.cluster.up import Failed, unpack
from tests.unit.cmd.cluster.places import relocate

MASTER = Config(node_name="master", node_ip="192.0.2.1", pod_cidr="10.200.0.0/16")


def test_another_machine_joins_with_the_bundle(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    relocate(monkeypatch, tmp_path / "master")
    certificates.issue_control_plane(MASTER)
    save(MASTER)
    tar = tmp_path / "worker.tar"
    assert bundle.main(["worker", "--address", "192.0.2.7", "--output", str(tar)]) == 0
    assert "kubelite up --join worker.tar" in capsys.readouterr().out
    assert tar.stat().st_mode & 0o077 == 0
    with tarfile.open(tar) as opened:
        assert not any("ca.key" in name or "admin" in name or "sa." in name for name in opened.getnames())

    authority = (Paths.pki / "ca.crt").read_bytes()
    monkeypatch.undo()
    relocate(monkeypatch, tmp_path / "worker")
    joined = unpack(str(tar), Config(wait=7))
    assert (joined.node_name, joined.node_ip, joined.pod_cidr, joined.wait) == (
        "worker",
        "192.0.2.7",
        "10.200.0.0/16",
        7,
    )
    assert joined.join == str(tar)
    assert (Paths.pki / "ca.crt").read_bytes() == authority
    for user in ("kubelet", *certificates.NODE_USERS):
        assert "https://192.0.2.1:6443" in Paths.kubeconfig(user).read_text()
    saved = load()
    assert saved is not None and saved.join


def test_a_machine_without_control_plane_makes_no_bundle(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    relocate(monkeypatch, tmp_path)
    words = ["worker", "--address", "192.0.2.7", "--output", str(tmp_path / "x.tar")]
    assert bundle.main(words) == 1
    assert "no control plane" in capsys.readouterr().err
    assert not (tmp_path / "x.tar").exists()


@pytest.mark.parametrize("content", [None, b"no tar at all"])
def test_what_is_no_bundle_is_refused(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    relocate(monkeypatch, tmp_path)
    tar = tmp_path / "x.tar"
    if content is not None:
        tar.write_bytes(content)
    with pytest.raises(Failed, match=r"--join .*x\.tar"):
        unpack(str(tar), Config())

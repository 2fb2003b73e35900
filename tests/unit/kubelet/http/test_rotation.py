"""Rotation of container logs."""

from __future__ import annotations

import gzip
from types import SimpleNamespace

import pytest

from kubelite.kubelet.config import Config
from kubelite.kubelet.http.rotation import LogRotation
from kubelite.kubelet.interfaces import ContainerHandle


class Runtime:
    """Knows one container and opens its log anew when asked, as a runtime does."""

    def __init__(self, path, state="running", refuses=False):
        self.handle = ContainerHandle("main", "c1", state, 0, str(path))
        self.refuses = refuses

    async def containers(self, pod_uid):
        return [self.handle] if pod_uid == "uid-1" else []

    async def reopen_log(self, container_id):
        if self.refuses:
            raise RuntimeError("no")
        with open(self.handle.log_path, "x"):
            pass


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "ns_pod_uid-1" / "main" / "0.log"
    path.parent.mkdir(parents=True)
    path.write_text("x" * 2000)
    return path


def rotation(log, runtime, files=3):
    config = Config(
        pod_log_dir=str(log.parent.parent.parent), container_log_max_size="1k", container_log_max_files=files
    )
    return LogRotation(SimpleNamespace(config=config, runtime=runtime))


def rotated(log):
    return sorted(path for path in log.parent.iterdir() if path != log)


async def test_only_logs_above_the_limit_are_found(log):
    (log.parent / "1.log").write_text("small")
    assert list(rotation(log, Runtime(log))._grown()) == [str(log)]


async def test_a_grown_log_is_put_aside_and_a_new_one_begins(log):
    await rotation(log, Runtime(log)).rotate(str(log))
    assert log.read_text() == ""
    assert [path.read_text() for path in rotated(log)] == ["x" * 2000]


async def test_older_ones_are_compressed_and_the_oldest_go(log):
    for day in (1, 2, 3):
        (log.parent / f"0.log.2020010{day}-000000").write_text(f"day {day}")
    await rotation(log, Runtime(log), files=3).rotate(str(log))
    old, new = rotated(log)
    assert gzip.decompress(old.read_bytes()) == b"day 3"
    assert old.name == "0.log.20200103-000000.gz"
    assert new.read_text() == "x" * 2000


async def test_a_refused_reopen_puts_the_log_back(log):
    with pytest.raises(RuntimeError):
        await rotation(log, Runtime(log, refuses=True)).rotate(str(log))
    assert log.read_text() == "x" * 2000
    assert rotated(log) == []


async def test_the_log_of_an_ended_container_stays(log):
    await rotation(log, Runtime(log, state="exited")).rotate(str(log))
    assert log.read_text() == "x" * 2000

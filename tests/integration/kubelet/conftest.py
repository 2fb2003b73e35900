"""A containerd for this folder's tests, and a node on it for each of them."""

from __future__ import annotations

import os
import pathlib
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.integration.kubelet.containerd import Containerd, missing
from tests.integration.kubelet.node import TestNode, running_node


@pytest.fixture(scope="session")
def containerd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containerd]:
    reason = missing()
    if reason:
        pytest.skip(f"no containerd for tests: {reason}")
    # Not below pytest's own directory: the path of a unix socket must be short.
    runtime = Containerd(pathlib.Path(f"/tmp/klt-{os.getpid()}"), f"{os.getpid() % 0xFFFF:x}")
    try:
        runtime.start()
        yield runtime
    finally:
        runtime.stop()


@pytest.fixture
async def node(containerd: Containerd, tmp_path: pathlib.Path) -> AsyncIterator[TestNode]:
    async with running_node(containerd, tmp_path) as running:
        yield running

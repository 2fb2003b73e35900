"""Fixtures of the store's contract suite: `backend` (each in turn) and `store` (one opened on it)."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import AsyncIterator, Iterator

import pytest

from kubelite.storage.interface import Store
from tests.contract.storage_backends import Backend, Etcd
from tests.contract.storage_backends import backend as make_backend


@pytest.fixture(scope="session")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    """One etcd for all tests that do not kill it."""
    if shutil.which("etcd") is None:
        pytest.skip("etcd is not installed (Debian package etcd-server)")
    server = Etcd(tmp_path_factory.mktemp("etcd"))
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture(params=["memory", "sqlite", "etcd"])
def backend(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Backend:
    server = request.getfixturevalue("etcd") if request.param == "etcd" else None
    return make_backend(request.param, tmp_path, server)


@pytest.fixture
async def store(backend: Backend) -> AsyncIterator[Store]:
    opened = await backend.open()
    yield opened
    await opened.close()

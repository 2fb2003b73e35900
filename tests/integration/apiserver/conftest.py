"""One API server per test, with the namespace `test`; for tests that ask for it, an etcd of their own."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import AsyncIterator

import pytest

from tests.apienv import ApiEnv, api_server
from tests.contract.storage_backends import Etcd


@pytest.fixture
async def etcd(tmp_path: pathlib.Path) -> AsyncIterator[Etcd]:
    """A running etcd."""
    if shutil.which("etcd") is None:
        pytest.skip("etcd is not installed")
    found = Etcd(tmp_path)
    found.start()
    try:
        yield found
    finally:
        found.kill()


@pytest.fixture
async def api() -> AsyncIterator[ApiEnv]:
    async with api_server() as env:
        reply = await env.post("/api/v1/namespaces", {"metadata": {"name": "test"}})
        assert reply.status == 201
        yield env

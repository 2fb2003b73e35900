"""One API server per test, with the namespace `test`."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.apienv import ApiEnv, api_server


@pytest.fixture
async def api() -> AsyncIterator[ApiEnv]:
    async with api_server() as env:
        reply = await env.post("/api/v1/namespaces", {"metadata": {"name": "test"}})
        assert reply.status == 201
        yield env

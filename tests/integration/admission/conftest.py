"""One API server for tests that share its settings."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.apienv import ApiEnv, api_server


@pytest.fixture
async def api() -> AsyncIterator[ApiEnv]:
    async with api_server() as env:
        yield env

"""The server that a conformance test talks to: over TLS, its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.apienv import ApiEnv, api_server


@pytest.fixture
async def api() -> AsyncIterator[ApiEnv]:
    async with api_server(tls=True) as api:
        yield api

"""One server for each module, with an object of every kind; whoever breaks it is found by the module's last check."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.apienv import ApiEnv
from tests.integration.bad_input.cases import stored, works
from tests.integration.bad_input.seeded import seeded_server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[ApiEnv]:
    async with seeded_server() as env:
        before = await stored(env)
        yield env
        assert await stored(env) == before
        await works(env, "after-all")

"""The server that the cases run against: one object of every kind in the namespace `test`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.apienv import ApiEnv, api_server
from tests.integration.bad_input.objects import VALID


@asynccontextmanager
async def seeded_server() -> AsyncIterator[ApiEnv]:
    async with api_server() as env:
        assert (await env.post("/api/v1/namespaces", {"metadata": {"name": "test"}})).status == 201
        for path, obj in VALID.values():
            reply = await env.post(path, obj)
            assert reply.status == 201, (path, reply.body)
        yield env

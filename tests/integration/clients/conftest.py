"""What the clients of others run against: the API server over TLS, with the controllers that their tests need."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.integration.controllers.manager import World, running

CONTROLLERS = ("garbage-collector-controller", "namespace-controller", "deployment-controller", "replicaset-controller")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Deployments get pods, and pods become ready, without any node."""
    # Some clients never close a watch that they have left: the server's end does not wait for them.
    async with running(*CONTROLLERS, tls=True, kubelet=True, server={"shutdown_seconds": 0.1}) as world:
        yield world

"""The real kubectl's rollout commands work on what the controllers make."""

from __future__ import annotations

import asyncio
import shutil

import pytest

from tests.integration.controllers.manager import World, running
from tests.integration.controllers.test_deployment import DEPLOYMENTS, NAMES, deployment

KUBECTL = shutil.which("kubectl")
pytestmark = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")


async def kubectl(world: World, *words: str) -> str:
    assert KUBECTL is not None
    command = (KUBECTL, "--kubeconfig", world.api.kubeconfig(), *words)
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, output.decode()
    return output.decode()


async def test_status_history_undo_and_restart():
    # kubectl sends no token over plain HTTP.
    async with running(*NAMES, kubelet=True, tls=True) as world:
        await world.create(DEPLOYMENTS, deployment(3))
        done = 'deployment "web" successfully rolled out\n'
        assert (await kubectl(world, "rollout", "status", "deploy/web", "--timeout=60s")).endswith(done)
        await kubectl(world, "set", "image", "deploy/web", "c=two")
        assert (await kubectl(world, "rollout", "status", "deploy/web", "--timeout=60s")).endswith(done)
        await kubectl(world, "rollout", "undo", "deploy/web")
        assert (await kubectl(world, "rollout", "status", "deploy/web", "--timeout=60s")).endswith(done)
        assert {pod["spec"]["containers"][0]["image"] for pod in await world.pods()} == {"one"}
        history = (await kubectl(world, "rollout", "history", "deploy/web")).split()
        assert [word for word in history if word.isdigit()] == ["2", "3"]
        assert "Image:\ttwo" in (await kubectl(world, "rollout", "history", "deploy/web", "--revision=2")).replace(
            " ", ""
        )
        await kubectl(world, "rollout", "restart", "deploy/web")
        assert (await kubectl(world, "rollout", "status", "deploy/web", "--timeout=60s")).endswith(done)

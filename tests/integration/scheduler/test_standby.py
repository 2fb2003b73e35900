"""Two schedulers, one of them at work: when it dies the other goes on."""

from __future__ import annotations

import asyncio
import json
import pathlib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.apienv import ApiEnv, api_server
from tests.integration.controllers.manager import eventually
from tests.integration.scheduler.world import World

LEASE = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-scheduler"
LEASE_SECONDS = 3


def configuration(folder: pathlib.Path, late: bool) -> pathlib.Path:
    election = {"leaseDuration": f"{LEASE_SECONDS}s", "renewDeadline": "2s", "retryPeriod": "300ms"}
    head = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}
    path = folder / "scheduler.json"
    path.write_text(json.dumps({**head, "leaderElection": election, "delayCacheUntilActive": late}))
    return path


@asynccontextmanager
async def process(api: ApiEnv, config: pathlib.Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A scheduler as a process of its own."""
    argv = [sys.executable, "-m", "kubelite.cmd.main", "scheduler", f"--kubeconfig={api.kubeconfig()}"]
    options = [f"--config={config}", "--healthz-bind-address="]
    child = await asyncio.create_subprocess_exec(*argv, *options, stderr=asyncio.subprocess.DEVNULL)
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


@pytest.mark.parametrize("late", [False, True], ids=["warm", "cold"])
async def test_the_second_scheduler_goes_on_when_the_first_is_killed(tmp_path: pathlib.Path, late: bool) -> None:
    config = configuration(tmp_path, late)
    async with api_server() as api:
        world = World(api)
        await world.node("n")

        async def holder() -> str:
            reply = await api.get(LEASE)
            return reply.json()["spec"]["holderIdentity"] if reply.status == 200 else ""

        async with process(api, config) as first:
            leader = await eventually(holder)
            await world.pod("before")
            assert await world.placed("before") == "n"
            async with process(api, config) as second:
                first.kill()
                await first.wait()
                await world.pod("after")

                async def taken_over() -> bool:
                    return await holder() not in ("", leader)

                await eventually(taken_over)
                assert await world.placed("after") == "n"
                assert second.returncode is None


async def test_a_pod_that_waited_under_the_first_is_placed_by_the_second_when_there_is_room(
    tmp_path: pathlib.Path,
) -> None:
    config = configuration(tmp_path, late=False)
    async with api_server() as api:
        world = World(api)
        await world.node("small", cpu="1")
        async with process(api, config) as first:
            await world.pod("wide", cpu="2")
            assert "Insufficient cpu" in await world.refusal("wide")
            async with process(api, config):
                first.kill()
                await first.wait()
                await world.node("large", cpu="4")
                await world.pod("later", cpu="2")
                assert await world.placed("wide") == "large"
                assert await world.placed("later") == "large"

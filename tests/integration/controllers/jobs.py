"""What tests of Jobs share: a Job, a node that ends its pods, and how to wait for its status."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.integration.controllers.manager import World, eventually
from tests.integration.controllers.workloads import BATCH, CORE, finish

JOBS = f"{BATCH}/jobs"
NAME = "job-controller"
FINALIZER = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"


def job(**spec: Any) -> dict[str, Any]:
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "sums"},
        "spec": {"template": {"spec": pod}} | spec,
    }


async def status(world: World) -> dict[str, Any]:
    return dict((await world.get(f"{JOBS}/sums"))["status"])


async def all_pods(world: World) -> list[Any]:
    return list(await world.items(f"{CORE}/pods"))


def index_of(pod: Any) -> int:
    return int(pod["metadata"]["annotations"].get(INDEX, -1))


async def active(world: World, count: int) -> list[Any]:
    """The pods that run, as soon as there are so many and the status says so."""

    async def seen() -> list[Any]:
        found = [p for p in await world.pods() if p["status"].get("phase", "Pending") in ("Pending", "Running")]
        assert len(found) == count == (await status(world)).get("active", 0)
        return found or [None]

    return [pod for pod in await eventually(seen) if pod is not None]


async def ended(world: World, condition: str) -> dict[str, Any]:
    """The status of the Job when it has ended so."""

    async def seen() -> dict[str, Any]:
        found = await status(world)
        assert {c["type"] for c in found.get("conditions", ()) if c["status"] == "True"} >= {condition}
        return found

    return dict(await eventually(seen))


def true_condition(found: dict[str, Any], type_: str) -> tuple[str, str]:
    (one,) = (c for c in found["conditions"] if c["type"] == type_ and c["status"] == "True")
    return one.get("reason", ""), one.get("message", "")


async def no_finalizers(world: World) -> bool:
    return not any(FINALIZER in pod["metadata"].get("finalizers", ()) for pod in await all_pods(world))


async def node(world: World, verdict: Callable[[Any], tuple[str, int]]) -> None:
    """A node that ends each pod as `verdict` says, and each deletion, for ever."""
    while True:
        for pod in await all_pods(world):
            name, phase = pod["metadata"]["name"], pod["status"].get("phase", "Pending")
            if phase in ("Pending", "Running"):
                wanted, code = verdict(pod)
                if wanted:
                    await finish(world, name, wanted, code)
            if "deletionTimestamp" in pod["metadata"]:
                await world.api.delete(f"{CORE}/pods/{name}", {"gracePeriodSeconds": 0})
        await asyncio.sleep(0.02)


async def run(
    world: World, body: dict[str, Any], condition: str, verdict: Callable[[Any], tuple[str, int]]
) -> dict[str, Any]:
    """The status of a Job that such a node has brought to its end."""
    task = asyncio.create_task(node(world, verdict))
    try:
        await world.create(JOBS, body)
        found = await ended(world, condition)
        await eventually(lambda: no_finalizers(world))
    finally:
        task.cancel()
    return found


def succeeds(pod: Any) -> tuple[str, int]:
    return "Succeeded", 0


def fails(pod: Any) -> tuple[str, int]:
    return "Failed", 3

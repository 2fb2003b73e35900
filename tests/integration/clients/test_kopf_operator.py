"""An operator made with kopf, unmodified, in a process of its own: children, statuses, timers, daemons and finalizers."""

from __future__ import annotations

import asyncio
import os
import pathlib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.integration.clients.definitions import DEFINITION, GROUP, order
from tests.integration.controllers.manager import World, eventually
from tests.integration.custom_resources.definitions import established

PROGRAM = pathlib.Path(__file__).with_name("order_operator.py")
ROOT = pathlib.Path(__file__).resolve().parents[3]
ORDERS = f"/apis/{GROUP}/v1/namespaces/default/orders"


@asynccontextmanager
async def _operator(world: World) -> AsyncIterator[pathlib.Path]:
    """`kopf run` beside the cluster; yields the file of what it says."""
    log = world.api.directory / "operator.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "kopf", "run", "--standalone", "--namespace=default", "--log-format=plain"),
            str(PROGRAM),
            stdout=out,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "KUBECONFIG": world.api.kubeconfig(), "PYTHONPATH": str(ROOT)},
        )
    try:
        yield log
    finally:
        if process.returncode is None:
            process.terminate()
        assert await asyncio.wait_for(process.wait(), 20) == 0, log.read_text()


async def test_an_operator_keeps_children_status_and_finalizers_of_its_objects(world: World) -> None:
    await established(world.api, DEFINITION)
    await world.create(ORDERS, order("early", count=1))  # there before its operator
    async with _operator(world) as log:

        async def served(name: str, count: int) -> Any:
            found = await world.get(f"{ORDERS}/{name}")
            status = found.get("status", {})
            fine = status.get("ready") == count and status.get("phase") == "Watched" and status.get("beats", 0) >= 2
            return found if fine else None

        early = await eventually(lambda: served("early", 1), 30)
        assert early["metadata"]["finalizers"] == [f"{GROUP}/operator"]
        assert early["status"]["bake"] == {"deployment": "early"}
        assert await world.events("Baking") == ["bread is in the oven"]
        child = await world.get("/apis/apps/v1/namespaces/default/deployments/early")
        owner = child["metadata"]["ownerReferences"][0]
        assert (owner["kind"], owner["uid"]) == ("Order", early["metadata"]["uid"])
        await world.create(ORDERS, order("late", "cake", count=2))
        await eventually(lambda: served("late", 2))
        await world.merge(f"{ORDERS}/late", {"spec": {"count": 3}})
        await eventually(lambda: served("late", 3))
        assert len(await world.pods("order=late")) == 3
        await world.delete(f"{ORDERS}/late")

        async def gone() -> bool:
            left = [await world.get(f"{ORDERS}/late"), await world.pods("order=late")]
            return not any(left) and await world.get("/api/v1/namespaces/default/configmaps/late-note") is None

        await eventually(gone)
        assert await world.get("/api/v1/namespaces/default/configmaps/late-farewell") is not None
        assert await world.get(f"{ORDERS}/early") is not None
        text = log.read_text()
        assert "Traceback" not in text, text

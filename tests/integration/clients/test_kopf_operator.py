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

HERE = pathlib.Path(__file__).parent
ROOT = pathlib.Path(__file__).resolve().parents[3]
ORDERS = f"/apis/{GROUP}/v1/namespaces/default/orders"


@asynccontextmanager
async def _operator(world: World, program: str) -> AsyncIterator[pathlib.Path]:
    """`kopf run` beside the cluster; yields the file of what it says."""
    log = world.api.directory / "operator.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "kopf", "run", "--standalone", "--namespace=default", "--log-format=plain"),
            str(HERE / program),
            stdout=out,
            stderr=asyncio.subprocess.STDOUT,
            env={
                **os.environ,
                "KUBECONFIG": world.api.kubeconfig(),
                "PYTHONPATH": str(ROOT),
                "CERTIFICATES": str(world.api.directory),
            },
        )
    try:
        yield log
    finally:
        if process.returncode is None:
            process.terminate()
        assert await asyncio.wait_for(process.wait(), 20) == 0, log.read_text()


async def test_an_operator_guards_its_kind_with_webhooks_of_its_own(world: World) -> None:
    await established(world.api, DEFINITION)
    hooks = "/apis/admissionregistration.k8s.io/v1/{}webhookconfigurations"
    async with _operator(world, "order_guard.py") as log:

        async def registered() -> bool:
            found = [await world.items(hooks.format(kind)) for kind in ("validating", "mutating")]
            return all(one and one[0].get("webhooks") for one in found)

        await eventually(registered, 30)

        async def guarded() -> bool:
            tried = await world.api.post(f"{ORDERS}?dryRun=All", order("try"))
            return tried.json()["metadata"]["labels"].get("guarded") == "yes"

        await eventually(guarded)
        made = await world.create(ORDERS, order("one"))
        assert made["spec"] == {"item": "bread", "count": 1, "parts": [{"name": "seal", "weight": 1}]}
        refused = await world.api.post(ORDERS, order("two", "poison"))
        text = f'admission webhook "check.guard.{GROUP}" denied the request: poison is not for admin'
        assert (refused.status, refused.json()["message"]) == (451, text)
        patched = await world.api.patch(f"{ORDERS}/one", {"spec": {"item": "poison"}})
        assert (patched.status, patched.json()["message"]) == (451, text)
        warned = await world.api.patch(f"{ORDERS}/one", {"spec": {"count": 200}})
        assert (warned.status, warned.headers.get("warning")) == (200, '299 - "that is a lot"')
        status = await world.api.patch(f"{ORDERS}/one/status", {"status": {"phase": "Paid"}})
        assert status.status == 200
        await world.create(ORDERS, order("kept"))
        kept = await world.api.delete(f"{ORDERS}/kept")
        assert "this order is kept" in kept.json()["message"]
        assert (await world.api.delete(f"{ORDERS}/one")).status == 200
        assert "Traceback" not in log.read_text()


async def test_an_operator_keeps_children_status_and_finalizers_of_its_objects(world: World) -> None:
    await established(world.api, DEFINITION)
    await world.create(ORDERS, order("early", count=1))  # there before its operator
    async with _operator(world, "order_operator.py") as log:

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

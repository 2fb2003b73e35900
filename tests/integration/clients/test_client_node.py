"""The official JavaScript client (@kubernetes/client-node), unmodified, in a process of node."""

from __future__ import annotations

import asyncio
import json
import os
import pathlib
import shutil

import pytest

from tests.integration.clients.definitions import DEFINITION
from tests.integration.clients.javascript import client_node
from tests.integration.controllers.manager import World

PROGRAM = pathlib.Path(__file__).with_name("client_program.mjs")


@pytest.mark.timeout(240)
async def test_a_program_writes_watches_and_applies_objects(world: World) -> None:
    folder = await asyncio.to_thread(client_node)
    # Beside node_modules, where node looks for what a module imports.
    program = shutil.copy(PROGRAM, folder / f"program-{os.getpid()}.mjs")
    try:
        process = await asyncio.create_subprocess_exec(
            *("node", str(program)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "KUBECONFIG": world.api.kubeconfig(), "DEFINITION": json.dumps(DEFINITION)},
        )
        out, err = await asyncio.wait_for(process.communicate(), 90)
    finally:
        os.unlink(program)
    assert process.returncode == 0, err.decode()
    seen = json.loads(out)
    assert seen["data"] == [{"a": "2"}, {"a": "2", "b": "3"}]
    assert (seen["conflict"], seen["created"], seen["manager"]) == ([409, "Conflict"], True, "node")
    assert seen["pages"] == [1, ["first"]]
    assert seen["absent"] == [404, 'configmaps "absent" not found']
    assert seen["heard"] == [["add", "first"], ["update", "first"], ["delete", "first"]]
    assert (seen["available"], seen["pods"]) == ("MODIFIED", ["Running", "Running"])
    assert (seen["order"], seen["status"]) == ({"item": "bread"}, {"phase": "Paid"})
    assert seen["version"].startswith("v1.36")

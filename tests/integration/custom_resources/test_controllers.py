"""What the cluster's own controllers and the command line do with kinds that appeared while they ran."""

from __future__ import annotations

import asyncio
import sys

from tests.integration.controllers.manager import eventually, running
from tests.integration.custom_resources.definitions import CRDS, custom, definition, established, path


async def test_a_deleted_namespace_takes_its_custom_objects_along() -> None:
    async with running("namespace-controller") as world:
        await world.create("/api/v1/namespaces", {"metadata": {"name": "before"}})
        await world.delete("/api/v1/namespaces/before")

        async def gone(name: str = "before") -> bool:
            return await world.get(f"/api/v1/namespaces/{name}") is None

        await eventually(gone)  # the controller knows by now what kinds there are
        await established(world.api, definition())
        await world.create("/api/v1/namespaces", {"metadata": {"name": "team"}})
        await world.create(path(namespace="team"), custom("one"))
        await world.delete("/api/v1/namespaces/team")
        await eventually(lambda: gone("team"))
        assert await world.items(path(namespace="")) == []


async def test_owner_references_on_and_of_custom_objects_are_honoured() -> None:
    async with running("garbage-collector-controller") as world:
        await established(world.api, definition())
        owner = await world.create(path(), custom("owner"))
        reference = {
            "apiVersion": "stable.example.com/v1",
            "kind": "CronTab",
            "name": "owner",
            "uid": owner["metadata"]["uid"],
        }
        child = custom("child")
        child["metadata"]["ownerReferences"] = [reference]
        await world.create(path(), child)
        made = {"metadata": {"name": "owned", "ownerReferences": [reference]}}
        await world.create("/api/v1/namespaces/default/configmaps", made)
        await world.delete(path(name="owner"))

        async def gone() -> bool:
            maps = await world.get("/api/v1/namespaces/default/configmaps/owned")
            return maps is None and await world.get(path(name="child")) is None

        await eventually(gone)
        await world.delete(f"{CRDS}/crontabs.stable.example.com")

        async def undefined() -> bool:
            return await world.get(f"{CRDS}/crontabs.stable.example.com") is None

        await eventually(undefined)


async def _cli(kubeconfig: str, *words: str, stdin: bytes = b"") -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import sys; from kubelite.cmd.main import main; sys.exit(main())",
        *words,
        "--kubeconfig",
        kubeconfig,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate(stdin)
    return process.returncode or 0, out.decode()


async def test_the_command_line_knows_custom_resources_from_discovery() -> None:
    import json

    from tests.apienv import api_server
    from tests.integration.custom_resources.test_openapi import SCHEMA, version

    async with api_server(tls=True) as api:
        columns = [{"name": "Spec", "type": "string", "jsonPath": ".spec.cronSpec"}]
        one = version(schema=SCHEMA, additionalPrinterColumns=columns)
        await established(api, definition(versions=[one], names={"shortNames": ["ct"], "categories": ["all"]}))
        config = api.kubeconfig()
        body = json.dumps(custom("one", spec={"cronSpec": "1"})).encode()
        code, text = await _cli(config, "apply", "-f", "-", stdin=body)
        assert (code, text.strip()) == (0, "crontab.stable.example.com/one created")
        body = json.dumps(custom("one", spec={"cronSpec": "2"})).encode()
        code, text = await _cli(config, "apply", "-f", "-", stdin=body)
        assert (code, text.strip()) == (0, "crontab.stable.example.com/one configured")
        code, text = await _cli(config, "get", "ct")
        assert (code, text.split()) == (0, ["NAME", "SPEC", "one", "2"])
        code, text = await _cli(config, "describe", "crontab", "one")
        assert code == 0 and "Cron Spec:  2" in text, text
        code, text = await _cli(config, "explain", "ct.spec")
        assert code == 0 and "When it runs." in text, text
        code, text = await _cli(config, "api-resources", "--api-group", "stable.example.com")
        assert code == 0 and "crontabs" in text and "CronTab" in text
        code, text = await _cli(config, "delete", "ct", "one")
        assert code == 0, text

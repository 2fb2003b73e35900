"""kubectl with an extension API server: it notices no difference."""

from __future__ import annotations

import asyncio
import pathlib
import shutil

import pytest

from tests.apienv import ApiEnv
from tests.integration.aggregation.conftest import (
    NAME,
    register,
    server_beside,
)
from tests.integration.aggregation.extension import GROUP, ROOT, VERSION, Extension

KUBECTL = shutil.which("kubectl")
pytestmark = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")


async def kubectl(api: ApiEnv, cache: pathlib.Path, *words: str) -> list[list[str]]:
    """The words of each line of the output."""
    command = (str(KUBECTL), "--kubeconfig", api.kubeconfig(), "--cache-dir", str(cache), *words)
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        out, mistakes = await process.communicate()
    assert process.returncode == 0, mistakes.decode()
    return [line.split() for line in out.decode().splitlines() if line.strip()]


async def test_resources_of_an_extension_server_are_listed_shown_and_explained(
    extension: Extension, tmp_path: pathlib.Path
) -> None:
    async with server_beside(extension, tls=True) as api:
        await register(api, extension)
        made = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "Flunder",
            "metadata": {"name": "one", "namespace": "default"},
        }
        assert (await api.post(f"{ROOT}/namespaces/default/flunders", made)).status == 201
        cache = tmp_path / "cache"
        services = await kubectl(api, cache, "get", "apiservices", NAME, "v1.apps", "--no-headers")
        assert [row[:3] for row in services] == [[NAME, "default/wardle", "True"], ["v1.apps", "Local", "True"]]
        rows = await kubectl(api, cache, "api-resources", "--api-group", GROUP, "--no-headers")
        assert rows == [["flunders", "fl", f"{GROUP}/{VERSION}", "true", "Flunder"]]
        assert [row[0] for row in await kubectl(api, cache, "get", "fl", "--no-headers")] == ["one"]
        explained = " ".join(word for row in await kubectl(api, cache, "explain", "flunders") for word in row)
        assert "A thing of the tests." in explained and "reference <string> Another flunder." in explained

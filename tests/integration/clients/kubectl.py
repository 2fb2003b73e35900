"""Real kubectl programs of several versions, as subprocesses."""

from __future__ import annotations

import asyncio
import json
import os
import pathlib
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests import kubectls
from tests.integration.controllers.manager import World

VERSIONS = ("1.27", "1.33")


@dataclass(frozen=True)
class Result:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Kubectl:
    """`await kubectl("get pods")` is the output of a command that succeeds; `run` returns any outcome."""

    path: str
    kubeconfig: str
    directory: pathlib.Path
    environment: Mapping[str, str] = field(default_factory=dict)

    async def run(self, line: str, stdin: Any = None) -> Result:
        """`stdin` is text, or objects that are sent as JSON."""
        text = stdin if isinstance(stdin, str) else json.dumps(stdin)
        process = await asyncio.create_subprocess_exec(
            *(self.path, *shlex.split(line)),
            *(f"--kubeconfig={self.kubeconfig}", f"--cache-dir={self.directory}/cache"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **self.environment},
            cwd=self.directory,
        )
        out, err = await asyncio.wait_for(process.communicate(text.encode() if stdin is not None else b""), 60)
        return Result(process.returncode or 0, out.decode(), err.decode())

    async def __call__(self, line: str, stdin: Any = None) -> str:
        done = await self.run(line, stdin)
        assert done.code == 0, f"kubectl {line}\n{done.out}{done.err}"
        return done.out

    async def refused(self, line: str, stdin: Any = None) -> str:
        """What a command says that fails."""
        done = await self.run(line, stdin)
        assert done.code != 0, f"kubectl {line}\n{done.out}{done.err}"
        return done.err.strip()


def kubectl_of(version: str, world: World, **environment: str) -> Kubectl:
    """Skips the test if this host has no kubectl of that version."""
    found = kubectls.find(version)
    if found is None:
        pytest.skip(f"kubectl {version} is not on this host")
    return Kubectl(found, world.api.kubeconfig(), world.api.directory, environment)

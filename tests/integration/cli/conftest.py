"""A command line against an API server in this process."""

from __future__ import annotations

import io
import json
import shlex
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from kubelite.cli.main import execute
from kubelite.cli.session import Streams
from tests.apienv import ApiEnv, api_server


@dataclass(frozen=True)
class Result:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Cli:
    """Runs command lines as the administrator."""

    api: ApiEnv
    kubeconfig: str

    async def __call__(self, line: str, stdin: Any = None) -> Result:
        """`stdin`: text, or objects to be sent as JSON."""
        text = stdin if isinstance(stdin, str) else json.dumps(stdin)
        out, err = io.StringIO(), io.StringIO()
        streams = Streams(out, err, io.BytesIO(b"" if stdin is None else text.encode()))
        words = shlex.split(line)
        position = words.index("--") if "--" in words else len(words)
        words[position:position] = ["--kubeconfig", self.kubeconfig]
        code = await execute(words, streams)
        return Result(code, out.getvalue(), err.getvalue())


@pytest.fixture
async def cli() -> AsyncIterator[Cli]:
    async with api_server(tls=True) as api:
        yield Cli(api, api.kubeconfig())

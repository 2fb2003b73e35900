"""A world for each test; the paths of unix sockets must be short, so it is not below pytest's own directory."""

from __future__ import annotations

import pathlib
import shutil
import tempfile
from collections.abc import AsyncIterator

import pytest

from tests.integration.csi.world import World, needs_root, running_world


@pytest.fixture
async def world() -> AsyncIterator[World]:
    if needs_root():
        pytest.skip("mounting needs root")
    directory = pathlib.Path(tempfile.mkdtemp(prefix="klc-"))
    try:
        async with running_world(directory) as running:
            yield running
    finally:
        shutil.rmtree(directory, ignore_errors=True)

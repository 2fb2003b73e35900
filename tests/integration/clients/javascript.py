"""The official JavaScript client: where it is installed, once for all runs of the tests."""

from __future__ import annotations

import pathlib
import subprocess
import tempfile

import pytest

SCRIPT = pathlib.Path(__file__).with_name("install_client_node.sh")


def client_node() -> pathlib.Path:
    """The folder whose node_modules has the client; skips the test if it cannot be installed here."""
    folder = pathlib.Path(tempfile.gettempdir()) / "kubelite-client-node"
    try:
        done = subprocess.run([str(SCRIPT), str(folder)], capture_output=True, text=True, timeout=110, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("@kubernetes/client-node was not installed within 110 s")
    if done.returncode != 0:
        pytest.skip(f"@kubernetes/client-node cannot be installed: {(done.stderr or done.stdout).strip()[-300:]}")
    return folder

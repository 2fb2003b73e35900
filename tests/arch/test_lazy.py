"""What a program does not load before it needs it: memory and seconds of every start."""

from __future__ import annotations

import subprocess
import sys

import pytest

EXPRESSIONS = "kubelite.machinery.cel"
LATER = {
    "kubelite.cli.main, kubelite.cli.verbs.get": (
        "argparse",
        "cryptography",
        "fastapi",
        "grpc",
        "numpy",
        "pydantic",
        "uvicorn",
    ),
    "kubelite.scheduler.server": (EXPRESSIONS, "grpc", "fastapi"),
    "kubelite.cmd.questions.placement": (EXPRESSIONS, "grpc", "fastapi", "pydantic"),
    "kubelite.controllers.server": ("numpy", "grpc", "fastapi"),
    "kubelite.kubelet.server": (
        EXPRESSIONS,
        "numpy",
        "kubelite.rpc.csi_v1_pb2",
        "kubelite.rpc.plugin_registration_v1_pb2",
    ),
}
"""Modules → what importing them must not load."""


@pytest.mark.parametrize("modules", LATER)
def test_a_start_loads_only_what_it_needs(modules: str) -> None:
    code = f"import sys, {modules}; print([m for m in {LATER[modules]!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

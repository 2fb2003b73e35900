"""The systemd units start the processes of the supervisor's list, and systemd finds no fault with them."""

from __future__ import annotations

import pathlib
import shutil
import subprocess

import pytest

from tests.arch.sources import ROOT
from tools.generate_units import DEPLOY, PROGRAM, units


def test_the_units_are_those_of_the_list() -> None:
    committed = {path.name: path.read_text() for path in DEPLOY.iterdir() if path.suffix in (".service", ".target")}
    assert committed == units(), "run `make generate`"


def test_systemd_accepts_the_units(tmp_path: pathlib.Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not on this host")
    folder = tmp_path / "etc" / "systemd" / "system"
    folder.mkdir(parents=True)
    for name, text in units().items():
        (folder / name).write_text(text)
    for program in (PROGRAM, "/usr/bin/containerd"):
        path = tmp_path / program.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    for name in ("network-online.target", "multi-user.target", "sysinit.target", "basic.target", "shutdown.target"):
        (folder / name).write_text(f"[Unit]\nDescription={name}\n")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", f"--root={tmp_path}", *units()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if "kubelite" in line]
    assert (done.returncode, ours) == (0, []), done.stderr

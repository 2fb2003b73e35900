"""The cluster's fixed places, moved below a temporary folder."""

from __future__ import annotations

import pathlib

import pytest

from kubelite.cmd.cluster.config import Paths


def relocate(patch: pytest.MonkeyPatch, folder: pathlib.Path) -> None:
    """Every path of `Paths` lies below `folder` until the test ends."""
    for name, value in list(vars(Paths).items()):
        if isinstance(value, pathlib.Path):
            patch.setattr(Paths, name, folder / value.relative_to("/"))

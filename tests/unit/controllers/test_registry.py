"""Which controllers `--controllers` selects."""

from __future__ import annotations

import pathlib

import pytest

from kubelite.controllers.registry import CONTROLLERS, selected


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["*"], set(CONTROLLERS)),
        (["*", "-namespace-controller"], set(CONTROLLERS) - {"namespace-controller"}),
        (["namespace-controller"], {"namespace-controller"}),
        ([], set()),
    ],
)
def test_selection(words, wanted):
    assert set(selected(words)) == wanted


def test_a_name_that_is_no_controller_is_refused():
    with pytest.raises(ValueError, match='"nonsense" is not in the list of known controllers'):
        selected(["*", "-nonsense"])


def test_every_controller_runs_in_a_test_against_a_real_server():
    folder = pathlib.Path(__file__).parents[2] / "integration"
    texts = "".join(path.read_text() for path in folder.rglob("test_*.py") if path.name != "test_identity.py")
    assert [name for name in CONTROLLERS if f'"{name}"' not in texts] == []

"""Which controllers `--controllers` selects."""

from __future__ import annotations

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

from __future__ import annotations

import pytest

from kubelite.kubelet.expansion import expand

VARIABLES = {"A": "1", "B.C": "two", "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("plain", "plain"),
        ("$(A)", "1"),
        ("x$(A)y$(B.C)", "x1ytwo"),
        ("$(EMPTY)", ""),
        ("$(NONE)", "$(NONE)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$A ${A}", "$A ${A}"),
        ("$(A", "$(A"),
        ("100$", "100$"),
    ],
)
def test_references_to_known_names_are_replaced(text, result):
    assert expand(text, VARIABLES) == result

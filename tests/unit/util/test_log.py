"""One line an event, with values that can be told apart."""

from __future__ import annotations

import logging
import re

import pytest

from kubelite.util import log


@pytest.fixture(autouse=True)
def restored() -> object:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)


def test_values_follow_the_constant_message(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure()
    log.get_logger("kubelite.kubelet.node").info("Registered", name="worker-1", text="two words", empty="", number=3)
    line = capsys.readouterr().err
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO kubelet\.node: Registered ", line)
    assert line.endswith('name=worker-1 text="two words" empty="" number=3\n')


def test_a_value_never_breaks_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure()
    log.get_logger("x").warning("Odd 100%", value='a\nb="c"')
    assert capsys.readouterr().err.endswith('Odd 100% value="a\\nb=\\"c\\""\n')


@pytest.mark.parametrize(("verbosity", "shown"), [(0, False), (1, True)])
def test_debug_is_shown_when_asked_for(verbosity: int, shown: bool, capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(verbosity)
    log.get_logger("x").debug("Detail")
    assert ("Detail" in capsys.readouterr().err) is shown


def test_a_fault_of_the_program_shows_where_it_happened(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure()
    try:
        raise ValueError("broken")
    except ValueError as error:
        log.get_logger("x").exception("Failed", error)
    assert "ValueError: broken" in capsys.readouterr().err

"""The flags of `kubelite simulate` refuse what cannot be, and its help teaches every annotation."""

from __future__ import annotations

import pytest

from kubelite.cmd.simulate.command import main
from kubelite.cmd.simulate.flags import parser
from kubelite.cmd.simulate.nodes import CAPACITY, parse_capacity
from kubelite.cmd.simulate.script import ANNOTATIONS, PREFIX, Range


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--nodes", "0"], "'0' is not a number from 1 to 65000"),
        (["--name", "Big"], "'Big' cannot begin a node's name"),
        (["--heartbeat", "1s..2s"], "invalid heartbeat"),
        (["--fail", "200%"], "must not be above 100%"),
        (["--start-time", "later"], "invalid duration 'later'"),
        (["--taint", "x"], "must be key"),
        (["--labels", "pool"], "invalid label 'pool'"),
        (["--capacity", "cpu=lots"], "invalid capacity 'cpu=lots'"),
        (["--capacity", "cpu"], "invalid capacity 'cpu'"),
        (["--unknown"], "unrecognized arguments: --unknown"),
    ],
)
def test_wrong_flags_are_refused_in_words(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_help_names_every_annotation() -> None:
    text = parser().format_help()
    assert all(f"{PREFIX}{name}:" in text for name in ANNOTATIONS)


def test_flags_become_values() -> None:
    options = parser().parse_args(["--nodes", "1000", "--start-time", "1s..2s", "--fail", "1%", "--heartbeat", "20s"])
    assert (options.nodes, options.start_time, options.fail, options.heartbeat) == (1000, Range(1, 2), 0.01, 20)


def test_capacity_is_given_over_the_defaults() -> None:
    assert parse_capacity(("cpu=2", "example.com/gpu=4")) == {**CAPACITY, "cpu": "2", "example.com/gpu": "4"}


def test_cluster_that_is_not_there_is_told_in_one_line(tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--kubeconfig", f"{tmp_path}/none"]) == 1
    assert capsys.readouterr().err.startswith("error: ")

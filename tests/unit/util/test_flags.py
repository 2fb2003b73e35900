"""Flags that follow from a dataclass."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from kubelite.util import flags


@dataclass(frozen=True)
class Config:
    """Settings."""

    node_name: str = "here"
    """Name of the node, 100% yours."""
    port: int = 80
    """Where to listen."""
    period: float = 0.5
    """Seconds between
    two looks."""
    verbose: bool = False
    """Say more."""
    elect: bool = True
    """Lead."""
    servers: tuple[str, ...] = ("a", "b")
    """Whom to ask."""
    empty: str = ""
    """Nothing by default."""


def parse(*argv: str) -> Config:
    return flags.parse(Config, argv, program="test", description="A test.")


def test_without_flags_the_defaults_hold() -> None:
    assert parse() == Config()


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (("--node-name=x",), Config(node_name="x")),
        (("--node-name", "x y"), Config(node_name="x y")),
        (("--port=8080", "--period=2"), Config(port=8080, period=2.0)),
        (("--verbose",), Config(verbose=True)),
        (("--elect=false", "--verbose=true"), Config(elect=False, verbose=True)),
        (("--elect=0",), Config(elect=False)),
        (("--servers=x,y",), Config(servers=("x", "y"))),
        (("--servers=x", "--servers=y,z"), Config(servers=("x", "y", "z"))),
        (("--servers=",), Config(servers=())),
    ],
)
def test_each_type_is_read(argv: tuple[str, ...], expected: Config) -> None:
    assert parse(*argv) == expected


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (("--no-such-flag=1",), "unrecognized arguments: --no-such-flag=1"),
        (("--node=x",), "unrecognized arguments: --node=x"),
        (("word",), "unrecognized arguments: word"),
        (("--port=many",), "invalid int value: 'many'"),
        (("--elect=perhaps",), "'perhaps' is neither true nor false"),
    ],
)
def test_mistakes_are_refused_by_name(
    argv: tuple[str, ...], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(*argv)
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err


def test_help_shows_every_flag_with_its_text_and_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse("--help")
    assert ended.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "A test." in text
    for part in (
        "--node-name STR Name of the node, 100% yours. (default: here)",
        "--port INT Where to listen. (default: 80)",
        "--period FLOAT Seconds between two looks. (default: 0.5)",
        "--verbose [BOOL] Say more. (default: False)",
        "--servers A,B Whom to ask. (default: a,b)",
        "--empty STR Nothing by default.",
    ):
        assert part in text

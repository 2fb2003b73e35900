"""Flags are read as pflag reads them."""

from __future__ import annotations

import pytest

from kubelite.cli.failures import FlagError
from kubelite.cli.flags import Flag, Parsed, parse, without_flags

FLAGS = (
    Flag("output", "", short="o"),
    Flag("watch", "", short="w", type="bool"),
    Flag("stdin", "", short="i", type="bool"),
    Flag("tty", "", short="t", type="bool"),
    Flag("replicas", "", type="int"),
    Flag("from-literal", "", type="array"),
    Flag("filename", "", short="f", type="slice"),
    Flag("dry-run", "", default="none", bare="unchanged"),
    Flag("timeout", "", type="duration"),
    Flag("namespace", "", short="n"),
)


def read(*words: str) -> Parsed:
    return parse(words, FLAGS, ("--kustomize", "-k"))


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["-owide"], "output", "wide"),
        (["-o", "wide"], "output", "wide"),
        (["-o=wide"], "output", "wide"),
        (["--output=a=b"], "output", "a=b"),
        (["-it"], "tty", True),
        (["--watch=false"], "watch", False),
        (["-w=false"], "watch", False),
        (["--replicas", "-1"], "replicas", -1),
        (["--from-literal=a,b", "--from-literal=c"], "from-literal", ("a,b", "c")),
        (["-f", "a,b", "-f", "c"], "filename", ("a", "b", "c")),
        (["--dry-run", "client"], "dry-run", "unchanged"),
        (["--dry-run=client"], "dry-run", "client"),
        (["--timeout=1m30s"], "timeout", 90.0),
        ([], "dry-run", "none"),
    ],
)
def test_reads_values(words: list[str], name: str, value: object) -> None:
    assert read(*words).values[name] == value


def test_mixes_flags_and_arguments_and_stops_at_the_dashes() -> None:
    parsed = read("pods", "-w", "web", "--", "-o", "x")
    assert (parsed.args, parsed.dash, parsed.on("watch")) == (["pods", "web", "-o", "x"], 2, True)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--foo"], "unknown flag: --foo"),
        (["-z"], "unknown shorthand flag: 'z' in -z"),
        (["--output"], "flag needs an argument: --output"),
        (["-o"], "flag needs an argument: 'o' in -o"),
        (["--replicas=x"], 'invalid argument "x" for "--replicas" flag: strconv.ParseInt: parsing "x": invalid syntax'),
        (["-w=x"], 'invalid argument "x" for "-w, --watch" flag: strconv.ParseBool: parsing "x": invalid syntax'),
        (["--timeout=x"], 'invalid argument "x" for "--timeout" flag: time: invalid duration "x"'),
        (["--kustomize=."], "flag --kustomize is not supported by kubelite"),
        (["-k", "."], "flag -k is not supported by kubelite"),
    ],
)
def test_refuses_in_pflags_words(words: list[str], text: str) -> None:
    with pytest.raises(FlagError) as caught:
        read(*words)
    assert str(caught.value) == text


def test_finds_the_verb_behind_flags_with_values() -> None:
    assert without_flags(["-n", "kube-system", "--watch", "get", "pods"], FLAGS) == [3, 4]

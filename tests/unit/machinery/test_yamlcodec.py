"""YAML reads as JSON values, with go-yaml's idea of scalars and with limits."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.machinery import yamlcodec

_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.text(st.characters(codec="ascii", min_codepoint=32), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.from_regex("[a-z]{1,4}", fullmatch=True), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(_values)
def test_json_is_yaml(value: Any) -> None:
    assert yamlcodec.load(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("Off", False),
        ("y", "y"),
        ("~", None),
        ("0644", 420),
        ("0o17", 15),
        ("0x1F", 31),
        ("089", 89),
        ("1_000", 1000),
        ("1.0", 1),
        ("1.5", 1.5),
        ("1e3", 1000),
        ("12:30:45", "12:30:45"),
        ("2026-01-02", "2026-01-02"),
        ('"5"', "5"),
        ("'yes'", "yes"),
        ("1.2.3", "1.2.3"),
        ("!!str 5", "5"),
        ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
        ("a: &x {b: 1}\nc:\n  <<: *x\n  d: 2", {"a": {"b": 1}, "c": {"d": 2, "b": 1}}),
        ("80: x", {"80": "x"}),
        ("true: x", {"true": "x"}),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
        ("", None),
    ],
)
def test_scalars_and_collections(text: str, value: Any) -> None:
    found = yamlcodec.load(text)
    assert found == value
    assert type(found) is type(value)


def test_documents_come_one_by_one() -> None:
    assert list(yamlcodec.load_all("---\na: 1\n---\n---\n- 2\n")) == [{"a": 1}, None, [2]]


def test_repeated_keys_are_reported_with_their_line() -> None:
    complaints: list[str] = []
    assert list(yamlcodec.load_all("a: 1\nb: 2\na: 3\n", complaints)) == [{"a": 3, "b": 2}]
    assert complaints == ['line 3: key "a" already set in map']


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "a: *x",
        ".nan",
        "x: .inf",
        "[" * 1000,
        "\t- a",
        "? {a: b}\n: c",
        "a: 1\n b: 2",
        "\n".join(["a0: &a0 [x]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]),
        "a: &a [*a]",
        "\x00",
    ],
)
def test_refuses_broken_and_hostile_documents(text: str) -> None:
    with pytest.raises(yamlcodec.YAMLError):
        list(yamlcodec.load_all(text))


def test_bytes_that_are_no_utf8_are_refused() -> None:
    with pytest.raises(yamlcodec.YAMLError):
        yamlcodec.load(b"a: \xff")

"""JSONPath templates print what kubectl prints."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.machinery import jsonpath

LIST = {
    "kind": "List",
    "items": [
        {"metadata": {"name": "a", "labels": {"x.y/z": "1"}}, "n": 1, "c": [{"t": "Ready", "s": "True"}]},
        {"metadata": {"name": "b", "labels": {"x.y/z": "2"}}, "n": 5, "c": [{"t": "Ready", "s": "False"}]},
    ],
}


@pytest.mark.parametrize(
    ("template", "printed"),
    [
        ("{.kind}", "List"),
        ("{kind}", "List"),
        ("{$.kind} {@.kind}", "List List"),
        ("{.items[*].metadata.name}", "a b"),
        ("{..name}", "a b"),
        ('{range .items[*]}{.metadata.name}{"\\t"}{.n}{"\\n"}{end}', "a\t1\nb\t5\n"),
        ("{.items[?(@.n>2)].metadata.name}", "b"),
        ('{.items[?(@.metadata.name=="a")].n}', "1"),
        ("{.items[?(@.metadata.name!='a')].n}", "5"),
        ('{.items[*].c[?(@.t=="Ready")].s}', "True False"),
        ("{.items[?(@.c)].n}", "1 5"),
        (r"{.items[0].metadata.labels.x\.y/z}", "1"),
        (r"{.items[0].metadata.labels['x\.y/z']}", "1"),
        ("{.items[*]['metadata.name', 'n']}", "a b 1 5"),
        ("{.items[-1:].n}", "5"),
        ("{.items[-1].n}", "5"),
        ("{.items[0:2:2].n}", "1"),
        ("{.items[0,1].n}", "1 5"),
        ("{.items[0].metadata.labels}", '{"x.y/z":"1"}'),
        ("plain", "plain"),
        ("a{.kind}b", "aListb"),
    ],
)
def test_prints_like_kubectl(template: str, printed: str) -> None:
    assert jsonpath.compile(template).execute(LIST) == printed


@pytest.mark.parametrize(
    "template",
    [
        "{range .items",
        "{range .items[*]}x",
        "{end}",
        "{.items[}",
        "{.items[a]}",
        "{.items[?(@.n)",
        "{.a[?(@.b==)]}",
        "{'x}",
    ],
)
def test_refuses_bad_syntax(template: str) -> None:
    with pytest.raises(jsonpath.JSONPathError):
        jsonpath.compile(template)


def test_missing_key_is_an_error_unless_allowed() -> None:
    with pytest.raises(jsonpath.JSONPathError, match="nope is not found"):
        jsonpath.compile("{.nope}").execute(LIST)
    assert jsonpath.compile("{.nope}", allow_missing=True).execute(LIST) == ""


@pytest.mark.parametrize("text", ["metadata.name", ".metadata.name", "{metadata.name}", "{.metadata.name}"])
def test_relaxed_expressions_become_templates(text: str) -> None:
    assert jsonpath.relaxed(text) == "{.metadata.name}"


@given(st.text(alphabet="{}[]().*@$?'\"\\=<>:,0ab -", max_size=30))
def test_any_text_is_a_template_or_an_error(text: str) -> None:
    with contextlib.suppress(jsonpath.JSONPathError):
        jsonpath.compile(text, allow_missing=True).execute({"a": [{"b": 0}]})

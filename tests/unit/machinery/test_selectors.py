"""Label and field selectors parse, print and match as upstream's do."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.api.types.meta_v1 import LabelSelector, LabelSelectorRequirement
from kubelite.machinery import fields, labels

keys = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?(/[A-Za-z]{1,5})?", fullmatch=True)
values = st.from_regex(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,8}[A-Za-z0-9])?)?", fullmatch=True)
requirements = st.one_of(
    st.builds(lambda k, v: f"{k}={v}", keys, values),
    st.builds(lambda k, v: f"{k}!={v}", keys, values),
    st.builds(lambda k, v: f"{k} in ({','.join(v)})", keys, st.lists(values, min_size=1, max_size=3)),
    st.builds(lambda k, v: f"{k} notin ({','.join(v)})", keys, st.lists(values, min_size=1, max_size=3)),
    keys,
    keys.map(lambda k: f"!{k}"),
    st.builds(lambda k, n: f"{k}>{n}", keys, st.integers(0, 99)),
)


@given(st.lists(requirements, max_size=4))
def test_a_printed_selector_parses_to_itself(terms: list[str]) -> None:
    selector = labels.parse(",".join(terms))
    assert labels.parse(str(selector)) == selector


@given(st.text(max_size=40))
def test_any_text_is_a_selector_or_a_value_error(text: str) -> None:
    for parse in (labels.parse, fields.parse):
        with contextlib.suppress(ValueError):
            parse(text).matches({"a": "b"})  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("app=web", True),
        ("app==web,tier!=db", True),
        ("app!=web", False),
        ("absent!=x", True),
        ("app in (api, web)", True),
        ("app notin (web)", False),
        ("absent notin (web)", True),
        ("app", True),
        ("!app", False),
        ("!absent", True),
        ("n>3,n<9", True),
        ("n>7", False),
        ("in", False),
        ("app=", False),
        ("empty=", True),
    ],
)
def test_matches(text: str, matches: bool) -> None:
    assert labels.parse(text).matches({"app": "web", "n": "7", "empty": ""}) is matches


@pytest.mark.parametrize(
    "text", ["a=b=c", "a in b", "a in (", "=x", ",", "a,,b", "a b", "-a", "a=b c", "a>x", "!", "a in (b", "a=%"]
)
def test_refuses_what_it_cannot_parse(text: str) -> None:
    with pytest.raises(ValueError):
        labels.parse(text)


def test_an_absent_label_selector_matches_nothing_and_an_empty_one_everything() -> None:
    assert not labels.from_label_selector(None).matches({})
    assert labels.from_label_selector(LabelSelector()).matches({})
    both = LabelSelector(
        matchLabels={"a": "1"}, matchExpressions=[LabelSelectorRequirement(key="b", operator="In", values=["x", "y"])]
    )
    assert labels.from_label_selector(both).matches({"a": "1", "b": "y"})
    assert not labels.from_label_selector(both).matches({"a": "1"})


def test_an_unknown_operator_is_refused() -> None:
    selector = LabelSelector(matchExpressions=[LabelSelectorRequirement(key="b", operator="Like")])
    with pytest.raises(ValueError, match='"Like" is not a valid label selector operator'):
        labels.from_label_selector(selector)


def test_field_selectors_compare_absent_fields_as_empty() -> None:
    selector = fields.parse("metadata.name=web,status.phase!=Running,spec.nodeName==")
    assert selector.matches({"metadata.name": "web"})
    assert not selector.matches({"metadata.name": "web", "status.phase": "Running"})
    assert selector.exact("metadata.name") == "web"


@given(st.lists(st.tuples(keys, st.text(max_size=8)), max_size=3))
def test_a_printed_field_selector_parses_to_itself(terms: list[tuple[str, str]]) -> None:
    selector = fields.FieldSelector([fields.Requirement(key, "=", value) for key, value in terms])
    assert fields.parse(str(selector)) == selector


def test_field_selector_without_operator_is_refused() -> None:
    with pytest.raises(ValueError, match="can't understand 'name'"):
        fields.parse("name")


def test_a_selector_from_a_map_wants_all_its_labels() -> None:
    selector = labels.from_set({"a": "1", "odd key": "2"})
    assert selector.matches({"a": "1", "odd key": "2", "b": "3"})
    assert not selector.matches({"a": "1"})
    assert labels.from_set({}).matches({})
    assert (selector.exact("a"), selector.exact("b")) == ("1", None)

"""Field sets: FieldsV1, its order, and the algebra of sets."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.machinery.apply import element, fieldset
from kubelite.machinery.apply.fieldset import FieldSet

PATHS = st.frozensets(
    st.lists(st.sampled_from(["f:a", "f:b", 'k:{"n":"x"}', "v:1", "i:0"]), min_size=1, max_size=4).map(tuple),
    max_size=8,
)


def of(paths: frozenset[tuple[str, ...]]) -> FieldSet:
    return FieldSet.of(*paths)


@pytest.mark.parametrize(
    "text",
    [
        '{"f:a":{}}',
        '{"f:a":{".":{},"f:b":{}}}',
        '{"f:l":{"k:{\\"name\\":\\"x\\"}":{".":{},"f:name":{}},"k:{\\"name\\":\\"y\\"}":{}}}',
        '{"f:s":{"v:\\"a\\"":{},"v:\\"b\\"":{}},"f:t":{"i:2":{},"i:10":{}}}',
        '{"f:p":{"k:{\\"port\\":53}":{},"k:{\\"port\\":443}":{},"k:{\\"port\\":8080}":{}}}',
    ],
)
def test_canonical_text_reads_and_writes_the_same(text: str) -> None:
    assert FieldSet.from_json(text.encode()).to_json().decode() == text


def test_members_are_written_in_canonical_order() -> None:
    mixed = FieldSet.of(("i:0",), ("v:2",), ("k:{}",), ("f:b",), ("f:a",), ("v:10",))
    assert list(json.loads(mixed.to_json())) == ["f:a", "f:b", "k:{}", "v:2", "v:10", "i:0"]


@pytest.mark.parametrize(
    "text", ["[]", "1", '{"x":{}}', '{"f:a":1}', '{"k:{":{}}', '{"i:x":{}}', "{", '{"f:a":{"g":{}}}']
)
def test_what_is_no_fields_v1_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        FieldSet.from_json(text.encode())


@given(PATHS)
def test_a_set_has_exactly_its_members(paths: frozenset[tuple[str, ...]]) -> None:
    assert frozenset(of(paths)) == paths
    assert FieldSet.from_json(of(paths).to_json()) == of(paths)


@given(PATHS, PATHS)
def test_the_algebra_is_that_of_sets(left: frozenset[Any], right: frozenset[Any]) -> None:
    assert frozenset(of(left).union(of(right))) == left | right
    assert frozenset(of(left).intersection(of(right))) == left & right
    assert frozenset(of(left).difference(of(right))) == left - right
    below = frozenset(path for path in left if not any(path[: len(other)] == other for other in right))
    assert frozenset(of(left).recursive_difference(of(right))) == below


@given(PATHS)
def test_leaves_have_nothing_below_them(paths: frozenset[tuple[str, ...]]) -> None:
    ends = frozenset(path for path in paths if not any(other != path and other[: len(path)] == path for other in paths))
    assert frozenset(of(paths).leaves()) == ends


def test_differences_that_take_nothing_give_the_same_tree() -> None:
    tree = fieldset.parse(b'{"f:a":{".":{},"f:b":{}}}')
    assert fieldset.difference(tree, fieldset.parse(b'{"f:c":{},"f:a":{"f:x":{}}}')) is tree


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("f:spec", "f:replicas"), ".spec.replicas"),
        (("f:l", 'k:{"name":"x","port":1}', "f:v"), '.l[name="x",port=1].v'),
        (("f:s", 'v:"a"'), '.s[="a"]'),
        (("f:t", "i:3"), ".t[3]"),
    ],
)
def test_paths_are_shown_as_upstream_shows_them(path: tuple[str, ...], text: str) -> None:
    assert element.path_text(path) == text


@given(PATHS, PATHS, PATHS, st.booleans())
def test_what_a_manager_has_after_a_write_follows_from_the_sets(
    had: frozenset[Any], touched: frozenset[Any], removed: frozenset[Any], own: bool
) -> None:
    text = of(had).to_json()
    left = (had - removed) | touched if own else (had - removed) - touched
    for _ in range(2):  # found out, and remembered
        found = fieldset.after(text, fieldset.plain(of(touched).tree), fieldset.plain(of(removed).tree), own=own)
        assert found == (of(left).to_json() if left else b"")

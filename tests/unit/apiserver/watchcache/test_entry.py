"""Entries: when the bytes of a write are those that are there already."""

from __future__ import annotations

import pytest

from kubelite.apiserver.watchcache.entry import Entry, is_same, splice

STORED = b'{"metadata":{"name":"a","labels":{"x":"1"}},"apiVersion":"v1","kind":"ConfigMap"}'


@pytest.mark.parametrize("stored", [STORED, b'{"metadata":{},"kind":"ConfigMap"}'])
def test_the_bytes_of_an_entry_are_the_same_whatever_its_revision(stored: bytes) -> None:
    assert is_same(stored, Entry("a", "", "a", 123, splice(stored, 123)))


@pytest.mark.parametrize(
    "other",
    [STORED.replace(b'"x":"1"', b'"x":"2"'), STORED.replace(b"ConfigMap", b"Secret"), STORED[:-1] + b',"data":{}}'],
)
def test_any_other_byte_makes_another_state(other: bytes) -> None:
    assert not is_same(other, Entry("a", "", "a", 7, splice(STORED, 7)))

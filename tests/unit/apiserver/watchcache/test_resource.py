"""The cache of one resource, and its events as watchers see them."""

from __future__ import annotations

from kubelite import api
from kubelite.apiserver.handlers.presentation import Form
from kubelite.apiserver.watchcache.entry import ADDED, DELETED, MODIFIED, make, splice
from kubelite.apiserver.watchcache.resource import ResourceCache
from kubelite.apiserver.watchcache.selection import Selection
from kubelite.machinery import labels
from kubelite.machinery.kind import Kind


def kind() -> Kind:
    found = api.scheme().by_resource("", "v1", "configmaps")
    assert found is not None
    return found


def stored(name: str, **labelled: str) -> bytes:
    pairs = ",".join(f'"{key}":"{value}"' for key, value in labelled.items())
    return f'{{"metadata":{{"name":"{name}","labels":{{{pairs}}}}},"kind":"ConfigMap"}}'.encode()


def test_the_revision_is_spliced_into_stored_bytes() -> None:
    assert splice(b'{"metadata":{"name":"a"}}', 7) == b'{"metadata":{"resourceVersion":"7","name":"a"}}'
    assert splice(b'{"metadata":{}}', 7) == b'{"metadata":{"resourceVersion":"7"}}'
    foreign = splice(b'{"kind":"Pod","metadata":{"name":"a"}}', 7)
    assert b'"resourceVersion":"7"' in foreign and b'"kind":"Pod"' in foreign


def test_objects_are_kept_in_order_of_keys_and_by_namespace() -> None:
    cache = ResourceCache(kind(), 8)
    cache.fill([("b/1", stored("1"), 3), ("a/2", stored("2"), 4)], 4)
    cache.apply("a/1", stored("1"), 5, None)
    cache.apply("aa/1", stored("1"), 6, None)
    assert [entry.key for entry in cache.select(Selection(kind()))] == ["a/1", "a/2", "aa/1", "b/1"]
    assert [entry.key for entry in cache.select(Selection(kind(), "a"))] == ["a/1", "a/2"]
    assert [entry.key for entry in cache.select(Selection(kind(), "a"), after="a/1")] == ["a/2"]


def test_changes_have_the_types_of_events() -> None:
    cache = ResourceCache(kind(), 8)
    made = cache.apply("a/1", stored("1"), 1, None)
    changed = cache.apply("a/1", stored("1", x="y"), 2, stored("1"))
    gone = cache.apply("a/1", None, 3, stored("1", x="y"))
    assert [change.type for change in (made, changed, gone) if change] == [ADDED, MODIFIED, DELETED]
    assert gone is not None and gone.entry.revision == 3
    assert cache.apply("a/unknown", None, 4, None) is None
    assert not cache.entries and not cache.keys


def test_the_history_is_bounded_and_says_from_where_it_is_complete() -> None:
    cache = ResourceCache(kind(), 8)
    for revision in range(1, 101):
        cache.apply("a/1", stored("1"), revision, None)
    assert len(cache.changes) <= 10
    first = cache.changes[0].revision
    assert cache.floor == first - 1
    assert [change.revision for change in cache.since(cache.cursor_after(98))] == [99, 100]


def test_selections_look_at_labels_and_names() -> None:
    entry = make("a/1", stored("1", tier="web"), 5, namespaced=True)
    assert Selection(kind(), "a", labels=labels.parse("tier=web")).matches(entry)
    assert not Selection(kind(), "a", labels=labels.parse("tier!=web")).matches(entry)
    assert not Selection(kind(), "b").matches(entry)
    assert not Selection(kind(), "a", name="2").matches(entry)


def test_a_form_shows_lists_of_any_length() -> None:
    import json

    from kubelite.apiserver.handlers.presentation import ListMeta

    form = Form(kind())
    for count in (0, 1, 64, 65, 129, 200):
        entries = [make(f"a/{n}", stored(str(n)), n + 1, namespaced=True) for n in range(count)]
        found = json.loads(b"".join(form.pieces(entries, ListMeta(9, "token", 3))))
        assert len(found["items"]) == count
        assert found["metadata"] == {"resourceVersion": "9", "continue": "token", "remainingItemCount": 3}

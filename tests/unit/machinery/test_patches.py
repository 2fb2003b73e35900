"""JSON patch, merge patch and strategic merge patch change documents as upstream does."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.api.schemas import patch_schema
from kubelite.machinery import jsonpatch, mergepatch, strategicpatch
from kubelite.machinery.errors import StatusError
from kubelite.machinery.strategicdiff import create_two_way

DEPLOYMENT = patch_schema("apps/v1", "Deployment")
POD = patch_schema("v1", "Pod")

_leaf = st.one_of(st.booleans(), st.integers(0, 3), st.sampled_from(["x", "y"]))
_tree: st.SearchStrategy[Any] = st.recursive(
    _leaf,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=8,
)
_documents = st.dictionaries(st.sampled_from("abcd"), _tree, max_size=4)


@given(_documents, _documents)
def test_a_made_merge_patch_leads_to_the_goal(old: dict[str, Any], new: dict[str, Any]) -> None:
    before = copy.deepcopy(old)
    assert mergepatch.apply(old, mergepatch.create(old, new)) == new
    assert old == before


def test_merge_patch_deletes_nulls_and_replaces_lists() -> None:
    assert mergepatch.apply({"a": {"b": 1, "c": 2}, "l": [1]}, {"a": {"b": None, "d": {"e": None}}, "l": [2]}) == {
        "a": {"c": 2, "d": {}},
        "l": [2],
    }


@pytest.mark.parametrize(
    ("document", "operation", "result"),
    [
        ({"a": 1}, {"op": "add", "path": "/b", "value": None}, {"a": 1, "b": None}),
        ({"l": [1, 3]}, {"op": "add", "path": "/l/1", "value": 2}, {"l": [1, 2, 3]}),
        ({"l": [1]}, {"op": "add", "path": "/l/-", "value": 2}, {"l": [1, 2]}),
        ({"l": [1, 2]}, {"op": "remove", "path": "/l/0"}, {"l": [2]}),
        ({"l": [1, 2]}, {"op": "remove", "path": "/l/-1"}, {"l": [1]}),
        ({"a": 1}, {"op": "replace", "path": "/a", "value": [0]}, {"a": [0]}),
        ({"a/b": {"~": 1}}, {"op": "remove", "path": "/a~1b/~0"}, {"a/b": {}}),
        ({"a": {"b": 1}}, {"op": "move", "from": "/a/b", "path": "/c"}, {"a": {}, "c": 1}),
        ({"a": {"b": 1}}, {"op": "copy", "from": "/a", "path": "/c"}, {"a": {"b": 1}, "c": {"b": 1}}),
        ({"a": 1}, {"op": "test", "path": "/a", "value": 1}, {"a": 1}),
        ({"a": 1}, {"op": "replace", "path": "", "value": {"b": 2}}, {"b": 2}),
    ],
)
def test_json_patch_operations(document: Any, operation: dict[str, Any], result: Any) -> None:
    before = copy.deepcopy(document)
    assert jsonpatch.apply(document, [operation]) == result
    assert document == before


@pytest.mark.parametrize(
    ("patch", "code"),
    [
        ({}, 400),
        ([1], 400),
        ([{"op": "bogus", "path": "/a"}], 422),
        ([{"op": "remove", "path": "/nope"}], 422),
        ([{"op": "add", "path": "/x/y", "value": 1}], 422),
        ([{"op": "add", "path": "a", "value": 1}], 422),
        ([{"op": "add", "path": "/l/9", "value": 1}], 422),
        ([{"op": "add", "path": "/l/01", "value": 1}], 422),
        ([{"op": "test", "path": "/a", "value": True}], 422),
        ([{"op": "move", "from": "/o", "path": "/o/p"}], 422),
        ([{"op": "remove", "path": ""}], 422),
        ([{"op": "add", "path": "/a"}], 422),
        ([{"op": ["add"], "path": "/a"}], 422),
        ([{"op": "test", "path": "/a", "value": 1}] * 10_001, 413),
    ],
)
def test_json_patches_that_do_not_fit_are_refused(patch: Any, code: int) -> None:
    with pytest.raises(StatusError) as caught:
        jsonpatch.apply({"a": 1, "l": [1], "o": {}}, patch)
    assert caught.value.code == code


def _pod(*containers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"spec": {"containers": list(containers), **more}}


def test_lists_with_a_merge_key_merge_by_it() -> None:
    current = _pod({"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}]}, {"name": "b", "image": "1"})
    patch = _pod({"name": "a", "image": "2", "env": [{"name": "Y", "value": "2"}]})
    assert strategicpatch.apply(current, patch, POD) == _pod(
        {"name": "a", "image": "2", "env": [{"name": "Y", "value": "2"}, {"name": "X", "value": "1"}]},
        {"name": "b", "image": "1"},
    )


def test_lists_without_a_merge_strategy_are_replaced() -> None:
    current = _pod(tolerations=[{"key": "a"}], containers_=1)
    assert strategicpatch.apply(current, {"spec": {"tolerations": [{"key": "b"}]}}, POD)["spec"]["tolerations"] == [
        {"key": "b"}
    ]


@pytest.mark.parametrize(
    ("patch", "result"),
    [
        (_pod({"name": "a", "$patch": "delete"}), ["b", "c"]),
        (_pod({"$patch": "replace"}, {"name": "z"}), ["z"]),
        ({"spec": {"$setElementOrder/containers": [{"name": "c"}, {"name": "a"}, {"name": "b"}]}}, ["c", "a", "b"]),
        ({"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}}, ["b", "a", "c"]),
        (_pod({"name": "d"}), ["d", "a", "b", "c"]),
        ({"spec": {"$patch": "replace", "containers": [{"name": "q", "image": None}]}}, ["q"]),
        (
            {"spec": {"$setElementOrder/containers": [{"name": "n"}, {"name": "a"}], "containers": [{"name": "n"}]}},
            ["n", "a", "b", "c"],
        ),
    ],
)
def test_list_directives(patch: dict[str, Any], result: list[str]) -> None:
    current = _pod({"name": "a"}, {"name": "b"}, {"name": "c"})
    found = strategicpatch.apply(current, patch, POD)
    assert [container["name"] for container in found["spec"]["containers"]] == result


@pytest.mark.parametrize(
    ("patch", "text"),
    [
        ({"spec": {"$patch": "merge", "hostname": "h"}}, "unknown patch type: merge in map: map[hostname:h]"),
        ({"spec": {"$patch": "bogus"}}, "unknown patch type: bogus in map: map[]"),
        (_pod({"name": "a", "$patch": "merge"}), "merging lists cannot yet be specified in the patch"),
        (_pod({"name": "a", "$patch": "bogus"}), "unknown patch type: bogus in map: map[$patch:bogus name:a]"),
        ({"spec": {"$retainKeys": "x"}}, "invalid patch format of retainKeys"),
        ({"metadata": {"$deleteFromPrimitiveList/finalizers": "a"}}, "invalid patch format of primitive list"),
    ],
)
def test_directives_that_do_not_exist_are_named(patch: Any, text: str) -> None:
    with pytest.raises(StatusError) as caught:
        strategicpatch.apply({"metadata": {"finalizers": ["x"]}, **_pod({"name": "a"})}, patch, POD)
    assert (caught.value.code, caught.value.message) == (400, text)


def test_directives_in_what_is_new_are_no_fields() -> None:
    patch = {"spec": {"$setElementOrder/tolerations": [], "nodeSelector": {"$retainKeys": ["a"], "a": "1"}}}
    found = strategicpatch.apply({"metadata": {}}, patch, POD)
    assert found["spec"] == {"nodeSelector": {"a": "1"}}


def test_an_element_order_alone_sorts_what_is_there() -> None:
    current = {"metadata": {"finalizers": ["a", "b", "c"]}}
    found = strategicpatch.apply(current, {"metadata": {"$setElementOrder/finalizers": ["c", "a"]}}, POD)
    assert found["metadata"]["finalizers"] == ["b", "c", "a"]


def test_retain_keys_clears_the_other_members_of_a_union() -> None:
    current = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    assert strategicpatch.apply(current, patch, DEPLOYMENT) == {"spec": {"strategy": {"type": "Recreate"}}}


def test_primitive_lists_are_sets() -> None:
    current = {"metadata": {"finalizers": ["a", "b"]}}
    patch = {"metadata": {"finalizers": ["c"], "$deleteFromPrimitiveList/finalizers": ["a"]}}
    found = strategicpatch.apply(current, patch, POD)
    assert sorted(found["metadata"]["finalizers"]) == ["b", "c"]


@pytest.mark.parametrize(
    "patch",
    [
        [],
        {"spec": {"$patch": "bogus"}},
        _pod({"image": "no-name"}),
        {"spec": {"$retainKeys": "x"}},
        {"spec": {"$retainKeys": ["a"], "hostname": "b"}},
        {"spec": {"$setElementOrder/containers": {"a": 1}}},
        {
            "spec": {
                "$setElementOrder/containers": [{"name": "b"}, {"name": "a"}],
                "containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}],
            }
        },
        {"metadata": {"finalizers": [{"a": 1}]}},
        {"metadata": {"$deleteFromPrimitiveList/finalizers": "a"}},
    ],
)
def test_patches_that_make_no_sense_are_bad_requests(patch: Any) -> None:
    current = {"metadata": {"finalizers": ["x"]}, **_pod({"name": "a"}, {"name": "b"})}
    with pytest.raises(StatusError) as caught:
        strategicpatch.apply(current, patch, POD)
    assert caught.value.code == 400


_names = st.lists(st.sampled_from("abcd"), unique=True, max_size=4)


@st.composite
def _pods(draw: st.DrawFn) -> dict[str, Any]:
    containers = []
    for name in draw(_names):
        container: dict[str, Any] = {"name": name, "image": draw(st.sampled_from(["1", "2"]))}
        env = [{"name": key, "value": draw(st.sampled_from(["1", "2"]))} for key in draw(_names)]
        if env:
            container["env"] = env
        if draw(st.booleans()):
            container["args"] = draw(st.lists(st.sampled_from("xy"), max_size=2))
        containers.append(container)
    out: dict[str, Any] = {"metadata": {"labels": draw(st.dictionaries(st.sampled_from("ab"), st.sampled_from("12")))}}
    out["metadata"]["finalizers"] = draw(_names)
    volumes = [
        {
            "name": name,
            **draw(
                st.sampled_from([{"emptyDir": {}}, {"hostPath": {"path": "/"}}, {"emptyDir": {"medium": "Memory"}}])
            ),
        }
        for name in draw(_names)
    ]
    out["spec"] = {"containers": containers, "volumes": volumes}
    return out


@given(_pods(), _pods())
def test_a_two_way_patch_leads_to_the_goal(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert strategicpatch.apply(old, create_two_way(old, new, POD), POD) == new


@given(_pods(), _pods())
def test_a_three_way_patch_of_an_unchanged_object_leads_to_the_goal(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert strategicpatch.apply(old, strategicpatch.create(old, new, old, POD), POD) == new


@given(_pods(), _pods())
def test_applying_twice_changes_nothing_more(old: dict[str, Any], new: dict[str, Any]) -> None:
    once = strategicpatch.apply(old, strategicpatch.create(old, new, old, POD), POD)
    again = strategicpatch.create(new, new, once, POD)
    assert strategicpatch.apply(once, again, POD) == once


@given(_pods(), _pods(), _pods())
def test_a_three_way_patch_keeps_what_others_added(
    original: dict[str, Any], modified: dict[str, Any], live: dict[str, Any]
) -> None:
    found = strategicpatch.apply(live, strategicpatch.create(original, modified, live, POD), POD)
    names = {container["name"] for container in found["spec"]["containers"]}
    wanted = {container["name"] for container in modified["spec"]["containers"]}
    applied = {container["name"] for container in original["spec"]["containers"]}
    others = {container["name"] for container in live["spec"]["containers"]} - applied
    assert names == wanted | others
    for container in modified["spec"]["containers"]:
        assert (
            next(c for c in found["spec"]["containers"] if c["name"] == container["name"])["image"]
            == container["image"]
        )

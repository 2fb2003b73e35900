"""The three patches against slow and obvious references, on documents that nobody thought of."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kubelite.api.schemas import patch_schema
from kubelite.machinery import jsonpatch, mergepatch, strategicpatch
from kubelite.machinery.errors import StatusError

POD = patch_schema("v1", "Pod")
KEYS = st.sampled_from(["a", "b", "c", "a/b", "~", "0"])
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(0, 3), st.sampled_from(["x", "y", ""]))
TREES: st.SearchStrategy[Any] = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=10
)
DOCUMENTS = st.dictionaries(KEYS, TREES, max_size=4)


def merged(target: Any, patch: Any) -> Any:
    """RFC 7386, section 2, line by line."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


@settings(max_examples=120)
@given(DOCUMENTS, DOCUMENTS)
def test_a_merge_patch_is_what_its_rfc_says(document: dict[str, Any], patch: dict[str, Any]) -> None:
    assert mergepatch.apply(document, patch) == merged(document, patch)


class Impossible(Exception):
    """The operation does not fit the document."""


def parts_of(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def step_into(value: Any, part: str) -> Any:
    if isinstance(value, dict) and part in value:
        return value[part]
    if isinstance(value, list) and part.isdigit() and int(part) < len(value):
        return value[int(part)]
    raise Impossible


def at(value: Any, parts: list[str]) -> Any:
    for part in parts:
        value = step_into(value, part)
    return value


def exists(value: Any, parts: list[str]) -> bool:
    try:
        at(value, parts)
    except Impossible:
        return False
    return True


def with_value(document: Any, parts: list[str], value: Any, *, insert: bool) -> Any:
    """A copy with `value` put at a place: inserted into lists, or put instead of what is there."""
    if not parts:
        return value
    holder = at(document, parts[:-1])
    last = parts[-1]
    if isinstance(holder, dict):
        if not insert and last not in holder:
            raise Impossible
        holder[last] = value
    elif isinstance(holder, list) and insert and (last == "-" or (last.isdigit() and int(last) <= len(holder))):
        holder.insert(len(holder) if last == "-" else int(last), value)
    elif isinstance(holder, list) and not insert and last.isdigit() and int(last) < len(holder):
        holder[int(last)] = value
    else:
        raise Impossible
    return document


def without(document: Any, parts: list[str]) -> Any:
    """A copy without what is at a place."""
    if not parts:
        raise Impossible
    at(document, parts)
    holder = at(document, parts[:-1])
    del holder[int(parts[-1]) if isinstance(holder, list) else parts[-1]]
    return document


def edited(document: Any, operation: dict[str, Any]) -> Any:
    """RFC 6902, one operation. Raises Impossible."""
    document = copy.deepcopy(document)
    parts = parts_of(operation["path"])
    name = operation["op"]
    if name == "remove":
        return without(document, parts)
    if name in ("add", "replace"):
        return with_value(document, parts, copy.deepcopy(operation["value"]), insert=name == "add")
    if name == "test":
        if operation["value"] is None and not exists(document, parts):
            return document  # evanphx/json-patch, which upstream uses: what is absent is null
        if not alike(at(document, parts), operation["value"]):
            raise Impossible
        return document
    source = parts_of(operation["from"])
    value = copy.deepcopy(at(document, source))
    if name == "move":
        if parts[: len(source)] == source and parts != source:
            raise Impossible
        document = without(document, source)
    return with_value(document, parts, value, insert=True)


def alike(left: Any, right: Any) -> bool:
    """Equality of JSON: true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(alike(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(alike, left, right))
    return bool(left == right)


def pointers(value: Any, start: str = "") -> list[str]:
    """The place of everything inside a document, and a place beside it."""
    found = [start, f"{start}/new"]
    if isinstance(value, dict):
        for key, inner in value.items():
            found += pointers(inner, f"{start}/{key.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list):
        found += [f"{start}/-", f"{start}/{len(value)}"]
        for index, inner in enumerate(value):
            found += pointers(inner, f"{start}/{index}")
    return found


@st.composite
def edits(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """A document and an operation on a place of it that exists, or nearly."""
    document = draw(DOCUMENTS)
    places = [place for place in pointers(document) if place]
    name = draw(st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]))
    operation: dict[str, Any] = {"op": name, "path": draw(st.sampled_from(places))}
    if name in ("move", "copy"):
        operation["from"] = draw(st.sampled_from(places))
    if name in ("add", "replace", "test"):
        operation["value"] = draw(TREES)
    if name == "test" and draw(st.booleans()):
        with contextlib.suppress(Impossible):
            operation["value"] = at(document, parts_of(operation["path"]))
    return document, operation


@settings(max_examples=200)
@given(edits())
def test_a_json_patch_is_what_its_rfc_says(case: tuple[dict[str, Any], dict[str, Any]]) -> None:
    document, operation = case
    try:
        expected = edited(document, operation)
    except Impossible:
        expected = Impossible
    try:
        found = jsonpatch.apply(document, [operation])
    except StatusError as error:
        assert error.code in (400, 422)
        found = Impossible
    assert found is expected if expected is Impossible else alike(found, expected)


NAMES = st.sampled_from("abcd")
IMAGES = st.sampled_from(["1", "2"])


def _unique(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({item["name"]: item for item in items}.values())


VARIABLES = st.lists(st.fixed_dictionaries({"name": NAMES}, optional={"value": IMAGES}), max_size=3).map(_unique)
CONTAINERS = st.lists(
    st.fixed_dictionaries(
        {"name": NAMES}, optional={"image": IMAGES, "env": VARIABLES, "args": st.lists(IMAGES, max_size=2)}
    ),
    max_size=4,
).map(_unique)
LABELS = st.dictionaries(st.sampled_from("xy"), IMAGES, max_size=2)
PODS = st.builds(
    lambda labels, containers, finalizers: {
        "metadata": {"labels": labels, "finalizers": finalizers},
        "spec": {"containers": containers},
    },
    LABELS,
    CONTAINERS,
    st.lists(NAMES, unique=True, max_size=3),
)
CHANGES = st.builds(
    lambda pod, gone, cleared: {
        "metadata": {**pod["metadata"], "labels": {**pod["metadata"]["labels"], **dict.fromkeys(cleared)}},
        "spec": {
            "containers": [
                *(one for one in pod["spec"]["containers"] if one["name"] not in gone),
                *({"name": name, "$patch": "delete"} for name in gone),
            ]
        },
    },
    PODS,
    st.lists(NAMES, unique=True, max_size=2),
    st.lists(st.sampled_from("xy"), unique=True),
)


def combined(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Elements with a name: changed where they are, added at the end, taken out where it says so."""
    found = copy.deepcopy(old)
    for one in new:
        present = next((other for other in found if other["name"] == one["name"]), None)
        if one.get("$patch") == "delete":
            found = [other for other in found if other["name"] != one["name"]]
        elif present is None:
            found.append(copy.deepcopy(one))
        else:
            env = combined(present.get("env", []), one["env"]) if "env" in one else None
            present.update(copy.deepcopy(one))
            if env is not None:
                present["env"] = env
    return found


def by_name(pod: dict[str, Any]) -> dict[str, Any]:
    """Without the order of elements, which is another matter."""
    out = copy.deepcopy(pod)
    for container in out["spec"]["containers"]:
        if "env" in container:
            container["env"] = sorted(container["env"], key=lambda one: str(one["name"]))
    out["spec"]["containers"].sort(key=lambda one: str(one["name"]))
    out["metadata"]["finalizers"].sort()
    return out


@settings(max_examples=120)
@given(PODS, CHANGES)
def test_a_strategic_patch_merges_named_elements_maps_and_sets(old: dict[str, Any], patch: dict[str, Any]) -> None:
    labels = {**old["metadata"]["labels"], **patch["metadata"]["labels"]}
    expected = {
        "metadata": {
            "labels": {key: value for key, value in labels.items() if value is not None},
            "finalizers": list(dict.fromkeys(old["metadata"]["finalizers"] + patch["metadata"]["finalizers"])),
        },
        "spec": {"containers": combined(old["spec"]["containers"], patch["spec"]["containers"])},
    }
    before = copy.deepcopy((old, patch))
    assert by_name(strategicpatch.apply(old, patch, POD)) == by_name(expected)
    assert (old, patch) == before

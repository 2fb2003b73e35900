"""The remembered fields of new objects: the same as those that are walked."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api import ownership, scheme
from kubelite.apiserver.registry import outline
from kubelite.machinery import codec
from kubelite.machinery.apply import compare, fieldset
from kubelite.machinery.apply.shape import LIST, Shape
from kubelite.machinery.apply.text import of_field

BUILT_IN = [kind for kind in scheme() if kind.stored and kind.apply_shape is None]


def list_keys(shape: Shape, seen: set[int]) -> set[str]:
    if id(shape) in seen:
        return set()
    seen.add(id(shape))
    found = set(shape.keys) if shape.kind == LIST else set()
    for inner in [*(known[1] for known in shape.fields.values()), *([shape.item] if shape.item else [])]:
        found |= list_keys(inner, seen)
    return found


@pytest.mark.parametrize("kind", BUILT_IN, ids=lambda kind: f"{kind.api_version}.{kind.kind}")
def test_texts_that_are_emptied_identify_no_item(kind: Any) -> None:
    assert not list_keys(ownership.shape_of(kind), set()) & set(outline.OWN_TEXTS)


TEXTS = ["", "x", 'say \\"value\\":\\"no\\", twice', "\\\\", 'ends with \\\\"', "ä,}]"]


@pytest.mark.parametrize("text", TEXTS)
def test_emptied_texts_leave_everything_else(text: str) -> None:
    body = codec.encode({"value": text, "name": text, "more": {"hostname": text, "values": text, "myvalue": text}})
    found = codec.decode(outline.without_own_texts(body), dict)
    assert found == {"value": "", "name": text, "more": {"hostname": "", "values": text, "myvalue": text}}


def spec(host: str, variable: str, value: str) -> dict[str, Any]:
    return {"hostname": host, "containers": [{"name": "c", "env": [{"name": variable, "value": value}]}]}


def test_specs_that_differ_in_such_texts_share_what_is_remembered() -> None:
    kind = scheme().by_kind("v1", "Pod")
    assert kind is not None
    shape = ownership.shape_of(kind)
    outlines = outline.Outlines(shape)
    found = []
    for one in (spec("a", "X", "1"), spec("b", "X", 'quoted "value":"2"'), spec("a", "Y", "1")):
        found.append(outlines.text("spec", codec.encode(one)))
        assert found[-1] == of_field(shape, "spec", one)
    assert found[0] is found[1] is not found[2]


def test_texts_and_numbers_at_the_top_are_fields_like_all_others() -> None:
    kind = scheme().by_resource("", "v1", "events")
    assert kind is not None
    document = {
        "metadata": {"labels": {"a": "b"}},
        "count": 3,
        "message": "Pulled",
        "reason": "",
        "source": {"component": "kubelet"},
    }
    obj = codec.convert(document, kind.type)
    changed = compare.compare(ownership.shape_of(kind), {}, codec.to_generic(obj))
    wanted = fieldset.union(changed.added, changed.modified)
    wanted = {name: node for name, node in wanted.items() if name not in ("f:apiVersion", "f:kind")}
    assert outline.fields_text(kind, obj, obj.metadata) == fieldset.encode(wanted)

"""The rules of ownership: updates, applies, conflicts, pruning; and a model that says the same more slowly."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubelite.machinery.apply import fieldset, managers, scale
from kubelite.machinery.apply.conflict import Conflicts
from kubelite.machinery.apply.fieldset import FieldSet
from kubelite.machinery.apply.managers import Managed, Manager, Owned
from kubelite.machinery.apply.updater import Updater, View, reconcile, same
from tests.unit.machinery.apply.schema import THING, UPDATER

A, B, C = managers.applier("a"), managers.applier("b"), managers.updater("c", "v1")


def apply(live: dict[str, Any], config: dict[str, Any], managed: Managed, who: Manager, force: bool = False) -> Any:
    new, after = UPDATER.apply(live, config, managed, who, force=force)
    return (live if new is None else new), after


def owned(managed: Managed, who: Manager) -> str:
    return repr(FieldSet(managed[who].fields))[9:-1]


def test_an_update_moves_the_ownership_of_what_it_changes() -> None:
    live, managed = apply({}, {"text": "x", "number": 1}, {}, A)
    managed, took = UPDATER.update(live, {"text": "y", "number": 1, "flag": True}, managed, C)
    assert took
    assert (owned(managed, A), owned(managed, C)) == (".number", ".flag, .text")


def test_an_update_that_only_removes_takes_nothing() -> None:
    live, managed = apply({}, {"text": "x"}, {}, A)
    managed, took = UPDATER.update(live, {}, managed, C)
    assert (managed, took) == ({}, False)


def test_an_apply_without_effect_changes_nothing() -> None:
    live, managed = apply({}, {"text": "x"}, {}, A)
    assert UPDATER.apply(live, {"text": "x"}, managed, A, force=False) == (None, managed)


def test_applied_fields_of_others_are_conflicts_unless_equal_or_forced() -> None:
    live, managed = apply({}, {"text": "x", "number": 1}, {}, A)
    with pytest.raises(Conflicts) as found:
        apply(live, {"text": "y", "number": 1}, managed, B)
    assert found.value.message() == 'Apply failed with 1 conflict: conflict with "a": .text'
    live, managed = apply(live, {"text": "y", "number": 1}, managed, B, force=True)
    assert (live["text"], owned(managed, A), owned(managed, B)) == ("y", ".number", ".number, .text")


def test_conflicts_are_listed_by_manager() -> None:
    live, managed = apply({}, {"text": "x"}, {}, A)
    managed, _ = UPDATER.update(
        live, {**live, "number": 1, "flag": True}, managed, managers.updater("c", "v1", "status")
    )
    with pytest.raises(Conflicts) as found:
        apply({**live, "number": 1, "flag": True}, {"text": "y", "number": 2, "flag": False}, managed, B)
    assert found.value.message() == (
        'Apply failed with 3 conflicts: conflicts with "a":\n- .text\n'
        'conflicts with "c" with subresource "status" using v1:\n- .flag\n- .number'
    )


PRUNED: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({"text": "x", "number": 1}, {"number": 1}, {"number": 1}),
    ({"struct": {"a": "1", "b": "2"}}, {"struct": {"a": "1"}}, {"struct": {"a": "1"}}),
    ({"struct": {"a": "1"}, "text": "x"}, {"text": "x"}, {"text": "x"}),
    ({"map": {"x": "1", "y": "2"}}, {"map": {"x": "1"}}, {"map": {"x": "1"}}),
    ({"list": [{"name": "x"}, {"name": "y"}]}, {"list": [{"name": "y"}]}, {"list": [{"name": "y"}]}),
    (
        {"list": [{"name": "x", "labels": {"k": "v"}}], "text": "t"},
        {"list": [{"name": "x"}], "text": "t"},
        {"list": [{"name": "x"}], "text": "t"},
    ),
    ({"set": ["a", "b"]}, {"set": ["b"]}, {"set": ["b"]}),
    ({"plain": ["a"], "text": "x"}, {"text": "x"}, {"text": "x"}),
    ({"whole": {"a": "1", "b": "2"}}, {"whole": {"a": "1"}}, {"whole": {"a": "1"}}),
    ({"any": {"x": {"y": 1, "z": 2}}}, {"any": {"x": {"y": 1}}}, {"any": {"x": {"y": 1}}}),
]


@pytest.mark.parametrize(("first", "second", "left"), PRUNED)
def test_what_is_not_applied_any_more_goes(first: dict[str, Any], second: dict[str, Any], left: dict[str, Any]) -> None:
    live, managed = apply({}, first, {}, A)
    live, managed = apply(live, second, managed, A)
    assert live == left


def test_what_somebody_else_owns_stays() -> None:
    live, managed = apply({}, {"struct": {"a": "1", "b": "2"}, "map": {"x": "1"}}, {}, A)
    live, managed = apply(live, {"struct": {"a": "1"}}, managed, B)
    new = {**live, "map": {"x": "1", "y": "2"}}
    managed, _ = UPDATER.update(live, new, managed, C)
    live, managed = apply(new, {}, managed, A)
    assert live == {"struct": {"a": "1"}, "map": {"y": "2"}}
    assert A not in managed


def test_an_item_with_fields_of_another_goes_with_the_one_who_named_it() -> None:
    live, managed = apply({}, {"list": [{"name": "x"}], "text": "t"}, {}, A)
    new = {**live, "list": [{"name": "x", "value": 1}]}
    managed, _ = UPDATER.update(live, new, managed, C)
    live, managed = apply(new, {"text": "t"}, managed, A)
    assert live == {"text": "t"}
    assert set(managed) == {A}


def test_fields_that_a_write_cannot_set_are_never_owned() -> None:
    updater = UPDATER._replace(ignored=FieldSet.of(("f:struct",)).tree)
    _, managed = updater.apply({}, {"text": "x", "struct": {"a": "1"}}, {}, A, force=False)
    assert owned(managed, A) == ".text"
    managed, _ = updater.update({}, {"struct": {"a": "1"}, "number": 1}, {}, C)
    assert owned(managed, C) == ".number"


def test_managers_of_a_version_that_is_gone_are_dropped() -> None:
    old = managers.updater("old", "v0")
    managed = {old: Owned(FieldSet.of(("f:text",)).tree, "v0")}
    managed, _ = UPDATER.update({"text": "x"}, {"text": "x", "number": 1}, managed, C)
    assert set(managed) == {C}


def test_managers_of_another_version_are_compared_in_it() -> None:
    def renamed(document: dict[str, Any]) -> dict[str, Any]:
        return {"text": document["number"]} if "number" in document else {}

    updater = Updater(THING, "v1", lambda version: View(THING, renamed, same) if version == "v2" else None)
    other = managers.updater("other", "v2")
    managed = {other: Owned(FieldSet.of(("f:text",)).tree, "v2")}
    kept, _ = updater.update({"number": 1}, {"number": 1, "flag": True}, dict(managed), C)
    assert owned(kept, other) == ".text"
    lost, _ = updater.update({"number": 1}, {"number": 2}, dict(managed), C)
    assert other not in lost


def test_owners_below_a_field_that_became_atomic_own_the_field() -> None:
    before = FieldSet.of(("f:whole", "f:a"), ("f:text",), ("f:plain", "i:0")).tree
    assert repr(FieldSet(reconcile(THING, before))) == "FieldSet(.plain, .text, .whole)"
    same_again = FieldSet.of(("f:map", "f:a")).tree
    assert reconcile(THING, same_again) is same_again


def test_the_oldest_updaters_become_one_bucket_per_version() -> None:
    managed: Managed = {
        managers.updater(f"m{number:02}", "v1"): Owned(
            FieldSet.of((f"f:f{number:02}",)).tree, "v1", f"2026-01-01T00:00:{number:02}Z"
        )
        for number in range(12)
    }
    managed[A] = Owned(FieldSet.of(("f:text",)).tree, "v1")
    capped = managers.cap(managed)
    bucket = managers.updater(managers.ANCIENT, "v1")
    assert len(capped) == 11
    assert owned(capped, bucket) == ".f00, .f01, .f02"
    assert capped[bucket].time == "2026-01-01T00:00:02Z"


@pytest.mark.parametrize(
    ("asked", "agent", "name"),
    [
        ("me", "kubectl/v1", "me"),
        ("", "kubectl/v1.36 (linux)", "kubectl"),
        ("", "", ""),
        ("", "a\x07b/1", "ab"),
        ("", "x" * 200, "x" * 128),
    ],
)
def test_a_manager_is_named_by_its_request(asked: str, agent: str, name: str) -> None:
    assert managers.name_of(asked, agent) == name


def test_scaling_takes_the_replicas_of_the_parent() -> None:
    path = ("f:spec", "f:replicas")
    parent: Managed = {A: Owned(fieldset.of_paths([path, ("f:text",)]), "apps/v1")}
    assert scale.to_scale(parent, lambda version: path) == {A: Owned(fieldset.of_paths([path]), "autoscaling/v1")}
    scaler = managers.updater("s", "autoscaling/v1", "scale")
    scaled: Managed = {scaler: Owned(fieldset.of_paths([path]), "autoscaling/v1", "t")}
    after = scale.to_parent(parent, scaled, "apps/v1", lambda version: path)
    assert owned(after, A) == ".text"
    assert owned(after, managers.updater("s", "apps/v1", "scale")) == ".spec.replicas"


# -- the model: an object is a set of paths with values, an owner a set of paths

KEYS = st.sampled_from(["x", "y", "z"])
CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "text": st.sampled_from(["1", "2"]),
        "number": st.integers(0, 2),
        "map": st.dictionaries(KEYS, st.sampled_from(["1", "2"]), min_size=1),
        "list": st.dictionaries(KEYS, st.integers(0, 2), min_size=1).map(
            lambda items: [{"name": name, "value": value} for name, value in items.items()]
        ),
        "set": st.lists(KEYS, unique=True, min_size=1),
        "plain": st.lists(KEYS, min_size=1, max_size=2),
    },
)
STEPS = st.lists(st.tuples(st.sampled_from("abu"), CONFIGS, st.booleans()), max_size=8)


def flat(document: dict[str, Any]) -> dict[str, Any]:
    """Path text → value; containers that merge are there only through what they contain."""
    out: dict[str, Any] = {}
    for name, value in document.items():
        if name == "map":
            out |= {f".map.{key}": inner for key, inner in value.items()}
        elif name == "set":
            out |= {f'.set[="{item}"]': item for item in value}
        elif name == "list":
            for item in value:
                here = f'.list[name="{item["name"]}"]'
                out |= {here: None, **{f"{here}.{field}": inner for field, inner in item.items()}}
        else:
            out[f".{name}"] = value
    return out


def with_parents(before: set[str], after: set[str]) -> set[str]:
    """What an updater owns besides leaves: the containers that it made."""
    names = ("map", "set", "list")
    had = {name for name in names if any(path.startswith(f".{name}") for path in before)}
    has = {name for name in names if any(path.startswith(f".{name}") for path in after)}
    return {f".{name}" for name in has - had}


class Model:
    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.owners: dict[str, set[str]] = {}

    def drop_owners(self, paths: set[str], but: str) -> None:
        for who in list(self.owners):
            if who != but:
                self.owners[who] -= paths
            if not self.owners[who]:
                del self.owners[who]

    def gone(self, before: set[str], after: set[str]) -> set[str]:
        return (before - after) | with_parents(after, before)

    def apply(self, who: str, config: dict[str, Any], force: bool) -> bool:
        wanted = flat(config)
        last, others = self.owners.get(who, set()), {p for o, ps in self.owners.items() if o != who for p in ps}
        merged = self.values | wanted
        for path in last - wanted.keys() - others:
            merged = {p: v for p, v in merged.items() if p != path and not p.startswith(f"{path}.")}
        changed = {p for p, v in merged.items() if p not in self.values or self.values[p] != v}
        if not force and changed & others:
            return False
        gone = self.gone(set(self.values), set(merged))
        self.owners[who] = set(wanted)
        self.drop_owners(changed, who)
        self.drop_owners(gone, "")
        self.values = merged
        return True

    def update(self, document: dict[str, Any]) -> None:
        new = flat(document)
        changed = {p for p, v in new.items() if p not in self.values or self.values[p] != v}
        changed |= with_parents(set(self.values), set(new))
        gone = self.gone(set(self.values), set(new))
        self.drop_owners(changed | gone, "")
        if changed:
            self.owners["u"] = self.owners.get("u", set()) | changed
        self.values = new


@settings(max_examples=300)
@given(STEPS)
def test_writes_do_what_the_model_does(steps: list[tuple[str, dict[str, Any], bool]]) -> None:
    model, live, managed = Model(), {}, {}
    who_is = {"a": A, "b": B, "u": managers.updater("u", "v1")}
    for who, config, force in steps:
        if who == "u":
            model.update(config)
            managed, _ = UPDATER.update(live, config, managed, who_is[who])
            live = config
        else:
            done = model.apply(who, config, force)
            try:
                live, managed = apply(live, config, managed, who_is[who], force)
                assert done
            except Conflicts:
                assert not done
        assert flat(live) == model.values
        found = {who: set(map(_text, FieldSet(managed[who_is[who]].fields))) for who in "abu" if who_is[who] in managed}
        assert found == model.owners


def _text(path: tuple[str, ...]) -> str:
    from kubelite.machinery.apply.element import path_text

    return path_text(path)

"""Where volumes are attached and detached."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.controllers.attachdetach.plan import Attached, Place, attachment_name, is_shared, plan, unique_name


def on(node: str, leaving: bool = False) -> Attached:
    return Attached(f"att-{node}", node, leaving)


def outcome(wanted, present, places, shared=False):
    found = plan(wanted, present, places, shared=shared)
    return found.attach, [one.node for one in found.detach], found.blocked, found.again


@pytest.mark.parametrize(
    ("wanted", "present", "places", "expected"),
    [
        (["a"], [], {"a": Place()}, (["a"], [], [], 0)),
        (["a"], [on("a")], {"a": Place()}, ([], [], [], 0)),
        (["a", "b"], [], {"a": Place(), "b": Place()}, (["a"], [], ["b"], 0)),
        (["b"], [on("a")], {"a": Place(), "b": Place()}, ([], ["a"], ["b"], 0)),
        (["b"], [on("a", leaving=True)], {"a": Place(), "b": Place()}, ([], [], ["b"], 0)),
        (["a"], [on("a", leaving=True)], {"a": Place()}, ([], [], [], 0)),
        ([], [on("a")], {"a": Place(in_use=True)}, ([], [], [], 0)),
        ([], [on("a")], {"a": Place(in_use=True, waited=900)}, ([], [], [], 0)),
        ([], [on("a")], {"a": Place(in_use=True, healthy=False, waited=60)}, ([], [], [], 300)),
        ([], [on("a")], {"a": Place(in_use=True, healthy=False, waited=361)}, ([], ["a"], [], 0)),
        ([], [on("a")], {"a": Place(in_use=True, healthy=False, out_of_service=True)}, ([], ["a"], [], 0)),
        ([], [on("a")], {"a": None}, ([], ["a"], [], 0)),
        ([], [on("a")], {"a": Place(managed=False)}, ([], [], [], 0)),
        (["a"], [], {"a": Place(managed=False)}, ([], [], [], 0)),
        (["a"], [], {"a": None}, ([], [], [], 0)),
    ],
)
def test_one_node_at_a_time_has_a_volume_and_lets_it_go_first(wanted, present, places, expected):
    assert outcome(wanted, present, places) == expected


def test_a_shared_volume_goes_to_every_node():
    places = {"a": Place(), "b": Place()}
    assert outcome(["a", "b"], [], places, shared=True) == (["a", "b"], [], [], 0)


@pytest.mark.parametrize(
    ("modes", "expected"),
    [(["ReadWriteOnce"], False), (["ReadWriteOncePod"], False), (["ReadWriteOnce", "ReadOnlyMany"], True), ([], True)],
)
def test_modes_say_whether_a_volume_is_shared(modes, expected):
    assert is_shared(modes) is expected


def test_names_are_those_that_drivers_and_kubelets_compute():
    expected = "csi-be5c2abc1278a46c0a75c3f2d4aa2622c2c984aef73a735e8198a6b8a6f055eb"
    assert attachment_name("vol", "d.example.com", "n1") == expected
    assert unique_name("d.example.com", "vol") == "kubernetes.io/csi/d.example.com^vol"


NODES = st.sampled_from("abcd")


@given(
    wanted=st.lists(NODES, unique=True),
    present=st.dictionaries(NODES, st.booleans()),
    in_use=st.sets(NODES),
    unmanaged=st.sets(NODES),
    shared=st.booleans(),
)
def test_what_was_done_is_not_done_again_and_an_exclusive_volume_never_comes_to_a_second_node(
    wanted, present, in_use, unmanaged, shared
):
    places = {n: Place(managed=n not in unmanaged, in_use=n in in_use) for n in "abcd"}
    attachments = [on(node, leaving) for node, leaving in present.items()]
    first = plan(wanted, attachments, places, shared=shared)
    gone = {one.node for one in first.detach}
    after = [one for one in attachments if one.node not in gone] + [on(node) for node in first.attach]
    if not shared and first.attach:
        assert len(attachments + first.attach) == 1
    again = plan(wanted, after, places, shared=shared)
    assert again.detach == []
    if not gone:
        assert again.attach == []

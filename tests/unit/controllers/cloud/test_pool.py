"""Who gets which address of a pool, and which node answers for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.controllers.cloud.announce import assign
from kubelite.controllers.cloud.pool import Holder, choose, parse_pool

POOL = parse_pool("192.0.2.8-192.0.2.9, 2001:db8::8/128")


def holder(name: str, *addresses: str, port: int = 80, since: str = "1") -> Holder:
    return Holder(name, frozenset({(port, "TCP")}), addresses, since)


@pytest.mark.parametrize(
    ("text", "count", "first"),
    [
        ("192.0.2.0/29", 6, "192.0.2.1"),
        ("192.0.2.4/31", 2, "192.0.2.4"),
        ("192.0.2.7", 1, "192.0.2.7"),
        ("192.0.2.7-192.0.2.9,198.51.100.1", 4, "192.0.2.7"),
    ],
)
def test_pools(text: str, count: int, first: str) -> None:
    found = list(parse_pool(text).addresses("IPv4"))
    assert (len(found), found[0]) == (count, first)
    assert all(one in parse_pool(text) for one in found)


@pytest.mark.parametrize("text", ["x", "192.0.2.9-192.0.2.8", "192.0.2.1-2001:db8::1", "192.0.2.0/33"])
def test_what_is_no_pool_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_pool(text)


def test_free_addresses_go_first_then_services_with_other_ports_share() -> None:
    first, second = holder("a", "192.0.2.8"), holder("b", "192.0.2.9")
    assert choose(POOL, holder("c"), [first], "IPv4") == "192.0.2.9"
    assert choose(POOL, holder("c", port=443), [first, second], "IPv4") == "192.0.2.8"
    assert choose(POOL, holder("c"), [first, second], "IPv4") is None
    assert choose(POOL, holder("c"), [first, second], "IPv6") == "2001:db8::8"


def test_an_address_is_kept_unless_an_older_service_has_it_too() -> None:
    assert choose(POOL, holder("a", "192.0.2.9"), [], "IPv4") == "192.0.2.9"
    younger, older = holder("b", "192.0.2.9", since="2"), holder("a", "192.0.2.9", since="1")
    assert choose(POOL, younger, [older], "IPv4") == "192.0.2.8"
    assert choose(POOL, older, [younger], "IPv4") == "192.0.2.9"
    assert choose(POOL, holder("a", "203.0.113.1"), [], "IPv4") == "192.0.2.8"


def test_an_address_that_is_asked_for() -> None:
    assert choose(POOL, holder("a"), [], "IPv4", "192.0.2.9") == "192.0.2.9"
    assert choose(POOL, holder("a"), [holder("b", "192.0.2.9")], "IPv4", "192.0.2.9") is None
    assert choose(POOL, holder("a"), [], "IPv4", "203.0.113.1") is None


def test_an_address_stays_with_its_node_while_that_serves_it() -> None:
    all_, only_b = frozenset("ab"), frozenset("b")
    assert assign({"x": [all_], "y": [all_]}, ["a", "b"], {}) == {"x": "a", "y": "b"}
    assert assign({"x": [all_]}, ["a", "b"], {"x": "b"}) == {"x": "b"}
    assert assign({"x": [only_b]}, ["a", "b"], {"x": "a"}) == {"x": "b"}
    assert assign({"x": [all_, only_b]}, ["a", "b"], {"x": "a"}) == {"x": "b"}
    assert assign({"x": [frozenset()]}, ["a", "b"], {"x": "a"}) == {"x": "a"}
    assert assign({"x": [all_]}, [], {"x": "a"}) == {}


@given(
    st.dictionaries(
        st.integers(0, 20).map(str),
        st.lists(st.frozensets(st.sampled_from("abcd")), min_size=1, max_size=3),
        max_size=12,
    ),
    st.dictionaries(st.integers(0, 20).map(str), st.sampled_from("abcdz")),
)
def test_assigning_again_changes_nothing(serving: dict[str, list[frozenset[str]]], present: dict[str, str]) -> None:
    once = assign(serving, list("abcd"), present)
    assert set(once) == set(serving)
    assert assign(serving, list("abcd"), once) == once


@given(st.lists(st.tuples(st.integers(1, 3), st.booleans()), max_size=30))
def test_no_address_and_port_are_given_twice(asked: list[tuple[int, bool]]) -> None:
    holders: list[Holder] = []
    for number, (port, leaves) in enumerate(asked):
        if leaves and holders:
            holders.pop(0)
        address = choose(POOL, holder(f"s{number}", port=port), holders, "IPv4")
        if address is not None:
            holders.append(holder(f"s{number}", address, port=port))
    pairs = [(one.addresses, one.ports) for one in holders]
    assert len(set(pairs)) == len(pairs)

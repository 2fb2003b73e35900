"""Ranges of pod addresses never overlap."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.controllers.nodeipam.plan import Ranges, pools


def lowest(used: list[str], *whole: tuple[str, int]) -> list[str] | None:
    ranges = Ranges(whole)
    ranges.occupy(used)
    return ranges.lowest()


@pytest.mark.parametrize(
    ("used", "wanted"),
    [
        ([], "10.244.0.0/24"),
        (["10.244.0.0/24", "10.244.2.0/24"], "10.244.1.0/24"),
        (["10.244.0.0/22"], "10.244.4.0/24"),
        (["10.244.0.128/25"], "10.244.1.0/24"),
        (["192.168.0.0/16", "fd00::/64"], "10.244.0.0/24"),
        (["10.0.0.0/8"], None),
    ],
)
def test_the_lowest_free_range(used, wanted):
    assert lowest(used, ("10.244.0.0/16", 24)) == ([wanted] if wanted else None)


@given(st.lists(st.integers(0, 300), max_size=30))
def test_ranges_given_one_after_the_other_are_disjoint_and_inside(freed):
    used: list[str] = []
    ranges = Ranges([("10.244.0.0/20", 24)])
    for number in freed:
        found = ranges.lowest()
        assert found == lowest(used, ("10.244.0.0/20", 24))
        if found is None:
            assert len(used) == 16
            break
        chosen = found[0]
        assert ipaddress.ip_network(chosen).subnet_of(ipaddress.ip_network("10.244.0.0/20"))
        assert not any(ipaddress.ip_network(chosen).overlaps(ipaddress.ip_network(other)) for other in used)
        used.append(chosen)
        ranges.occupy([chosen])
        if number % 3 == 0:
            ranges.release([used.pop(number % len(used))])


def test_a_range_that_two_nodes_have_is_free_when_both_are_gone() -> None:
    ranges = Ranges([("10.244.0.0/16", 24)])
    ranges.occupy(["10.244.0.0/24", "10.244.0.0/23"])
    ranges.release(["10.244.0.0/23"])
    assert ranges.lowest() == ["10.244.1.0/24"]
    ranges.release(["10.244.0.0/24"])
    assert ranges.lowest() == ["10.244.0.0/24"]


def test_a_range_of_each_family() -> None:
    both = pools("10.244.0.0/16,fd00::/48", 24, 64)
    assert lowest([], *both) == ["10.244.0.0/24", "fd00::/64"]
    assert lowest(["10.244.0.0/24", "fd00:0:0:1::/64"], *both) == ["10.244.1.0/24", "fd00::/64"]
    assert lowest(["10.244.0.0/16"], *both) is None
    assert lowest([], *pools("10.244.0.0/16", 24, 64)) == ["10.244.0.0/24"]


@pytest.mark.parametrize("wrong", ["10.244.0.0/16,10.245.0.0/16", "10.244.0.0/25", "nonsense"])
def test_ranges_that_do_not_go_together_are_refused(wrong: str) -> None:
    with pytest.raises(ValueError):
        pools(wrong, 24, 64)

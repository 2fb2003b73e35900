"""Seats for the levels: nominal limits and what is lent."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kubelite.apiserver.flowcontrol import defaults, shares
from kubelite.apiserver.flowcontrol.demand import Integrator
from kubelite.apiserver.flowcontrol.dropped import Refusals
from kubelite.apiserver.flowcontrol.shares import Limits, Wish

LEVELS = (*defaults.MANDATORY_LEVELS, *defaults.SUGGESTED_LEVELS)
SPECS = {one.metadata.name: one.spec for one in LEVELS}
ALL = sum(shares.shares_of(spec) for spec in SPECS.values())


def test_default_levels_share_six_hundred_seats_as_upstream_does() -> None:
    found = {name: shares.limits_of(spec, 600, ALL) for name, spec in SPECS.items()}
    assert found["exempt"].nominal == 0
    assert found["catch-all"] == Limits(13, 13, 613)
    assert found["system"] == Limits(74, 50, 674)
    assert found["leader-election"] == Limits(25, 25, 625)
    assert found["workload-low"] == Limits(245, 25, 845)


wishes = st.lists(
    st.tuples(st.floats(0, 50), st.floats(0, 200), st.floats(0, 300)).map(
        lambda parts: Wish(parts[0], parts[0] + parts[1], parts[0] + parts[2])
    ),
    min_size=1,
    max_size=10,
)


@given(st.integers(1, 1000), wishes)
def test_lending_keeps_to_the_bounds_and_gives_out_what_there_is(total: int, asked: list[Wish]) -> None:
    given_out = shares.divide(total, asked)
    for wish, seats in zip(asked, given_out, strict=True):
        assert wish.low - 1e-6 <= seats <= wish.high + 1e-6
    lowest, highest = sum(one.low for one in asked), sum(one.high for one in asked)
    assert abs(sum(given_out) - min(max(total, lowest), highest)) < 1e-3 * max(total, lowest, 1)


def test_a_level_that_needs_more_gets_what_an_idle_one_lends() -> None:
    busy, idle = Wish(10, 600, 500), Wish(5, 600, 5)
    assert [round(seats) for seats in shares.divide(600, [busy, idle])] == [594, 6]


def test_demand_is_an_average_over_time_with_its_highest_value() -> None:
    demand = Integrator(0.0)
    demand.change(10, 5.0)
    closed = demand.close(10.0)
    assert (closed.average, closed.deviation, closed.highest) == (5.0, 5.0, 10)
    assert closed.envelope == 10
    assert demand.close(20.0).envelope == 10
    demand.change(0, 20.0)
    demand.close(30.0)
    assert demand.close(40.0).envelope == 0
    assert 8 < demand.smoothed < 10


def test_refused_clients_are_told_to_wait_longer_while_many_are_refused() -> None:
    refusals = Refusals()
    told = []
    for second in range(100, 104):
        for _ in range(100):
            told.append(refusals.note(second))
    assert [told[0], told[100], told[200], told[300]] == [1, 2, 4, 8]
    assert refusals.note(200) == 1

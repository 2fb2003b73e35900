"""Which moment is new since the last look at a Service."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kubelite.api.types.core_v1 import Endpoints
from kubelite.controllers.objects import Service
from kubelite.controllers.triggertimes import ANNOTATION, TriggerTimes, stamped
from tests.unit.controllers import build


def service(created: str = "2030-01-01T00:00:00Z") -> Service:
    made = Service()
    made.metadata.creationTimestamp = created
    return made


def at(second: int) -> str:
    return f"2030-01-01T00:00:{second:02}Z"


def pod(name: str, second: int) -> Any:
    return build.pod(name, ready_since=at(second))


def test_at_the_first_look_the_service_is_the_change() -> None:
    assert TriggerTimes().since("n/s", service(), [pod("a", 5)]) == at(0)


def test_later_the_earliest_of_the_new_moments_is() -> None:
    times = TriggerTimes()
    times.since("n/s", service(), [pod("a", 5)])
    assert times.since("n/s", service(), [pod("a", 5), pod("b", 9), pod("c", 7)]) == at(7)
    assert times.since("n/s", service(), [pod("a", 5), pod("b", 9), pod("c", 7)]) == ""
    assert times.since("n/s", service(), [pod("a", 5)]) == "", "a pod that is gone has no moment"
    assert times.since("n/s", service(at(20)), [pod("a", 21)]) == at(20), "a Service made anew"
    times.forget("n/s")
    assert times.since("n/s", service(at(20)), []) == at(20)


def test_pods_without_the_condition_have_no_moment() -> None:
    times = TriggerTimes()
    times.since("n/s", service(), [])
    assert times.since("n/s", service(), [build.pod("a")]) == ""


def test_a_moment_is_written_on_a_copy_and_taken_off_where_there_is_none() -> None:
    one = Endpoints()
    one.metadata.annotations = {"other": "x"}
    written = stamped(one, at(3))
    assert written.metadata.annotations == {"other": "x", ANNOTATION: at(3)}
    assert stamped(written, "").metadata.annotations == one.metadata.annotations == {"other": "x"}


@given(
    st.lists(st.dictionaries(st.sampled_from("abcd"), st.integers(1, 59)), min_size=1, max_size=6),
    st.randoms(use_true_random=False),
)
def test_the_order_of_pods_does_not_matter_and_nothing_is_new_twice(
    looks: list[dict[str, int]], chance: random.Random
) -> None:
    one, other = TriggerTimes(), TriggerTimes()
    for look in looks:
        pods = [pod(name, second) for name, second in look.items()]
        found = one.since("n/s", service(), pods)
        chance.shuffle(pods)
        assert other.since("n/s", service(), pods) == found
        assert one.since("n/s", service(), pods) == ""
        other.since("n/s", service(), pods)

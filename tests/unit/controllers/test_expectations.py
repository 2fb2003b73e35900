"""A controller acts again only when it has seen what it did, or has waited long enough."""

from __future__ import annotations

from kubelite.controllers.expectations import TIMEOUT_SECONDS, Expectations


def test_creations_and_deletions_are_waited_for():
    expectations = Expectations(lambda: 0.0)
    assert expectations.satisfied("k")
    expectations.expect_creations("k", 2)
    expectations.saw_creation("k")
    assert not expectations.satisfied("k")
    expectations.saw_creation("k")
    assert expectations.satisfied("k")
    expectations.expect_deletions("k", ["a", "b"])
    expectations.saw_deletion("k", "a")
    expectations.saw_deletion("k", "a")
    assert not expectations.satisfied("k")
    expectations.saw_deletion("k", "b")
    assert expectations.satisfied("k")


def test_a_lost_event_does_not_block_for_ever():
    now = [0.0]
    expectations = Expectations(lambda: now[0])
    expectations.expect_creations("k", 1)
    assert not expectations.satisfied("k")
    now[0] = TIMEOUT_SECONDS + 1
    assert expectations.satisfied("k")


def test_what_is_waited_for_is_looked_at_again_even_if_no_event_comes():
    now = [0.0]
    expectations = Expectations(lambda: now[0])
    assert expectations.again("k") is None
    assert expectations.again("k", 0.0, 7.0).requeue_after == 7
    expectations.expect_creations("k", 1)
    now[0] = 100.0
    assert expectations.again("k").requeue_after == TIMEOUT_SECONDS - 100
    assert expectations.again("k", 7.0).requeue_after == 7
    expectations.saw_creation("k")
    assert expectations.again("k") is None

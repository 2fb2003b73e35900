from __future__ import annotations

from kubelite.kubelet.crashloop import CrashLoop


def test_the_first_restart_is_immediate_and_the_waits_double_up_to_the_cap():
    crashes = CrashLoop(cap=300)
    now, waits = 1000.0, []
    for _ in range(8):
        _, whole = crashes.remaining("u", "web", now, now)
        waits.append(whole)
        now += whole
        crashes.started("u", "web", now - whole, now)
    assert waits == [0, 10, 20, 40, 80, 160, 300, 300]


def test_the_wait_counts_from_the_end_of_the_container():
    crashes = CrashLoop()
    crashes.started("u", "web", 100.0, 100.0)
    assert crashes.remaining("u", "web", 104.0, 106.0) == (8.0, 10.0)
    assert crashes.remaining("u", "web", 104.0, 114.0) == (0.0, 0.0)


def test_a_long_time_without_a_crash_forgives():
    crashes = CrashLoop(cap=300)
    for _ in range(5):
        crashes.started("u", "web", 100.0, 100.0)
    assert crashes.remaining("u", "web", 701.0, 701.0) == (0.0, 0.0)
    crashes.started("u", "web", 701.0, 701.0)
    assert crashes.remaining("u", "web", 702.0, 702.0) == (10.0, 10.0)


def test_pods_and_containers_are_counted_apart_and_forgotten():
    crashes = CrashLoop()
    crashes.started("u", "web", 100.0, 100.0)
    assert crashes.remaining("u", "db", 100.0, 101.0) == (0.0, 0.0)
    assert crashes.remaining("v", "web", 100.0, 101.0) == (0.0, 0.0)
    crashes.forget("u")
    assert crashes.remaining("u", "web", 100.0, 101.0) == (0.0, 0.0)

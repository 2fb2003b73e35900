"""Order, back-off and wake-ups of pending pods."""

from __future__ import annotations

from kubelite.scheduler.queue import LAST_BACKOFF, LONGEST_WAIT, Entry, PendingPods
from tests.unit.scheduler.world import info

FIT = frozenset(("NodeResourcesFit",))
AFFINITY = frozenset(("InterPodAffinity",))


def pop(queue: PendingPods) -> Entry:
    entry = queue.pop()
    assert entry is not None
    return entry


def names(queue: PendingPods) -> list[str]:
    found = []
    while (entry := queue.pop()) is not None:
        found.append(entry.info.pod.metadata.name)
    return found


def test_higher_priority_first_then_the_older() -> None:
    queue = PendingPods()
    for now, (name, priority) in enumerate((("low", 0), ("high", 10), ("low2", 0), ("high2", 10))):
        queue.add(info(name, priority=priority), float(now))
    assert names(queue) == ["high", "high2", "low", "low2"]


def test_a_removed_pod_never_comes_up() -> None:
    queue = PendingPods()
    queue.add(info("a"), 0)
    queue.add(info("b"), 0)
    queue.remove("default/a")
    assert names(queue) == ["b"]


def test_a_pod_that_took_the_name_of_another_is_tried_once() -> None:
    queue = PendingPods()
    queue.add(info("a", uid="1"), 0)
    queue.add(info("a", uid="2"), 1)
    assert pop(queue).info.uid == "2"
    assert queue.pop() is None


def test_a_pod_that_fits_nowhere_waits_for_a_change_and_its_backoff() -> None:
    queue = PendingPods()
    queue.add(info("a"), 0)
    queue.failed(pop(queue), 0.0, FIT)
    queue.tick(100.0)
    assert queue.pop() is None
    queue.something_changed(0.5)
    assert queue.tick(0.5) == 0.5
    assert queue.pop() is None
    queue.tick(1.0)
    assert names(queue) == ["a"]


def test_a_change_long_after_the_failure_helps_at_once() -> None:
    queue = PendingPods()
    queue.add(info("a"), 0)
    queue.failed(pop(queue), 0.0, FIT)
    queue.something_changed(60.0)
    assert names(queue) == ["a"]


def test_only_pods_that_a_plugin_rejected_are_helped_by_its_changes() -> None:
    queue = PendingPods()
    for name, plugins in (("fit", FIT), ("near", AFFINITY)):
        queue.add(info(name), 0)
        queue.failed(pop(queue), 0.0, plugins)
    queue.something_changed(60.0, AFFINITY)
    assert names(queue) == ["near"]


def test_the_backoff_doubles_up_to_ten_seconds() -> None:
    queue, waits, now = PendingPods(), [], 0.0
    queue.add(info("a"), now)
    for _ in range(6):
        queue.failed(pop(queue), now, FIT)
        queue.something_changed(now)
        wait = queue.tick(now)
        assert wait is not None
        waits.append(wait)
        now += wait
        queue.tick(now)
    assert waits == [1, 2, 4, 8, LAST_BACKOFF, LAST_BACKOFF]


def test_after_five_minutes_a_pod_is_tried_all_the_same() -> None:
    queue = PendingPods()
    queue.add(info("a"), 0)
    queue.failed(pop(queue), 0.0, FIT)
    assert queue.tick(1.0) == LONGEST_WAIT - 1.0
    queue.tick(LONGEST_WAIT)
    assert names(queue) == ["a"]


def test_a_failed_binding_backs_off_once_and_keeps_its_attempts() -> None:
    queue = PendingPods()
    wanted = info("a")
    queue.add(wanted, 0)
    entry = pop(queue)
    queue.assigned(entry)
    assert len(queue) == 0
    queue.retry(wanted, 5.0)
    assert queue.pop() is None
    assert queue.tick(5.0) == 1.0
    queue.tick(6.0)
    again = pop(queue)
    assert (again, again.attempts, queue.pop()) == (entry, 1, None)
    queue.assigned(again)
    queue.retry(wanted, 10.0)
    assert queue.tick(10.0) == 2.0


def test_a_bound_pod_leaves_no_history() -> None:
    queue = PendingPods()
    wanted = info("a")
    queue.add(wanted, 0)
    queue.assigned(pop(queue))
    queue.remove(wanted.key)
    queue.retry(wanted, 1.0)
    queue.tick(2.0)
    assert pop(queue).attempts == 1


def test_a_changed_pod_is_tried_again_and_an_unchanged_one_is_not() -> None:
    queue = PendingPods()
    queue.add(info("a", uid="1"), 0)
    queue.failed(pop(queue), 0.0, FIT)
    queue.add(info("a", uid="1"), 60.0)
    assert queue.pop() is None
    queue.add(info("a", uid="1", labels={"new": "yes"}), 60.0)
    assert pop(queue).info.pod.metadata.labels == {"new": "yes"}

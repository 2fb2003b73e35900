"""Order, back-off and wake-ups of pending pods."""

from __future__ import annotations

from kubelite.scheduler import events
from kubelite.scheduler.events import Hints
from kubelite.scheduler.profile import default_profile
from kubelite.scheduler.queue import LAST_BACKOFF, LONGEST_WAIT, Entry, PendingPods
from tests.unit.scheduler.world import info

FIT = frozenset(("NodeResourcesFit",))
AFFINITY = frozenset(("InterPodAffinity",))


def pending() -> PendingPods:
    hints = Hints()
    hints.register("default-scheduler", default_profile().filters)
    return PendingPods(hints)


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
    queue = pending()
    for now, (name, priority) in enumerate((("low", 0), ("high", 10), ("low2", 0), ("high2", 10))):
        queue.add(info(name, priority=priority), float(now))
    assert names(queue) == ["high", "high2", "low", "low2"]


def test_a_removed_pod_never_comes_up() -> None:
    queue = pending()
    queue.add(info("a"), 0)
    queue.add(info("b"), 0)
    queue.remove("default/a")
    assert names(queue) == ["b"]


def test_a_pod_that_took_the_name_of_another_is_tried_once() -> None:
    queue = pending()
    queue.add(info("a", uid="1"), 0)
    queue.add(info("a", uid="2"), 1)
    assert pop(queue).info.uid == "2"
    assert queue.pop() is None


def test_a_pod_that_fits_nowhere_waits_for_a_change_and_then_behind_those_that_are_ready() -> None:
    queue = pending()
    queue.add(info("a"), 0)
    queue.failed(pop(queue), 0.0, FIT)
    queue.tick(100.0)
    assert queue.pop() is None
    queue.happened(events.POD_DELETE, 0.5, info("gone"))
    assert queue.tick(0.5) == 0.5
    queue.add(info("b"), 0.5)
    assert names(queue) == ["b", "a"]


def test_after_an_error_the_backoff_counts_even_if_nothing_else_is_ready() -> None:
    queue = pending()
    queue.add(info("a"), 0)
    queue.failed_badly(pop(queue), 0.0)
    assert queue.pop() is None
    assert not queue.has_ready
    queue.tick(1.0)
    assert names(queue) == ["a"]


def test_an_event_during_the_attempt_is_not_missed() -> None:
    queue = pending()
    queue.add(info("a"), 0)
    entry = pop(queue)
    queue.happened(events.POD_DELETE, 0.5, info("gone"))
    queue.failed(entry, 1.0, FIT)
    assert names(queue) == ["a"]


def test_a_pod_for_which_room_is_made_is_not_tried_before_that_is_done() -> None:
    queue = pending()
    queue.add(info("a"), 0)
    queue.failed(pop(queue), 0.0, FIT)
    queue.hold("default/a")
    queue.happened(events.POD_DELETE, 60.0, info("gone"))
    assert queue.pop() is None
    queue.let_go("default/a", 61.0)
    assert names(queue) == ["a"]


def test_pods_with_gates_wait_outside() -> None:
    queue = pending()
    gated = info("a", uid="1", schedulingGates=[{"name": "example.com/gate"}])
    queue.gate(gated)
    assert (queue.pop(), queue.sizes()["gated"]) == (None, 1)
    queue.add(info("a", uid="1"), 1.0)
    assert (names(queue), queue.sizes()["gated"]) == (["a"], 0)


def test_a_change_long_after_the_failure_helps_at_once() -> None:
    queue = pending()
    queue.add(info("a"), 0)
    queue.failed(pop(queue), 0.0, FIT)
    queue.happened(events.POD_DELETE, 60.0, info("gone"))
    assert names(queue) == ["a"]


def test_only_pods_that_a_plugin_rejected_are_helped_by_its_changes() -> None:
    queue = pending()
    near = {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "db"}}}
    rules = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [near]}}
    for name, plugins in (("fit", FIT), ("near", AFFINITY)):
        queue.add(info(name, affinity=rules), 0)
        queue.failed(pop(queue), 0.0, plugins)
    queue.happened(events.POD_ADD, 60.0, None, info("web", labels={"app": "web"}))
    assert names(queue) == []
    queue.happened(events.POD_ADD, 60.0, None, info("db", labels={"app": "db"}))
    assert names(queue) == ["near"]


def test_the_backoff_doubles_up_to_ten_seconds() -> None:
    queue, waits, now = pending(), [], 0.0
    queue.add(info("a"), now)
    for _ in range(6):
        queue.failed(pop(queue), now, FIT)
        queue.happened(events.POD_DELETE, now, info("gone"))
        wait = queue.tick(now)
        assert wait is not None
        waits.append(wait)
        now += wait
        queue.tick(now)
    assert waits == [1, 2, 4, 8, LAST_BACKOFF, LAST_BACKOFF]


def test_errors_are_counted_apart_until_there_is_a_verdict() -> None:
    queue, now = pending(), 0.0
    queue.add(info("a"), now)

    def wait(error: bool) -> float:
        nonlocal now
        entry = pop(queue)
        if error:
            queue.failed_badly(entry, now)
        else:
            queue.failed(entry, now, FIT)
            queue.happened(events.POD_DELETE, now, info("gone"))
        found = queue.tick(now)
        assert found is not None
        now += found
        queue.tick(now)
        return found

    assert [wait(error) for error in (False, False, True, True, False, True)] == [1, 2, 1, 2, 4, 1]


def test_of_pods_whose_backoff_ends_in_one_second_the_important_goes_first() -> None:
    queue = pending()
    for at, (name, priority) in enumerate((("low", 0), ("high", 10), ("late", 20))):
        queue.add(info(name, priority=priority), 0.0)
        queue.failed(pop(queue), (10.1, 10.6, 12.0)[at], FIT)
    queue.happened(events.POD_DELETE, 10.7, info("gone"))
    assert names(queue) == ["high", "low", "late"]


def test_a_pod_that_was_tried_for_waiting_too_long_is_marked_for_that_attempt() -> None:
    queue = pending()
    queue.add(info("a"), 0)
    queue.failed(pop(queue), 0.0, FIT)
    queue.tick(LONGEST_WAIT)
    entry = pop(queue)
    assert entry.flushed
    queue.failed(entry, LONGEST_WAIT, FIT)
    queue.happened(events.POD_DELETE, 2 * LONGEST_WAIT - 1, info("gone"))
    assert not pop(queue).flushed


def test_after_five_minutes_a_pod_is_tried_all_the_same() -> None:
    queue = pending()
    queue.add(info("a"), 0)
    queue.failed(pop(queue), 0.0, FIT)
    assert queue.tick(1.0) == LONGEST_WAIT - 1.0
    queue.tick(LONGEST_WAIT)
    assert names(queue) == ["a"]


def test_a_failed_binding_backs_off_once_and_keeps_its_attempts() -> None:
    queue = pending()
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
    queue = pending()
    wanted = info("a")
    queue.add(wanted, 0)
    queue.assigned(pop(queue))
    queue.remove(wanted.key)
    queue.retry(wanted, 1.0)
    queue.tick(2.0)
    assert pop(queue).attempts == 1


def test_a_changed_pod_is_tried_again_and_an_unchanged_one_is_not() -> None:
    queue = pending()
    queue.add(info("a", uid="1"), 0)
    queue.failed(pop(queue), 0.0, FIT)
    queue.add(info("a", uid="1"), 60.0)
    assert queue.pop() is None
    queue.add(info("a", uid="1", labels={"new": "yes"}), 60.0)
    assert pop(queue).info.pod.metadata.labels == {"new": "yes"}

"""What changes of pods and nodes do to the columns and to the queue."""

from __future__ import annotations

from typing import Any

import msgspec

from kubelite.scheduler.cache import Cache
from kubelite.scheduler.pods import Pod, pod_info
from kubelite.scheduler.queue import Entry, PendingPods
from tests.unit.scheduler.world import cache, node, pod


def used(made: Cache, name: str) -> tuple[int, int]:
    """(milli-CPU, pods) in use on a node."""
    at = made.nodes.index[name]
    return int(made.nodes.used["cpu"][at]), int(made.nodes.used["pods"][at])


def bound(one: Pod, on: str) -> Pod:
    copy = msgspec.convert(msgspec.to_builtins(one), Pod)
    copy.spec.nodeName = on
    return copy


def pop(made: Cache) -> Entry:
    entry = made.pending.pop()
    assert entry is not None
    return entry


def assign(made: Cache, one: Pod, on: str) -> None:
    """What the server does with a pending pod once a node is found."""
    made.pod_changed(None, one, 0.0)
    entry = pop(made)
    made.pending.assigned(entry)
    made.assume(entry.info, on)


CPU = {"cpu": "500m"}


def test_an_assumed_pod_counts_at_once_and_only_once_when_confirmed() -> None:
    made, one = cache(node("a")), pod("p", requests=CPU)
    assign(made, one, "a")
    assert used(made, "a") == (500, 1)
    made.pod_changed(one, bound(one, "a"), 1.0)
    assert used(made, "a") == (500, 1)
    made.pod_changed(bound(one, "a"), None, 2.0)
    assert used(made, "a") == (0, 0)


def test_a_failed_binding_gives_the_room_back_and_the_pod_waits_its_backoff() -> None:
    made, one = cache(node("a")), pod("p", requests=CPU)
    assign(made, one, "a")
    made.binding_failed(pod_info(one), one, 1.0)
    assert used(made, "a") == (0, 0)
    assert made.pending.pop() is None
    made.pending.tick(2.0)
    assert pop(made).attempts == 1
    assert made.pending.pop() is None


def test_a_failed_binding_of_a_pod_that_is_gone_or_bound_queues_nothing() -> None:
    made, one = cache(node("a")), pod("p", requests=CPU)
    for current in (None, bound(one, "a"), pod("p")):
        assign(made, one, "a")
        made.binding_failed(pod_info(one), current, 1.0)
        made.pending.tick(60.0)
        assert made.pending.pop() is None
        assert used(made, "a") == (0, 0)


def test_a_binding_whose_reply_was_lost_is_not_undone_once_confirmed() -> None:
    made, one = cache(node("a")), pod("p", requests=CPU)
    assign(made, one, "a")
    made.pod_changed(one, bound(one, "a"), 1.0)
    made.binding_failed(pod_info(one), bound(one, "a"), 2.0)
    assert used(made, "a") == (500, 1)
    assert len(made.pending) == 0


def test_a_pod_that_landed_elsewhere_counts_there() -> None:
    made, one = cache(node("a"), node("b")), pod("p", requests=CPU)
    assign(made, one, "a")
    made.pod_changed(one, bound(one, "b"), 1.0)
    assert (used(made, "a"), used(made, "b")) == ((0, 0), (500, 1))


def test_a_new_pod_under_the_name_of_a_placed_one_replaces_it() -> None:
    made, old = cache(node("a")), pod("p", requests=CPU)
    made.pod_changed(None, bound(old, "a"), 0.0)
    made.pod_changed(bound(old, "a"), pod("p", requests=CPU), 1.0)
    assert used(made, "a") == (0, 0)
    assert len(made.pending) == 1


def test_a_resized_pod_counts_with_its_new_requests() -> None:
    made, one = cache(node("a")), pod("p", on="a", requests=CPU, uid="1")
    made.pod_changed(None, one, 0.0)
    made.pod_changed(one, pod("p", on="a", requests={"cpu": "2"}, uid="1"), 1.0)
    assert used(made, "a") == (2000, 1)


def test_a_resized_sidecar_or_pod_as_a_whole_counts_with_its_new_requests() -> None:
    def sidecar(cpu: str) -> list[dict[str, Any]]:
        return [{"name": "s", "restartPolicy": "Always", "resources": {"requests": {"cpu": cpu}}}]

    made = cache(node("a"))
    used = made.nodes.used["cpu"]
    before, after = (pod("p", uid="u", on="a", initContainers=sidecar(cpu)) for cpu in ("1", "2"))
    made.pod_changed(None, before, 0.0)
    made.pod_changed(before, after, 0.0)
    assert used[made.nodes.index["a"]] == 2000
    before, after = (pod("q", uid="v", on="a", resources={"requests": {"cpu": cpu}}) for cpu in ("1", "500m"))
    made.pod_changed(None, before, 0.0)
    made.pod_changed(before, after, 0.0)
    assert used[made.nodes.index["a"]] == 2500


def test_pods_of_a_node_that_comes_later_count_on_it() -> None:
    made = cache()
    made.pod_changed(None, pod("p", on="late", requests=CPU), 0.0)
    made.node_changed(None, node("late"), 1.0)
    assert used(made, "late") == (500, 1)
    made.node_changed(node("late"), None, 2.0)
    made.node_changed(None, node("late"), 3.0)
    assert used(made, "late") == (500, 1)


def test_only_pods_of_this_scheduler_without_gates_wait() -> None:
    made = cache(node("a"))
    made.pod_changed(None, pod("other", scheduler="mine"), 0.0)
    gated = pod("gated", schedulingGates=[{"name": "example/gate"}])
    made.pod_changed(None, gated, 0.0)
    assert len(made.pending) == 0
    opened = pod("gated", uid=gated.metadata.uid)
    made.pod_changed(gated, opened, 1.0)
    assert len(made.pending) == 1
    opened.metadata.deletionTimestamp = "2030-01-01T00:00:00Z"
    made.pod_changed(gated, opened, 2.0)
    assert len(made.pending) == 0


def fail(made: Cache, one: Pod, *plugins: str) -> None:
    made.pod_changed(None, one, 0.0)
    made.pending.failed(pop(made), 0.0, frozenset(plugins))


def test_freed_room_wakes_a_pod_that_fits_nowhere() -> None:
    made, running = cache(node("a")), pod("r", on="a")
    made.pod_changed(None, running, 0.0)
    fail(made, pod("p"), "NodeResourcesFit")
    made.pod_changed(running, None, 60.0)
    assert pop(made).info.key == "default/p"


def test_a_pod_that_wants_company_wakes_when_it_arrives() -> None:
    made, partner = cache(node("a")), pod("partner", labels={"app": "x"})
    near = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "x"}}}
    rules = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [near]}}
    fail(made, pod("p", affinity=rules), "InterPodAffinity")
    assign(made, partner, "a")
    made.pod_changed(partner, bound(partner, "a"), 60.0)
    assert pop(made).info.key == "default/p"


def test_uncordoning_wakes_and_a_heartbeat_does_not() -> None:
    cordoned = node("a", unschedulable=True)
    made = cache(cordoned)
    fail(made, pod("p"), "NodeUnschedulable")
    made.node_changed(cordoned, node("a", unschedulable=True), 60.0)
    assert made.pending.pop() is None
    made.node_changed(cordoned, node("a"), 60.0)
    assert pop(made).info.key == "default/p"


def test_a_relabelled_namespace_changes_what_its_selector_means() -> None:
    term = {
        "topologyKey": "kubernetes.io/hostname",
        "labelSelector": {},
        "namespaceSelector": {"matchLabels": {"team": "data"}},
    }
    rules = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    made = cache(node("a"), node("b"))
    made.namespace_changed("other", {}, 0.0)
    made.pod_changed(None, pod("db", on="a", namespace="other"), 0.0)
    wanted = pod("p", affinity=rules)
    assert not isinstance(made.scheduler.place(pod_info(wanted)), str)
    fail(made, wanted, "InterPodAffinity")
    made.namespace_changed("other", {"team": "data"}, 60.0)
    assert made.scheduler.place(pop(made).info) == "a"
    made.namespace_changed("other", None, 61.0)
    assert not isinstance(made.scheduler.place(pod_info(wanted)), str)


def test_a_queue_that_is_still_empty_is_the_one_that_is_used() -> None:
    pending = PendingPods(first=3.0)
    assert Cache((), pending).pending is pending

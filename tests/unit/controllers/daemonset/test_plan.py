"""Which nodes a DaemonSet gives a pod and which pods it takes away, by table and by property."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubelite.api.apps.daemon_set import set_defaults
from kubelite.api.types.apps_v1 import DaemonSet, DaemonSetUpdateStrategy, RollingUpdateDaemonSet
from kubelite.api.types.core_v1 import Affinity, Container, Taint, Toleration
from kubelite.api.types.meta_v1 import LabelSelector
from kubelite.controllers.daemonset.backoff import FailureBackoff
from kubelite.controllers.daemonset.nodes import Placement, for_node, target_of, template_for
from kubelite.controllers.daemonset.plan import Observed, Plan, plan
from kubelite.controllers.daemonset.status import status_of
from kubelite.util.clock import FakeClock
from tests.unit.controllers import build

NOW = datetime(2030, 1, 2, tzinfo=UTC)
SINCE = "2030-01-01T00:00:00Z"


def daemon_set(down: Any = 1, surge: Any = 0, **spec: Any) -> DaemonSet:
    made = DaemonSet()
    made.metadata.name, made.metadata.namespace, made.metadata.uid = "agent", "default", "uid-agent"
    made.metadata.annotations = {"deprecated.daemonset.template.generation": "2"}
    made.spec.selector = LabelSelector(matchLabels={"app": "agent"})
    made.spec.template.metadata.labels = {"app": "agent"}
    made.spec.template.spec.containers = [Container(name="c", image="i")]
    rolling = RollingUpdateDaemonSet(maxUnavailable=down, maxSurge=surge)
    made.spec.updateStrategy = DaemonSetUpdateStrategy(type="RollingUpdate", rollingUpdate=rolling)
    for name, value in spec.items():
        setattr(made.spec, name, value)
    set_defaults(made)
    return made


def pod(
    node: str, state: str = "ready", revision: str = "new", *, n: int = 0, deleting: bool = False, bound: bool = True
) -> Any:
    phase = {"ready": "Running", "unready": "Running", "failed": "Failed", "done": "Succeeded"}[state]
    made = build.pod(
        f"agent-{node}-{revision}-{n}",
        node=node if bound else "",
        phase=phase,
        ready_since=SINCE if state == "ready" else "",
        deleting=deleting,
        controller="uid-agent",
        labels={"app": "agent", "controller-revision-hash": revision},
    )
    if not bound:
        made.spec.affinity = for_node(template_for(daemon_set(), "new"), node).spec.affinity
    return made


def observe(of: DaemonSet, nodes: str, *pods: Any, held_back: str = "") -> Observed:
    return Observed(of, [build.node(name) for name in nodes], pods, "new", NOW, frozenset(held_back))


def show(wanted: Plan) -> list[str]:
    return sorted(
        [f"create {node}" for node in wanted.create] + [f"delete {pod.metadata.name[6:]}" for pod in wanted.delete]
    )


OLD = [pod(node, revision="old") for node in "abcd"]
CASES: list[Any] = [
    ("a pod for each node", daemon_set(), "ab", [], ["create a", "create b"]),
    ("one is there", daemon_set(), "ab", [pod("a", "unready")], ["create b"]),
    ("one waits for its node", daemon_set(), "a", [pod("a", "unready", bound=False)], []),
    ("one that goes must be gone first", daemon_set(), "a", [pod("a", deleting=True)], []),
    ("the oldest of two stays", daemon_set(), "a", [pod("a"), pod("a", n=1)], ["delete a-new-1"]),
    ("failed is deleted", daemon_set(), "a", [pod("a", "failed")], ["delete a-new-0"]),
    ("succeeded is deleted", daemon_set(), "a", [pod("a", "done")], ["delete a-new-0"]),
    ("node gone, waiting pod goes", daemon_set(), "a", [pod("a"), pod("x", bound=False)], ["delete x-new-0"]),
    ("node gone, bound pod is not ours", daemon_set(), "a", [pod("a"), pod("x")], []),
    ("update one", daemon_set(), "abcd", OLD, ["delete a-old-0"]),
    ("update two", daemon_set(2), "abcd", OLD, ["delete a-old-0", "delete b-old-0"]),
    ("percentages are rounded up", daemon_set("30%"), "abcd", OLD, ["delete a-old-0", "delete b-old-0"]),
    ("update waits for the new pod", daemon_set(), "ab", [pod("a", "unready"), pod("b", revision="old")], []),
    (
        "broken old pods cost nothing",
        daemon_set(),
        "ab",
        [pod("a", "unready", "old"), pod("b", revision="old")],
        ["delete a-old-0"],
    ),
    ("creation before update", daemon_set(), "ab", [pod("a", revision="old")], ["create b"]),
    ("surge", daemon_set(0, 1), "ab", [pod("a", revision="old"), pod("b", revision="old")], ["create a"]),
    (
        "surge all",
        daemon_set(0, "100%"),
        "ab",
        [pod("a", revision="old"), pod("b", revision="old")],
        ["create a", "create b"],
    ),
    (
        "surge waits",
        daemon_set(0, 1),
        "ab",
        [pod("a", revision="old"), pod("a", "unready"), pod("b", revision="old")],
        [],
    ),
    ("surged: the old one goes", daemon_set(0, 1), "a", [pod("a", revision="old"), pod("a")], ["delete a-old-0"]),
    (
        "surged: broken old one goes",
        daemon_set(0, 1),
        "a",
        [pod("a", "unready", "old"), pod("a", "unready")],
        ["delete a-old-0"],
    ),
    (
        "on delete",
        daemon_set(updateStrategy=DaemonSetUpdateStrategy(type="OnDelete")),
        "ab",
        [pod(n, revision="old") for n in "ab"],
        [],
    ),
]


@pytest.mark.parametrize(("of", "nodes", "pods", "wanted"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_plan(of: DaemonSet, nodes: str, pods: list[Any], wanted: list[str]):
    assert show(plan(observe(of, nodes, *pods))) == wanted


def test_a_failed_pod_of_a_node_that_is_held_back_stays():
    assert not plan(observe(daemon_set(), "a", pod("a", "failed"), held_back="a"))
    assert plan(observe(daemon_set(), "a", pod("a", "failed"))).failed


async def test_back_off_doubles_up_to_a_quarter_of_an_hour_and_is_forgotten():
    clock = FakeClock()
    backoff = FailureBackoff(clock.monotonic)
    waits = []
    for _ in range(12):
        backoff.failed("uid", "a")
        waits.append(backoff.held_back("uid")["a"])
    assert waits[:4] == [1, 2, 4, 8] and waits[-1] == 900
    assert backoff.held_back("other") == {}
    await clock.advance(901)
    assert backoff.held_back("uid") == {}
    await clock.advance(900)
    backoff.held_back("uid")
    backoff.failed("uid", "a")
    assert backoff.held_back("uid") == {"a": 1}


@pytest.mark.parametrize(
    ("taint", "toleration", "wanted"),
    [
        (("node.kubernetes.io/not-ready", "NoExecute"), None, (True, True)),
        (("node.kubernetes.io/unschedulable", "NoSchedule"), None, (True, True)),
        (("node.kubernetes.io/network-unavailable", "NoSchedule"), None, (False, True)),
        (("dedicated", "NoSchedule"), None, (False, True)),
        (("dedicated", "NoExecute"), None, (False, False)),
        (("dedicated", "NoExecute"), "dedicated", (True, True)),
        (("dedicated", "PreferNoSchedule"), None, (True, True)),
    ],
)
def test_taints_keep_daemons_away(taint: tuple[str, str], toleration: str | None, wanted: tuple[bool, bool]):
    of = daemon_set()
    if toleration:
        of.spec.template.spec.tolerations = [Toleration(key=toleration, operator="Exists")]
    node = build.node("a", taints=[Taint(key=taint[0], effect=taint[1])])
    assert Placement(of).verdict(node) == wanted


def test_selectors_choose_nodes_and_misplaced_pods_go():
    of = daemon_set()
    of.spec.template.spec.nodeSelector = {"disk": "ssd"}
    fast, slow = build.node("a"), build.node("b")
    fast.metadata.labels = {"disk": "ssd"}
    seen = Observed(of, [fast, slow], [pod("b")], "new", NOW)
    assert show(plan(seen)) == ["create a", "delete b-new-0"]
    status = status_of(seen, acted=True)
    assert (status.desiredNumberScheduled, status.currentNumberScheduled, status.numberMisscheduled) == (1, 0, 1)


def test_a_pod_names_its_node_and_keeps_other_affinity():
    of = daemon_set()
    of.spec.template.spec.affinity = Affinity()
    of.spec.template.spec.hostNetwork = True
    made = for_node(template_for(of, "abc"), "node-7")
    assert of.spec.template.spec.affinity == Affinity()
    assert target_of(made) == "node-7"
    assert made.metadata.labels == {"app": "agent", "controller-revision-hash": "abc", "pod-template-generation": "2"}
    assert len(made.spec.tolerations) == 7


STATES = st.sampled_from(["ready", "unready", "failed", "done"])
PODS = st.lists(
    st.tuples(st.sampled_from("abcde"), STATES, st.sampled_from(["old", "new"]), st.booleans(), st.booleans()),
    max_size=7,
)
SETS = st.sampled_from([(1, 0), (2, 0), ("50%", 0), (0, 1), (0, 2), (0, "50%")]).map(lambda pair: daemon_set(*pair))


def make(found: list[Any]) -> list[Any]:
    return [
        pod(node, state, revision, n=n, deleting=d, bound=b) for n, (node, state, revision, d, b) in enumerate(found)
    ]


@given(SETS, PODS, st.randoms())
def test_the_order_of_pods_and_nodes_does_not_matter(of: DaemonSet, found: list[Any], random: Any):
    pods = make(found)
    wanted = show(plan(observe(of, "abcd", *pods)))
    random.shuffle(pods)
    assert show(plan(observe(of, "dbca", *pods))) == wanted


@settings(max_examples=80)
@given(SETS, PODS)
def test_a_set_comes_to_rest_with_one_new_pod_on_each_node(of: DaemonSet, found: list[Any]):
    pods = [one for one in make(found) if target_of(one) != "e"]
    steps, number = ["start"], 100
    for _ in range(40):
        wanted = plan(observe(of, "abcd", *pods))
        still, steps = not steps, show(wanted)
        gone = {id(one) for one in wanted.delete}
        pods = [one for one in pods if id(one) not in gone and one.metadata.deletionTimestamp is None]
        pods = [
            one
            if one.status.phase != "Running"
            else pod(
                target_of(one),
                "ready",
                one.metadata.labels["controller-revision-hash"],
                n=int(one.metadata.name.rsplit("-", 1)[1]),
            )
            for one in pods
        ]
        for node in wanted.create:
            number += 1
            pods.append(pod(node, "unready", n=number))
        if still and not steps:
            break
    assert not steps
    assert sorted(target_of(one) for one in pods) == list("abcd")
    status = status_of(observe(of, "abcd", *pods), acted=True)
    assert status.desiredNumberScheduled == status.updatedNumberScheduled == status.numberAvailable == 4
    assert status.numberUnavailable == 0


@given(st.sampled_from([1, 2, 3]), st.lists(st.sampled_from(["old", "new"]), min_size=4, max_size=4))
def test_an_update_takes_no_more_available_pods_than_it_may(most: int, revisions: list[str]):
    pods = [pod(node, revision=revision) for node, revision in zip("abcd", revisions, strict=True)]
    assert len(plan(observe(daemon_set(most), "abcd", *pods)).delete) == min(most, revisions.count("old"))

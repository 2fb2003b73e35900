"""What a Job does next and how it counts, by table and by property."""

from __future__ import annotations

import copy
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kubelite.api.batch.job import set_defaults
from kubelite.api.types.batch_v1 import (
    Job,
    JobStatus,
    PodFailurePolicy,
    PodFailurePolicyOnExitCodesRequirement,
    PodFailurePolicyOnPodConditionsPattern,
    PodFailurePolicyRule,
    SuccessPolicy,
    SuccessPolicyRule,
)
from kubelite.api.types.core_v1 import Container
from kubelite.controllers import objects
from kubelite.controllers.job import pods as looks
from kubelite.controllers.job.backoff import Failures, remaining
from kubelite.controllers.job.indexset import IndexSet
from kubelite.controllers.job.plan import Decision, Observed, decide
from kubelite.controllers.job.policies import judge, success
from kubelite.controllers.job.tracking import Done, announced, settle, track
from tests.unit.controllers import build

NOW = datetime(2030, 1, 2, tzinfo=UTC)


def job(**spec: Any) -> Job:
    made = Job()
    made.metadata.name, made.metadata.namespace, made.metadata.uid = "sums", "default", "uid-sums"
    made.spec.template.spec.containers = [Container(name="c", image="i")]
    made.spec.template.spec.restartPolicy = "Never"
    for name, value in spec.items():
        setattr(made.spec, name, value)
    set_defaults(made)
    return made


def indexed(completions: int = 3, **spec: Any) -> Job:
    return job(completionMode="Indexed", completions=completions, **({"parallelism": completions} | spec))


def pod(
    name: str,
    phase: str = "Running",
    index: int | None = None,
    *,
    code: int = 0,
    deleting: bool = False,
    held: bool = True,
    failures: int = 0,
) -> Any:
    made = build.pod(name, phase=phase, deleting=deleting, controller="uid-sums")
    made.metadata.finalizers = [looks.FINALIZER] if held else []
    if index is not None:
        made.metadata.annotations = {looks.INDEX: str(index), looks.FAILURES: str(failures)}
    ended = (
        objects.Terminated(exitCode=code, finishedAt="2030-01-01T00:00:00Z")
        if phase in ("Failed", "Succeeded")
        else None
    )
    made.status.containerStatuses = [objects.ContainerStatus(name="c", state=objects.ContainerState(terminated=ended))]
    return made


def show(found: Decision) -> str:
    if found.end is not None:
        return found.end.reason
    out = [f"delete {one.metadata.name}" for one in found.delete]
    return " ".join(out or ["make" + ("" if index is None else str(index)) for index in found.create])


def status(of: Job, **fields: Any) -> Job:
    for name, value in fields.items():
        setattr(of.status, name, value)
    return of


CASES: list[Any] = [
    ("one pod", job(), [], "make"),
    ("as many as may run", job(completions=5, parallelism=2), [], "make make"),
    ("no more than are missing", status(job(completions=5, parallelism=3), succeeded=4), [], "make"),
    ("one runs", job(), [pod("a")], ""),
    ("queue: nothing new after a success", status(job(parallelism=3), succeeded=1), [pod("a")], ""),
    ("too many", job(parallelism=1, completions=3), [pod("a"), pod("b", "Pending")], "delete b"),
    ("suspended", job(suspend=True), [pod("a")], "delete a"),
    ("a failure beyond the limit", job(backoffLimit=0), [pod("a", "Failed")], "BackoffLimitExceeded"),
    ("deleted counts as failed", job(backoffLimit=0), [pod("a", deleting=True)], "BackoffLimitExceeded"),
    (
        "deleted, replaced only when gone",
        job(backoffLimit=0, podReplacementPolicy="Failed"),
        [pod("a", deleting=True)],
        "",
    ),
    ("deleted, replaced at once", job(), [pod("a", deleting=True)], "make"),
    ("indexes in order", indexed(3, parallelism=2), [], "make0 make1"),
    ("the missing index", indexed(3), [pod("a", index=0), pod("c", index=2)], "make1"),
    (
        "completed indexes are not made again",
        status(indexed(4, parallelism=2), completedIndexes="0,2"),
        [],
        "make1 make3",
    ),
    ("an index twice", indexed(2), [pod("a", index=0), pod("b", "Pending", 0), pod("c", index=1)], "delete b"),
    ("an index that is none", indexed(1), [pod("a", index=0), pod("b", index=7), pod("c")], "delete b delete c"),
    ("index fails", indexed(2, backoffLimitPerIndex=0), [pod("a", "Failed", 0), pod("b", index=1)], ""),
    (
        "all failed or done",
        indexed(2, backoffLimitPerIndex=0),
        [pod("a", "Failed", 0), pod("b", "Succeeded", 1)],
        "FailedIndexes",
    ),
    (
        "too many indexes",
        indexed(3, backoffLimitPerIndex=0, maxFailedIndexes=0),
        [pod("a", "Failed", 0)],
        "MaxFailedIndexesExceeded",
    ),
    ("index again", indexed(1, backoffLimitPerIndex=1), [pod("a", "Failed", 0)], "make0"),
    ("index not again", indexed(1, backoffLimitPerIndex=1), [pod("a", "Failed", 0, failures=1)], "FailedIndexes"),
    (
        "deadline",
        status(job(activeDeadlineSeconds=5), startTime="2030-01-01T23:59:55Z"),
        [pod("a")],
        "DeadlineExceeded",
    ),
    ("in time", status(job(activeDeadlineSeconds=6), startTime="2030-01-01T23:59:55Z"), [pod("a")], ""),
    (
        "enough succeeded",
        indexed(2, successPolicy=SuccessPolicy(rules=[SuccessPolicyRule(succeededCount=1)])),
        [pod("a", "Succeeded", 0)],
        "SuccessPolicy",
    ),
]


@pytest.mark.parametrize(("of", "found", "wanted"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_decide(of: Job, found: list[Any], wanted: str):
    assert show(decide(Observed(of, found, NOW))) == wanted


def test_nothing_is_made_before_the_cache_shows_the_last_creations():
    assert show(decide(Observed(job(), [], NOW, settled=False))) == ""


def test_the_next_pod_waits_longer_after_each_failure():
    waits = [remaining(count, NOW, NOW) for count in range(1, 9)]
    assert waits == [10, 20, 40, 80, 160, 320, 600, 600]
    assert remaining(3, NOW - timedelta(seconds=39), NOW) == 1 and remaining(0, NOW, NOW) == 0
    late = decide(Observed(job(), [], NOW, failures=Failures(1, NOW - timedelta(seconds=4))))
    assert show(late) == "" and late.again == 6


def test_a_success_ends_the_back_off():
    failures = Failures().after([], [NOW, NOW + timedelta(seconds=1)])
    assert failures == Failures(2, NOW + timedelta(seconds=1))
    assert failures.after([NOW + timedelta(seconds=2)], []) == Failures()
    assert failures.after([NOW], [NOW + timedelta(seconds=3)]) == Failures(1, NOW + timedelta(seconds=3))


@pytest.mark.parametrize(
    ("rule", "action", "counts"),
    [
        (
            PodFailurePolicyRule(
                action="Ignore", onExitCodes=PodFailurePolicyOnExitCodesRequirement(operator="In", values=[3])
            ),
            "Ignore",
            False,
        ),
        (
            PodFailurePolicyRule(
                action="Count", onExitCodes=PodFailurePolicyOnExitCodesRequirement(operator="NotIn", values=[4])
            ),
            "Count",
            True,
        ),
        (
            PodFailurePolicyRule(
                action="FailJob", onExitCodes=PodFailurePolicyOnExitCodesRequirement(operator="In", values=[4])
            ),
            "",
            True,
        ),
        (
            PodFailurePolicyRule(
                action="FailJob",
                onExitCodes=PodFailurePolicyOnExitCodesRequirement(containerName="x", operator="In", values=[3]),
            ),
            "",
            True,
        ),
        (
            PodFailurePolicyRule(
                action="FailIndex",
                onPodConditions=[PodFailurePolicyOnPodConditionsPattern(type="DisruptionTarget", status="True")],
            ),
            "FailIndex",
            True,
        ),
    ],
)
def test_failure_policy(rule: PodFailurePolicyRule, action: str, counts: bool):
    failed = pod("a", "Failed", code=3)
    failed.status.conditions = [objects.PodCondition(type="DisruptionTarget", status="True")]
    verdict = judge(PodFailurePolicy(rules=[rule]), failed)
    assert (verdict.action, verdict.counts) == (action, counts)


def test_failure_policy_says_why_the_job_fails():
    codes = PodFailurePolicyOnExitCodesRequirement(operator="In", values=[3])
    policy = PodFailurePolicy(rules=[PodFailurePolicyRule(action="FailJob", onExitCodes=codes)])
    message = "Container c for pod default/a failed with exit code 3 matching FailJob rule at index 0"
    assert judge(policy, pod("a", "Failed", code=3)).message == message
    pattern = PodFailurePolicyOnPodConditionsPattern(type="DisruptionTarget", status="True")
    policy = PodFailurePolicy(rules=[PodFailurePolicyRule(action="FailJob", onPodConditions=[pattern])])
    failed = pod("a", "Failed")
    failed.status.conditions = [objects.PodCondition(type="DisruptionTarget", status="True")]
    assert (
        judge(policy, failed).message == "Pod default/a has condition DisruptionTarget matching FailJob rule at index 0"
    )


@pytest.mark.parametrize(
    ("rule", "succeeded", "met"),
    [
        (SuccessPolicyRule(succeededIndexes="0,2-3"), "0,2-3", True),
        (SuccessPolicyRule(succeededIndexes="0,2-3"), "0,2", False),
        (SuccessPolicyRule(succeededIndexes="0,2-3", succeededCount=2), "0,2", True),
        (SuccessPolicyRule(succeededIndexes="0,2-3", succeededCount=2), "0-1", False),
        (SuccessPolicyRule(succeededCount=2), "0,4", True),
        (SuccessPolicyRule(succeededCount=2), "4", False),
    ],
)
def test_success_policy(rule: SuccessPolicyRule, succeeded: str, met: bool):
    policy = SuccessPolicy(rules=[SuccessPolicyRule(succeededCount=9), rule])
    assert success(policy, 5, IndexSet.parse(succeeded, 5)) == ("Matched rules at index 1" if met else "")


@given(st.frozensets(st.integers(0, 40)), st.frozensets(st.integers(0, 40)), st.integers(1, 41))
def test_index_sets_are_sets(one: frozenset[int], other: frozenset[int], completions: int):
    made = IndexSet().plus(one)
    assert IndexSet.parse(str(made), 41) == made and len(made) == len(one)
    assert [index for index in range(41) if index in made] == sorted(one)
    assert made.shared(IndexSet().plus(other)) == len(one & other)
    assert list(made.missing(completions)) == [index for index in range(completions) if index not in one]
    assert len(IndexSet.parse(str(made), completions)) == len([index for index in one if index < completions])


class World:
    """A server with one Job and its pods, and a controller that dies now and then between two writes."""

    def __init__(self, of: Job, chance: random.Random) -> None:
        self.job, self.random = of, chance
        self.pods: list[Any] = []
        self.every: list[Any] = []
        self.made = 0

    def dies(self) -> bool:
        return bool(self.random.random() < 0.2)

    def step(self) -> None:
        """One reconcile."""
        now = NOW + timedelta(days=1)
        observed = Observed(self.job, list(self.pods), now)
        decision = decide(observed)
        if decision.end is not None and decision.stop:
            said = announced(self.job, decision.end)
            if said is not None:
                self.job.status = said
                return
        done = self.act(decision)
        tracking = track(observed, decision, done)
        if self.dies():
            return
        self.job.status = copy.deepcopy(tracking.status)
        for one in tracking.release:
            if self.dies():
                return
            one.metadata.finalizers = []
            tracking.tracked.discard(one.metadata.uid)
        if self.dies():
            return
        result, changed = settle(self.job, tracking)
        if changed:
            self.job.status = copy.deepcopy(result)

    def act(self, decision: Decision) -> Done:
        for one in (*decision.stop, *decision.delete):
            one.metadata.deletionTimestamp = "2030-01-01T00:00:00Z"
        for one in decision.delete:
            one.metadata.finalizers = []
        for index in decision.create:
            self.made += 1
            replaced = decision.counts.waiting.get(index) if index is not None else None
            made = pod(f"p{self.made}", "Pending", index)
            if replaced is not None:
                made.metadata.annotations |= looks._failure_counts(self.job, replaced)
            self.pods.append(made)
            self.every.append(made)
        return Done(created=len(decision.create), deleted=len(decision.stop) + len(decision.delete))

    def live(self) -> None:
        """Pods go on: they end, or go once they may."""
        for one in self.pods:
            if one.status.phase in ("Pending", "Running") and self.random.random() < 0.5:
                one.status.phase = "Succeeded" if self.random.random() < 0.7 else "Failed"
                ended = objects.Terminated(exitCode=0, finishedAt="2030-01-01T00:00:00Z")
                one.status.containerStatuses[0].state = objects.ContainerState(terminated=ended)
        self.pods = [one for one in self.pods if one.metadata.finalizers or one.metadata.deletionTimestamp is None]


JOBS = st.sampled_from(
    [
        {"completions": 4, "parallelism": 2, "backoffLimit": 3},
        {"parallelism": 3, "backoffLimit": 2},
        {"completions": 5, "parallelism": 3, "completionMode": "Indexed", "backoffLimit": 2},
        {"completions": 4, "parallelism": 4, "completionMode": "Indexed", "backoffLimitPerIndex": 1},
        {"completions": 3, "parallelism": 3, "podReplacementPolicy": "Failed", "backoffLimit": 9},
    ]
)


@settings(max_examples=150, deadline=None)
@example({"completions": 5, "parallelism": 3, "completionMode": "Indexed", "backoffLimit": 2}, 154678)
@example({"completions": 5, "parallelism": 3, "completionMode": "Indexed", "backoffLimit": 2}, 95705)
@given(JOBS, st.integers(0, 2**32))
def test_each_pod_is_counted_once_wherever_the_controller_dies(spec: dict[str, Any], seed: int):
    world = World(job(**spec), random.Random(seed))
    for _ in range(300):
        world.step()
        if {c.type for c in world.job.status.conditions if c.status == "True"} & {"Complete", "Failed"}:
            break
        world.live()
    ended = {c.type for c in world.job.status.conditions if c.status == "True"}
    assert ended in ({"SuccessCriteriaMet", "Complete"}, {"FailureTarget", "Failed"})
    check_counts(world, "Complete" in ended)


def check_counts(world: World, complete: bool) -> None:
    of, pods = world.job, world.pods
    result: JobStatus = of.status
    good = [one for one in pods if one.status.phase == "Succeeded"]
    bad = [one for one in pods if one.status.phase == "Failed"]
    assert result.uncountedTerminatedPods is not None
    assert not result.uncountedTerminatedPods.succeeded and not result.uncountedTerminatedPods.failed
    assert not any(one.metadata.finalizers for one in pods)
    if looks.is_indexed(of):
        counted = IndexSet.parse(result.completedIndexes, 99)
        # A failing Job stops its pods: one that succeeds then may count as either, and is gone afterwards.
        ended = good if complete else [one for one in world.every if one.status.phase == "Succeeded"]
        seen = IndexSet().plus(map(looks.index_of, ended))
        assert counted == seen if complete else counted.shared(seen) == len(counted)
        assert result.succeeded == len(counted)
    elif not complete:
        assert (result.succeeded or 0) + (result.failed or 0) == world.made
    if complete:
        assert (result.failed or 0) == len(bad)
        assert (result.succeeded or 0) == len(good)
    if complete and of.spec.completions is not None:
        assert result.succeeded == of.spec.completions


@given(
    st.lists(
        st.tuples(st.sampled_from(["Running", "Pending", "Succeeded", "Failed"]), st.booleans(), st.integers(0, 3)),
        max_size=6,
    ),
    st.integers(0, 2**32),
)
def test_the_order_of_pods_does_not_matter(found: list[Any], seed: int):
    pods = [pod(f"p{n}", phase, index, deleting=deleting) for n, (phase, deleting, index) in enumerate(found)]
    for of in (job(completions=3, parallelism=2), indexed(3), indexed(3, backoffLimitPerIndex=1)):
        first = decide(Observed(of, pods, NOW))
        random.Random(seed).shuffle(pods)
        assert show(decide(Observed(of, pods, NOW))) == show(first)

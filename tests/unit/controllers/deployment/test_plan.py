"""The steps of rollouts: each from the present state, never below the wanted availability, and coming to an end."""

from __future__ import annotations

import copy

from hypothesis import given, settings
from hypothesis import strategies as st

from kubelite.api.types.apps_v1 import Deployment, ReplicaSet
from kubelite.api.types.core_v1 import Container
from kubelite.controllers.deployment import revision, sizes
from kubelite.controllers.deployment.plan import Observed, Plan, Resize, plan, split
from tests.unit.controllers.build import deployment, maximum, pod, replica_set


def resized(step: Plan) -> dict[str, int]:
    return {resize.replica_set.metadata.name: resize.size for resize in step.resize}


def test_without_a_set_of_the_present_template_one_is_made():
    assert plan(Observed(deployment(), [], {})) == Plan(create=True)


def test_the_new_set_first_grows_by_the_surge_then_old_ones_shrink_by_the_unavailable():
    d = deployment(10, surge=2, down=1)
    old = replica_set(d, "old", "old", 10, age=9)
    new = replica_set(d, "new", "new", 0, number=2)
    assert resized(plan(Observed(d, [old, new], {}))) == {"new": 2}
    new = replica_set(d, "new", "new", 2, 0, number=2)
    assert resized(plan(Observed(d, [old, new], {}))) == {"old": 9}


def test_unhealthy_old_pods_go_before_healthy_ones():
    d = deployment(10, surge=0, down=2)
    sick = replica_set(d, "sick", "b", 2, 0, age=5)
    healthy = replica_set(d, "healthy", "a", 8, age=9)
    new = replica_set(d, "new", "new", 0, number=3)
    d.spec.strategy.rollingUpdate.maxSurge = 0
    assert resized(plan(Observed(d, [healthy, sick, new], {}))) == {"sick": 0}


def test_scaling_in_mid_rollout_keeps_the_proportions():
    d = deployment(10, surge=3, down=2)
    old, new = replica_set(d, "old", "old", 8, age=9), replica_set(d, "new", "new", 5, 0, number=2)
    d.spec.replicas = 15
    assert resized(plan(Observed(d, [old, new], {}))) == {"old": 11, "new": 7}


def test_a_paused_deployment_is_scaled_but_gets_no_new_set():
    d = deployment(5, paused=True)
    old = replica_set(deployment(3), "old", "old", 3)
    assert plan(Observed(d, [old], {})) == Plan(resize=(Resize(old, 5),))
    assert not plan(Observed(d, [], {})).create


def test_recreate_waits_for_the_last_old_pod():
    d = deployment(2)
    d.spec.strategy.type = "Recreate"
    d.spec.strategy.rollingUpdate = None
    old = replica_set(d, "old", "old", 2)
    assert resized(plan(Observed(d, [old], {}))) == {"old": 0}
    empty = replica_set(d, "old", "old", 0)
    going = {empty.metadata.uid: [pod(deleting=True)]}
    assert plan(Observed(d, [empty], going)) == Plan()
    finished = {empty.metadata.uid: [pod(phase="Succeeded")]}
    assert plan(Observed(d, [empty], finished)) == Plan(create=True)


def test_a_template_that_comes_back_gets_the_next_revision_and_remembers_its_earlier_ones():
    d = deployment()
    first, second = replica_set(d, "a", "new", 0, number=1), replica_set(d, "b", "other", 10, number=2, age=1)
    refreshed = plan(Observed(d, [first, second], {})).refresh
    assert refreshed is not None
    assert (refreshed.metadata.annotations[revision.REVISION], refreshed.metadata.annotations[revision.HISTORY]) == (
        "3",
        "1",
    )


def test_annotations_of_the_deployment_are_copied_to_its_new_set_but_not_the_applied_manifest():
    d = deployment()
    d.metadata.annotations = {
        "kubernetes.io/change-cause": "why",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
    }
    made = revision.make_new(d, [], {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "u"})
    assert made.metadata.annotations == {
        "kubernetes.io/change-cause": "why",
        revision.REVISION: "1",
        sizes.DESIRED: "10",
        sizes.MAXIMUM: "13",
    }
    assert made.spec.replicas == 10
    assert made.spec.template.metadata.labels[revision.HASH] in made.metadata.name
    assert revision.HASH not in d.spec.template.metadata.labels


def test_the_set_of_a_deployment_with_a_very_long_name_has_a_name_that_may_be():
    d = deployment(1)
    short = revision.make_new(d, [], {}).metadata.name
    d.metadata.name = "w" * 253
    made = revision.make_new(d, [], {})
    word = made.metadata.labels["pod-template-hash"]
    assert short == f"web-{word}"
    assert made.metadata.name == "w" * (252 - len(word)) + f"-{word}"


def test_a_collision_leads_to_another_name():
    d = deployment()
    before = revision.make_new(d, [], {}).metadata.name
    d.status.collisionCount = 1
    assert revision.make_new(d, [], {}).metadata.name != before


def carry_out(d: Deployment, sets: list[ReplicaSet], step: Plan) -> list[ReplicaSet]:
    """The sets after the step, with all pods at once available; the note of what was wanted is written as the controller does."""
    if step.create:
        made = revision.make_new(d, sets, {"uid": "uid-web", "kind": "Deployment"})
        made.metadata.uid = f"uid-{made.metadata.name}-{len(sets)}"
        made.metadata.creationTimestamp = f"2031-01-01T00:00:{len(sets):02}Z"
        sets = [*sets, made]
    if step.refresh is not None:
        sets = [step.refresh if s.metadata.uid == step.refresh.metadata.uid else s for s in sets]
    for resize in step.resize:
        changed = copy.copy(resize.replica_set)
        changed.metadata = copy.copy(changed.metadata)
        changed.metadata.annotations = changed.metadata.annotations | revision.size_annotations(d)
        changed.spec = copy.copy(changed.spec)
        changed.spec.replicas = resize.size
        sets = [changed if s.metadata.uid == changed.metadata.uid else s for s in sets]
    gone = {s.metadata.uid for s in step.delete}
    return [available(s) for s in sets if s.metadata.uid not in gone]


def available(one: ReplicaSet) -> ReplicaSet:
    shown = copy.copy(one)
    shown.status = copy.copy(one.status)
    shown.status.replicas = shown.status.availableReplicas = shown.status.readyReplicas = one.spec.replicas
    return shown


percent_or_count = st.one_of(st.integers(0, 6), st.integers(0, 100).map(lambda n: f"{n}%"))


@settings(max_examples=200, deadline=None)
@given(
    replicas=st.integers(0, 12),
    then=st.integers(0, 12),
    surge=percent_or_count,
    down=percent_or_count,
    old_sizes=st.lists(st.integers(0, 6), max_size=3),
    recreate=st.booleans(),
)
def test_every_rollout_ends_complete_within_its_bounds_and_stays_so(replicas, then, surge, down, old_sizes, recreate):
    d = deployment(replicas, surge, down)
    if recreate:
        d.spec.strategy.type, d.spec.strategy.rollingUpdate = "Recreate", None
    sets = [replica_set(d, f"old{i}", f"v{i}", size, number=i + 1, age=9 - i) for i, size in enumerate(old_sizes)]
    d.spec.replicas = then
    for _ in range(60):
        step = plan(Observed(d, sets, {}))
        before = sizes.total(sets)
        sets = carry_out(d, sets, step)
        if not recreate and before <= maximum(d):
            assert sizes.total(sets) <= maximum(d)
            if before >= then - sizes.max_unavailable(d):
                assert sizes.total(sets) >= then - sizes.max_unavailable(d)
    new, old = split(d, sets)
    assert new is not None and sizes.size(new) == then and sizes.total(old) == 0
    assert plan(Observed(d, sets, {})) == Plan()


def test_a_label_or_hash_added_to_a_set_does_not_make_its_template_another_one():
    d = deployment()
    same = replica_set(d, "x", "new", 1)
    assert revision.find_new(d, [same]) is same
    same.spec.template.spec.containers = [Container(name="c", image="other")]
    assert revision.find_new(d, [same]) is None

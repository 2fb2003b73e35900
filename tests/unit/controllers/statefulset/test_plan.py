"""What a StatefulSet does next, by table and by property."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubelite.api.apps.stateful_set import set_defaults
from kubelite.api.types.apps_v1 import (
    RollingUpdateStatefulSetStrategy,
    StatefulSet,
    StatefulSetOrdinals,
    StatefulSetUpdateStrategy,
)
from kubelite.api.types.core_v1 import Container, ObjectMeta, PersistentVolumeClaim
from kubelite.api.types.meta_v1 import LabelSelector, OwnerReference
from kubelite.controllers.statefulset import identity, retention
from kubelite.controllers.statefulset.plan import Create, Delete, MakeClaims, Observed, Own, Plan, Repair, plan
from kubelite.controllers.statefulset.status import status_of
from tests.unit.controllers import build

NOW = datetime(2030, 1, 2, tzinfo=UTC)
SINCE = "2030-01-01T00:00:00Z"


def stateful_set(
    replicas: int = 3, *, start: int = 0, claims: bool = False, rolling: Any = None, **spec: Any
) -> StatefulSet:
    made = StatefulSet()
    made.metadata.name, made.metadata.namespace, made.metadata.uid = "web", "default", "uid-web"
    made.spec.replicas = replicas
    made.spec.serviceName = "web"
    made.spec.selector = LabelSelector(matchLabels={"app": "web"})
    made.spec.template.metadata.labels = {"app": "web"}
    made.spec.template.spec.containers = [Container(name="c", image="i")]
    if start:
        made.spec.ordinals = StatefulSetOrdinals(start=start)
    if claims:
        made.spec.volumeClaimTemplates = [PersistentVolumeClaim(metadata=ObjectMeta(name="data"))]
    if rolling is not None:
        update = RollingUpdateStatefulSetStrategy(**rolling)
        made.spec.updateStrategy = StatefulSetUpdateStrategy(type="RollingUpdate", rollingUpdate=update)
    for name, value in spec.items():
        setattr(made.spec, name, value)
    set_defaults(made)
    return made


def pod(ordinal: int, state: str = "ready", revision: str = "new", *, deleting: bool = False) -> Any:
    phase = {"ready": "Running", "unready": "Running", "pending": "Pending", "failed": "Failed", "done": "Succeeded"}[
        state
    ]
    made = build.pod(
        f"web-{ordinal}",
        phase=phase,
        ready_since=SINCE if state == "ready" else "",
        deleting=deleting,
        controller="uid-web",
    )
    made.metadata.labels = {
        "app": "web",
        "statefulset.kubernetes.io/pod-name": f"web-{ordinal}",
        "apps.kubernetes.io/pod-index": str(ordinal),
        "controller-revision-hash": revision,
    }
    return made


def observe(of: StatefulSet, *pods: Any, claims: dict[str, Any] | None = None, current: str = "old") -> Observed:
    return Observed(of, pods, current, "new", NOW, claims or {})


def show(wanted: Plan) -> list[str]:
    out = []
    for step in (*wanted.replicas, *wanted.condemned, *wanted.outdated):
        if isinstance(step, Create):
            out.append(f"create {step.ordinal} {step.revision}")
        else:
            word = {Delete: "delete", MakeClaims: "claims", Repair: "repair", Own: "own"}[type(step)]
            out.append(f"{word} {identity.ordinal_of(step.pod)}")
    return out


ROLLING = {"partition": 0}
PARALLEL = {"podManagementPolicy": "Parallel"}
CASES: list[Any] = [
    ("first pod first", stateful_set(), [], ["create 0 new"]),
    ("second waits for the first", stateful_set(), [pod(0, "unready")], []),
    ("second follows the first", stateful_set(), [pod(0)], ["create 1 new"]),
    ("a hole is filled", stateful_set(), [pod(0), pod(2)], ["create 1 new"]),
    ("nothing to do", stateful_set(), [pod(0), pod(1), pod(2)], []),
    ("failed is replaced", stateful_set(), [pod(0, "failed"), pod(1)], ["delete 0"]),
    ("succeeded is replaced", stateful_set(), [pod(0, "done")], ["delete 0"]),
    ("failed and going: wait", stateful_set(), [pod(0, "failed", deleting=True)], []),
    ("a pod that goes holds up the others", stateful_set(), [pod(0, deleting=True), pod(1)], []),
    ("start ordinal", stateful_set(2, start=5), [pod(4), pod(5)], ["create 6 new"]),
    ("below the start is condemned", stateful_set(1, start=5), [pod(4), pod(5)], ["delete 4"]),
    ("highest goes first", stateful_set(1), [pod(0), pod(1), pod(2)], ["delete 2"]),
    ("one at a time", stateful_set(1), [pod(0), pod(1), pod(2, deleting=True)], []),
    ("unhealthy predecessor stops it", stateful_set(1), [pod(0), pod(1, "unready"), pod(2, "unready")], []),
    ("the first unhealthy may go", stateful_set(1), [pod(0), pod(1), pod(2, "unready")], ["delete 2"]),
    ("all at once", stateful_set(**PARALLEL), [pod(1, "unready")], ["create 0 new", "create 2 new"]),
    ("all down at once", stateful_set(0, **PARALLEL), [pod(0), pod(1, "unready")], ["delete 1", "delete 0"]),
    (
        "update from the top",
        stateful_set(rolling=ROLLING),
        [pod(0, revision="old"), pod(1, revision="old"), pod(2)],
        ["delete 1"],
    ),
    (
        "update waits",
        stateful_set(rolling=ROLLING),
        [pod(0, revision="old"), pod(1, revision="old"), pod(2, "unready")],
        [],
    ),
    ("partition", stateful_set(rolling={"partition": 2}), [pod(i, revision="old") for i in range(3)], ["delete 2"]),
    (
        "partition done",
        stateful_set(rolling={"partition": 2}),
        [pod(0, revision="old"), pod(1, revision="old"), pod(2)],
        [],
    ),
    (
        "below the partition: old",
        stateful_set(rolling={"partition": 2}),
        [pod(0, revision="old"), pod(2)],
        ["create 1 old"],
    ),
    (
        "two at a time",
        stateful_set(4, rolling={"maxUnavailable": 2}),
        [pod(i, revision="old") for i in range(4)],
        ["delete 3", "delete 2"],
    ),
    (
        "half",
        stateful_set(4, rolling={"maxUnavailable": "50%"}),
        [pod(i, revision="old") for i in range(4)],
        ["delete 3", "delete 2"],
    ),
    (
        "at least one",
        stateful_set(4, rolling={"maxUnavailable": "1%"}),
        [pod(i, revision="old") for i in range(4)],
        ["delete 3"],
    ),
    (
        "parallel: one at a time, from the top",
        stateful_set(rolling=ROLLING, **PARALLEL),
        [pod(0, "unready", "old"), pod(1, revision="old"), pod(2, revision="old")],
        ["delete 2"],
    ),
    (
        "parallel: the next when the last one is ready",
        stateful_set(rolling=ROLLING, **PARALLEL),
        [pod(0, "unready", "old"), pod(1, revision="old"), pod(2)],
        ["delete 1"],
    ),
    (
        "parallel: not before",
        stateful_set(rolling=ROLLING, **PARALLEL),
        [pod(0, "unready", "old"), pod(1, revision="old"), pod(2, "unready")],
        [],
    ),
    (
        "parallel: a pod that goes is waited for",
        stateful_set(rolling=ROLLING, **PARALLEL),
        [pod(0, revision="old"), pod(1, revision="old"), pod(2, revision="old", deleting=True)],
        [],
    ),
    (
        "parallel: what is new below is not waited for",
        stateful_set(rolling=ROLLING, **PARALLEL),
        [pod(0, "unready"), pod(1, revision="old"), pod(2)],
        ["delete 1"],
    ),
    (
        "parallel, limit: what is broken costs nothing",
        stateful_set(rolling={"maxUnavailable": 1}, **PARALLEL),
        [pod(0, "unready", "old"), pod(1, revision="old"), pod(2, revision="old")],
        ["delete 0"],
    ),
    (
        "ordered: broken old pods wait for a person",
        stateful_set(rolling=ROLLING),
        [pod(0, "unready", "old"), pod(1, revision="old"), pod(2, revision="old")],
        [],
    ),
    (
        "on delete",
        stateful_set(updateStrategy=StatefulSetUpdateStrategy(type="OnDelete")),
        [pod(i, revision="old") for i in range(3)],
        [],
    ),
    ("strange names are left alone", stateful_set(1), [pod(0), build.pod("web-x"), build.pod("web")], []),
]


@pytest.mark.parametrize(("of", "pods", "wanted"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_plan(of: StatefulSet, pods: list[Any], wanted: list[str]):
    assert show(plan(observe(of, *pods))) == wanted


def test_a_set_that_is_deleted_does_nothing():
    of = stateful_set()
    of.metadata.deletionTimestamp = SINCE
    assert not plan(observe(of))


def test_a_pod_that_was_ready_too_shortly_holds_up_the_next():
    assert show(plan(observe(stateful_set(minReadySeconds=2 * 86400), pod(0)))) == []
    assert show(plan(observe(stateful_set(minReadySeconds=86400), pod(0)))) == ["create 1 new"]


def test_lost_labels_and_storage_are_given_back():
    bare = pod(0)
    del bare.metadata.labels["apps.kubernetes.io/pod-index"]
    assert show(plan(observe(stateful_set(1), bare))) == ["repair 0"]
    assert show(plan(observe(stateful_set(1, claims=True), pod(0)))) == ["repair 0"]


def test_claims_of_a_pending_pod_are_made_anew_and_stale_ones_awaited():
    of = stateful_set(1, claims=True)
    assert show(plan(observe(of, pod(0, "pending")))) == ["claims 0"]
    policy = of.spec.persistentVolumeClaimRetentionPolicy
    assert policy is not None
    policy.whenScaled = "Delete"
    stale = identity.claims(of, 0)[0]
    stale.metadata.ownerReferences = [owned_by_pod("uid-before", "web-0")]
    assert show(plan(observe(of, claims={"data-web-0": stale}))) == []
    assert show(plan(observe(of))) == ["create 0 new"]
    stale.metadata.ownerReferences = [owned_by_pod("uid-other", "other-0")]
    assert show(plan(observe(of, claims={"data-web-0": stale}))) == ["create 0 new"]
    stale.metadata.ownerReferences = [owned_by_pod("uid-before", "web-0")]
    policy.whenScaled = "Retain"
    assert show(plan(observe(of, claims={"data-web-0": stale}))) == ["create 0 new"]


def owned_by_pod(uid: str, name: str) -> OwnerReference:
    made = build.owner(uid, "Pod", name)
    made.apiVersion = "v1"
    return made


@pytest.mark.parametrize(
    ("owners", "fine", "kept"),
    [
        pytest.param([build.owner("uid-before", "StatefulSet", "web")], True, [], id="of-an-earlier-set"),
        pytest.param([owned_by_pod("uid-before", "web-0")], True, [], id="of-an-earlier-pod"),
        pytest.param([build.owner("x", "Other", "other")], True, ["x"], id="of-somebody-else"),
        pytest.param(
            [build.owner("x", "Other", "other"), build.owner("uid-web", "StatefulSet", "web")],
            False,
            ["x"],
            id="of-somebody-else-and-the-set",
        ),
    ],
)
def test_claims_that_somebody_else_keeps_are_left_alone(owners: list[OwnerReference], fine: bool, kept: list[str]):
    of = stateful_set(1, claims=True)
    policy = of.spec.persistentVolumeClaimRetentionPolicy
    assert policy is not None
    policy.whenDeleted = "Delete"
    claim = identity.claims(of, 0)[0]
    claim.metadata.ownerReferences = owners
    assert retention.has_other_controller(of, pod(0), claim)
    assert retention.match(of, pod(0), claim) == fine
    assert [one.uid for one in retention.with_owners(of, pod(0), claim).metadata.ownerReferences] == kept
    policy.whenDeleted = "Retain"
    assert not retention.has_other_controller(of, pod(0), claim)


@pytest.mark.parametrize(
    ("when_scaled", "when_deleted", "ordinal", "owner"),
    [
        ("Retain", "Retain", 0, None),
        ("Retain", "Retain", 5, None),
        ("Retain", "Delete", 0, "StatefulSet"),
        ("Retain", "Delete", 5, "StatefulSet"),
        ("Delete", "Retain", 0, None),
        ("Delete", "Retain", 5, "Pod"),
        ("Delete", "Delete", 0, "StatefulSet"),
        ("Delete", "Delete", 5, "Pod"),
    ],
)
def test_owners_of_claims(when_scaled: str, when_deleted: str, ordinal: int, owner: str | None):
    of = stateful_set(1, claims=True)
    policy = of.spec.persistentVolumeClaimRetentionPolicy
    assert policy is not None
    policy.whenScaled, policy.whenDeleted = when_scaled, when_deleted
    claim = identity.claims(of, ordinal)[0]
    claim.metadata.ownerReferences = [build.owner("uid-web", "StatefulSet", "web"), build.owner("x", "Other", "other")]
    claim.metadata.ownerReferences[1].controller = False
    changed = retention.with_owners(of, pod(ordinal), claim)
    kinds = [reference.kind for reference in changed.metadata.ownerReferences]
    assert kinds == ["Other", *([owner] if owner else [])]
    assert retention.match(of, pod(ordinal), changed)
    assert retention.match(of, pod(ordinal), claim) == (owner == "StatefulSet")


def test_a_pod_of_a_set_has_a_name_a_host_and_its_claims():
    made = identity.make_pod(stateful_set(1, claims=True), stateful_set().spec.template, "web-abc", 7)
    assert (made.metadata.name, made.spec.hostname, made.spec.subdomain) == ("web-7", "web-7", "web")
    assert made.metadata.labels["controller-revision-hash"] == "web-abc"
    assert identity.identity_matches(stateful_set(1, claims=True), made)
    assert identity.storage_matches(stateful_set(1, claims=True), made)


STATES = st.sampled_from(["ready", "unready", "pending", "failed", "done"])
PODS = st.dictionaries(
    st.integers(0, 7), st.tuples(STATES, st.sampled_from(["old", "new"]), st.booleans()), max_size=6
).map(lambda found: [pod(n, state, revision, deleting=d) for n, (state, revision, d) in found.items()])
SETS = st.builds(
    stateful_set,
    st.integers(0, 5),
    start=st.integers(0, 2),
    podManagementPolicy=st.sampled_from(["OrderedReady", "Parallel"]),
    rolling=st.fixed_dictionaries(
        {"partition": st.integers(0, 5), "maxUnavailable": st.sampled_from([None, 1, 2, "60%"])}
    ),
)


@given(SETS, PODS, st.randoms())
def test_the_order_of_pods_does_not_matter(of: StatefulSet, pods: list[Any], random: Any):
    shuffled = list(pods)
    random.shuffle(shuffled)
    assert show(plan(observe(of, *pods))) == show(plan(observe(of, *shuffled)))


def after(of: StatefulSet, pods: list[Any]) -> tuple[list[str], list[Any]]:
    """The steps, and the pods once they are done and nodes have caught up."""
    wanted = plan(observe(of, *pods))
    world = {identity.ordinal_of(found): found for found in pods if found.metadata.deletionTimestamp is None}
    for step in (*wanted.replicas, *wanted.condemned, *wanted.outdated):
        if isinstance(step, Create):
            assert step.ordinal not in world
            world[step.ordinal] = pod(step.ordinal, revision=step.revision)
        elif isinstance(step, Delete):
            del world[identity.ordinal_of(step.pod)]
    ready = [
        found if found.status.phase in ("Failed", "Succeeded") else pod(n, revision=identity.revision_of(found))
        for n, found in world.items()
    ]
    return show(wanted), ready


@settings(max_examples=80)
@given(SETS, PODS)
def test_a_set_comes_to_rest_as_wanted(of: StatefulSet, pods: list[Any]):
    steps = ["start"]
    for _ in range(40):
        still = not steps
        steps, pods = after(of, pods)
        if still and not steps:
            break
    assert not steps
    first, count = identity.start(of), identity.replicas(of)
    assert sorted(identity.ordinal_of(found) for found in pods) == list(range(first, first + count))
    rolling = of.spec.updateStrategy.rollingUpdate
    assert rolling is not None
    for found in pods:
        if identity.ordinal_of(found) >= first + (rolling.partition or 0):
            assert identity.revision_of(found) == "new"
    status = status_of(observe(of, *pods), 0)
    assert status.replicas == status.readyReplicas == status.availableReplicas == count
    assert (status.currentRevision == "new") == (status.updatedReplicas == count)


@given(SETS, PODS)
def test_an_ordered_set_takes_one_step_at_a_time_and_keeps_its_availability(of: StatefulSet, pods: list[Any]):
    wanted = plan(observe(of, *pods))
    if of.spec.podManagementPolicy == "OrderedReady":
        assert len(wanted.replicas) + len(wanted.condemned) <= 1
        if wanted.outdated:
            assert not wanted.condemned
            assert all(identity.revision_of(step.pod) == "old" for step in wanted.outdated)

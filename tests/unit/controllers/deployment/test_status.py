"""What a Deployment says about itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from kubelite.api.types.apps_v1 import ReplicaSetCondition
from kubelite.controllers.deployment import status as states
from tests.unit.controllers.build import deployment, replica_set

NOW = datetime(2030, 1, 2, tzinfo=UTC)


def reasons(conditions) -> dict[str, tuple[str, str]]:
    return {condition.type: (condition.status, condition.reason) for condition in conditions}


def test_a_complete_rollout_says_so_and_stays_as_it_is():
    d = deployment(3)
    new = replica_set(d, "new", "new", 3)
    d.status = states.rollout_status(d, new, [], NOW)
    assert reasons(d.status.conditions) == {
        "Available": ("True", "MinimumReplicasAvailable"),
        "Progressing": ("True", "NewReplicaSetAvailable"),
    }
    assert (d.status.replicas, d.status.updatedReplicas, d.status.availableReplicas, d.status.unavailableReplicas) == (
        3,
        3,
        3,
        0,
    )
    later = states.rollout_status(d, new, [], NOW + timedelta(hours=1))
    assert not states.differs(d.status, later)


def test_progress_renews_the_deadline_and_its_end_is_reported_once_it_has_passed():
    d = deployment(3)
    d.status = states.rollout_status(d, replica_set(d, "new", "new", 3, 1), [], NOW)
    assert reasons(d.status.conditions)["Progressing"] == ("True", "ReplicaSetUpdated")
    stuck = replica_set(d, "new", "new", 3, 1)
    assert states.seconds_to_deadline(d, d.status, NOW) == 601
    early = states.rollout_status(d, stuck, [], NOW + timedelta(seconds=599))
    assert reasons(early.conditions)["Progressing"] == ("True", "ReplicaSetUpdated")
    late = states.rollout_status(d, stuck, [], NOW + timedelta(seconds=601))
    assert reasons(late.conditions)["Progressing"] == ("False", "ProgressDeadlineExceeded")
    d.status = late
    assert states.seconds_to_deadline(d, late, NOW) == 0


def test_time_spent_paused_does_not_count():
    d = deployment(3, paused=True)
    paused = states.pause_condition(d, NOW)
    assert paused is not None and (paused.status, paused.reason) == ("Unknown", "DeploymentPaused")
    d = states.with_condition(d, paused)
    assert states.pause_condition(d, NOW) is None
    d.spec.paused = False
    resumed = states.pause_condition(d, NOW + timedelta(hours=2))
    assert resumed is not None and resumed.reason == "DeploymentResumed"
    assert resumed.lastUpdateTime == "2030-01-02T02:00:00Z"


def test_the_failure_of_a_set_is_the_failure_of_the_deployment_until_it_is_over():
    d = deployment(3)
    new = replica_set(d, "new", "new", 3, 0)
    new.status.conditions = [
        ReplicaSetCondition(type="ReplicaFailure", status="True", reason="FailedCreate", message="quota")
    ]
    d.status = states.rollout_status(d, new, [], NOW)
    assert reasons(d.status.conditions)["ReplicaFailure"] == ("True", "FailedCreate")
    new.status.conditions = []
    assert "ReplicaFailure" not in reasons(states.rollout_status(d, new, [], NOW).conditions)


def test_without_a_deadline_there_is_no_progressing_condition():
    d = deployment(3, progressDeadlineSeconds=2**31 - 1)
    status = states.rollout_status(d, replica_set(d, "new", "new", 3), [], NOW)
    assert set(reasons(status.conditions)) == {"Available"}


def test_a_set_that_nobody_has_looked_at_yet_does_not_hide_how_many_pods_of_others_go():
    d = deployment(3)
    old, new = replica_set(d, "old", "old", 3), replica_set(d, "new", "new", 0)
    old.status.observedGeneration, old.status.terminatingReplicas = 1, 2
    new.status.observedGeneration, new.status.terminatingReplicas = None, None
    assert states.counts(d, new, [old], NOW).terminatingReplicas == 2
    new.status.observedGeneration = 1
    assert states.counts(d, new, [old], NOW).terminatingReplicas is None

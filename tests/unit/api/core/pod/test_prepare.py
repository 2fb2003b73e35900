"""What creation, updates and deletion do to a pod besides defaults."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api.core.pod import prepare
from kubelite.api.core.pod.kind import POD
from kubelite.machinery.errors import StatusError
from tests.unit.api.objects import decoded, pod_wire, raw_pod


def test_a_new_pod_is_pending_whatever_its_author_claims() -> None:
    pod = decoded(POD, {**pod_wire(), "status": {"phase": "Running", "podIP": "1.2.3.4"}})
    POD.prepare_create(pod)
    assert (pod.status.phase, pod.status.podIP, pod.status.qosClass) == ("Pending", "", "BestEffort")


def test_a_gated_pod_says_that_it_is_not_scheduled() -> None:
    pod = decoded(POD, pod_wire(schedulingGates=[{"name": "wait"}]))
    POD.prepare_create(pod)
    condition = pod.status.conditions[0]
    assert (condition.type, condition.status, condition.reason) == ("PodScheduled", "False", "SchedulingGated")


def test_ephemeral_containers_are_refused_on_creation() -> None:
    pod = decoded(POD, pod_wire(ephemeralContainers=[{"name": "e", "image": "i"}]))
    with pytest.raises(StatusError, match=r"spec\.ephemeralContainers: Forbidden: cannot be set on create") as raised:
        POD.prepare_create(pod)
    assert raised.value.code == 422


def test_label_keys_become_requirements_on_the_pods_own_values() -> None:
    term = {
        "topologyKey": "zone",
        "labelSelector": {},
        "matchLabelKeys": ["rev", "absent"],
        "mismatchLabelKeys": ["team"],
    }
    rules = {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
    spread = {"topologyKey": "zone", "labelSelector": {}, "matchLabelKeys": ["rev"]}
    wire = pod_wire(
        metadata={"labels": {"rev": "7", "team": "a"}},
        affinity={"podAffinity": rules},
        topologySpreadConstraints=[spread],
    )
    pod = decoded(POD, wire)
    POD.prepare_create(pod)
    selector = pod.spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector
    assert [(r.key, r.operator, r.values) for r in selector.matchExpressions] == [
        ("rev", "In", ["7"]),
        ("team", "NotIn", ["a"]),
    ]
    assert pod.spec.topologySpreadConstraints[0].labelSelector.matchExpressions[0].values == ["7"]


@pytest.mark.parametrize(
    ("spec", "phase", "asked", "expected"),
    [
        pytest.param({"nodeName": "n"}, "Running", None, 30, id="own-period"),
        pytest.param({"nodeName": "n", "terminationGracePeriodSeconds": 5}, "Running", None, 5, id="short-period"),
        pytest.param({"nodeName": "n"}, "Running", 7, 7, id="asked"),
        pytest.param({"nodeName": "n"}, "Running", 0, 0, id="asked-at-once"),
        pytest.param({"nodeName": "n"}, "Running", -1, 1, id="negative"),
        pytest.param({}, "Pending", None, 0, id="unscheduled"),
        pytest.param({"nodeName": "n"}, "Succeeded", None, 0, id="succeeded"),
        pytest.param({"nodeName": "n"}, "Failed", 30, 0, id="failed"),
    ],
)
def test_grace_period(spec: dict[str, Any], phase: str, asked: int | None, expected: int) -> None:
    pod = decoded(POD, {**pod_wire(**spec), "status": {"phase": phase}})
    assert POD.grace_seconds is not None
    assert POD.grace_seconds(pod, asked) == expected


def test_a_status_update_leaves_spec_and_owners_alone() -> None:
    old = decoded(POD, pod_wire())
    new = raw_pod({"metadata": {"name": "p", "ownerReferences": [{"name": "x"}]}, "status": {"phase": "Running"}})
    POD.prepare_status_update(new, old)
    assert new.spec == old.spec
    assert new.metadata.ownerReferences == []
    assert new.status.phase == "Running"


def test_the_ephemeralcontainers_subresource_changes_nothing_else() -> None:
    old = decoded(POD, pod_wire())
    new = decoded(POD, pod_wire({"image": "evil:1"}, ephemeralContainers=[{"name": "e", "image": "i"}]))
    prepare.prepare_ephemeral_update(new, old)
    assert new.spec.containers[0].image == "web:1"
    assert [c.name for c in new.spec.ephemeralContainers] == ["e"]
    assert old.spec.ephemeralContainers == []


def test_the_resize_subresource_takes_only_resources() -> None:
    old = decoded(POD, pod_wire({"resources": {"requests": {"cpu": "1"}}}))
    new = decoded(POD, pod_wire({"image": "evil:1", "resources": {"requests": {"cpu": "2"}}}))
    prepare.prepare_resize(new, old)
    assert new.spec.containers[0].image == "web:1"
    assert new.spec.containers[0].resources.requests == {"cpu": "2"}
    assert old.spec.containers[0].resources.requests == {"cpu": "1"}


def test_selectable_fields_read_the_pod() -> None:
    pod = decoded(POD, {**pod_wire(nodeName="n", hostNetwork=True), "status": {"phase": "Running", "podIP": "1.2.3.4"}})
    assert {label: read(pod) for label, read in POD.selectable.items()} == {
        "spec.nodeName": "n",
        "spec.host": "n",
        "spec.restartPolicy": "Always",
        "spec.schedulerName": "default-scheduler",
        "spec.serviceAccountName": "",
        "spec.hostNetwork": "true",
        "status.phase": "Running",
        "status.podIP": "1.2.3.4",
        "status.podIPs": "",
        "status.nominatedNodeName": "",
    }

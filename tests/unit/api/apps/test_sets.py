"""StatefulSets and DaemonSets: defaults, mistakes, what may change, tables."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api.apps.daemon_set import DAEMON_SET, TEMPLATE_GENERATION
from kubelite.api.apps.stateful_set import STATEFUL_SET
from kubelite.machinery.kind import Kind
from tests.unit.api.objects import NOW, decoded, encoded, pod_spec, replica_set_wire, texts

ROLLING = "spec.updateStrategy.rollingUpdate"
NEGATIVE = "Invalid value: -1: must be greater than or equal to 0"


def strategy(type_: str = "RollingUpdate", **rolling: Any) -> dict[str, Any]:
    return {"updateStrategy": {"type": type_, "rollingUpdate": rolling}}


def test_stateful_set_defaults() -> None:
    claim = {"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "1024Mi"}}}}
    spec = encoded(decoded(STATEFUL_SET, replica_set_wire(volumeClaimTemplates=[claim])))["spec"]
    del spec["template"], spec["selector"]
    assert spec == {
        "podManagementPolicy": "OrderedReady",
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "volumeClaimTemplates": [
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": "data"},
                "spec": {"resources": {"requests": {"storage": "1Gi"}}, "volumeMode": "Filesystem"},
                "status": {"phase": "Pending"},
            }
        ],
    }


def test_daemon_set_defaults() -> None:
    spec = encoded(decoded(DAEMON_SET, replica_set_wire()))["spec"]
    assert spec["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}
    assert spec["revisionHistoryLimit"] == 10
    assert spec["template"]["spec"]["restartPolicy"] == "Always"


STATEFUL: list[Any] = [
    pytest.param({}, [], id="fine"),
    pytest.param({"serviceName": "web"}, [], id="service"),
    pytest.param(
        {"podManagementPolicy": "Wild"},
        ["spec.podManagementPolicy: Invalid value: \"Wild\": must be 'OrderedReady' or 'Parallel'"],
        id="management",
    ),
    pytest.param(
        strategy("OnDelete", partition=1),
        [f"{ROLLING}: Invalid value: {{\"partition\":1}}: only allowed for updateStrategy 'RollingUpdate'"],
        id="on-delete-with-numbers",
    ),
    pytest.param(
        {"updateStrategy": {"type": "Sudden"}},
        ["spec.updateStrategy: Invalid value: {\"type\":\"Sudden\"}: must be 'RollingUpdate' or 'OnDelete'"],
        id="strategy",
    ),
    pytest.param(strategy(partition=-1), [f"{ROLLING}.partition: {NEGATIVE}"], id="partition"),
    pytest.param(
        strategy(maxUnavailable=0), [f"{ROLLING}.maxUnavailable: Invalid value: 0: cannot be 0"], id="unavailable-zero"
    ),
    pytest.param(
        strategy(maxUnavailable="101%"),
        [f'{ROLLING}.maxUnavailable: Invalid value: "101%": must not be greater than 100%'],
        id="unavailable-above-hundred",
    ),
    pytest.param(
        {"persistentVolumeClaimRetentionPolicy": {"whenScaled": "Forget"}},
        [
            'spec.persistentVolumeClaimRetentionPolicy.whenScaled: Unsupported value: "Forget": '
            'supported values: "Retain", "Delete"'
        ],
        id="retention",
    ),
    pytest.param({"ordinals": {"start": -1}}, [f"spec.ordinals.start: {NEGATIVE}"], id="ordinals"),
    pytest.param({"minReadySeconds": -1}, [f"spec.minReadySeconds: {NEGATIVE}"], id="min-ready"),
    pytest.param({"revisionHistoryLimit": -1}, [], id="endless-history"),
    pytest.param(
        {"selector": {}},
        ["spec.selector: Invalid value: {}: empty selector is invalid for statefulset"],
        id="empty-selector",
    ),
    pytest.param(
        {"template": {"metadata": {"labels": {"app": "a"}}, "spec": pod_spec(activeDeadlineSeconds=5)}},
        [
            "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in StatefulSet is not Supported",
        ],
        id="deadline",
    ),
]


@pytest.mark.parametrize(("spec", "expected"), STATEFUL)
def test_mistakes_of_a_stateful_set(spec: dict[str, Any], expected: list[str]) -> None:
    assert texts(STATEFUL_SET.validate(decoded(STATEFUL_SET, replica_set_wire(**spec)))) == expected


def test_containers_may_mount_what_the_claims_will_bring() -> None:
    mounts = {"volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    template = {"metadata": {"labels": {"app": "a"}}, "spec": pod_spec(mounts)}
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claims = [{"metadata": {"name": "data"}, "spec": wanted}]
    assert not STATEFUL_SET.validate(
        decoded(STATEFUL_SET, replica_set_wire(template=template, volumeClaimTemplates=claims))
    )
    missing = STATEFUL_SET.validate(decoded(STATEFUL_SET, replica_set_wire(template=template)))
    assert texts(missing) == ['spec.template.spec.containers[0].volumeMounts[0].name: Not found: "data"']


def test_a_claim_that_no_pod_could_get_is_refused() -> None:
    found = STATEFUL_SET.validate(
        decoded(STATEFUL_SET, replica_set_wire(volumeClaimTemplates=[{"metadata": {"name": "x"}}]))
    )
    assert "spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required" in texts(
        found
    )


def test_a_stateful_set_name_is_a_dns_label() -> None:
    assert STATEFUL_SET.check_name is not None
    assert STATEFUL_SET.check_name("a.b", False) == ["must not contain dots"]
    assert STATEFUL_SET.check_name("web-", True) == []


def test_an_endless_history_is_warned_of() -> None:
    assert STATEFUL_SET.warnings is not None
    assert STATEFUL_SET.warnings(decoded(STATEFUL_SET, replica_set_wire(revisionHistoryLimit=-1)), None) == [
        "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended"
    ]


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        ({"replicas": 3}, True),
        ({"minReadySeconds": 3}, True),
        ({"ordinals": {"start": 3}}, True),
        ({"revisionHistoryLimit": 3}, True),
        ({"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}, True),
        (strategy(partition=2), True),
        ({"serviceName": "other"}, False),
        ({"podManagementPolicy": "Parallel"}, False),
        ({"volumeClaimTemplates": [{"metadata": {"name": "x"}}]}, False),
    ],
)
def test_only_some_fields_of_a_stateful_set_may_change(change: dict[str, Any], allowed: bool) -> None:
    old, new = decoded(STATEFUL_SET, replica_set_wire()), decoded(STATEFUL_SET, replica_set_wire(**change))
    found = texts(STATEFUL_SET.validate_update(new, old))
    words = (
        "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
        "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
    )
    assert found == ([] if allowed else [words])


DAEMON: list[Any] = [
    pytest.param({}, [], id="fine"),
    pytest.param(strategy(maxUnavailable=0, maxSurge=1), [], id="surge"),
    pytest.param(
        strategy(maxUnavailable=1, maxSurge=1),
        [f"{ROLLING}.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero"],
        id="both",
    ),
    pytest.param(
        strategy(maxUnavailable=0, maxSurge="0%"),
        [f"{ROLLING}.maxUnavailable: Required value: cannot be 0 when maxSurge is 0"],
        id="neither",
    ),
    pytest.param(
        {"updateStrategy": {"type": "Sudden"}},
        ['spec.updateStrategy: Unsupported value: {"type":"Sudden"}: supported values: "RollingUpdate", "OnDelete"'],
        id="strategy",
    ),
    pytest.param(
        {"selector": {}},
        ["spec.selector: Invalid value: {}: empty selector is invalid for daemonset"],
        id="empty-selector",
    ),
    pytest.param({"revisionHistoryLimit": -1}, [f"spec.revisionHistoryLimit: {NEGATIVE}"], id="history"),
]


@pytest.mark.parametrize(("spec", "expected"), DAEMON)
def test_mistakes_of_a_daemon_set(spec: dict[str, Any], expected: list[str]) -> None:
    assert texts(DAEMON_SET.validate(decoded(DAEMON_SET, replica_set_wire(**spec)))) == expected


def test_the_selector_of_a_daemon_set_never_changes() -> None:
    old = decoded(DAEMON_SET, replica_set_wire())
    new = decoded(DAEMON_SET, replica_set_wire(selector={"matchLabels": {"x": "y"}}))
    assert texts(DAEMON_SET.validate_update(new, old)) == [
        'spec.selector: Invalid value: {"matchLabels":{"x":"y"}}: field is immutable'
    ]


def test_only_a_new_template_raises_the_template_generation() -> None:
    old = decoded(DAEMON_SET, replica_set_wire())
    DAEMON_SET.prepare_create(old)
    assert old.metadata.annotations[TEMPLATE_GENERATION] == "1"
    same, other = decoded(DAEMON_SET, replica_set_wire(minReadySeconds=9)), decoded(DAEMON_SET, replica_set_wire())
    other.spec.template.metadata.labels["x"] = "y"
    DAEMON_SET.prepare_update(same, old)
    DAEMON_SET.prepare_update(other, old)
    generations = [found.metadata.annotations[TEMPLATE_GENERATION] for found in (same, other)]
    assert generations == ["1", "2"]


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        (STATEFUL_SET, {"replicas": 1, "readyReplicas": 1, "availableReplicas": 1, "currentReplicas": 1}, []),
        (
            STATEFUL_SET,
            {"replicas": 1, "readyReplicas": 1, "availableReplicas": 2, "collisionCount": 1},
            [
                "status.availableReplicas: Invalid value: 2: cannot be greater than status.replicas",
                "status.availableReplicas: Invalid value: 2: cannot be greater than status.readyReplicas",
                "status.collisionCount: Invalid value: 1: cannot be decremented",
            ],
        ),
        (
            DAEMON_SET,
            {"numberReady": -1, "collisionCount": 1},
            [f"status.numberReady: {NEGATIVE}", "status.collisionCount: Invalid value: 1: cannot be decremented"],
        ),
    ],
)
def test_a_status_makes_sense(kind: Kind, status: dict[str, Any], expected: list[str]) -> None:
    new = decoded(kind, {**replica_set_wire(), "status": {"collisionCount": 2, **status}})
    old = decoded(kind, {**replica_set_wire(), "status": {"collisionCount": 2}})
    assert texts(kind.validate_status_update(new, old)) == expected


def test_tables() -> None:
    wire = replica_set_wire(replicas=3)
    wire["metadata"]["creationTimestamp"] = "2026-01-01T11:00:00Z"
    assert STATEFUL_SET.row is not None and DAEMON_SET.row is not None
    stateful = decoded(STATEFUL_SET, {**wire, "status": {"readyReplicas": 2}})
    assert STATEFUL_SET.row(stateful, NOW) == ["r", "2/3", "60m", "c", "web:1"]
    del wire["spec"]["replicas"]
    wire["spec"]["template"]["spec"] = pod_spec(nodeSelector={"disk": "ssd"})
    status = {"desiredNumberScheduled": 3, "currentNumberScheduled": 2, "numberReady": 1}
    daemon = decoded(DAEMON_SET, {**wire, "status": status})
    assert DAEMON_SET.row(daemon, NOW) == ["r", 3, 2, 1, 0, 0, "disk=ssd", "60m", "c", "web:1", "app=a"]

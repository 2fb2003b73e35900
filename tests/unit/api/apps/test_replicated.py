"""ReplicationControllers, ReplicaSets and Deployments: defaults, mistakes, scale and tables."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api.apps.deployment import DEPLOYMENT
from kubelite.api.apps.replica_set import REPLICA_SET
from kubelite.api.core.replication_controller import REPLICATION_CONTROLLER
from kubelite.machinery.kind import Kind
from tests.unit.api.objects import NOW, decoded, encoded, pod_spec, replica_set_wire, texts


def controller_wire(**spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "r", "namespace": "default"},
        "spec": {"template": {"metadata": {"labels": {"app": "a"}}, "spec": pod_spec()}, **spec},
    }


def test_deployment_defaults() -> None:
    spec = encoded(decoded(DEPLOYMENT, replica_set_wire()))["spec"]
    template = spec.pop("template")
    assert spec == {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "a"}},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
    }
    assert template["spec"]["restartPolicy"] == "Always"


def test_a_recreate_deployment_gets_no_rolling_update() -> None:
    spec = encoded(decoded(DEPLOYMENT, replica_set_wire(strategy={"type": "Recreate"})))["spec"]
    assert spec["strategy"] == {"type": "Recreate"}


def test_a_replication_controller_takes_selector_and_labels_from_its_template() -> None:
    controller = encoded(decoded(REPLICATION_CONTROLLER, controller_wire()))
    assert controller["spec"]["selector"] == {"app": "a"}
    assert controller["metadata"]["labels"] == {"app": "a"}
    assert controller["spec"]["replicas"] == 1


NOT_MATCHING = 'spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`'
ROLLING = "spec.strategy.rollingUpdate"
PERCENT = (
    "a valid percent string must be a numeric string followed by an ending '%' "
    "(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
)


def rolling(**values: Any) -> dict[str, Any]:
    return {"strategy": {"type": "RollingUpdate", "rollingUpdate": values}}


def template(**spec: Any) -> dict[str, Any]:
    return {"template": {"metadata": {"labels": {"app": "a"}}, "spec": {**pod_spec(), **spec}}}


BOTH = (REPLICA_SET, DEPLOYMENT)
MISTAKES: list[Any] = [
    pytest.param(BOTH, {}, [], id="fine"),
    pytest.param(
        BOTH,
        {"replicas": -1},
        ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"],
        id="negative-replicas",
    ),
    pytest.param(BOTH, {"selector": None}, ["spec.selector: Required value"], id="no-selector"),
    pytest.param(
        BOTH,
        {"selector": {}},
        ["spec.selector: Invalid value: {}: empty selector is invalid for deployment"],
        id="empty-selector",
    ),
    pytest.param(BOTH, {"selector": {"matchLabels": {"app": "b"}}}, [NOT_MATCHING], id="selector-does-not-match"),
    pytest.param(
        BOTH,
        {"selector": {"matchExpressions": [{"key": "app", "operator": "Near", "values": ["a"]}]}},
        ['spec.selector.matchExpressions[0].operator: Invalid value: "Near": not a valid selector operator'],
        id="selector-operator",
    ),
    pytest.param(
        BOTH,
        template(restartPolicy="Never"),
        ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
        id="restart-policy",
    ),
    pytest.param(
        BOTH,
        template(activeDeadlineSeconds=5),
        ["spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported"],
        id="deadline",
    ),
    pytest.param(
        BOTH,
        template(containers=[{"name": "c"}]),
        ["spec.template.spec.containers[0].image: Required value"],
        id="mistake-in-template",
    ),
    pytest.param(
        (DEPLOYMENT,),
        {"strategy": {"type": "Sudden"}},
        ['spec.strategy.type: Unsupported value: "Sudden": supported values: "Recreate", "RollingUpdate"'],
        id="strategy",
    ),
    pytest.param(
        (DEPLOYMENT,),
        {"strategy": {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}},
        [f"{ROLLING}: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
        id="recreate-with-rolling",
    ),
    pytest.param(
        (DEPLOYMENT,),
        rolling(maxSurge=0, maxUnavailable=0),
        [f"{ROLLING}.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"],
        id="both-zero",
    ),
    pytest.param(
        (DEPLOYMENT,),
        rolling(maxSurge="0%", maxUnavailable="0%"),
        [f'{ROLLING}.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0'],
        id="both-zero-percent",
    ),
    pytest.param(
        (DEPLOYMENT,),
        rolling(maxSurge="20", maxUnavailable=1),
        [f'{ROLLING}.maxSurge: Invalid value: "20": {PERCENT}'],
        id="percent-without-sign",
    ),
    pytest.param(
        (DEPLOYMENT,),
        rolling(maxUnavailable="101%"),
        [f'{ROLLING}.maxUnavailable: Invalid value: "101%": must not be greater than 100%'],
        id="above-hundred",
    ),
    pytest.param((DEPLOYMENT,), rolling(maxSurge="200%"), [], id="large-surge"),
    pytest.param(
        (DEPLOYMENT,),
        {"progressDeadlineSeconds": 10, "minReadySeconds": 10},
        ["spec.progressDeadlineSeconds: Invalid value: 10: must be greater than minReadySeconds"],
        id="progress-deadline",
    ),
    pytest.param(
        (DEPLOYMENT,),
        {"revisionHistoryLimit": -1},
        ["spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0"],
        id="history",
    ),
]


@pytest.mark.parametrize(("kinds", "spec", "expected"), MISTAKES)
def test_mistakes(kinds: tuple[Kind, ...], spec: dict[str, Any], expected: list[str]) -> None:
    for kind in kinds:
        given = {name: value for name, value in spec.items() if value is not None}
        wire = replica_set_wire(**given)
        for name in spec.keys() - given.keys():
            del wire["spec"][name]
        assert texts(kind.validate(decoded(kind, wire))) == expected


CONTROLLER: list[Any] = [
    pytest.param({}, [], id="fine"),
    pytest.param(
        {"replicas": -1}, ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"], id="negative"
    ),
    pytest.param({"selector": {"app": "b"}}, [NOT_MATCHING], id="selector-does-not-match"),
    pytest.param(
        template(activeDeadlineSeconds=5),
        [
            "spec.template.spec.activeDeadlineSeconds: Forbidden: "
            "activeDeadlineSeconds in ReplicationController is not Supported"
        ],
        id="deadline",
    ),
]


@pytest.mark.parametrize(("spec", "expected"), CONTROLLER)
def test_mistakes_of_a_replication_controller(spec: dict[str, Any], expected: list[str]) -> None:
    kind = REPLICATION_CONTROLLER
    assert texts(kind.validate(decoded(kind, controller_wire(**spec)))) == expected


def test_a_replication_controller_without_template_and_selector() -> None:
    controller = decoded(REPLICATION_CONTROLLER, {"metadata": {"name": "r"}, "spec": {}})
    assert texts(REPLICATION_CONTROLLER.validate(controller)) == [
        "spec.selector: Required value",
        "spec.template: Required value",
    ]


@pytest.mark.parametrize("kind", BOTH, ids=lambda kind: kind.kind)
def test_the_selector_never_changes(kind: Kind) -> None:
    old = decoded(kind, replica_set_wire())
    new = decoded(kind, replica_set_wire(selector={"matchLabels": {"app": "a", "x": "y"}}))
    assert texts(kind.validate_update(new, old)) == [
        'spec.selector: Invalid value: {"matchLabels":{"app":"a","x":"y"}}: field is immutable'
    ]


@pytest.mark.parametrize("kind", [*BOTH, REPLICATION_CONTROLLER], ids=lambda kind: kind.kind)
def test_more_pods_available_than_there_are_is_refused(kind: Kind) -> None:
    wire = controller_wire() if kind is REPLICATION_CONTROLLER else replica_set_wire()
    new = decoded(kind, {**wire, "status": {"replicas": 1, "readyReplicas": 1, "availableReplicas": 2}})
    assert texts(kind.validate_status_update(new, decoded(kind, wire))) == [
        "status.availableReplicas: Invalid value: 2: cannot be greater than status.replicas",
        "status.availableReplicas: Invalid value: 2: cannot be greater than readyReplicas",
    ]


def test_a_count_of_pods_that_go_is_not_negative() -> None:
    new = decoded(REPLICA_SET, {**replica_set_wire(), "status": {"replicas": 0, "terminatingReplicas": -1}})
    detail = "status.terminatingReplicas: Invalid value: -1: must be greater than or equal to 0"
    assert texts(REPLICA_SET.validate_status_update(new, decoded(REPLICA_SET, replica_set_wire()))) == [detail]


def test_the_collision_count_only_grows() -> None:
    old = decoded(DEPLOYMENT, {**replica_set_wire(), "status": {"collisionCount": 2}})
    new = decoded(DEPLOYMENT, {**replica_set_wire(), "status": {"collisionCount": 1}})
    assert texts(DEPLOYMENT.validate_status_update(new, old)) == [
        "status.collisionCount: Invalid value: 1: cannot be decremented"
    ]


@pytest.mark.parametrize("kind", [*BOTH, REPLICATION_CONTROLLER], ids=lambda kind: kind.kind)
def test_scale_reads_and_writes_replicas(kind: Kind) -> None:
    wire = controller_wire(replicas=3) if kind is REPLICATION_CONTROLLER else replica_set_wire(replicas=3)
    obj = decoded(kind, {**wire, "status": {"replicas": 2}})
    scale = kind.scale
    assert scale is not None
    assert (scale.spec_replicas(obj), scale.status_replicas(obj), scale.selector(obj)) == (3, 2, "app=a")
    scale.set_replicas(obj, 5)
    assert obj.spec.replicas == 5


STATUS = {"replicas": 2, "readyReplicas": 1, "updatedReplicas": 2, "availableReplicas": 1}
ROWS: list[Any] = [
    pytest.param(DEPLOYMENT, ["1/3", 2, 1, "60m", "c", "web:1", "app=a"], id="Deployment"),
    pytest.param(REPLICA_SET, [3, 2, 1, "60m", "c", "web:1", "app=a"], id="ReplicaSet"),
    pytest.param(REPLICATION_CONTROLLER, [3, 2, 1, "60m", "c", "web:1", "app=a"], id="ReplicationController"),
]


@pytest.mark.parametrize(("kind", "expected"), ROWS)
def test_table(kind: Kind, expected: list[Any]) -> None:
    wire = controller_wire(replicas=3) if kind is REPLICATION_CONTROLLER else replica_set_wire(replicas=3)
    wire["metadata"]["creationTimestamp"] = "2026-01-01T11:00:00Z"
    status = STATUS if kind is DEPLOYMENT else {name: STATUS[name] for name in ("replicas", "readyReplicas")}
    obj = decoded(kind, {**wire, "status": status})
    assert kind.row is not None
    found = kind.row(obj, NOW)
    assert found == ["r", *expected]
    assert len(found) == len(kind.columns)

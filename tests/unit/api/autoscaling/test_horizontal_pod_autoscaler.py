"""Autoscalers: defaults, mistakes, tables, and what the older versions make of them."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api.autoscaling.horizontal_pod_autoscaler import HORIZONTAL_POD_AUTOSCALER as HPA
from kubelite.api.autoscaling.horizontal_pod_autoscaler_v1 import HORIZONTAL_POD_AUTOSCALER_V1 as OLD
from kubelite.machinery import codec
from tests.unit.api.objects import NOW, decoded, encoded, texts

TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
METRIC = "spec.metrics[0]"
UP = "spec.behavior.scaleUp"


def wire(**spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "h", "creationTimestamp": "2026-01-01T11:00:00Z"},
        "spec": {"maxReplicas": 5, "scaleTargetRef": TARGET, **spec},
    }


def resource(name: str = "cpu", **target: Any) -> dict[str, Any]:
    return {"type": "Resource", "resource": {"name": name, "target": {"type": "Utilization", **target}}}


def pods(name: str = "m", **target: Any) -> dict[str, Any]:
    return {"type": "Pods", "pods": {"metric": {"name": name}, "target": {"type": "AverageValue", **target}}}


def test_defaults() -> None:
    spec = encoded(decoded(HPA, wire(behavior={"scaleUp": {}})))["spec"]
    assert spec["minReplicas"] == 1
    assert spec["metrics"] == [resource(averageUtilization=80)]
    assert spec["behavior"] == {
        "scaleUp": {
            "stabilizationWindowSeconds": 0,
            "selectPolicy": "Max",
            "policies": [
                {"type": "Pods", "value": 4, "periodSeconds": 15},
                {"type": "Percent", "value": 100, "periodSeconds": 15},
            ],
        },
        "scaleDown": {
            "selectPolicy": "Max",
            "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
        },
    }


MISTAKES: list[Any] = [
    ({}, []),
    (
        {"minReplicas": 0},
        [
            "spec.minReplicas: Invalid value: 0: must be greater than or equal to 1",
            "spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas",
        ],
    ),
    (
        {"maxReplicas": 0},
        [
            "spec.maxReplicas: Invalid value: 0: must be greater than 0",
            "spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`",
        ],
    ),
    (
        {"scaleTargetRef": {"kind": "a/b"}},
        [
            "spec.scaleTargetRef.kind: Invalid value: \"a/b\": may not contain '/'",
            "spec.scaleTargetRef.name: Required value",
        ],
    ),
    (
        {"metrics": [{"type": "Magic"}]},
        [
            f'{METRIC}.type: Unsupported value: "Magic": supported values: '
            '"ContainerResource", "External", "Object", "Pods", "Resource"'
        ]
        * 2,
    ),
    (
        {"metrics": [{"type": "Pods", "resource": resource(averageUtilization=5)["resource"]}]},
        [f"{METRIC}.pods: Required value: must populate information for the given metric source"],
    ),
    (
        {"metrics": [{**pods(averageValue="5"), "resource": resource(averageUtilization=5)["resource"]}]},
        [f"{METRIC}.resource: Forbidden: must populate the given metric source only"],
    ),
    (
        {"metrics": [resource()]},
        [
            f"{METRIC}.resource.target.averageUtilization: Required value: "
            "must set either a target raw value or a target utilization"
        ],
    ),
    (
        {"metrics": [resource(averageUtilization=0, averageValue="-1")]},
        [
            f'{METRIC}.resource.target.averageValue: Invalid value: "-1": must be positive',
            f"{METRIC}.resource.target.averageUtilization: Invalid value: 0: must be greater than 0",
            f"{METRIC}.resource.target.averageValue: Forbidden: may not set both a target raw value and a target utilization",
        ],
    ),
    (
        {"metrics": [pods("")]},
        [
            f"{METRIC}.pods.metric.name: Required value: must specify a metric name",
            f"{METRIC}.pods.target.averageValue: Required value: must specify a positive target averageValue",
        ],
    ),
    (
        {"behavior": {"scaleUp": {"stabilizationWindowSeconds": 3601, "selectPolicy": "All", "tolerance": "-1"}}},
        [
            f"{UP}.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600",
            f'{UP}.selectPolicy: Unsupported value: "All": supported values: "Disabled", "Max", "Min"',
            f'{UP}.tolerance: Invalid value: "-1": must be greater than or equal to zero',
        ],
    ),
    (
        {"behavior": {"scaleUp": {"policies": [{"type": "Some", "value": 0, "periodSeconds": 1801}]}}},
        [
            f'{UP}.policies[0].type: Unsupported value: "Some": supported values: "Percent", "Pods"',
            f"{UP}.policies[0].value: Invalid value: 0: must be greater than zero",
            f"{UP}.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800",
        ],
    ),
]


@pytest.mark.parametrize(("spec", "expected"), MISTAKES)
def test_mistakes(spec: dict[str, Any], expected: list[str]) -> None:
    assert texts(HPA.validate(decoded(HPA, wire(**spec)))) == expected


def test_a_status_counts_from_zero() -> None:
    new = decoded(HPA, {**wire(), "status": {"currentReplicas": -1}})
    assert texts(HPA.validate_status_update(new, new)) == [
        "status.currentReplicas: Invalid value: -1: must be greater than or equal to 0"
    ]


OBJECT = {"describedObject": TARGET, "metric": {"name": "q"}, "target": {"type": "Value", "value": "10"}}


@pytest.mark.parametrize(
    ("metrics", "statuses", "cell"),
    [
        ([resource(averageUtilization=80)], [], "cpu: <unknown>/80%"),
        (
            [resource(averageUtilization=80)],
            [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 12}}}],
            "cpu: 12%/80%",
        ),
        ([resource("memory", averageValue="1Gi")], [], "memory: <unknown>/1Gi"),
        ([pods(averageValue="5"), {"type": "Object", "object": OBJECT}], [], "<unknown>/5, <unknown>/10"),
        (
            [resource(averageUtilization=80)] * 4,
            [],
            "cpu: <unknown>/80%, cpu: <unknown>/80% + 2 more...",
        ),
    ],
)
def test_table(metrics: list[Any], statuses: list[Any], cell: str) -> None:
    obj = decoded(HPA, {**wire(metrics=metrics), "status": {"currentMetrics": statuses, "currentReplicas": 2}})
    assert HPA.row is not None
    assert HPA.row(obj, NOW) == ["h", "Deployment/d", cell, "1", 5, 2, "60m"]


def test_v1_keeps_in_annotations_what_it_has_no_field_for() -> None:
    container = {
        "type": "ContainerResource",
        "containerResource": {
            "name": "cpu",
            "container": "c",
            "target": {"type": "Utilization", "averageUtilization": 50},
        },
    }
    external = {
        "type": "External",
        "external": {
            "metric": {"name": "q", "selector": {"matchLabels": {"a": "b"}}},
            "target": {"type": "Value", "value": "3"},
        },
    }
    metrics = [pods(averageValue="5"), container, external, resource(averageUtilization=70)]
    status = {
        "currentReplicas": 2,
        "desiredReplicas": 3,
        "conditions": [{"type": "AbleToScale", "status": "True"}],
        "currentMetrics": [
            {
                "type": "Resource",
                "resource": {"name": "cpu", "current": {"averageUtilization": 9, "averageValue": "90m"}},
            }
        ],
    }
    stored = decoded(HPA, {**wire(metrics=metrics, behavior={"scaleDown": {}}), "status": status})
    assert OLD.from_stored is not None and OLD.to_stored is not None
    old = OLD.from_stored(stored)
    assert old.spec.targetCPUUtilizationPercentage == 70 and old.status.currentCPUUtilizationPercentage == 9
    assert sorted(key.rpartition("/")[2] for key in old.metadata.annotations) == [
        "behavior",
        "conditions",
        "current-metrics",
        "metrics",
    ]
    assert encoded(OLD.to_stored(codec.clone(old))) == encoded(stored)


def test_v1_without_a_target_means_eighty_per_cent() -> None:
    assert OLD.to_stored is not None
    stored = OLD.to_stored(codec.convert(wire(), OLD.type))
    assert encoded(stored)["spec"]["metrics"] == [resource(averageUtilization=80)]


def test_annotations_that_cannot_be_read_are_dropped() -> None:
    assert OLD.to_stored is not None
    document = wire()
    document["metadata"]["annotations"] = {"autoscaling.alpha.kubernetes.io/metrics": "[[", "mine": "1"}
    stored = OLD.to_stored(codec.convert(document, OLD.type))
    assert stored.metadata.annotations == {"mine": "1"}

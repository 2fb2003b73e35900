"""LimitRanges and ResourceQuotas."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api.core.limit_range import LIMIT_RANGE
from kubelite.api.core.resource_quota import RESOURCE_QUOTA
from tests.unit.api.objects import NOW, decoded, encoded, texts

BORN = "2026-01-01T11:00:00Z"
ITEM = "spec.limits[0]"


def limits(*items: dict[str, Any]) -> Any:
    return decoded(LIMIT_RANGE, {"metadata": {"name": "l", "creationTimestamp": BORN}, "spec": {"limits": list(items)}})


def container(**fields: Any) -> dict[str, Any]:
    return {"type": "Container", **fields}


def test_a_container_gets_its_limit_from_the_maximum_and_its_request_from_the_limit() -> None:
    item = encoded(limits(container(max={"cpu": "1000m"}, min={"memory": "1Mi"})))["spec"]["limits"][0]
    assert item["max"] == item["default"] == {"cpu": "1"}
    assert item["defaultRequest"] == {"cpu": "1", "memory": "1Mi"}


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (container(max={"cpu": "2"}, min={"cpu": "1"}, maxLimitRequestRatio={"cpu": "2"}), []),
        ({"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}}, []),
        (
            {"type": "Magic"},
            [f'{ITEM}.type: Invalid value: "Magic": must be a standard limit type or fully qualified'],
        ),
        (
            {"type": "Pod", "default": {"cpu": "1"}, "defaultRequest": {"cpu": "1"}},
            [
                f"{ITEM}.default: Forbidden: may not be specified when `type` is 'Pod'",
                f"{ITEM}.defaultRequest: Forbidden: may not be specified when `type` is 'Pod'",
            ],
        ),
        (
            {"type": "PersistentVolumeClaim"},
            [
                f"{ITEM}.limits: Required value: "
                "either minimum or maximum storage value is required, but neither was provided"
            ],
        ),
        (
            {"type": "Pod", "max": {"what": "1"}},
            [
                f'{ITEM}.max[what]: Invalid value: "what": must be a standard resource type or fully qualified',
                f'{ITEM}.max[what]: Invalid value: "what": must be a standard resource for containers',
            ],
        ),
        (
            {"type": "Pod", "max": {"cpu": "1"}, "min": {"cpu": "2"}},
            [f'{ITEM}.min[cpu]: Invalid value: "2": min value 2 is greater than max value 1'],
        ),
        (
            container(max={"cpu": "2"}, default={"cpu": "3"}, defaultRequest={"cpu": "4"}),
            [
                f'{ITEM}.defaultRequest[cpu]: Invalid value: "4": default request value 4 is greater than max value 2',
                f'{ITEM}.defaultRequest[cpu]: Invalid value: "4": '
                "default request value 4 is greater than default limit value 3",
                f'{ITEM}.default[cpu]: Invalid value: "2": default value 3 is greater than max value 2',
            ],
        ),
        (
            {"type": "Pod", "maxLimitRequestRatio": {"cpu": "500m"}},
            [f'{ITEM}.maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less than 1'],
        ),
        (
            {"type": "Pod", "max": {"cpu": "3"}, "min": {"cpu": "2"}, "maxLimitRequestRatio": {"cpu": "2"}},
            [
                f'{ITEM}.maxLimitRequestRatio[cpu]: Invalid value: "2": ratio 2 is greater than max/min = 1.500000',
            ],
        ),
    ],
)
def test_mistakes_of_a_limit_range(item: dict[str, Any], expected: list[str]) -> None:
    assert texts(LIMIT_RANGE.validate(limits(item))) == expected


def test_a_type_stands_once() -> None:
    item = {"type": "Pod", "max": {"cpu": "1"}}
    assert texts(LIMIT_RANGE.validate(limits(item, item))) == ['spec.limits[1].type: Duplicate value: "Pod"']


def test_a_table_of_limit_ranges_has_the_time_of_creation() -> None:
    assert LIMIT_RANGE.row is not None
    assert LIMIT_RANGE.row(limits(), NOW) == ["l", BORN]


def quota(status: dict[str, Any] | None = None, **spec: Any) -> Any:
    metadata = {"name": "q", "creationTimestamp": BORN}
    return decoded(RESOURCE_QUOTA, {"metadata": metadata, "spec": spec, "status": status or {}})


def scoped(scope: str, operator: str = "Exists", *values: str, **spec: Any) -> dict[str, Any]:
    expression = {"scopeName": scope, "operator": operator, "values": list(values)}
    return {"scopeSelector": {"matchExpressions": [expression]}, **spec}


EXPRESSIONS = "spec.scopeSelector.matchExpressions"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            {
                "hard": {
                    "pods": "5",
                    "requests.cpu": "1",
                    "count/deployments.apps": "2",
                    "requests.nvidia.com/gpu": "1",
                    "requests.hugepages-2Mi": "4Mi",
                    "services.nodeports": 0,
                }
            },
            [],
        ),
        (
            {"hard": {"storage": "1"}},
            ['spec.hard[storage]: Invalid value: "storage": must be a standard resource for quota'],
        ),
        (
            {"hard": {"what": "1"}},
            [
                'spec.hard[what]: Invalid value: "what": must be a standard resource type or fully qualified',
                'spec.hard[what]: Invalid value: "what": must be a standard resource for quota',
            ],
        ),
        ({"hard": {"pods": "1500m"}}, ['spec.hard[pods]: Invalid value: "1500m": must be an integer']),
        ({"hard": {"cpu": "-1"}}, ['spec.hard[cpu]: Invalid value: "-1": must be greater than or equal to 0']),
        ({"hard": {"pods": "1"}, "scopes": ["BestEffort"]}, []),
        ({"scopes": ["Magic"]}, ['spec.scopes: Invalid value: ["Magic"]: unsupported scope']),
        (
            {"hard": {"cpu": "1"}, "scopes": ["BestEffort"]},
            ['spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource'],
        ),
        (
            {"scopes": ["Terminating", "NotTerminating"]},
            ['spec.scopes: Invalid value: ["Terminating","NotTerminating"]: conflicting scopes'],
        ),
        (scoped("PriorityClass", "In", "high", hard={"pods": "1"}), []),
        (scoped("VolumeAttributesClass", "In", "gold", hard={"requests.storage": "1Gi"}), []),
        (
            scoped("PriorityClass", "In"),
            [
                f"{EXPRESSIONS}.values: Required value: "
                "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
            ],
        ),
        (
            scoped("PriorityClass", "Exists", "x"),
            [
                f'{EXPRESSIONS}.values: Invalid value: ["x"]: '
                "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
            ],
        ),
        (
            scoped("Terminating", "DoesNotExist"),
            [
                f"{EXPRESSIONS}.operator: Invalid value: \"DoesNotExist\": must be 'Exist' when scope is any of "
                "ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, "
                "ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
            ],
        ),
        (
            scoped("Magic", "Near"),
            [
                f'{EXPRESSIONS}.scopeName: Invalid value: "Magic": unsupported scope',
                f'{EXPRESSIONS}.operator: Invalid value: "Near": not a valid selector operator',
            ],
        ),
    ],
)
def test_mistakes_of_a_quota(spec: dict[str, Any], expected: list[str]) -> None:
    assert texts(RESOURCE_QUOTA.validate(quota(**spec))) == expected


def test_scopes_never_change() -> None:
    old, new = quota(scopes=["BestEffort", "Terminating"]), quota(scopes=["Terminating", "BestEffort"])
    assert RESOURCE_QUOTA.validate_update(new, old) == []
    assert texts(RESOURCE_QUOTA.validate_update(quota(), old)) == ["spec.scopes: Invalid value: []: field is immutable"]


def test_a_table_of_quotas_shows_limits_apart() -> None:
    hard = {"limits.cpu": "2", "pods": "5", "requests.cpu": "1000m"}
    obj = quota({"hard": hard, "used": {"pods": "1", "limits.cpu": "500m"}})
    assert RESOURCE_QUOTA.row is not None
    assert RESOURCE_QUOTA.row(obj, NOW) == ["q", "pods: 1/5, requests.cpu: 0/1", "limits.cpu: 500m/2", "60m"]

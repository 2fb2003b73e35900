"""What a pod asks for, and its quality of service."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api.logic import podresources
from tests.unit.api.objects import raw_pod

GI = 1024**3


def container(cpu: str = "", memory: str = "", **more: Any) -> dict[str, Any]:
    wanted = {name: text for name, text in (("cpu", cpu), ("memory", memory)) if text}
    return {"name": "c", "resources": {"requests": wanted}, **more}


def pod(*containers: dict[str, Any], init: list[dict[str, Any]] | None = None, **spec: Any) -> Any:
    return raw_pod({"spec": {"containers": list(containers), "initContainers": init or [], **spec}})


SIDECAR = {"restartPolicy": "Always"}
REQUESTS: list[Any] = [
    pytest.param(pod({"name": "c"}), {}, id="nothing"),
    pytest.param(pod(container("500m", "1Gi"), container("1")), {"cpu": 1500, "memory": GI}, id="containers-add-up"),
    pytest.param(pod(container("1"), init=[container("3"), container("2")]), {"cpu": 3000}, id="largest-init-counts"),
    pytest.param(pod(container("4"), init=[container("3")]), {"cpu": 4000}, id="containers-above-init"),
    pytest.param(pod(container("1"), init=[container("1", **SIDECAR)]), {"cpu": 2000}, id="sidecar-adds"),
    pytest.param(
        pod(container("1"), init=[container("1", **SIDECAR), container("5")]), {"cpu": 6000}, id="init-beside-sidecar"
    ),
    pytest.param(
        pod(container("1"), init=[container("5"), container("1", **SIDECAR)]), {"cpu": 5000}, id="init-before-sidecar"
    ),
    pytest.param(pod(container("1"), overhead={"cpu": "100m"}), {"cpu": 1100}, id="overhead"),
    pytest.param(
        pod(container("1", "1Gi"), resources={"requests": {"cpu": "3"}}),
        {"cpu": 3000, "memory": GI},
        id="pod-level-replaces",
    ),
    pytest.param(
        pod({"name": "c", "resources": {"requests": {"nvidia.com/gpu": 2}}}),
        {"nvidia.com/gpu": 2},
        id="extended-resource",
    ),
]


@pytest.mark.parametrize(("given", "expected"), REQUESTS)
def test_requests(given: Any, expected: dict[str, int]) -> None:
    assert podresources.requests(given) == expected


def test_limits_count_overhead_only_where_there_is_a_limit() -> None:
    given = raw_pod(
        {
            "spec": {
                "containers": [{"name": "c", "resources": {"limits": {"cpu": "1"}}}],
                "overhead": {"cpu": "100m", "memory": "1Mi"},
            }
        }
    )
    assert podresources.limits(given) == {"cpu": 1100}


def resizing(condition: dict[str, Any] | None = None) -> Any:
    return raw_pod(
        {
            "spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "3"}}}]},
            "status": {
                "containerStatuses": [
                    {"name": "c", "allocatedResources": {"cpu": "2"}, "resources": {"requests": {"cpu": "1"}}}
                ],
                "conditions": [condition] if condition else [],
            },
        }
    )


def test_a_resize_under_way_counts_the_larger_amount() -> None:
    assert podresources.requests(resizing(), with_status=True) == {"cpu": 3000}


def test_a_resize_that_cannot_be_counts_what_was_given() -> None:
    infeasible = {"type": "PodResizePending", "status": "True", "reason": "Infeasible"}
    assert podresources.requests(resizing(infeasible), with_status=True) == {"cpu": 2000}


def resources(requests: dict[str, Any] | None = None, limits: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"name": "c", "resources": {"requests": requests or {}, "limits": limits or {}}}


FULL = {"cpu": "1", "memory": "1Gi"}
QOS: list[Any] = [
    pytest.param(pod({"name": "c"}), "BestEffort", id="nothing"),
    pytest.param(pod(resources(limits={"nvidia.com/gpu": 1})), "BestEffort", id="devices-do-not-count"),
    pytest.param(pod(resources({"cpu": "0"})), "BestEffort", id="zero-is-nothing"),
    pytest.param(pod(resources(FULL, FULL)), "Guaranteed", id="requests-equal-limits"),
    pytest.param(pod(resources({"cpu": "1000m", "memory": "1024Mi"}, FULL)), "Guaranteed", id="equal-in-other-words"),
    pytest.param(pod(resources(FULL, FULL), {"name": "d"}), "Burstable", id="one-container-without"),
    pytest.param(pod(resources({"cpu": "1"})), "Burstable", id="only-requests"),
    pytest.param(pod(resources({"cpu": "1"}, {"cpu": "1"})), "Burstable", id="no-memory"),
    pytest.param(pod(resources(FULL, FULL), init=[resources({"cpu": "1"})]), "Burstable", id="init-counts"),
    pytest.param(pod({"name": "c"}, resources={"requests": FULL, "limits": FULL}), "Guaranteed", id="pod-level"),
    pytest.param(pod({"name": "c"}, resources={"requests": FULL}), "Burstable", id="pod-level-requests"),
]


@pytest.mark.parametrize(("given", "expected"), QOS)
def test_quality_of_service(given: Any, expected: str) -> None:
    assert podresources.qos_class(given) == expected


@pytest.mark.parametrize(
    ("name", "number", "text"),
    [("cpu", 1500, "1500m"), ("cpu", 2000, "2"), ("memory", GI, "1Gi"), ("memory", 1000, "1k"), ("pods", 0, "0")],
)
def test_amounts_are_written_canonically(name: str, number: int, text: str) -> None:
    assert podresources.amount_text(name, number) == text

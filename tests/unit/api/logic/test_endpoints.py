"""Pods behind a service."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api.logic import endpoints
from kubelite.api.types import core_v1 as v1
from tests.unit.api.objects import raw_pod


def pod(*, ready: bool = True, deleted: bool = False, phase: str = "Running", ip: str = "10.0.0.1", **spec: Any) -> Any:
    return raw_pod(
        {
            "metadata": {"name": "p", **({"deletionTimestamp": "2026-01-01T00:00:00Z"} if deleted else {})},
            "spec": spec,
            "status": {
                "phase": phase,
                "podIP": ip,
                "podIPs": [{"ip": ip}] if ip else [],
                "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            },
        }
    )


@pytest.mark.parametrize(
    ("given", "publish", "expected"),
    [
        pytest.param(pod(), False, (True, True, False), id="ready"),
        pytest.param(pod(ready=False), False, (False, False, False), id="not-ready"),
        pytest.param(pod(ready=False), True, (True, False, False), id="published-regardless"),
        pytest.param(pod(deleted=True), False, (False, True, True), id="terminating-but-serving"),
        pytest.param(pod(deleted=True, ready=False), False, (False, False, True), id="terminating"),
    ],
)
def test_conditions(given: Any, publish: bool, expected: tuple[bool, bool, bool]) -> None:
    assert endpoints.conditions(given, publish) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(pod(), True, id="running"),
        pytest.param(pod(ip=""), False, id="no-address"),
        pytest.param(pod(phase="Failed"), False, id="failed"),
        pytest.param(pod(deleted=True), True, id="terminating"),
    ],
)
def test_who_belongs(given: Any, expected: bool) -> None:
    assert endpoints.belongs(given) is expected


def test_terminating_pods_can_be_left_out() -> None:
    assert not endpoints.belongs(pod(deleted=True), include_terminating=False)


PORTS: dict[str, Any] = {
    "containers": [
        {
            "name": "c",
            "ports": [{"name": "web", "containerPort": 8080}, {"name": "dns", "containerPort": 53, "protocol": "UDP"}],
        }
    ],
    "initContainers": [
        {"name": "i", "ports": [{"name": "setup", "containerPort": 1}]},
        {"name": "s", "restartPolicy": "Always", "ports": [{"name": "metrics", "containerPort": 9090}]},
    ],
}


@pytest.mark.parametrize(
    ("target", "protocol", "expected"),
    [
        (None, "TCP", 80),
        (0, "TCP", 80),
        (8081, "TCP", 8081),
        ("web", "TCP", 8080),
        ("web", "UDP", None),
        ("dns", "UDP", 53),
        ("metrics", "TCP", 9090),
        ("setup", "TCP", None),
        ("absent", "TCP", None),
    ],
)
def test_target_port(target: int | str | None, protocol: str, expected: int | None) -> None:
    port = v1.ServicePort(port=80, targetPort=target, protocol=protocol)
    assert endpoints.find_port(pod(**PORTS), port) == expected


def test_addresses_by_family() -> None:
    dual = raw_pod({"status": {"podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]}})
    assert endpoints.pod_address(dual) == "10.0.0.1"
    assert endpoints.pod_address(dual, "IPv6") == "fd00::1"
    assert endpoints.pod_address(pod(), "IPv6") == ""


def test_a_host_name_counts_only_below_its_own_service() -> None:
    given = pod(hostname="db-0", subdomain="db")
    assert endpoints.hostname_in(given, "db") == "db-0"
    assert endpoints.hostname_in(given, "web") == ""

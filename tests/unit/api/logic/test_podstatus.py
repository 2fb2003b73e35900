"""What a pod's status says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from kubelite.api.logic import podstatus
from tests.unit.api.objects import NOW, raw_pod


def ready_since(seconds: int, status: str = "True") -> Any:
    then = (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return raw_pod({"status": {"conditions": [{"type": "Ready", "status": status, "lastTransitionTime": then}]}})


@pytest.mark.parametrize(
    ("pod", "min_ready", "expected"),
    [
        pytest.param(ready_since(0), 0, 0.0, id="at-once"),
        pytest.param(ready_since(10), 10, 0.0, id="just-long-enough"),
        pytest.param(ready_since(4), 10, 6.0, id="soon"),
        pytest.param(ready_since(10, "False"), 0, None, id="not-ready"),
        pytest.param(raw_pod({}), 0, None, id="no-condition"),
        pytest.param(raw_pod({"status": {"conditions": [{"type": "Ready", "status": "True"}]}}), 5, None, id="no-time"),
    ],
)
def test_available_after_the_minimum_time(pod: Any, min_ready: int, expected: float | None) -> None:
    assert podstatus.available_in(pod, min_ready, NOW) == expected
    assert podstatus.is_available(pod, min_ready, NOW) is (expected == 0.0)


@pytest.mark.parametrize(
    ("phase", "deleted", "terminal", "active"),
    [
        ("Pending", None, False, True),
        ("Running", None, False, True),
        ("Running", "2026-01-01T00:00:00Z", False, False),
        ("Succeeded", None, True, False),
        ("Failed", None, True, False),
    ],
)
def test_terminal_and_active(phase: str, deleted: str | None, terminal: bool, active: bool) -> None:
    pod = raw_pod({"metadata": {"deletionTimestamp": deleted}, "status": {"phase": phase}})
    assert (podstatus.is_terminal(pod), podstatus.is_active(pod)) == (terminal, active)


def test_ready_reads_the_condition() -> None:
    assert podstatus.is_ready(ready_since(1))
    assert not podstatus.is_ready(ready_since(1, "False"))
    assert podstatus.ready_condition(raw_pod({})) is None


def test_restarts_count_containers_and_sidecars() -> None:
    pod = raw_pod(
        {
            "spec": {"initContainers": [{"name": "i"}, {"name": "s", "restartPolicy": "Always"}]},
            "status": {
                "containerStatuses": [{"name": "c", "restartCount": 2}],
                "initContainerStatuses": [{"name": "i", "restartCount": 5}, {"name": "s", "restartCount": 1}],
            },
        }
    )
    assert podstatus.restarts(pod) == 3
    found = podstatus.container_status(pod, "s")
    assert found is not None
    assert found.restartCount == 1

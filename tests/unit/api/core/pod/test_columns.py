"""`kubectl get pods` words every state as upstream does."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api.core.pod.columns import COLUMNS, row
from tests.unit.api.objects import NOW, raw_pod

RUNNING = {"running": {"startedAt": "2026-01-01T11:00:00Z"}}


def waiting(reason: str) -> dict[str, Any]:
    return {"waiting": {"reason": reason}}


def ended(code: int, reason: str = "", **more: Any) -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason, **more}}


def status(name: str, state: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "state": state, **more}


def cells(
    state: dict[str, Any],
    *,
    spec: dict[str, Any] | None = None,
    deleted: bool = False,
) -> list[Any]:
    metadata: dict[str, Any] = {"name": "p", "creationTimestamp": "2026-01-01T11:00:00Z"}
    if deleted:
        metadata["deletionTimestamp"] = "2026-01-01T11:59:00Z"
    wire = {"metadata": metadata, "spec": {"containers": [{"name": "c"}], **(spec or {})}, "status": state}
    return row(raw_pod(wire), NOW)


READY = {"conditions": [{"type": "Ready", "status": "True"}]}
INIT = {"initContainers": [{"name": "i1"}, {"name": "i2"}]}
SIDECAR = {"initContainers": [{"name": "s", "restartPolicy": "Always"}]}

CASES: list[Any] = [
    pytest.param({"phase": "Pending"}, {}, "0/1", "Pending", id="pending"),
    pytest.param(
        {"phase": "Running", "containerStatuses": [status("c", RUNNING, ready=True)]},
        {},
        "1/1",
        "Running",
        id="running",
    ),
    pytest.param(
        {"phase": "Pending", "containerStatuses": [status("c", waiting("ContainerCreating"))]},
        {},
        "0/1",
        "ContainerCreating",
        id="creating",
    ),
    pytest.param(
        {"phase": "Running", "containerStatuses": [status("c", waiting("CrashLoopBackOff"))]},
        {},
        "0/1",
        "CrashLoopBackOff",
        id="crash-loop",
    ),
    pytest.param(
        {"phase": "Pending", "containerStatuses": [status("c", waiting("ImagePullBackOff"))]},
        {},
        "0/1",
        "ImagePullBackOff",
        id="image-pull",
    ),
    pytest.param(
        {"phase": "Succeeded", "containerStatuses": [status("c", ended(0, "Completed"))]},
        {},
        "0/1",
        "Completed",
        id="completed",
    ),
    pytest.param(
        {"phase": "Failed", "containerStatuses": [status("c", ended(1, "Error"))]}, {}, "0/1", "Error", id="error"
    ),
    pytest.param(
        {"phase": "Failed", "containerStatuses": [status("c", ended(137, "OOMKilled"))]},
        {},
        "0/1",
        "OOMKilled",
        id="oom",
    ),
    pytest.param(
        {"phase": "Failed", "containerStatuses": [status("c", ended(3))]}, {}, "0/1", "ExitCode:3", id="exit-code"
    ),
    pytest.param(
        {"phase": "Failed", "containerStatuses": [status("c", ended(9, signal=9))]}, {}, "0/1", "Signal:9", id="signal"
    ),
    pytest.param({"phase": "Failed", "reason": "Evicted"}, {}, "0/1", "Evicted", id="evicted"),
    pytest.param(
        {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]},
        {},
        "0/1",
        "SchedulingGated",
        id="gated",
    ),
    pytest.param(
        {
            "phase": "Pending",
            "initContainerStatuses": [status("i1", RUNNING), status("i2", waiting("PodInitializing"))],
        },
        INIT,
        "0/1",
        "Init:0/2",
        id="first-init-runs",
    ),
    pytest.param(
        {
            "phase": "Pending",
            "initContainerStatuses": [status("i1", ended(0, "Completed")), status("i2", waiting("PodInitializing"))],
        },
        INIT,
        "0/1",
        "Init:1/2",
        id="second-init-waits",
    ),
    pytest.param(
        {"phase": "Pending", "initContainerStatuses": [status("i1", ended(1, "Error"))]},
        INIT,
        "0/1",
        "Init:Error",
        id="init-error",
    ),
    pytest.param(
        {"phase": "Pending", "initContainerStatuses": [status("i1", waiting("CrashLoopBackOff"))]},
        INIT,
        "0/1",
        "Init:CrashLoopBackOff",
        id="init-crash-loop",
    ),
    pytest.param(
        {"phase": "Pending", "initContainerStatuses": [status("i1", ended(2))]},
        INIT,
        "0/1",
        "Init:ExitCode:2",
        id="init-exit-code",
    ),
    pytest.param(
        {"phase": "Pending", "initContainerStatuses": [status("i1", ended(2, signal=15))]},
        INIT,
        "0/1",
        "Init:Signal:15",
        id="init-signal",
    ),
    pytest.param(
        {
            "phase": "Pending",
            "initContainerStatuses": [status("i1", ended(0)), status("i2", ended(0))],
            "containerStatuses": [status("c", waiting("PodInitializing"))],
        },
        INIT,
        "0/1",
        "PodInitializing",
        id="init-done",
    ),
    pytest.param(
        {
            "phase": "Running",
            "initContainerStatuses": [status("s", RUNNING, started=True, ready=True)],
            "containerStatuses": [status("c", RUNNING, ready=True)],
        },
        SIDECAR,
        "2/2",
        "Running",
        id="sidecar-counts",
    ),
    pytest.param(
        {
            **READY,
            "phase": "Running",
            "containerStatuses": [status("c", ended(0, "Completed")), status("d", RUNNING, ready=True)],
        },
        {"containers": [{"name": "c"}, {"name": "d"}]},
        "1/2",
        "Running",
        id="one-done-one-running",
    ),
    pytest.param(
        {
            "phase": "Running",
            "containerStatuses": [status("c", ended(0, "Completed")), status("d", RUNNING, ready=True)],
        },
        {"containers": [{"name": "c"}, {"name": "d"}]},
        "1/2",
        "NotReady",
        id="one-done-not-ready",
    ),
]


@pytest.mark.parametrize(("state", "spec", "ready", "word"), CASES)
def test_ready_and_status(state: dict[str, Any], spec: dict[str, Any], ready: str, word: str) -> None:
    assert cells(state, spec=spec)[1:3] == [ready, word]


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ({"phase": "Running"}, "Terminating"),
        ({"phase": "Running", "reason": "NodeLost"}, "Unknown"),
        ({"phase": "Succeeded"}, "Succeeded"),
    ],
)
def test_a_deleted_pod_is_terminating_until_it_has_finished(state: dict[str, Any], word: str) -> None:
    assert cells(state, deleted=True)[2] == word


def test_restarts_tell_when_the_last_one_was() -> None:
    last = {"terminated": {"exitCode": 1, "finishedAt": "2026-01-01T11:55:00Z"}}
    found = [status("c", RUNNING, restartCount=3, lastState=last)]
    assert cells({"phase": "Running", "containerStatuses": found})[3] == "3 (5m ago)"


def test_restarts_of_init_containers_count_only_while_they_run() -> None:
    pending = {"phase": "Pending", "initContainerStatuses": [status("i1", RUNNING, restartCount=4)]}
    assert cells(pending, spec=INIT)[3] == "4"
    done = [status("i1", ended(0), restartCount=4), status("i2", ended(0))]
    running = {
        "phase": "Running",
        "initContainerStatuses": done,
        "containerStatuses": [status("c", RUNNING, restartCount=1)],
    }
    assert cells(running, spec=INIT)[3] == "1"


def test_wide_cells() -> None:
    state = {
        "phase": "Running",
        "podIPs": [{"ip": "10.0.0.1"}],
        "nominatedNodeName": "m",
        "conditions": [{"type": "x/y", "status": "True"}],
    }
    spec = {"nodeName": "n", "readinessGates": [{"conditionType": "x/y"}, {"conditionType": "x/z"}]}
    assert cells(state, spec=spec)[5:] == ["10.0.0.1", "n", "m", "1/2"]
    assert cells({"phase": "Pending"})[5:] == ["<none>"] * 4


def test_every_column_has_a_cell() -> None:
    assert len(cells({})) == len(COLUMNS)
    assert [c.name for c in COLUMNS if c.priority == 0] == ["Name", "Ready", "Status", "Restarts", "Age"]

"""When a pod of a Job counts as finished."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kubelite.controllers.job.pods import finish_time
from kubelite.controllers.objects import Pod
from kubelite.machinery import times

AT_1, AT_2, AT_3 = (f"2030-01-01T00:0{minute}:00Z" for minute in (1, 2, 3))
MADE = "2030-01-01T00:00:00Z"
SIDECAR = [{"name": "s", "restartPolicy": "Always"}, {"name": "i"}]


def ended(name: str, at: str | None) -> dict[str, Any]:
    """The status of a container that ended then, or that runs."""
    return {"name": name, "state": {"terminated": {"exitCode": 0, "finishedAt": at}} if at else {}}


def pod(containers: dict[str, str | None], first: dict[str, str | None], ready: str = "") -> Pod:
    """With these ends of containers and of init containers, and not ready since then."""
    conditions = [{"type": "Ready", "status": "False", "lastTransitionTime": ready}] if ready else []
    status = {
        "containerStatuses": [ended(*one) for one in containers.items()],
        "initContainerStatuses": [ended(*one) for one in first.items()],
        "conditions": conditions,
    }
    meta = {"name": "p", "namespace": "a", "uid": "u", "creationTimestamp": MADE}
    return msgspec.convert({"metadata": meta, "spec": {"initContainers": SIDECAR}, "status": status}, Pod)


@pytest.mark.parametrize(
    ("containers", "first", "ready", "expected"),
    [
        ({"c": AT_1, "d": AT_2}, {}, "", AT_2),
        ({"c": AT_1, "d": None}, {}, AT_3, AT_3),
        ({"c": AT_1, "d": None}, {}, "", MADE),
        ({"c": AT_2}, {"i": AT_3, "s": AT_1}, "", AT_2),
        ({"c": AT_1}, {"i": AT_1, "s": AT_2}, "", AT_2),
        ({"c": AT_1}, {"i": AT_1, "s": None}, "", MADE),
        ({}, {}, AT_3, AT_3),
    ],
)
def test_a_pod_has_finished_with_the_last_of_its_containers_and_sidecars(
    containers: dict[str, str | None], first: dict[str, str | None], ready: str, expected: str
) -> None:
    assert finish_time(pod(containers, first, ready)) == times.parse(expected)

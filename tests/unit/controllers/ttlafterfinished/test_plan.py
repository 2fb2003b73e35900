"""When a finished Job may go."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from kubelite.api.types.batch_v1 import Job
from kubelite.controllers.ttlafterfinished.plan import seconds_left
from kubelite.machinery import codec

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ENDED = "2026-01-01T11:59:00Z"


def job(ttl: int | None, *conditions: tuple[str, str], **metadata: Any) -> Job:
    listed = [{"type": type_, "status": status, "lastTransitionTime": ENDED} for type_, status in conditions]
    spec = {"ttlSecondsAfterFinished": ttl} if ttl is not None else {}
    made: Job = codec.from_generic({"metadata": metadata, "spec": spec, "status": {"conditions": listed}}, Job)
    return made


@pytest.mark.parametrize(
    ("one", "left"),
    [
        (job(100, ("Complete", "True")), 40.0),
        (job(0, ("SuccessCriteriaMet", "True"), ("Failed", "True")), -60.0),
        (job(None, ("Complete", "True")), None),
        (job(100), None),
        (job(100, ("Complete", "False"), ("Suspended", "True")), None),
        (job(0, ("Complete", "True"), deletionTimestamp=ENDED), None),
    ],
)
def test_seconds_left(one: Job, left: float | None):
    assert seconds_left(one, NOW) == left

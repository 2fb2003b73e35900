"""A few thousand generated requests in every run of the tests; `make fuzz` sends many more."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest

from tests.fuzz.client import Answer
from tests.fuzz.documents import Documents, Operation
from tests.fuzz.engine import permitted, run
from tests.fuzz.process import ServerProcess
from tests.fuzz.requests import make

REQUESTS = 1500
POD = Operation(
    "POST", "/api/v1/namespaces/{namespace}/pods", "post", "v1", "Pod", "io.k8s.api.core.v1.Pod", ("dryRun",), ()
)


@pytest.fixture
def server(tmp_path: pathlib.Path) -> Iterator[ServerProcess]:
    found = ServerProcess(tmp_path, "--watch-history=64")
    found.start()
    yield found
    found.stop()


async def test_no_generated_request_fails_hangs_or_changes_what_it_may_not(server: ServerProcess) -> None:
    report = await run(server.port, 7, range(REQUESTS), server.memory, None, server.written, server.busy)
    assert [finding.shown() for finding in report.findings] == []
    assert server.alive and report.requests == REQUESTS
    # The run reaches every outcome; a generator that only makes nonsense would prove nothing.
    assert {200, 201, 400, 404, 409, 422} <= set(report.statuses)


def test_a_number_and_a_seed_always_make_the_same_request() -> None:
    documents = Documents([POD], {})
    assert [make(documents, 1, n) for n in range(200)] == [make(documents, 1, n) for n in range(200)]
    assert [make(documents, 1, n) for n in range(50)] != [make(documents, 2, n) for n in range(50)]


def test_an_internal_error_is_a_finding_unless_the_objects_caused_it() -> None:
    assert not permitted(Answer(500, {}, b'{"message":"Internal error occurred: KeyError"}'))
    assert permitted(Answer(500, {}, b'{"message":"Internal error occurred: failed calling webhook \\"x\\""}'))
    assert permitted(Answer(503, {}, b""))

"""What the server warns of reaches stderr, however many warnings an answer has."""

from __future__ import annotations

from tests.integration.cli.conftest import Cli

ENV = [
    {"name": "A", "value": "1"},
    {"name": "A", "value": "2"},
    {"name": "B", "value": "1"},
    {"name": "B", "value": "2"},
]
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "twice"},
    "spec": {"containers": [{"name": "c", "image": "i", "env": ENV}]},
}


async def test_every_warning_of_an_answer_is_printed(cli: Cli) -> None:
    result = await cli("create -f -", POD)
    lines = result.err.splitlines()
    assert (result.code, len(lines)) == (0, 2), result.err
    assert all(line.startswith("Warning: spec.containers[0].env") for line in lines)


async def test_every_warning_counts_as_an_error_when_told_so(cli: Cli) -> None:
    result = await cli("create -f - --warnings-as-errors", POD)
    assert (result.code, result.err.splitlines()[-1]) == (1, "error: 2 warnings received")


async def test_a_refusal_is_printed_with_its_warnings(cli: Cli) -> None:
    absent = await cli("get cs nope")
    assert absent.err.splitlines() == [
        "Warning: v1 ComponentStatus is deprecated in v1.19+",
        'Error from server (NotFound): componentstatuses "nope" not found',
    ]
    refused = await cli("delete cs nope")
    text = "Error from server (MethodNotAllowed): the server does not allow this method on the requested resource"
    assert refused.err.splitlines() == [text]

"""Failures become kubectl's lines and exit codes."""

from __future__ import annotations

import pytest

from kubelite.cli.failures import CliError, Several, Silent, report
from kubelite.cli.session import warning_texts
from kubelite.client.errors import ConfigError, ConnectionFailed
from kubelite.machinery.errors import StatusError, not_found

CAUSES = [{"field": "spec.a", "message": "Required value"}, {"field": "spec.b", "message": "Invalid value"}]


@pytest.mark.parametrize(
    ("error", "lines", "code"),
    [
        (not_found("", "pods", "x"), ['Error from server (NotFound): pods "x" not found'], 1),
        (StatusError(500, "", "boom"), ["Error from server: boom"], 1),
        (
            StatusError(422, "Invalid", "m", {"kind": "Pod", "name": "x", "causes": CAUSES[:1]}),
            ['The Pod "x" is invalid: spec.a: Required value'],
            1,
        ),
        (
            StatusError(422, "Invalid", "m", {"kind": "Pod", "name": "x", "causes": CAUSES}),
            ['The Pod "x" is invalid: ', "* spec.a: Required value", "* spec.b: Invalid value"],
            1,
        ),
        (StatusError(422, "Invalid", "m"), ["The request is invalid: m"], 1),
        (CliError("bad"), ["error: bad"], 1),
        (ConfigError('context "x" does not exist'), ['error: context "x" does not exist'], 1),
        (Silent(7), [], 7),
        (
            ConnectionFailed("dial tcp", refused=True),
            ["The connection to the server h:1 was refused - did you specify the right host or port?"],
            1,
        ),
        (ConnectionFailed("x509: bad"), ["Unable to connect to the server: x509: bad"], 1),
        (Several([CliError("a"), CliError("b")]), ["error: a", "error: b"], 1),
    ],
)
def test_reports(error: Exception, lines: list[str], code: int) -> None:
    assert report(error, "h:1") == (lines, code)


@pytest.mark.parametrize(
    ("header", "texts"),
    [
        ('299 - "one"', ["one"]),
        ('299 - "a, \\"b\\" \\\\", 299 agent "two" "Sat, 01 Jan 2030 00:00:00 GMT"', ['a, "b" \\', "two"]),
        ("something else", ["something else"]),
        ("", []),
    ],
)
def test_warning_headers_hold_one_text_or_several(header: str, texts: list[str]) -> None:
    assert warning_texts(header) == texts

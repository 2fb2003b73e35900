"""How a command fails: the errors of the CLI itself, and the lines and exit code that any failure becomes.

What: `CliError` (a line after "error: "), `UsageError` (the same with a pointer to the help), `Silent` (an exit code only) and
`report`, which turns every failure into lines for stderr. Why: scripts match on kubectl's texts and codes.
Flow: verbs raise → `main` catches → `report`. Texts follow kubectl/pkg/cmd/util/helpers.go (checkErr).
"""

from __future__ import annotations

from collections.abc import Sequence

from kubelite.client.errors import ConfigError, ConnectionFailed
from kubelite.machinery.errors import StatusError


class CliError(Exception):
    """A failure of the command: printed as `error: <text>`, exit code `code`; `shown` goes to stdout before it."""

    def __init__(self, text: str, code: int = 1, *, shown: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.shown = shown


class PlainError(CliError):
    """A failure whose text is printed as it is."""


class UsageError(CliError):
    """A command line that makes no sense; `main` adds where to find help."""


class FlagError(CliError):
    """A flag that cannot be read; `main` adds kubectl's line about --help."""


class Silent(Exception):
    """Everything was said: leave with `code`."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


class Several(Exception):
    """Failures of several objects, each reported on its own."""

    def __init__(self, errors: Sequence[Exception]) -> None:
        super().__init__("; ".join(str(error) for error in errors))
        self.errors = list(errors)


def raise_all(errors: Sequence[Exception]) -> None:
    """Raise what was collected, if anything."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise Several(errors)


def not_supported(what: str) -> CliError:
    """The refusal of something that kubectl has and kubelite has not."""
    return CliError(f"{what} is not supported by kubelite")


def sourced(error: StatusError, verb: str, source: str) -> StatusError:
    """The same error, saying which file it was about."""
    if not source:
        return error
    return StatusError(error.code, error.reason, f'error when {verb} "{source}": {error.message}', error.details)


def report(error: Exception, server: str = "") -> tuple[list[str], int]:
    """(lines for stderr, exit code)."""
    if isinstance(error, Silent):
        return [], error.code
    if isinstance(error, Several):
        parts = [report(one, server) for one in error.errors]
        return [line for lines, _ in parts for line in lines], max(code for _, code in parts)
    if isinstance(error, PlainError):
        return [str(error)], error.code
    if isinstance(error, CliError):
        return [_prefixed(str(error))], error.code
    if isinstance(error, StatusError):
        return _status_lines(error), 1
    if isinstance(error, ConnectionFailed):
        if error.refused:
            return [f"The connection to the server {server} was refused - did you specify the right host or port?"], 1
        return [f"Unable to connect to the server: {error}"], 1
    if isinstance(error, ConfigError):
        return [_prefixed(str(error))], 1
    return [_prefixed(str(error))], 1


def _prefixed(text: str) -> str:
    return text if text.startswith("error: ") else f"error: {text}"


def _status_lines(error: StatusError) -> list[str]:
    if error.reason == "Invalid":
        return _invalid_lines(error)
    if error.code == 401 and error.reason == "Unauthorized":
        return ["error: You must be logged in to the server (" + (error.message or "Unauthorized") + ")"]
    if not error.reason:
        return [f"Error from server: {error.message}"]
    return [f"Error from server ({error.reason}): {error.message}"]


def _invalid_lines(error: StatusError) -> list[str]:
    details = error.details
    if not details:
        return [f"The request is invalid: {error.message}"]
    named = details.get("kind") or details.get("name")
    if not named and not details.get("causes"):
        return [f"The request is invalid: {error.message}"]
    head = (
        "The request is invalid"
        if not named
        else f'The {details.get("kind", "")} "{details.get("name", "")}" is invalid'
    )
    causes = [f"{cause.get('field', '')}: {cause.get('message', '')}" for cause in details.get("causes") or ()]
    causes = list(dict.fromkeys(causes))
    if not causes:
        return [head]
    if len(causes) == 1:
        return [f"{head}: {causes[0]}"]
    return [f"{head}: ", *(f"* {cause}" for cause in causes)]

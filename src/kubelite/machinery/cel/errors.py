"""What can go wrong with an expression: it does not compile, it fails, or it costs too much.

What: the exceptions of this package, and issues printed with the line they are on. Why: authors of rules read these
texts, so they are those of cel-go (common/error.go). Flow: the parser and the checker collect `Issue`s;
`CompileError` prints them.
"""

from __future__ import annotations

from dataclasses import dataclass

NO_OVERLOAD = "no such overload"
COST_EXCEEDED = "operation cancelled: actual cost limit exceeded"


@dataclass(frozen=True, slots=True)
class Issue:
    """One complaint about the text of an expression; `position` counts characters from its beginning."""

    position: int
    message: str

    def place(self, text: str) -> tuple[int, int]:
        """Line, from 1, and column, from 0."""
        before = text[: self.position]
        return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1)

    def render(self, text: str) -> str:
        """The issue with the line and a mark below its place."""
        line, column = self.place(text)
        lines = text.split("\n")
        found = f"ERROR: <input>:{line}:{column + 1}: {self.message}"
        if line > len(lines):
            return found
        shown = lines[line - 1].replace("\t", " ")
        dots = "".join("." if ord(char) < 128 else "．" for char in shown[:column])
        wide = column < len(shown) and ord(shown[column]) >= 128
        return f"{found}\n | {shown}\n | {dots}{'＾' if wide else '^'}"


class CelError(Exception):
    """Whatever this package raises."""


class CompileError(CelError):
    """The expression cannot be used; the text names every issue and its place."""

    def __init__(self, text: str, issues: list[Issue]) -> None:
        self.issues = sorted(issues, key=lambda issue: issue.position)
        super().__init__("\n".join(issue.render(text) for issue in self.issues))


class EvaluationError(CelError):
    """The evaluation failed; `&&` and `||` may absorb it."""


class CostExceeded(CelError):
    """The evaluation spent its budget; nothing absorbs this."""

    def __init__(self) -> None:
        super().__init__(COST_EXCEEDED)


def no_overload() -> EvaluationError:
    """The error of an operation on values it is not defined for."""
    return EvaluationError(NO_OVERLOAD)


def no_such_key(key: object) -> EvaluationError:
    """The error of a map or an object without the key."""
    return EvaluationError(f"no such key: {key}")

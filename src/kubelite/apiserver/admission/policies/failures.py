"""How the evaluation of a policy fails; in a module of its own, because evaluation is loaded only when it is needed."""

from __future__ import annotations


class Failure(Exception):
    """An expression without a value; `kind` is the type of error for metrics."""

    def __init__(self, text: str, kind: str) -> None:
        super().__init__(text)
        self.kind = kind


class CannotPatch(Failure):
    """The mutation does not fit the object; the text is upstream's."""

    def __init__(self, text: str) -> None:
        super().__init__(text, "invalid_error")

"""Regular expressions as RE2 has them.

What: compiled patterns, kept, and the error of one that is none. Why: RE2 runs in linear time, so that no rule can
hang the server; it refuses what would not (back references, look around). Flow: `compiled(text).search(value)`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from kubelite.machinery.cel.errors import EvaluationError


@lru_cache(maxsize=1024)
def _compile(text: str) -> tuple[Any, str]:
    import re2  # type: ignore[import-untyped]

    options = re2.Options()
    options.log_errors = False
    options.max_mem = 8 << 20
    options.never_capture = True
    try:
        return re2.compile(text, options), ""
    except re2.error as error:
        cause = error.args[0] if error.args else b""
        return None, cause.decode("utf-8", "replace") if isinstance(cause, bytes) else str(cause)


def error(text: str) -> str:
    """What is wrong with a pattern; empty if nothing is."""
    return _compile(text)[1]


def compiled(text: str) -> Any:
    """The pattern; raises EvaluationError."""
    pattern, problem = _compile(text)
    if pattern is None:
        raise EvaluationError(f"error parsing regexp: {problem}")
    return pattern


def matches(text: str, pattern: str) -> bool:
    """Whether the pattern is found in the text; as bytes, for then the binding need not count characters."""
    return compiled(pattern).search(text.encode()) is not None

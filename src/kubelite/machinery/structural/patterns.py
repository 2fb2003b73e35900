"""Patterns of schemas are Go's regular expressions, so RE2 runs them: in linear time, whatever a user wrote.

What: `searcher(pattern)` gives a function that says whether a text has a match; `complaint(pattern)` says why a pattern is
none. Why: a pattern that hangs would hang the server. Flow: `keywords` compiles, `openapi` refuses.
"""

from __future__ import annotations

from collections.abc import Callable


def searcher(pattern: str) -> Callable[[str], bool]:
    """Whether a text has a match; compiled when first asked. A pattern that is none matches nothing: its schema was refused."""
    search: list[Callable[[str], object]] = []

    def matches(text: str) -> bool:
        if not search:
            from kubelite.machinery.cel import patterns

            good = not patterns.error(pattern)
            search.append(patterns.compiled(pattern).search if good else lambda _: None)
        return search[0](text) is not None

    return matches


def complaint(pattern: str) -> str:
    """Why a pattern is none; "" for a good one."""
    from kubelite.machinery.cel import patterns

    problem = patterns.error(pattern)
    return f"error parsing regexp: {problem}" if problem else ""

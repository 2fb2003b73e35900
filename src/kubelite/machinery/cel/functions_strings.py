"""The strings extension: charAt, indexOf, join, split, replace, format and others.

What: functions on strings by code points. Why: Kubernetes' environments have ext.Strings of cel-go. Flow: a library;
`format` is in `kubelite.machinery.cel.formatting`. Errors are cel-go's (ext/strings.go).
"""

from __future__ import annotations

from typing import Any

from kubelite.machinery.cel import patterns
from kubelite.machinery.cel.declarations import Library
from kubelite.machinery.cel.errors import EvaluationError
from kubelite.machinery.cel.formatting import format_text, quote
from kubelite.machinery.cel.functions_standard import MAX_CONCATENATION

_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_UPPER = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}


def _out_of_range(index: int) -> EvaluationError:
    return EvaluationError(f"index out of range: {index}")


def _char_at(text: str, index: int) -> str:
    if not 0 <= index <= len(text):
        raise _out_of_range(index)
    return text[index : index + 1]


def _index_of(text: str, part: str, start: int = 0) -> int:
    if start < 0:
        raise _out_of_range(start)
    if not part:
        return start
    return text.find(part, start)


def _last_index_of(text: str, part: str, last: int | None = None) -> int:
    if last is None:
        return text.rfind(part)
    if last < 0:
        raise _out_of_range(last)
    if not part:
        return last
    return text.rfind(part, 0, last + len(part))


def _substring(text: str, start: int, end: int | None = None) -> str:
    if end is None:
        if not 0 <= start <= len(text):
            raise _out_of_range(start)
        return text[start:]
    if start > end:
        raise EvaluationError(f"invalid substring range. start: {start}, end: {end}")
    if not 0 <= start <= len(text):
        raise _out_of_range(start)
    if not 0 <= end <= len(text):
        raise _out_of_range(end)
    return text[start:end]


def _replace(text: str, old: str, new: str, count: int = -1) -> str:
    times = text.count(old)
    if count >= 0:
        times = min(times, count)
    if len(text) + times * (len(new) - len(old)) > MAX_CONCATENATION:
        raise EvaluationError("string is too long")
    return text.replace(old, new, count if count >= 0 else -1)


def _split(text: str, separator: str, count: int = -1) -> list[str]:
    if count == 0:
        return []
    if not separator:
        if 0 < count < len(text):
            return [*text[: count - 1], text[count - 1 :]]
        return list(text)
    return text.split(separator, count - 1 if count > 0 else -1)


def _join(items: list[Any], separator: str = "") -> str:
    total = 0
    for item in items:
        if not isinstance(item, str):
            raise EvaluationError("no such overload")
        total += len(item) + len(separator)
    if total > MAX_CONCATENATION:
        raise EvaluationError("string is too long")
    return separator.join(items)


def library() -> Library:
    """The strings extension."""
    return Library("strings").add_all(
        [
            ("charAt: string.(int) -> string", _char_at),
            ("indexOf: string.(string) -> int", _index_of, "list"),
            ("indexOf: string.(string, int) -> int", _index_of, "list"),
            ("lastIndexOf: string.(string) -> int", _last_index_of, "list"),
            ("lastIndexOf: string.(string, int) -> int", _last_index_of, "list"),
            ("join: list(string).() -> string", _join, "result"),
            ("join: list(string).(string) -> string", _join, "result"),
            ("lowerAscii: string.() -> string", lambda text: text.translate(_LOWER), "traverse"),
            ("upperAscii: string.() -> string", lambda text: text.translate(_UPPER), "traverse"),
            ("replace: string.(string, string) -> string", _replace, "traverse2"),
            ("replace: string.(string, string, int) -> string", _replace, "traverse2"),
            ("reverse: string.() -> string", lambda text: text[::-1], "traverse"),
            ("split: string.(string) -> list(string)", _split, "traverse2"),
            ("split: string.(string, int) -> list(string)", _split, "traverse2"),
            ("substring: string.(int) -> string", _substring, "traverse"),
            ("substring: string.(int, int) -> string", _substring, "traverse"),
            ("trim: string.() -> string", str.strip, "traverse"),
            ("strings.quote: (string) -> string", quote, "traverse"),
            ("format: string.(list(dyn)) -> string", format_text, "traverse"),
        ]
    )


def regex() -> Library:
    """Kubernetes' find and findAll (apiserver/pkg/cel/library/regex.go)."""

    def find(text: str, pattern: str) -> str:
        found = patterns.compiled(pattern).search(text)
        return str(found.group(0)) if found is not None else ""

    def find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
        result: list[str] = []
        for found in patterns.compiled(pattern).finditer(text):
            if 0 <= limit <= len(result):
                break
            result.append(found.group(0))
        return result

    return Library("regex").add_all(
        [
            ("find: string.(string) -> string", find, "pattern"),
            ("findAll: string.(string) -> list(string)", find_all, "pattern"),
            ("findAll: string.(string, int) -> list(string)", find_all, "pattern"),
        ]
    )

"""The syntax of kubectl's JSONPath templates.

What: text → nodes. Grammar: text outside braces is copied; inside stand a path, a quoted string, `range PATH` or `end`.
A path has `.name`, `['name']`, `[*]`, `.*`, `..`, `[0]`, `[1:4:2]`, `[0,2]`, `['a','b']` and `[?(@.x=="y")]`; `$` is the root
and `@` the present object. A backslash in a name takes the next character as it is; `['a.b']` is `.a.b`, as in kubectl.
Rules follow client-go/util/jsonpath/parser.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


class JSONPathError(ValueError):
    """A template that cannot be parsed, or does not fit the object."""


@dataclass(slots=True)
class Text:
    text: str


@dataclass(slots=True)
class Field:
    name: str


@dataclass(slots=True)
class Wildcard:
    pass


@dataclass(slots=True)
class Recursive:
    pass


@dataclass(slots=True)
class Slice:
    """`[2]` is single; `[a:b:c]` is not."""

    start: int | None = None
    end: int | None = None
    step: int | None = None
    single: bool = False


@dataclass(slots=True)
class Literal:
    value: Any


@dataclass(slots=True)
class Path:
    """Steps from the present object, or from the root; or a literal."""

    steps: list[Step] = field(default_factory=list)
    from_root: bool = False
    literal: Literal | None = None


@dataclass(slots=True)
class Union:
    paths: list[Path]


@dataclass(slots=True)
class Filter:
    """`operator` "" asks only whether the left side finds anything."""

    left: Path
    operator: str = ""
    right: Path | None = None


@dataclass(slots=True)
class Range:
    path: Path
    body: list[Node]


Step = Field | Wildcard | Recursive | Slice | Union | Filter
Node = Text | Path | Range

_MAX_DEPTH = 64
_SLICE = re.compile(r"(-?\d*)(?::(-?\d*))?(?::(-?\d*))?\Z", re.ASCII)
_INTEGER = re.compile(r"-?\d{1,18}\Z", re.ASCII)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\Z", re.ASCII)
_FILTER = re.compile(r"(?P<operator>==|!=|<=|>=|<|>)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'", "b": "\b", "f": "\f", "a": "\a", "v": "\v"}


def parse(template: str) -> list[Node]:
    """The nodes of a template. Raises JSONPathError."""
    stack: list[list[Node]] = [[]]
    position = 0
    while position < len(template):
        start = template.find("{", position)
        if start < 0:
            stack[-1].append(Text(template[position:]))
            break
        if start > position:
            stack[-1].append(Text(template[position:start]))
        end = _closing(template, start)
        _action(template[start + 1 : end].strip(), stack)
        position = end + 1
    if len(stack) != 1:
        raise JSONPathError("unexpected end of template: range without end")
    return stack[0]


def _closing(template: str, start: int) -> int:
    quote = ""
    index = start + 1
    while index < len(template):
        char = template[index]
        if char == "\\":
            index += 1
        elif quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char == "}":
            return index
        index += 1
    raise JSONPathError("unclosed action")


def _action(text: str, stack: list[list[Node]]) -> None:
    if text == "end":
        if len(stack) == 1:
            raise JSONPathError("not in range, nothing to end")
        stack.pop()
    elif text == "range" or text.startswith("range "):
        if len(stack) > _MAX_DEPTH:
            raise JSONPathError("ranges are nested too deeply")
        found = Range(path(text[len("range") :].strip()), [])
        stack[-1].append(found)
        stack.append(found.body)
    elif text:
        stack[-1].append(path(text))


def path(text: str, depth: int = 0) -> Path:
    """A path or literal, as it stands inside braces or a filter."""
    if depth > _MAX_DEPTH:
        raise JSONPathError("expression is nested too deeply")
    if text[:1] in ('"', "'"):
        return Path(literal=Literal(_unquote(text)))
    if _NUMBER.match(text):
        return Path(literal=Literal(int(text) if _INTEGER.match(text) else float(text)))
    if text in ("true", "false"):
        return Path(literal=Literal(text == "true"))
    found = Path()
    index = 0
    if text[:1] == "$":
        found.from_root, index = True, 1
    elif text[:1] == "@":
        index = 1
    while index < len(text):
        index = _step(text, index, found, depth)
    return found


def _step(text: str, index: int, found: Path, depth: int) -> int:
    char = text[index]
    if char == "[":
        end = _bracket(text, index)
        _subscript(text[index + 1 : end].strip(), found, depth)
        return end + 1
    if char == ".":
        index += 1
        if text[index : index + 1] == ".":
            found.steps.append(Recursive())
            index += 1
        if index >= len(text) or text[index] == "[":
            return index
    elif index and not (index == 1 and text[0] in "$@"):
        raise JSONPathError(f"unrecognized character in action: {char!r}")
    if text[index] == "*":
        found.steps.append(Wildcard())
        return index + 1
    name, index = _name(text, index)
    found.steps.append(Field(name))
    return index


def _name(text: str, index: int) -> tuple[str, int]:
    out: list[str] = []
    while index < len(text) and text[index] not in ".[ \t\r\n*":
        if text[index] == "\\":
            index += 1
            if index >= len(text):
                raise JSONPathError("unterminated escape")
        elif text[index] in "()=!<>|&?@\"'{},]":
            raise JSONPathError(f"unrecognized character in action: {text[index]!r}")
        out.append(text[index])
        index += 1
    if not out:
        raise JSONPathError(f"unrecognized character in action: {text[index : index + 1]!r}")
    return "".join(out), index


def _bracket(text: str, start: int) -> int:
    depth, quote, index = 0, "", start
    while index < len(text):
        char = text[index]
        if quote:
            if char == "\\":
                index += 1
            elif char == quote:
                quote = ""
        elif char in "\"'":
            quote = char
        elif char == "[":
            depth += 1
        elif char == "]":
            depth -= 1
            if not depth:
                return index
        index += 1
    raise JSONPathError("unterminated array")


def _subscript(text: str, found: Path, depth: int) -> None:
    if text.startswith("?"):
        found.steps.append(_filter(text[1:].strip(), depth))
        return
    parts = [part.strip() for part in _split(text)]
    if len(parts) > 1:
        found.steps.append(Union([Path(steps=_member(part, depth)) for part in parts]))
        return
    found.steps += _member(text, depth)


def _member(text: str, depth: int) -> list[Step]:
    if text == "*":
        return [Wildcard()]
    if text[:1] in ('"', "'"):
        if len(text) < 3 or text[-1] != text[0]:
            raise JSONPathError(f"invalid array index {text}")
        return path(f".{text[1:-1]}", depth + 1).steps
    matched = _SLICE.match(text)
    if matched is None or not text:
        raise JSONPathError(f"invalid array index {text}")
    numbers: list[int | None] = []
    for part in matched.groups():
        if part and not _INTEGER.match(part):
            raise JSONPathError(f"invalid array index {text}")
        numbers.append(int(part) if part else None)
    return [Slice(numbers[0], numbers[1], numbers[2], single=":" not in text)]


def _split(text: str) -> list[str]:
    """At commas outside quotes."""
    parts, quote, start = [], "", 0
    for index, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char == ",":
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]


def _filter(text: str, depth: int) -> Filter:
    if not (text.startswith("(") and text.endswith(")")):
        raise JSONPathError("unterminated filter")
    inner = text[1:-1].strip()
    for index in _outside(inner):
        found = _FILTER.match(inner, index)
        if found:
            left, right = inner[:index].strip(), inner[found.end() :].strip()
            if not left or not right:
                raise JSONPathError("invalid filter")
            return Filter(path(left, depth + 1), found["operator"], path(right, depth + 1))
        if inner.startswith(("&&", "||"), index):
            raise JSONPathError("filters with && or || are not supported")
    return Filter(path(inner, depth + 1))


def _outside(text: str) -> Iterator[int]:
    """The positions outside quotes and brackets."""
    quote, index, nested = "", 0, 0
    while index < len(text):
        char = text[index]
        if quote:
            index += char == "\\"
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char in "[(":
            nested += 1
        elif char in "])":
            nested -= 1
        elif not nested:
            yield index
        index += 1


def _unquote(text: str) -> str:
    if len(text) < 2 or text[-1] != text[0]:
        raise JSONPathError("unterminated quoted string")
    out: list[str] = []
    index, inner = 0, text[1:-1]
    while index < len(inner):
        char = inner[index]
        if char == text[0]:
            raise JSONPathError(f"invalid quoted string: {text}")
        if char == "\\":
            index += 1
            if index >= len(inner):
                raise JSONPathError("unterminated escape")
            char = _ESCAPES.get(inner[index], inner[index])
        out.append(char)
        index += 1
    return "".join(out)

"""Template text → tokens.

What: `tokens(text)` yields `Token`s: texts outside of braces, then the words inside them. Why: white space and quotes are dealt
with here, so that the parser sees words only. Flow: one pass with one regular expression. Rules: text/template/parse/lex.go.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from typing import NamedTuple

from kubelite.machinery.gotemplate.errors import TemplateError

_WORDS = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    |(?P<string>"(?:[^"\\\n]|\\.)*")
    |(?P<raw>`[^`]*`)
    |(?P<char>'(?:[^'\\\n]|\\.)+')
    |(?P<number>[+-]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)(?![\w]))
    |(?P<variable>\$\w*)
    |(?P<field>\.[^\W\d]\w*)
    |(?P<word>[^\W\d]\w*)
    |(?P<sign>:=|[|,()=.])""",
    re.VERBOSE,
)


class Token(NamedTuple):
    """`kind`: text, open, close, space, or the name of a group of `_WORDS`; `at` is its place in the template."""

    kind: str
    text: str
    at: int


def tokens(text: str) -> Iterator[Token]:
    """Raises TemplateError with Go's texts."""
    place = 0
    while True:
        start = text.find("{{", place)
        if start < 0:
            if place < len(text):
                yield Token("text", text[place:], place)
            return
        trims = text.startswith("{{-", start) and text[start + 3 : start + 4].isspace()
        before = text[place:start].rstrip() if trims else text[place:start]
        if before:
            yield Token("text", before, place)
        inside = start + 2 + (2 if trims else 0)
        if text[inside:].lstrip(" \t\r\n").startswith("/*"):
            place = _after_comment(text, inside)
            continue
        yield Token("open", "{{", start)
        place = yield from _action(text, inside, start)


def _after_comment(text: str, inside: int) -> int:
    end = text.find("*/", inside)
    if end < 0:
        raise TemplateError(f"template: output:{line_of(text, inside)}: unclosed comment")
    rest = end + 2
    if text.startswith("}}", rest):
        return rest + 2
    closing = re.compile(r"\s+-}}\s*").match(text, rest)
    if closing is None:
        raise TemplateError(f"template: output:{line_of(text, inside)}: comment ends before closing delimiter")
    return closing.end()


def _action(text: str, place: int, start: int) -> Generator[Token, None, int]:
    """The words up to the closing braces; returns where the text goes on."""
    line = line_of(text, start)
    while True:
        if text.startswith("}}", place):
            yield Token("close", "}}", place)
            return place + 2
        closing = re.compile(r"[ \t\r\n]+-}}").match(text, place)
        if closing is not None:
            yield Token("close", "}}", place)
            rest = text[closing.end() :]
            return len(text) - len(rest.lstrip(" \t\r\n"))
        if place >= len(text) or text.startswith("{{", place):
            raise TemplateError(f"template: output:{line}: unclosed action")
        word = _WORDS.match(text, place)
        if word is None:
            raise TemplateError(f"template: output:{line}: {_complaint(text, place)}")
        yield Token(str(word.lastgroup), word.group(), place)
        place = word.end()


def _complaint(text: str, place: int) -> str:
    letter = text[place]
    if letter == '"':
        return "unterminated quoted string"
    if letter == "`":
        return "unterminated raw quoted string"
    if letter == "'":
        return "unterminated character constant"
    if letter.isdigit() or letter in "+-.":
        number = re.split(r"[^0-9A-Za-z_.+-]", text[place:], maxsplit=1)[0]
        return f'bad number syntax: "{number}"'
    return f"bad character U+{ord(letter):04X} '{letter}'"


def line_of(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1

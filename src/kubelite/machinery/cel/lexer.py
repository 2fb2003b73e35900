"""Text of an expression to tokens.

What: numbers, strings (raw, bytes, triple quotes, escapes), names and operators with their places. Why: the parser
then looks at kinds only. Flow: text in, a list of `Token` that ends with EOF out; what is no token is an issue as
ANTLR words it.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from kubelite.machinery.cel.errors import CompileError, Issue

INT_MIN, INT_MAX, UINT_MAX = -(2**63), 2**63 - 1, 2**64 - 1
RESERVED = frozenset(
    (
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
    )
) | {"return", "var", "void", "while"}
"""Names that no variable may have."""


class Token(NamedTuple):
    """A token: kind is "op", "ident", "int", "uint", "float", "string", "bytes" or "eof"."""

    kind: str
    text: str
    position: int
    value: Any = None


_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n\f]+|//[^\n]*)
  | (?P<float>(?:[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?))
  | (?P<uint>(?:0x[0-9a-fA-F]+|[0-9]+)[uU])
  | (?P<int>0x[0-9a-fA-F]+|[0-9]+)
  | (?P<string>(?P<prefix>[bB]?[rR]?)(?P<quote>\"\"\"|'''|"|'))
  | (?P<ident>[_a-zA-Z][_a-zA-Z0-9]*)
  | (?P<op>==|!=|<=|>=|&&|\|\||[-+*/%<>!?:.,()\[\]{}])
    """,
    re.VERBOSE | re.ASCII,
)
_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|X([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|(.))", re.DOTALL
)
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"} | {c: c for c in "\\?\"'`"}


class _Unclosed(Exception):
    """A string without its end, or with an escape that is none."""


def _unescape(body: str) -> list[tuple[str, bool]]:
    """Parts of the body: (text, whether it is a single octet in a bytes literal)."""
    parts: list[tuple[str, bool]] = []
    last = 0
    for found in _ESCAPE.finditer(body):
        parts.append((body[last : found.start()], False))
        last = found.end()
        octet = found[1] or found[2]
        if octet:
            parts.append((chr(int(octet, 16)), True))
        elif found[5]:
            parts.append((chr(int(found[5], 8)), True))
        elif found[6]:
            if found[6] not in _SIMPLE:
                raise _Unclosed
            parts.append((_SIMPLE[found[6]], False))
        else:
            code = int(found[3] or found[4], 16)
            if code > 0x10FFFF or 0xD800 <= code < 0xE000:
                raise _Unclosed
            parts.append((chr(code), False))
    parts.append((body[last:], False))
    return parts


def _body(text: str, start: int, quote: str, raw: bool) -> int:
    """The index of the closing quote."""
    index = start
    while index < len(text):
        if text.startswith(quote, index):
            return index
        char = text[index]
        if char == "\\" and not raw:
            index += 2
            continue
        if char in "\r\n" and len(quote) == 1:
            break
        index += 1
    raise _Unclosed


def _string(text: str, found: re.Match[str]) -> tuple[Token, int]:
    prefix, quote = found["prefix"].lower(), found["quote"]
    end = _body(text, found.end(), quote, "r" in prefix)
    body = text[found.end() : end].replace("\r\n", "\n") if len(quote) == 3 else text[found.end() : end]
    after = end + len(quote)
    parts = [(body, False)] if "r" in prefix else _unescape(body)
    whole = text[found.start() : after]
    if "b" in prefix:
        octets = b"".join(part.encode("latin-1" if octet else "utf-8") for part, octet in parts)
        return Token("bytes", whole, found.start(), octets), after
    return Token("string", whole, found.start(), "".join(part for part, _ in parts)), after


def tokenize(text: str) -> list[Token]:
    """The tokens of the text; the last one is of kind "eof"."""
    tokens: list[Token] = []
    issues: list[Issue] = []
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            issues.append(Issue(position, f"Syntax error: token recognition error at: '{text[position]}'"))
            position += 1
            continue
        kind = found.lastgroup if found["string"] is None else "string"
        if kind == "string":
            try:
                token, position = _string(text, found)
            except _Unclosed:
                rest = text[position:].split("\n")[0]
                issues.append(Issue(position, f"Syntax error: token recognition error at: '{rest}'"))
                break
            tokens.append(token)
            continue
        if kind != "space":
            tokens.append(Token(str(kind), found[0], position))
        position = found.end()
    tokens.append(Token("eof", "<EOF>", len(text)))
    if issues:
        raise CompileError(text, issues)
    return tokens

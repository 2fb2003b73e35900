"""Tokens → nodes.

What: `parse(text)` gives the named templates of a text; the main one is "output". Why: a mistake is told before anything
is printed. Flow: recursive descent over `lexer.tokens`. Rules and texts: text/template/parse/parse.go.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

from kubelite.machinery.gotemplate.errors import TemplateError
from kubelite.machinery.gotemplate.functions import FUNCTIONS
from kubelite.machinery.gotemplate.goformat import Int
from kubelite.machinery.gotemplate.lexer import Token, line_of, tokens
from kubelite.machinery.gotemplate.nodes import (
    Action,
    Branch,
    Fields,
    Function,
    Jump,
    Literal,
    Pipeline,
    Template,
    Text,
)

MAIN = "output"
"""kubectl's name of the template."""
Body = tuple[Any, ...]
_END = Token("end", "EOF", 0)


def parse(text: str) -> dict[str, Body]:
    """Name → nodes. Raises TemplateError."""
    parser = _Parser(text)
    body, word = parser.body(())
    if word:
        raise parser.error(f"unexpected {{{{{word}}}}}")
    return parser.templates | {MAIN: body}


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.templates: dict[str, Body] = {}
        self._tokens = list(tokens(text))
        self._place = 0
        self._variables = ["$"]
        self._ranges = 0

    # -- tokens

    def peek(self) -> Token:
        return self._tokens[self._place] if self._place < len(self._tokens) else _END

    def next(self) -> Token:
        token = self.peek()
        self._place += 1
        return token

    def skip_space(self) -> Token:
        while self.peek().kind == "space":
            self._place += 1
        return self.peek()

    def error(self, message: str) -> TemplateError:
        token = self._tokens[min(max(self._place - 1, 0), len(self._tokens) - 1)] if self._tokens else _END
        return TemplateError(f"template: {MAIN}:{line_of(self.text, token.at)}: {message}")

    def unexpected(self, token: Token, where: str) -> TemplateError:
        plain = token.kind == "word" or token.text == "."
        shown = "EOF" if token.kind == "end" else f"<{token.text}>" if plain else f'"{token.text}"'
        return self.error(f"unexpected {shown} in {where}")

    def close(self, where: str) -> None:
        token = self.skip_space()
        if token.kind != "close":
            raise self.unexpected(token, where)
        self.next()

    # -- nodes

    def body(self, ends: tuple[str, ...]) -> tuple[Body, str]:
        """Nodes up to one of the words in `ends` or `else`/`end`; (nodes, the word), the word's action half read."""
        nodes: list[Any] = []
        while True:
            token = self.next()
            if token.kind == "end":
                if ends:
                    raise self.error("unexpected EOF")
                return tuple(nodes), ""
            if token.kind == "text":
                nodes.append(Text(token.text))
                continue
            word = self.skip_space()
            if word.kind == "word" and word.text in ("end", "else"):
                self.next()
                return tuple(nodes), word.text
            node = self.action(word)
            if node is not None:
                nodes.append(node)

    def action(self, word: Token) -> Any:
        if word.kind == "word" and word.text in ("if", "with", "range"):
            self.next()
            return self.branch(word.text)
        if word.kind == "word" and word.text in ("break", "continue"):
            self.next()
            if not self._ranges:
                raise self.error(f"{{{{{word.text}}}}} outside {{{{range}}}}")
            self.close(f"{{{{{word.text}}}}}")
            return Jump(word.text)
        if word.kind == "word" and word.text in ("define", "block", "template"):
            self.next()
            return self.named(word.text)
        pipe = self.pipeline("command")
        self.close("command")
        return Action(pipe)

    def branch(self, word: str) -> Branch:
        depth = len(self._variables)
        pipe = self.pipeline(word)
        self.close(word)
        self._ranges += word == "range"
        body, stopped = self.body(("end", "else"))
        self._ranges -= word == "range"
        otherwise: Body = ()
        if stopped == "else":
            following = self.skip_space()
            if following.kind == "word" and following.text == word and word in ("if", "with"):
                self.next()
                otherwise = (self.branch(word),)
                del self._variables[depth:]
                return Branch(word, pipe, body, otherwise)
            self.close("else")
            otherwise, stopped = self.body(("end",))
            if stopped != "end":
                raise self.error(f"expected end; found {{{{{stopped}}}}}")
        self.close("end")
        del self._variables[depth:]
        return Branch(word, pipe, body, otherwise)

    def named(self, word: str) -> Template | None:
        """`define`, `block` or `template`."""
        name_token = self.skip_space()
        if name_token.kind not in ("string", "raw"):
            raise self.unexpected(name_token, f"{word} clause")
        self.next()
        name = unquote(name_token)
        at = self.where(name_token)
        if word == "template":
            pipe = None if self.skip_space().kind == "close" else self.pipeline("template clause")
            self.close("template clause")
            return Template(name, pipe, at)
        given = None if word == "define" else self.pipeline("block clause")
        self.close(f"{word} clause")
        variables, self._variables = self._variables, ["$"]
        body, stopped = self.body(("end",))
        if stopped != "end":
            raise self.error(f"unexpected {{{{{stopped}}}}} in {word} clause")
        self.close("end")
        self._variables = variables
        self.templates[name] = body
        return None if given is None else Template(name, given, at)

    # -- pipelines

    def where(self, token: Token) -> str:
        return f"{line_of(self.text, token.at)}:{token.at - (self.text.rfind(chr(10), 0, token.at) + 1)}"

    def source(self, start: Token) -> str:
        end = self.peek().at if self._place < len(self._tokens) else len(self.text)
        return self.text[start.at : end].rstrip()

    def pipeline(self, where: str) -> Pipeline:
        start = self.skip_space()
        names, assigns = self.declarations(where)
        commands: list[tuple[Any, ...]] = []
        while True:
            commands.append(self.command(where))
            token = self.skip_space()
            if token.kind != "sign" or token.text != "|":
                break
            self.next()
            if self.skip_space().kind == "close":
                break
        for later in commands[1:]:
            if isinstance(later[0], Literal):
                raise self.error(f"non executable command in pipeline stage {commands.index(later) + 1}")
        if not assigns:
            self._variables += names
        return Pipeline(tuple(commands), names, assigns, self.source(start), self.where(start))

    def declarations(self, where: str) -> tuple[tuple[str, ...], bool]:
        """`$x :=`, `$i, $e :=` or `$x =` at the start of a pipeline."""
        begin = self._place
        names: list[str] = []
        while self.skip_space().kind == "variable":
            names.append(self.next().text)
            sign = self.skip_space()
            if sign.kind == "sign" and sign.text in (":=", "="):
                self.next()
                if len(names) > (2 if where == "range" else 1):
                    raise self.error(f"too many declarations in {where}")
                return tuple(names), sign.text == "="
            if not (sign.kind == "sign" and sign.text == "," and where == "range"):
                break
            self.next()
        self._place = begin
        return (), False

    def command(self, where: str) -> tuple[Any, ...]:
        start = self.skip_space()
        operands: list[Any] = []
        while True:
            token = self.skip_space()
            if token.kind in ("close", "end") or (token.kind == "sign" and token.text in ("|", ")")):
                break
            operands.append(self.operand(where))
            following = self.peek()
            if following.kind not in ("space", "close", "end") and following.text not in ("|", ")"):
                raise self.unexpected(self.next(), "operand")
        if not operands:
            raise self.error(f"missing value for {where}")
        if isinstance(operands[0], Function):
            operands[0] = replace(operands[0], source=self.source(start))
        return tuple(operands)

    def operand(self, where: str) -> Any:
        token = self.next()
        base: Any = ""
        if token.kind in ("string", "raw", "char", "number") or token.text in ("true", "false", "nil"):
            return Literal(self.constant(token), token.text, self.where(token))
        if token.kind == "word":
            if token.text not in FUNCTIONS:
                raise self.error(f'function "{token.text}" not defined')
            return Function(token.text, token.text, self.where(token))
        names: list[str] = []
        if token.kind == "field":
            names.append(token.text[1:])
        elif token.kind == "variable":
            if token.text not in self._variables:
                raise self.error(f'undefined variable "{token.text}"')
            base = token.text
        elif token.kind == "sign" and token.text == "(":
            base = self.pipeline("parenthesized pipeline")
            if self.skip_space().text != ")":
                raise self.error(f"unclosed left paren: unexpected {self.peek().text!r} in {where}")
            self.next()
        elif not (token.kind == "sign" and token.text == "."):
            raise self.unexpected(token, where)
        chained = self.peek() if self.peek().kind == "field" else token
        while self.peek().kind == "field":
            names.append(self.next().text[1:])
        return Fields(base, tuple(names), self.source(token), self.where(chained))

    def constant(self, token: Token) -> Any:
        if token.kind in ("string", "raw"):
            return unquote(token)
        if token.kind == "char":
            return Int(ord(ast.literal_eval(token.text)))
        if token.kind == "number":
            try:
                return Int(token.text, 0)
            except ValueError:
                return float(token.text)
        return {"true": True, "false": False, "nil": None}[token.text]


def unquote(token: Token) -> str:
    """The text of a Go string literal."""
    if token.kind == "raw":
        return token.text[1:-1]
    return str(ast.literal_eval(token.text))

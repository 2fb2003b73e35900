"""Tokens to a tree.

What: the grammar of CEL (cel.expr syntax, as in cel-go's CEL.g4) by precedence climbing, with optional syntax and
macros. Why: a parser of our own words its errors as cel-go does and needs no generator. Flow: `parse(text, macros)`
in, `ast.Node` out; macros are recognised by `kubelite.machinery.cel.macros`.
"""

from __future__ import annotations

from collections.abc import Callable

from kubelite.machinery.cel import ast, macros, types
from kubelite.machinery.cel.errors import CompileError, Issue
from kubelite.machinery.cel.lexer import INT_MAX, INT_MIN, RESERVED, UINT_MAX, Token, tokenize
from kubelite.machinery.cel.values import Uint

MAX_CODE_POINTS = 100_000
MAX_DEPTH = 100
"""Nesting beyond this is refused; cel-go allows 250, but each level takes several frames here."""

_OPERAND = (
    "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"
)
_LEVELS = ({"<", "<=", ">=", ">", "==", "!=", "in"}, {"+", "-"}, {"*", "/", "%"})
_CONSTANTS = {"true": (True, types.BOOL), "false": (False, types.BOOL), "null": (None, types.NULL)}


class _Parser:
    def __init__(self, text: str, extra_macros: frozenset[str]) -> None:
        self.text = text
        self.tokens = tokenize(text)
        self.index = 0
        self.depth = 0
        self.macros = extra_macros
        self.issues: list[Issue] = []

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    def fail(self, position: int, message: str) -> CompileError:
        return CompileError(self.text, [*self.issues, Issue(position, message)])

    def unexpected(self, expected: str) -> CompileError:
        token = self.token
        return self.fail(token.position, f"Syntax error: mismatched input '{token.text}' expecting {expected}")

    def at(self, text: str) -> bool:
        token = self.tokens[self.index]
        return token.text == text and token.kind in ("op", "ident")

    def accept(self, text: str) -> Token | None:
        if not self.at(text):
            return None
        self.index += 1
        return self.tokens[self.index - 1]

    def expect(self, text: str) -> Token:
        found = self.accept(text)
        if found is None:
            if self.token.kind == "eof":
                raise self.fail(self.token.position, f"Syntax error: missing '{text}' at '<EOF>'")
            raise self.unexpected(f"'{text}'")
        return found

    def whole(self) -> ast.Node:
        node = self.expression()
        if self.token.kind != "eof":
            last = self.tokens[self.index + 1].kind == "eof"
            word = "extraneous" if last else "mismatched"
            raise self.fail(self.token.position, f"Syntax error: {word} input '{self.token.text}' expecting <EOF>")
        if self.issues:
            raise CompileError(self.text, self.issues)
        return node

    def expression(self) -> ast.Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fail(self.token.position, f"expression recursion limit exceeded: {MAX_DEPTH}")
        node = self.logic(True)
        question = self.accept("?")
        if question is not None:
            yes = self.logic(True)
            self.expect(":")
            no = self.expression()
            node = ast.Conditional(position=question.position, condition=node, yes=yes, no=no)
        self.depth -= 1
        return node

    def logic(self, disjunction: bool) -> ast.Node:
        operator = "||" if disjunction else "&&"
        terms, places = [self.logic(False) if disjunction else self.binary(0)], []
        while (found := self.accept(operator)) is not None:
            places.append(found.position)
            terms.append(self.logic(False) if disjunction else self.binary(0))
        if not places:
            return terms[0]
        return ast.Logic(position=places[0], disjunction=disjunction, terms=terms, places=places)

    def binary(self, level: int) -> ast.Node:
        if level == len(_LEVELS):
            return self.unary()
        left = self.binary(level + 1)
        while self.token.text in _LEVELS[level] and self.token.kind in ("op", "ident"):
            operator = self.token
            self.index += 1
            right = self.binary(level + 1)
            name = "@in" if operator.text == "in" else f"_{operator.text}_"
            left = ast.Call(position=operator.position, function=name, args=[left, right])
        return left

    def unary(self) -> ast.Node:
        first = self.token
        if first.kind != "op" or first.text not in "!-":
            return self.member(self.primary())
        count = 0
        while self.at(first.text):
            if first.text == "-" and self.tokens[self.index + 1].kind in ("int", "float") and count % 2 == 0:
                sign = self.token
                self.index += 1
                return self.member(self.number(sign.position, "-"))
            count += 1
            self.index += 1
        operand = self.unary() if self.at("-") or self.at("!") else self.member(self.primary())
        if count % 2 == 0:
            return operand
        return ast.Call(position=first.position, function=f"{first.text}_", args=[operand])

    def number(self, position: int, sign: str = "") -> ast.Node:
        token = self.token
        self.index += 1
        if token.kind == "float":
            return ast.Literal(position=position, value=float(sign + token.text), type=types.DOUBLE)
        digits = token.text.rstrip("uU")
        # No literal of so many digits is in range, and Python refuses to read the longest.
        value = int(digits[:64], 16 if digits.startswith("0x") else 10)
        if token.kind == "uint":
            if value > UINT_MAX:
                raise self.fail(token.position, "Syntax error: invalid uint literal")
            return ast.Literal(position=position, value=Uint(value), type=types.UINT)
        value = -value if sign else value
        if not INT_MIN <= value <= INT_MAX:
            raise self.fail(position, "Syntax error: invalid int literal")
        return ast.Literal(position=position, value=value, type=types.INT)

    def member(self, node: ast.Node) -> ast.Node:
        while True:
            dot = self.accept(".")
            if dot is not None:
                node = self.selection(node, dot)
                continue
            bracket = self.accept("[")
            if bracket is None:
                return node
            optional = self.accept("?") is not None
            index = self.expression()
            self.expect("]")
            name = "_[?_]" if optional else "_[_]"
            node = ast.Call(position=bracket.position, function=name, args=[node, index])

    def selection(self, node: ast.Node, dot: Token) -> ast.Node:
        optional = self.accept("?") is not None
        name = self.token
        if name.kind != "ident" or name.text in (*_CONSTANTS, "in"):
            expected = "IDENTIFIER" if optional else "{'?', IDENTIFIER}"
            if name.kind == "eof":
                raise self.fail(name.position, f"Syntax error: no viable alternative at input '{dot.text}'")
            raise self.unexpected(expected)
        self.index += 1
        opening = None if optional else self.accept("(")
        if opening is None:
            return ast.Select(position=dot.position, operand=node, field=name.text, optional=optional)
        args = self.arguments(")")
        macro = macros.member(self.complain, opening.position, node, name.text, args, self.macros)
        if macro is not None:
            return macro
        return ast.Call(position=opening.position, function=name.text, target=node, args=args)

    def complain(self, position: int, message: str) -> ast.Node:
        """Notes an issue; the parsing goes on with a node in place of the wrong one."""
        self.issues.append(Issue(position, message))
        return ast.Literal(position=position, value=None, type=types.ERROR)

    def arguments(self, closing: str) -> list[ast.Node]:
        args: list[ast.Node] = []
        if self.accept(closing):
            return args
        args.append(self.expression())
        while self.accept(","):
            args.append(self.expression())
        self.expect(closing)
        return args

    def primary(self) -> ast.Node:
        token = self.token
        if token.kind in ("string", "bytes"):
            self.index += 1
            kind = types.STRING if token.kind == "string" else types.BYTES
            return ast.Literal(position=token.position, value=token.value, type=kind)
        if token.kind in ("int", "uint", "float"):
            return self.number(token.position)
        if token.kind == "ident" and token.text in _CONSTANTS:
            self.index += 1
            value, kind = _CONSTANTS[token.text]
            return ast.Literal(position=token.position, value=value, type=kind)
        if (token.kind == "ident" and token.text != "in") or self.at("."):
            return self.identifier()
        openings: dict[str, Callable[[Token], ast.Node]] = {"(": self.nested, "[": self.list, "{": self.map}
        if token.kind == "op" and token.text in openings:
            self.index += 1
            return openings[token.text](token)
        raise self.unexpected(_OPERAND)

    def nested(self, _: Token) -> ast.Node:
        node = self.expression()
        self.expect(")")
        return node

    def identifier(self) -> ast.Node:
        leading = self.accept(".")
        token = self.token
        if token.kind != "ident" or token.text in (*_CONSTANTS, "in"):
            raise self.unexpected("IDENTIFIER")
        self.index += 1
        if token.text in RESERVED:
            return self.complain(token.position, f"reserved identifier: {token.text}")
        name = "." + token.text if leading else token.text
        opening = self.accept("(")
        if opening is None:
            return self.message(ast.Ident(position=token.position, name=name))
        args = self.arguments(")")
        macro = macros.call(self.complain, opening.position, name, args)
        return macro or ast.Call(position=opening.position, function=name, args=args)

    def message(self, first: ast.Ident) -> ast.Node:
        """`Name{...}` or `a.b.Name{...}`, if that is what follows."""
        names, index = [first.name], self.index
        while self.tokens[index].text == "." and self.tokens[index + 1].kind == "ident":
            names.append(self.tokens[index + 1].text)
            index += 2
        if self.tokens[index].text != "{" or self.tokens[index].kind != "op":
            return first
        opening = self.tokens[index]
        self.index = index + 1
        entries = []
        while not self.at("}"):
            optional = self.accept("?") is not None
            field = self.token
            if field.kind != "ident":
                raise self.unexpected("{'}', ',', '?', IDENTIFIER}")
            self.index += 1
            colon = self.expect(":")
            value = self.expression()
            entries.append(ast.Entry(position=colon.position, key=field.text, value=value, optional=optional))
            if not self.accept(","):
                break
        self.expect("}")
        return ast.Struct(position=opening.position, name=".".join(names), entries=entries)

    def list(self, opening: Token) -> ast.Node:
        items: list[ast.Node] = []
        optional = set()
        while not self.at("]"):
            if self.accept("?"):
                optional.add(len(items))
            items.append(self.expression())
            if not self.accept(","):
                break
        self.expect("]")
        return ast.ListNode(position=opening.position, items=items, optional=frozenset(optional))

    def map(self, opening: Token) -> ast.Node:
        entries = []
        while not self.at("}"):
            optional = self.accept("?") is not None
            key = self.expression()
            colon = self.expect(":")
            value = self.expression()
            entries.append(ast.Entry(position=colon.position, key=key, value=value, optional=optional))
            if not self.accept(","):
                break
        self.expect("}")
        return ast.MapNode(position=opening.position, entries=entries)


def parse(text: str, extra_macros: frozenset[str] = frozenset()) -> ast.Node:
    """The tree of the text; raises CompileError. `extra_macros` names what only some environments have ("bindings",
    ...)."""
    if len(text) > MAX_CODE_POINTS:
        message = f"expression code point size exceeds limit: size: {len(text)}, limit {MAX_CODE_POINTS}"
        raise CompileError("", [Issue(0, message)])
    try:
        return _Parser(text, extra_macros).whole()
    except RecursionError:
        raise CompileError(text, [Issue(0, f"expression recursion limit exceeded: {MAX_DEPTH}")]) from None

"""Label selectors: `app=web,tier in (a,b),!canary`, and the LabelSelector objects of the API.

What: parse both forms into one `Selector` that matches label maps. Why: everything that finds pods finds them by labels.
Flow: text or LabelSelector → `Selector` → `matches(labels)`. Grammar, ordering and texts follow apimachinery/pkg/labels and
metav1.LabelSelectorAsSelector.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from kubelite.machinery import names

EXISTS, ABSENT = "exists", "!"
IN, NOT_IN = "in", "notin"
EQUALS, DOUBLE_EQUALS, NOT_EQUALS = "=", "==", "!="
GREATER, LESS = "gt", "lt"
_SHOWN = {EXISTS: "exists", ABSENT: "!", IN: "in", NOT_IN: "notin", GREATER: "gt", LESS: "lt"}


class Requirement:
    """One term of a selector: a key, an operator of this module and the values it takes."""

    __slots__ = ("_bound", "key", "operator", "values")

    def __init__(self, key: str, operator: str, values: Iterable[str] = (), checked: bool = True) -> None:
        self.key = key
        self.operator = operator
        self.values = frozenset(values)
        self._bound = 0
        if checked:
            self._check()

    def _check(self) -> None:
        # The checks are upstream's NewRequirement.
        problems: list[str] = []
        for complaint in names.qualified_name(self.key):
            problems.append(f'key: Invalid value: "{self.key}": {complaint}')
        shown = f"[{', '.join(_quoted(v) for v in sorted(self.values))}]"
        count = len(self.values)
        if self.operator in (IN, NOT_IN) and not count:
            problems.append("values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty")
        elif self.operator in (EQUALS, DOUBLE_EQUALS, NOT_EQUALS) and count != 1:
            problems.append(f"values: Invalid value: {shown}: exact-match compatibility requires one single value")
        elif self.operator in (EXISTS, ABSENT) and count:
            problems.append(f"values: Invalid value: {shown}: values set must be empty for exists and does not exist")
        elif self.operator in (GREATER, LESS):
            problems += self._check_number(shown)
        for position, value in enumerate(sorted(self.values)):
            for complaint in names.label_value(value):
                problems.append(f"values[{position}][{self.key}]: Invalid value: {_quoted(value)}: {complaint}")
        if problems:
            raise ValueError(problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]")

    def _check_number(self, shown: str) -> list[str]:
        if len(self.values) != 1:
            return [f"values: Invalid value: {shown}: for 'Gt', 'Lt' operators, exactly one value is required"]
        (value,) = self.values
        number = _integer(value)
        if number is None:
            return [
                f"values[0]: Invalid value: {_quoted(value)}: for 'Gt', 'Lt' operators, the value must be an integer"
            ]
        self._bound = number
        return []

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        operator = self.operator
        if operator in (IN, EQUALS, DOUBLE_EQUALS):
            return value is not None and value in self.values
        if operator in (NOT_IN, NOT_EQUALS):
            return value is None or value not in self.values
        if operator == EXISTS:
            return value is not None
        if operator == ABSENT:
            return value is None
        number = None if value is None else _integer(value)
        if number is None:
            return False
        return number > self._bound if operator == GREATER else number < self._bound

    def __str__(self) -> str:
        if self.operator == ABSENT:
            return f"!{self.key}"
        if self.operator == EXISTS:
            return self.key
        if self.operator in (EQUALS, DOUBLE_EQUALS, NOT_EQUALS):
            return f"{self.key}{self.operator}{next(iter(self.values))}"
        if self.operator in (GREATER, LESS):
            return f"{self.key}{'>' if self.operator == GREATER else '<'}{next(iter(self.values))}"
        return f"{self.key} {self.operator} ({','.join(sorted(self.values))})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Requirement) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __repr__(self) -> str:
        return f"Requirement({str(self)!r})"


def _quoted(text: str) -> str:
    import json

    return json.dumps(text, ensure_ascii=False)


def _integer(text: str) -> int | None:
    """A decimal int64, as strconv.ParseInt takes it."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 19:
        return None
    number = int(text)
    return number if -(2**63) <= number < 2**63 else None


class Selector:
    """A conjunction of requirements; `nothing` marks the selector of an absent LabelSelector, which matches no object."""

    __slots__ = ("nothing", "requirements")

    def __init__(self, requirements: Iterable[Requirement] = (), nothing: bool = False) -> None:
        self.requirements = tuple(sorted(requirements, key=lambda r: r.key))
        self.nothing = nothing

    @property
    def empty(self) -> bool:
        """True if it restricts nothing."""
        return not self.requirements and not self.nothing

    def matches(self, labels: Mapping[str, str]) -> bool:
        if self.nothing:
            return False
        return all(requirement.matches(labels) for requirement in self.requirements)

    def exact(self, key: str) -> str | None:
        """The one value that `key` must have, if a requirement says so."""
        for requirement in self.requirements:
            single = requirement.operator in (EQUALS, DOUBLE_EQUALS, IN) and len(requirement.values) == 1
            if requirement.key == key and single:
                return next(iter(requirement.values))
        return None

    def __str__(self) -> str:
        return ",".join(str(requirement) for requirement in self.requirements)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Selector) and self.nothing == other.nothing and self.requirements == other.requirements

    def __hash__(self) -> int:
        return hash((self.nothing, self.requirements))

    def __repr__(self) -> str:
        return "Selector(nothing=True)" if self.nothing else f"Selector({str(self)!r})"


EVERYTHING = Selector()
NOTHING = Selector(nothing=True)

_OPERATORS = {"In": IN, "NotIn": NOT_IN, "Exists": EXISTS, "DoesNotExist": ABSENT}


def from_set(labels: Mapping[str, str]) -> Selector:
    """The selector that wants exactly these labels (ReplicationController, Service); an empty map selects everything.

    The labels are taken as they are: they come from objects that were validated, and a bad one merely matches nothing.
    """
    return Selector(Requirement(key, EQUALS, (value,), checked=False) for key, value in labels.items())


def from_label_selector(selector: Any) -> Selector:
    """The Selector of a LabelSelector (typed). None matches nothing, an empty one everything. Raises ValueError."""
    if selector is None:
        return NOTHING
    pairs = tuple(selector.matchLabels.items())
    if not selector.matchExpressions:
        return _from_pairs(pairs)
    found = [Requirement(key, EQUALS, (value,)) for key, value in pairs]
    for expression in selector.matchExpressions:
        operator = _OPERATORS.get(expression.operator)
        if operator is None:
            raise ValueError(f'"{expression.operator}" is not a valid label selector operator')
        found.append(Requirement(expression.key, operator, expression.values))
    return Selector(found)


@lru_cache(maxsize=1024)  # controllers ask for the selectors of their objects at each event
def _from_pairs(pairs: tuple[tuple[str, str], ...]) -> Selector:
    return Selector(Requirement(key, EQUALS, (value,)) for key, value in pairs)


@lru_cache(maxsize=1024)
def parse(text: str) -> Selector:
    """The selector that `text` says; "" selects everything. Raises ValueError with upstream's text."""
    return Selector(_Parser(text).requirements())


_SPECIAL = "=!(),><"
_WORDS = {"in": IN, "notin": NOT_IN}


def _tokens(text: str) -> list[tuple[str, str]]:
    """(kind, literal) pairs; kind is the literal itself for symbols and words, "identifier" otherwise, "" at the end."""
    tokens: list[tuple[str, str]] = []
    index = 0
    while index < len(text):
        char = text[index]
        if char in " \t\r\n":
            index += 1
        elif char in _SPECIAL:
            symbol = char
            if char in "=!" and text[index + 1 : index + 2] == "=":
                symbol = char + "="
            tokens.append((symbol, symbol))
            index += len(symbol)
        else:
            end = index
            while end < len(text) and text[end] not in _SPECIAL and text[end] not in " \t\r\n":
                end += 1
            word = text[index:end]
            tokens.append((word if word in _WORDS else "identifier", word))
            index = end
    tokens.append(("", ""))
    return tokens


class _Parser:
    """Recursive descent over the tokens; a word such as `in` is an identifier where a value is expected."""

    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.position = 0

    def peek(self, values: bool = False) -> tuple[str, str]:
        kind, literal = self.tokens[self.position]
        return ("identifier", literal) if values and kind in _WORDS else (kind, literal)

    def take(self, values: bool = False) -> tuple[str, str]:
        token = self.peek(values)
        self.position = min(self.position + 1, len(self.tokens) - 1)
        return token

    def requirements(self) -> list[Requirement]:
        found: list[Requirement] = []
        while True:
            kind, literal = self.peek(values=True)
            if kind == "" and not found:
                return found
            if kind not in ("identifier", "!"):
                raise ValueError(
                    f"unable to parse requirement: found '{literal}', expected: !, identifier, or 'end of string'"
                )
            found.append(self.requirement())
            kind, literal = self.take()
            if kind == "":
                return found
            if kind != ",":
                raise ValueError(f"unable to parse requirement: found '{literal}', expected: ',' or 'end of string'")
            kind, literal = self.peek(values=True)
            if kind not in ("identifier", "!"):
                raise ValueError(f"found '{literal}', expected: identifier after ','")

    def requirement(self) -> Requirement:
        operator = ""
        if self.peek()[0] == "!":
            self.take()
            operator = ABSENT
        kind, key = self.take(values=True)
        if kind != "identifier":
            raise ValueError(f"unable to parse requirement: found '{key}', expected: identifier")
        problems = names.qualified_name(key)
        if problems:
            raise ValueError(f"unable to parse requirement: key: Invalid value: {_quoted(key)}: {'; '.join(problems)}")
        if operator:
            return Requirement(key, operator)
        if self.peek()[0] in ("", ","):
            return Requirement(key, EXISTS)
        try:
            return self.comparison(key)
        except ValueError as error:
            raise ValueError(f"unable to parse requirement: {error}") from None

    def comparison(self, key: str) -> Requirement:
        kind, literal = self.take()
        if kind in (IN, NOT_IN):
            return Requirement(key, kind, self.value_list())
        operator = {"=": EQUALS, "==": DOUBLE_EQUALS, "!=": NOT_EQUALS, ">": GREATER, "<": LESS}.get(kind)
        if operator is None:
            raise ValueError(f"found '{literal}', expected: in, notin, =, ==, !=, gt, lt")
        kind, literal = self.peek(values=True)
        if kind in ("", ","):
            return Requirement(key, operator, ("",))
        if kind != "identifier":
            raise ValueError(f"found '{literal}', expected: identifier")
        self.take()
        return Requirement(key, operator, (literal,))

    def value_list(self) -> list[str]:
        kind, literal = self.take()
        if kind != "(":
            raise ValueError(f"found '{literal}' expected: '('")
        values: list[str] = []
        pending = True
        while True:
            kind, literal = self.take(values=True)
            if kind == "identifier" and pending:
                values.append(literal)
                pending = False
            elif kind == ",":
                if pending:
                    values.append("")
                pending = True
            elif kind == ")":
                if pending:
                    values.append("")
                return values
            else:
                raise ValueError(f"found '{literal}', expected: ',', ')' or identifier")

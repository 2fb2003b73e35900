"""Field selectors: `metadata.name=web,status.phase!=Running`.

What: parse a selector and match it against the selectable fields of an object. Why: watches and lists are narrowed by it
(a kubelet watches only `spec.nodeName=itself`). Flow: query parameter → `parse` → `matches(fields)`.
Grammar and texts follow apimachinery/pkg/fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Requirement(NamedTuple):
    """One term: `op` is "=" or "!="."""

    field: str
    op: str
    value: str


class FieldSelector:
    """A conjunction of terms over named fields."""

    __slots__ = ("requirements",)

    def __init__(self, requirements: list[Requirement]) -> None:
        self.requirements = requirements

    @property
    def empty(self) -> bool:
        return not self.requirements

    def matches(self, fields: Mapping[str, str]) -> bool:
        """True if every term holds; an absent field reads as ""."""
        return all((fields.get(field, "") == value) == (op == "=") for field, op, value in self.requirements)

    def exact(self, field: str) -> str | None:
        """The value that `field` must have, if a term says so."""
        for requirement in self.requirements:
            if requirement.field == field and requirement.op == "=":
                return requirement.value
        return None

    def __str__(self) -> str:
        return ",".join(f"{field}{op}{_escape(value)}" for field, op, value in self.requirements)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FieldSelector) and self.requirements == other.requirements

    def __hash__(self) -> int:
        return hash(tuple(self.requirements))


EVERYTHING = FieldSelector([])


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")


def _unescape(text: str) -> str:
    out: list[str] = []
    escaped = False
    for char in text:
        if escaped:
            if char not in "\\,=":
                raise ValueError(f"invalid field selector: invalid escape sequence: \\{char}")
            out.append(char)
            escaped = False
        elif char == "\\":
            escaped = True
        elif char in ",=":
            raise ValueError(f"invalid field selector: unescaped character in value: {char}")
        else:
            out.append(char)
    if escaped:
        raise ValueError("invalid field selector: invalid escape sequence: \\")
    return "".join(out)


def _terms(text: str) -> list[str]:
    terms: list[str] = []
    start, escaped = 0, False
    for index, char in enumerate(text):
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == ",":
            terms.append(text[start:index])
            start = index + 1
    terms.append(text[start:])
    return terms


def _split(term: str) -> Requirement | None:
    for index in range(len(term)):
        for op, meaning in (("!=", "!="), ("==", "="), ("=", "=")):
            if term.startswith(op, index):
                return Requirement(term[:index], meaning, _unescape(term[index + len(op) :]))
    return None


def parse(text: str) -> FieldSelector:
    """The selector that `text` says; "" selects everything. Raises ValueError with upstream's text."""
    requirements: list[Requirement] = []
    for term in _terms(text):
        if not term:
            continue
        requirement = _split(term)
        if requirement is None:
            raise ValueError(f"invalid selector: '{text}'; can't understand '{term}'")
        requirements.append(requirement)
    return FieldSelector(requirements)

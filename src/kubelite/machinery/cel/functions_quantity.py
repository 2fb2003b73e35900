"""Quantities and semantic versions.

What: quantity(), isQuantity() and their methods; semver(), isSemver() and theirs. Why: rules compare amounts and
versions. Flow: two libraries. Texts and rules follow apiserver/pkg/cel/library/quantity.go and semver.go.
"""

from __future__ import annotations

import re
from typing import Any

from kubelite.machinery import quantity
from kubelite.machinery.cel.declarations import Library, opaque_name
from kubelite.machinery.cel.errors import EvaluationError
from kubelite.machinery.cel.lexer import INT_MAX, INT_MIN
from kubelite.machinery.cel.values import Opaque

_NANO = 10**9


class Quantity(Opaque):
    """An amount."""

    __slots__ = ("nano", "text")
    type_name = opaque_name("Quantity")

    def __init__(self, text: str) -> None:
        self.text = text
        self.nano = quantity.nano(text)

    def identity(self) -> Any:
        return self.nano

    def __str__(self) -> str:
        return quantity.canonical(self.text)

    def __repr__(self) -> str:
        return f"quantity({self.text})"


def _quantity(text: str) -> Quantity:
    try:
        return Quantity(text)
    except ValueError as error:
        raise EvaluationError(str(error)) from None


def _is_quantity(text: str) -> bool:
    try:
        quantity.nano(text)
    except ValueError:
        return False
    return True


def _is_integer(amount: Quantity) -> bool:
    return amount.nano % _NANO == 0 and INT_MIN <= amount.nano // _NANO <= INT_MAX


def _as_integer(amount: Quantity) -> int:
    if not _is_integer(amount):
        raise EvaluationError("cannot convert value to integer")
    return amount.nano // _NANO


def _text(other: Quantity | int) -> str:
    return other.text if isinstance(other, Quantity) else str(int(other))


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


def library() -> Library:
    """The quantity library."""
    return Library("quantity", types=(Quantity.type_name,)).add_all(
        [
            ("quantity: (string) -> Quantity", _quantity, "traverse"),
            ("isQuantity: (string) -> bool", _is_quantity, "traverse"),
            ("sign: Quantity.() -> int", lambda a: _sign(a.nano)),
            ("isInteger: Quantity.() -> bool", _is_integer),
            ("asInteger: Quantity.() -> int", _as_integer),
            ("asApproximateFloat: Quantity.() -> double", lambda a: a.nano / _NANO),
            ("isGreaterThan: Quantity.(Quantity) -> bool", lambda a, b: a.nano > b.nano),
            ("isLessThan: Quantity.(Quantity) -> bool", lambda a, b: a.nano < b.nano),
            ("compareTo: Quantity.(Quantity) -> int", lambda a, b: _sign(a.nano - b.nano)),
            ("add: Quantity.(Quantity) -> Quantity", lambda a, b: Quantity(quantity.add(a.text, _text(b)))),
            ("add: Quantity.(int) -> Quantity", lambda a, b: Quantity(quantity.add(a.text, _text(b)))),
            ("sub: Quantity.(Quantity) -> Quantity", lambda a, b: Quantity(quantity.sub(a.text, _text(b)))),
            ("sub: Quantity.(int) -> Quantity", lambda a, b: Quantity(quantity.sub(a.text, _text(b)))),
        ]
    )


_NUMBER = r"(0|[1-9][0-9]*)"
_SEMVER = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-([0-9A-Za-z.-]+))?(?:\+([0-9A-Za-z.-]+))?", re.ASCII)
_PLAIN = re.compile(r"v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?([-+].*)?", re.ASCII | re.DOTALL)


class Semver(Opaque):
    """A version; build metadata does not matter for its order."""

    __slots__ = ("build", "numbers", "pre")
    type_name = opaque_name("Semver")

    def __init__(self, text: str) -> None:
        found = _SEMVER.fullmatch(text)
        if found is None or len(text) > 256:
            raise ValueError(f"Invalid character(s) found in version {text[:64]!r}".replace("'", '"'))
        self.numbers = (int(found[1]), int(found[2]), int(found[3]))
        self.pre = tuple(found[4].split(".")) if found[4] else ()
        self.build = found[5] or ""
        for part in (*self.pre, *(self.build.split(".") if self.build else ())):
            if not part:
                raise ValueError("Prerelease is empty" if "" in self.pre else "Build meta data is empty")
        for part in self.pre:
            if part.isdigit() and len(part) > 1 and part[0] == "0":
                raise ValueError(f'Numeric PreRelease version must not contain leading zeroes "{part}"')

    def key(self) -> Any:
        """What orders versions."""
        pre = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in self.pre)
        return (self.numbers, 0 if pre else 1, pre)

    def identity(self) -> Any:
        return self.key()


def _normalized(text: str) -> str:
    found = _PLAIN.fullmatch(text)
    if found is None:
        return text
    major, minor, patch = (str(int((part or "0")[:40])) for part in found.group(1, 2, 3))
    return f"{major}.{minor}.{patch}{found[4] or ''}"


def _semver(text: str, normalize: bool = False) -> Semver:
    try:
        return Semver(_normalized(text) if normalize else text)
    except ValueError as error:
        raise EvaluationError(str(error)) from None


def _is_semver(text: str, normalize: bool = False) -> bool:
    try:
        Semver(_normalized(text) if normalize else text)
    except ValueError:
        return False
    return True


def semver() -> Library:
    """The semver library."""
    return Library("semver", types=(Semver.type_name,)).add_all(
        [
            ("semver: (string) -> Semver", _semver, "traverse"),
            ("semver: (string, bool) -> Semver", _semver, "traverse"),
            ("isSemver: (string) -> bool", _is_semver, "traverse"),
            ("isSemver: (string, bool) -> bool", _is_semver, "traverse"),
            ("major: Semver.() -> int", lambda a: a.numbers[0]),
            ("minor: Semver.() -> int", lambda a: a.numbers[1]),
            ("patch: Semver.() -> int", lambda a: a.numbers[2]),
            ("isGreaterThan: Semver.(Semver) -> bool", lambda a, b: a.key() > b.key()),
            ("isLessThan: Semver.(Semver) -> bool", lambda a, b: a.key() < b.key()),
            ("compareTo: Semver.(Semver) -> int", lambda a, b: (a.key() > b.key()) - (a.key() < b.key())),
        ]
    )

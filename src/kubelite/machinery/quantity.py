"""Quantities: exact amounts such as `500m`, `1.5Gi` or `2e3`.

What: parse, compare, add, round and print amounts exactly. Why: resource sums decide where pods run and what quota is left;
floating point would be wrong. Flow: wire text (or number) in; ints, fractions or canonical text out.
Rules and texts follow apimachinery/pkg/api/resource: decimal suffixes n u m "" k M G T P E, binary Ki to Ei, exponents,
amounts beyond nano rounded away from zero, amounts beyond 2^63-1 capped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from fractions import Fraction

FORMAT_TEXT = r"^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"
BAD_FORMAT = f"quantities must match the regular expression '{FORMAT_TEXT}'"
BAD_NUMERIC = "unable to parse numeric part of quantity"
BAD_SUFFIX = "unable to parse quantity's suffix"

_SHAPE = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?([A-Za-z]*(?:[-+]?[0-9]+)?)\Z", re.ASCII)
_FORMAT = re.compile(r"([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)\Z", re.ASCII)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_NAME = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY_NAME = {exponent // 10: suffix for suffix, exponent in _BINARY.items()} | {0: ""}
_NANO = 10**9
_MAX = (2**63 - 1) * _NANO
_MAX_EXPONENT = 40
"""Exponents beyond this are capped before computing: 10^18 is the largest amount, 10^-9 the smallest."""


class _Parsed(NamedTuple):
    """An amount in units of 10^-9 and the family of suffixes it was written in: "SI", "Bi" or "e"."""

    nano: int
    family: str


def _ceil_div(number: int, divisor: int) -> int:
    """Division that rounds away from zero, as upstream rounds quantities."""
    return -(-number // divisor) if number >= 0 else number // divisor


def _suffix(text: str) -> tuple[int, int, str]:
    """A suffix as (power of ten, power of two, family)."""
    if text in _DECIMAL:
        return _DECIMAL[text], 0, "SI"
    if text in _BINARY:
        return 0, _BINARY[text], "Bi"
    if text[0] in "eE" and re.fullmatch(r"[-+]?[0-9]{1,18}", text[1:]):
        return max(-_MAX_EXPONENT, min(_MAX_EXPONENT, int(text[1:]))), 0, "e"
    raise ValueError(BAD_SUFFIX)


@lru_cache(maxsize=4096)
def _parse_text(text: str) -> _Parsed:
    if not text:
        raise ValueError(BAD_FORMAT)
    if len(text) > 512:
        raise ValueError(BAD_FORMAT)
    found = _SHAPE.match(text)
    if found is None or not (found[2] or found[3]):
        raise ValueError(BAD_NUMERIC if _FORMAT.match(text) else BAD_FORMAT)
    sign, whole, fraction, suffix = found[1], found[2], found[3] or "", found[4]
    ten, two, family = _suffix(suffix)
    digits = int((whole + fraction) or "0") << two
    power = ten - len(fraction) + 9
    nano = digits * 10**power if power >= 0 else _ceil_div(digits, 10**-power)
    nano = min(nano, _MAX)
    return _Parsed(-nano if sign == "-" else nano, family)


def _parsed(quantity: str | int | float) -> _Parsed:
    if isinstance(quantity, str):
        return _parse_text(quantity.strip())
    if isinstance(quantity, bool):
        raise ValueError(BAD_FORMAT)
    return _parse_text(repr(quantity))


def parse(quantity: str | int | float) -> Fraction | int:
    """The exact amount in base units (cores, bytes): an int where it is whole. Raises ValueError with upstream's text."""
    nano = _parsed(quantity).nano
    if nano % _NANO == 0:
        return nano // _NANO
    from fractions import Fraction

    return Fraction(nano, _NANO)


def nano(quantity: str | int | float) -> int:
    """The exact amount in units of 10^-9."""
    return _parsed(quantity).nano


def milli(quantity: str | int | float) -> int:
    """Thousandths, rounded up: `milli("0.5") == 500`. Raises ValueError on bad text."""
    return _ceil_div(_parsed(quantity).nano, 10**6)


def value(quantity: str | int | float) -> int:
    """Whole units, rounded up: `value("1Ki") == 1024`. Raises ValueError on bad text."""
    return _ceil_div(_parsed(quantity).nano, _NANO)


def cmp(left: str | int | float, right: str | int | float) -> int:
    """-1, 0 or 1."""
    a, b = _parsed(left).nano, _parsed(right).nano
    return (a > b) - (a < b)


def add(left: str | int | float, right: str | int | float) -> str:
    """The canonical sum, in the left one's family of suffixes (the right one's if the left is zero)."""
    a, b = _parsed(left), _parsed(right)
    return _text(max(-_MAX, min(_MAX, a.nano + b.nano)), b.family if a.nano == 0 else a.family)


def sub(left: str | int | float, right: str | int | float) -> str:
    """The canonical difference, in the left one's family of suffixes (the right one's if the left is zero)."""
    a, b = _parsed(left), _parsed(right)
    return _text(max(-_MAX, min(_MAX, a.nano - b.nano)), b.family if a.nano == 0 else a.family)


def canonical(quantity: str | int | float) -> str:
    """The one text of this amount within its family: `canonical("1024Mi") == "1Gi"`, `canonical("0.5") == "500m"`."""
    parsed = _parsed(quantity)
    return _text(parsed.nano, parsed.family)


def rounded_to_milli(quantity: str | int | float) -> str:
    """Canonical text after rounding up to a thousandth (core/v1 SetDefaults_ResourceList)."""
    parsed = _parsed(quantity)
    return _text(_ceil_div(parsed.nano, 10**6) * 10**6, parsed.family)


def set_resource_list_defaults(resources: dict[str, str | int | float]) -> None:
    """Rounds every amount of a resource list up to a thousandth and writes it canonically, in place; bad texts stay."""
    for name, quantity in resources.items():
        try:
            resources[name] = rounded_to_milli(quantity)
        except ValueError:
            continue


def from_milli(number: int, family: str = "SI") -> str:
    """The canonical text of so many thousandths."""
    return _text(number * 10**6, family)


def from_value(number: int, family: str = "SI") -> str:
    """The canonical text of so many whole units; family "Bi" prints binary suffixes."""
    return _text(number * _NANO, family)


def total(amounts: Mapping[str, str | int | float]) -> dict[str, int]:
    """A resource list with its amounts in thousandths."""
    return {name: milli(quantity) for name, quantity in amounts.items()}


def weighted(counts: Mapping[str | int | float, int]) -> str:
    """The canonical sum of amounts of which each comes so many times, in the family of the first that is not zero."""
    nano, family = 0, "SI"
    for quantity, times in counts.items():
        parsed = _parsed(quantity)
        if nano == 0:
            family = parsed.family
        nano += parsed.nano * times
    return _text(max(-_MAX, min(_MAX, nano)), family)


def _text(nano: int, family: str) -> str:
    if nano == 0:
        return "0"
    if family == "Bi" and nano % _NANO == 0 and abs(nano) >= 1024 * _NANO:
        number, power = nano // _NANO, 0
        while number % 1024 == 0 and power < 6:
            number //= 1024
            power += 1
        return f"{number}{_BINARY_NAME[power]}"
    exponent = -9
    while nano % 1000 == 0 and exponent < 18:
        nano //= 1000
        exponent += 3
    if family == "e":
        return f"{nano}e{exponent}" if exponent else str(nano)
    return f"{nano}{_DECIMAL_NAME[exponent]}"


class Quantity:
    """An amount with value semantics, for code that compares and adds: `Quantity("1Gi") < Quantity("2Gi")`."""

    __slots__ = ("_nano", "family")

    def __init__(self, quantity: str | int | float = 0) -> None:
        self._nano, self.family = _parsed(quantity)

    @property
    def milli(self) -> int:
        return _ceil_div(self._nano, 10**6)

    @property
    def value(self) -> int:
        return _ceil_div(self._nano, _NANO)

    def __add__(self, other: Quantity) -> Quantity:
        return Quantity(add(str(self), str(other)))

    def __sub__(self, other: Quantity) -> Quantity:
        return Quantity(sub(str(self), str(other)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quantity) and self._nano == other._nano

    def __lt__(self, other: Quantity) -> bool:
        return self._nano < other._nano

    def __le__(self, other: Quantity) -> bool:
        return self._nano <= other._nano

    def __hash__(self) -> int:
        return hash(self._nano)

    def __str__(self) -> str:
        return _text(self._nano, self.family)

    def __repr__(self) -> str:
        return f"Quantity({str(self)!r})"

"""The formats of strings that a schema may demand.

What: `checker(format)` gives the test of a format, None for an unknown one, which is ignored. Why: a date that
is none should be refused where the schema says so. Flow: `keywords` asks once per schema. The names are those of
apiextensions-apiserver/pkg/apiserver/validation/formats.go; a "-" in a name does not count.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from datetime import date
from urllib.parse import urlsplit

from kubelite.machinery import names, times

Check = Callable[[str], bool]


def _matching(pattern: str, flags: int = re.ASCII) -> Check:
    match = re.compile(pattern, flags).fullmatch
    return lambda text: match(text) is not None


def _parses(parse: Callable[[str], object]) -> Check:
    def check(text: str) -> bool:
        try:
            parse(text)
        except (ValueError, binascii.Error, OverflowError):
            return False
        return True

    return check


def _uri(text: str) -> bool:
    if not text or " " in text:
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme) or text.startswith("/")


def _luhn(text: str) -> bool:
    digits = [int(char) for char in text.replace("-", "").replace(" ", "") if char.isdigit()]
    if not 13 <= len(digits) <= 19:
        return False
    doubled = [digit * 2 - 9 if digit * 2 > 9 else digit * 2 for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _isbn10(text: str) -> bool:
    digits = text.replace("-", "").replace(" ", "")
    if not re.fullmatch(r"[0-9]{9}[0-9Xx]", digits, re.ASCII):
        return False
    values = [10 if char in "Xx" else int(char) for char in digits]
    return sum((10 - place) * value for place, value in enumerate(values)) % 11 == 0


def _isbn13(text: str) -> bool:
    digits = text.replace("-", "").replace(" ", "")
    if not re.fullmatch(r"[0-9]{13}", digits, re.ASCII):
        return False
    return sum(int(char) * (3 if place % 2 else 1) for place, char in enumerate(digits)) % 10 == 0


_UUID = r"[0-9a-f]{8}-?[0-9a-f]{4}-?%s[0-9a-f]{3}-?%s[0-9a-f]{3}-?[0-9a-f]{12}"
_ANY_CASE = re.ASCII | re.IGNORECASE
_IPV4 = _parses(ipaddress.IPv4Address)
_IPV6 = _parses(ipaddress.IPv6Address)
_NUMBER = r"(?:0|[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5])"

_LONG_DURATION = _matching(r"\d+ ?(?:ns|us|ms|s|sec|m|min|h|hr|hour|d|day|w|wk|week)s?", _ANY_CASE)

_CHECKS: dict[str, Check] = {
    "bsonobjectid": _matching(r"[0-9a-fA-F]{24}"),
    "uri": _uri,
    "email": _matching(r"[^@\s<>]+@[^@\s<>]+"),
    "hostname": lambda text: len(text) <= 255 and not names.dns1123_subdomain(text.lower()),
    "ipv4": _IPV4,
    "ipv6": lambda text: ":" in text and _IPV6(text),
    "cidr": lambda text: "/" in text and _parses(lambda one: ipaddress.ip_network(one, strict=False))(text),
    "mac": _matching(r"(?:[0-9a-f]{2}[:-]){5}(?:[0-9a-f]{2})|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}", _ANY_CASE),
    "uuid": _matching(_UUID % ("[0-9a-f]", "[0-9a-f]"), _ANY_CASE),
    "uuid3": _matching(_UUID % ("3", "[0-9a-f]"), _ANY_CASE),
    "uuid4": _matching(_UUID % ("4", "[89ab]"), _ANY_CASE),
    "uuid5": _matching(_UUID % ("5", "[89ab]"), _ANY_CASE),
    "isbn": lambda text: _isbn10(text) or _isbn13(text),
    "isbn10": _isbn10,
    "isbn13": _isbn13,
    "creditcard": _luhn,
    "ssn": _matching(r"[0-9]{3}[- ]?[0-9]{2}[- ]?[0-9]{4}"),
    "hexcolor": _matching(r"#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})"),
    "rgbcolor": _matching(rf"rgb\(\s*{_NUMBER}\s*,\s*{_NUMBER}\s*,\s*{_NUMBER}\s*\)"),
    "byte": _parses(lambda text: base64.b64decode(text, validate=True)),
    "password": lambda text: True,
    "date": _parses(date.fromisoformat),
    "duration": lambda text: _parses(times.parse_duration)(text) or _LONG_DURATION(text),
    "datetime": _matching(
        r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?"
        r"(?:Z|[+-][0-9]{2}:[0-9]{2})",
        _ANY_CASE,
    ),
    "k8sshortname": lambda text: not names.dns1123_label(text),
    "k8slongname": lambda text: not names.dns1123_subdomain(text),
}


def checker(name: str) -> Check | None:
    """The test of a format; None for a format that is ignored."""
    return _CHECKS.get(name.replace("-", ""))

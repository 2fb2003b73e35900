"""Named formats and JSON pointers.

What: `format.dns1123Label().validate(text)` and its like, and `jsonpatch.escapeKey`. Why: rules reuse what Kubernetes
checks names with. Flow: two libraries. Names follow apiserver/pkg/cel/library/format.go and jsonpatch.go.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import re
from collections.abc import Callable
from typing import Any

from kubelite.machinery import names
from kubelite.machinery.cel.declarations import Library, opaque_name
from kubelite.machinery.cel.functions_net import URL
from kubelite.machinery.cel.values import NONE, Opaque, Optional, parse_timestamp

_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
Check = Callable[[str], list[str]]


class Format(Opaque):
    """A named check of a string."""

    __slots__ = ("check", "name")
    type_name = opaque_name("Format")

    def __init__(self, name: str, check: Check) -> None:
        self.name = name
        self.check = check

    def identity(self) -> Any:
        return self.name


def _prefix(check: Check) -> Check:
    return lambda text: check(names.mask_trailing_dash(text))


def _uri(text: str) -> list[str]:
    try:
        URL(text)
    except ValueError as error:
        return [str(error)]
    return []


def _uuid(text: str) -> list[str]:
    return [] if _UUID.fullmatch(text) else ["does not match the UUID format"]


def _byte(text: str) -> list[str]:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return ["invalid base64"]
    return []


def _date(text: str) -> list[str]:
    try:
        datetime.datetime.strptime(text, "%Y-%m-%d")
    except ValueError:
        return ["invalid date"]
    return []


def _datetime(text: str) -> list[str]:
    try:
        parse_timestamp(text)
    except ValueError:
        return ["invalid datetime"]
    return []


_FORMATS = {
    name: Format(name, check)
    for name, check in {
        "dns1123Label": names.dns1123_label,
        "dns1123Subdomain": names.dns1123_subdomain,
        "dns1035Label": names.dns1035_label,
        "dns1123LabelPrefix": _prefix(names.dns1123_label),
        "dns1123SubdomainPrefix": _prefix(names.dns1123_subdomain),
        "dns1035LabelPrefix": _prefix(names.dns1035_label),
        "qualifiedName": names.qualified_name,
        "labelValue": names.label_value,
        "uri": _uri,
        "uuid": _uuid,
        "byte": _byte,
        "date": _date,
        "datetime": _datetime,
    }.items()
}


def _named(name: str) -> Optional:
    return Optional(_FORMATS[name]) if name in _FORMATS else NONE


def _validate(form: Format, text: str) -> Optional:
    problems = list(form.check(text))
    return Optional(problems) if problems else NONE


def _constant(form: Format) -> Callable[[], Format]:
    return lambda: form


def library() -> Library:
    """The format library."""
    made = Library("format", types=(Format.type_name,))
    for name, form in _FORMATS.items():
        made.add(f"format.{name}: () -> Format", _constant(form))
    made.add("format.named: (string) -> optional(Format)", _named)
    made.add("validate: Format.(string) -> optional(list(string))", _validate, "traverse_second")
    return made


def jsonpatch() -> Library:
    """The jsonpatch library, of mutating policies."""
    return Library("jsonpatch").add_all(
        [
            (
                "jsonpatch.escapeKey: (string) -> string",
                lambda key: key.replace("~", "~0").replace("/", "~1"),
                "traverse2",
            ),
        ]
    )


def bindings() -> Library:
    """`cel.bind`: a macro, and no function."""
    return Library("bindings", macros=frozenset({"bindings"}))

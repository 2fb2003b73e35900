"""Validation errors that name the field: a path, what is wrong with it, and the value found there.

What: `Path` builds `spec.containers[0].name`; the constructors build `FieldError` values that accumulate in a list.
Why: a user who made four mistakes reads all four, each with the field's path and Kubernetes' own words.
Flow: `validate(obj) -> list[FieldError]` → `errors.invalid(...)`. Texts follow apimachinery/pkg/util/validation/field.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from json.encoder import encode_basestring
from typing import Any

import msgspec


class Path(msgspec.Struct, eq=False, gc=False):
    """A field's place in an object. `Path("spec") / "ports"`, `.index(0)`, `.key("app")`.

    Checking a pod makes sixty of them and prints none, if the pod is right: a path only remembers its last step and
    where that was taken from. Never changed once made.
    """

    step: str | int = ""
    parent: Path | None = None
    quoted: bool = False
    """The step is a key of a map, written in brackets like an index."""

    def __truediv__(self, name: str) -> Path:
        return Path(name, self)

    def index(self, number: int) -> Path:
        return Path(number, self)

    def key(self, name: str) -> Path:
        return Path(name, self, True)

    @property
    def text(self) -> str:
        before = "" if self.parent is None else self.parent.text
        if self.quoted or isinstance(self.step, int):
            return f"{before}[{self.step}]"
        return f"{before}.{self.step}" if before and self.step else before or str(self.step)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Path) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __str__(self) -> str:
        return self.text


ROOT = Path()


class FieldError(msgspec.Struct, frozen=True, gc=False):
    """One mistake: `type` is the cause's reason (FieldValueInvalid, …), `text` the words after the path."""

    type: str
    field: str
    text: str

    def body(self) -> str:
        """The error without the path, as `Status.details.causes[].message` carries it."""
        return self.text

    def __str__(self) -> str:
        return f"{self.field}: {self.text}"


class OldForm(FieldError, frozen=True, gc=False):
    """A value that was allowed once: stored objects may keep it."""

    value: str = ""


def tolerated(found: Sequence[FieldError], old: Any) -> list[FieldError]:
    """The mistakes without those that the stored object has already; `old` is that object as plain data."""
    if not any(isinstance(one, OldForm) for one in found):
        return list(found)
    kept = {part.strip() for text in _texts(old) for part in text.split(",")}
    return [one for one in found if not (isinstance(one, OldForm) and one.value in kept)]


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)


def shown(value: Any) -> str:
    """A value in an error text: strings quoted, everything else as JSON-like text."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return msgspec.json.encode(value).decode()


def required(path: Path, detail: str = "") -> FieldError:
    return FieldError("FieldValueRequired", path.text, f"Required value: {detail}" if detail else "Required value")


def invalid(path: Path, value: Any, detail: str) -> FieldError:
    return FieldError("FieldValueInvalid", path.text, f"Invalid value: {shown(value)}: {detail}")


def old_form(path: Path, value: str, detail: str) -> FieldError:
    """Invalid, unless it is stored already."""
    return OldForm("FieldValueInvalid", path.text, f"Invalid value: {shown(value)}: {detail}", value)


def not_supported(path: Path, value: Any, supported: Iterable[str], *, as_listed: bool = False) -> FieldError:
    """The values in order of the alphabet, or in the given one where upstream lists them one by one."""
    known = ", ".join(json.dumps(s) for s in (supported if as_listed else sorted(supported)))
    detail = f": supported values: {known}" if known else ""
    return FieldError("FieldValueNotSupported", path.text, f"Unsupported value: {shown(value)}{detail}")


def duplicate(path: Path, value: Any) -> FieldError:
    return FieldError("FieldValueDuplicate", path.text, f"Duplicate value: {shown(value)}")


def forbidden(path: Path, detail: str) -> FieldError:
    return FieldError("FieldValueForbidden", path.text, f"Forbidden: {detail}" if detail else "Forbidden")


def not_found(path: Path, value: Any) -> FieldError:
    return FieldError("FieldValueNotFound", path.text, f"Not found: {shown(value)}")


def too_long(path: Path, limit: int) -> FieldError:
    unit = "byte" if limit == 1 else "bytes"
    return FieldError("FieldValueTooLong", path.text, f"Too long: may not be more than {limit} {unit}")


def too_many(path: Path, actual: int, limit: int) -> FieldError:
    unit = "item" if limit == 1 else "items"
    return FieldError("FieldValueTooMany", path.text, f"Too many: {actual}: must have at most {limit} {unit}")


def type_invalid(path: Path, value: Any, detail: str) -> FieldError:
    return FieldError("FieldValueTypeInvalid", path.text, f"Invalid value: {shown(value)}: {detail}")


FieldErrors = list[FieldError]


def immutable(path: Path, new: Any, old: Any) -> Sequence[FieldError]:
    """One error if the field changed (apimachinery validation.ValidateImmutableField)."""
    return () if new == old else (invalid(path, new, "field is immutable"),)

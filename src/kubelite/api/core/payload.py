"""What ConfigMap and Secret share: keys, base64, size, and immutability.

Rules follow ValidateConfigMap, ValidateSecret and their updates in pkg/apis/core/validation. Bad base64 is a decoding error
upstream, so it is refused with 400 before validation.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any

from kubelite.machinery import fielderrors, names
from kubelite.machinery.errors import bad_request
from kubelite.machinery.fielderrors import FieldError, Path

SIZE_LIMIT = 1024 * 1024
_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
IMMUTABLE = "field is immutable when `immutable` is set"


def check_base64(kind: str, values: Mapping[str, str]) -> None:
    """Raises StatusError 400 if a value is not standard base64 with padding."""
    for text in values.values():
        try:
            base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
        except (binascii.Error, ValueError):
            position = next((i for i, char in enumerate(text) if char not in _ALPHABET), len(text))
            reason = f"illegal base64 data at input byte {position}"
            raise bad_request(f'{kind} in version "v1" cannot be handled as a {kind}: {reason}') from None


def decoded_size(values: Iterable[str]) -> int:
    """How many bytes the base64 values stand for."""
    return sum(len(text) * 3 // 4 - text[-2:].count("=") for text in values)


def validate_keys(keys: Iterable[str], path: Path) -> list[FieldError]:
    return [
        fielderrors.invalid(path.key(key), key, complaint)
        for key in sorted(keys)
        for complaint in names.config_map_key(key)
    ]


def validate_immutable(new: Any, old: Any, fields: tuple[str, ...]) -> list[FieldError]:
    """Once `immutable` is set neither it nor the data can change."""
    if not old.immutable:
        return []
    errors: list[FieldError] = []
    if not new.immutable:
        errors.append(fielderrors.forbidden(Path("immutable"), IMMUTABLE))
    for name in fields:
        if getattr(new, name) != getattr(old, name):
            errors.append(fielderrors.forbidden(Path(name), IMMUTABLE))
    return errors

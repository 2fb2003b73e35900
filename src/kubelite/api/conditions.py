"""Checks of `status.conditions` for kinds that use meta/v1's Condition.

What: `validate_conditions`. Why: several kinds check a status that somebody outside writes. Flow: `validate_status_update` calls
it. Upstream: apimachinery/pkg/apis/meta/v1/validation (ValidateConditions).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from kubelite.api.types.meta_v1 import Condition
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names
from kubelite.machinery.fielderrors import FieldErrors, Path

STATUSES = ("False", "True", "Unknown")
MAX_REASON = 1024
MAX_MESSAGE = 32 * 1024
_REASON_FORMAT = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?"
_REASON = re.compile(_REASON_FORMAT + r"\Z", re.ASCII)
_REASON_TEXT = (
    "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric "
    "characters or '_,:', and must end with an alphanumeric character or '_'"
)


def validate_conditions(conditions: Sequence[Condition], path: Path) -> FieldErrors:
    """Each type once, each condition complete."""
    errors: FieldErrors = []
    first: dict[str, int] = {}
    for index, condition in enumerate(conditions):
        if condition.type in first:
            errors.append(fe.duplicate(path.index(index) / "type", condition.type))
        else:
            first[condition.type] = index
        errors += _validate_condition(condition, path.index(index))
    return errors


def _validate_condition(condition: Condition, path: Path) -> FieldErrors:
    errors = [fe.invalid(path / "type", condition.type, why) for why in names.qualified_name(condition.type)]
    if condition.status not in STATUSES:
        errors.append(fe.not_supported(path / "status", condition.status, STATUSES))
    if (condition.observedGeneration or 0) < 0:
        detail = "must be greater than or equal to zero"
        errors.append(fe.invalid(path / "observedGeneration", condition.observedGeneration, detail))
    if condition.lastTransitionTime is None:
        errors.append(fe.required(path / "lastTransitionTime"))
    return errors + _validate_words(condition, path)


def _validate_words(condition: Condition, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    reason, message = condition.reason or "", condition.message or ""
    if len(reason) > MAX_REASON:
        errors.append(fe.too_long(path / "reason", MAX_REASON))
    elif not reason:
        errors.append(fe.required(path / "reason"))
    elif not _REASON.match(reason):
        detail = f"{_REASON_TEXT} (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or "
        detail += f"'ReasonA:ReasonB', regex used for validation is '{_REASON_FORMAT}')"
        errors.append(fe.invalid(path / "reason", reason, detail))
    if len(message) > MAX_MESSAGE:
        errors.append(fe.too_long(path / "message", MAX_MESSAGE))
    return errors

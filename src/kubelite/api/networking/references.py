"""References to other objects, as Ingress and IngressClass hold them.

Upstream: pkg/apis/networking/validation (validateIngressTypedLocalObjectReference).
"""

from __future__ import annotations

from typing import Any

from kubelite.api import validation as check
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names
from kubelite.machinery.fielderrors import FieldErrors, Path


def validate_reference(reference: Any, path: Path) -> FieldErrors:
    """`apiGroup`, `kind` and `name` of an object in the same namespace."""
    errors: FieldErrors = []
    if reference.apiGroup:
        errors += check.complaints(path / "apiGroup", reference.apiGroup, names.dns1123_subdomain(reference.apiGroup))
    for field in ("kind", "name"):
        value = getattr(reference, field)
        if not value:
            errors.append(fe.required(path / field, f"{field} is required"))
        else:
            errors += check.complaints(path / field, value, names.path_segment(value))
    return errors

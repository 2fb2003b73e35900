"""Checks of the schemas of a CustomResourceDefinition.

What: `validate_schema(version, path)` for one version. Why: the schema decides what is stored; a wrong one cannot be
repaired later without touching every object. Flow: `definition_validation` calls it for every version; the rules about
schemas are in `machinery.structural`. Upstream: apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go.
"""

from __future__ import annotations

from typing import Any

from kubelite.api.types import apiextensions_v1 as v1
from kubelite.machinery import codec
from kubelite.machinery import fielderrors as fe
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.structural import compiled, defaults, fieldpaths, invariants, openapi

MAX_SELECTABLE = 8
_SELECTABLE_TYPES = ("string", "boolean", "integer")
_AT_ROOT = (
    "Description", "Type", "Format", "Title", "Maximum", "ExclusiveMaximum", "Minimum", "ExclusiveMinimum", "MaxLength",
    "MinLength", "Pattern", "MaxItems", "MinItems", "UniqueItems", "MultipleOf", "Required", "Items", "Properties",
    "ExternalDocs", "Example", "XPreserveUnknownFields", "XValidations",
)  # fmt: skip
_ROOT_KEYS = {one[:1].lower() + one[1:] for one in _AT_ROOT} | {
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
}


def validate_schema(
    version: v1.CustomResourceDefinitionVersion, path: Path, before: v1.CustomResourceDefinitionVersion | None = None
) -> FieldErrors:
    """The mistakes in one version's schema; `path` is `...schema.openAPIV3Schema`, `before` the version as it was."""
    if version.schema is None or version.schema.openAPIV3Schema is None:
        return []
    schema: dict[str, Any] = codec.to_generic(version.schema.openAPIV3Schema)
    unchanged = before is not None and before.schema == version.schema
    errors: FieldErrors = []
    if version.subresources is not None and version.subresources.status is not None:
        errors += _validate_root(schema, path)
    if schema.get("nullable"):
        errors.append(fe.forbidden(path / "nullable", "nullable cannot be true at the root"))
    structural = invariants.validate(schema, path) or defaults.validate(schema, path)
    rest = openapi.validate(schema, path)
    errors += structural + rest
    if not structural and not rest:
        errors += compiled.validate(schema, path, costs=not unchanged)
    return errors


def _validate_root(schema: dict[str, Any], path: Path) -> FieldErrors:
    """With a status subresource the root may say nothing that would be lost when the status is looked at alone."""
    type_ = schema.get("type")
    if type_ and type_ != "object":
        text = r"only \"object\" is allowed as the type at the root of the schema if the status subresource is enabled"
        return [fe.invalid(path / "type", type_, text)]
    if set(schema) <= _ROOT_KEYS:
        return []
    text = (
        f"only [{' '.join(_AT_ROOT)}] fields are allowed at the root of the schema if the status subresource is enabled"
    )
    return [fe.invalid(path, schema, text)]


def validate_selectable(version: v1.CustomResourceDefinitionVersion, path: Path) -> FieldErrors:
    """Selectable fields are scalars of the schema, each named once."""
    errors: FieldErrors = []
    if not version.selectableFields or version.schema is None or version.schema.openAPIV3Schema is None:
        return errors
    schema: dict[str, Any] = codec.to_generic(version.schema.openAPIV3Schema)
    seen: set[tuple[str, ...]] = set()
    for index, selectable in enumerate(version.selectableFields):
        here, text = path.index(index) / "jsonPath", selectable.jsonPath
        if not text:
            errors.append(fe.required(here))
            continue
        try:
            steps, found = fieldpaths.resolve(text, schema, brackets=False)
        except ValueError as error:
            errors.append(fe.invalid(here, text, f"is an invalid path: {error}"))
            continue
        if steps[0] == "metadata":
            errors.append(fe.invalid(here, text, "must not point to fields in metadata"))
        if found.get("type") not in _SELECTABLE_TYPES:
            detail = (
                "must point to a field of type string, boolean or integer. Enum string fields and strings with formats "
                "are allowed."
            )
            errors.append(fe.invalid(here, text, detail))
        if tuple(steps) in seen:
            errors.append(fe.duplicate(here, text))
        seen.add(tuple(steps))
    if len(seen) > MAX_SELECTABLE:
        errors.append(fe.too_many(path, len(seen), MAX_SELECTABLE))
    return errors

"""Checks of a CustomResourceDefinition, all but those of its schemas.

What: names, group, scope, versions, columns, subresources, selectable fields, conversion, and what an update may change.
Why: they are many, and of another kind than the checks of schemas. Flow: the kind's `validate`, `validate_update` and
`validate_status_update`. Upstream: apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go, whose paths use the
internal name `webhookClientConfig`.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from kubelite.api import validation as check
from kubelite.api import webhook_client
from kubelite.api.apiextensions.schema_validation import validate_schema, validate_selectable
from kubelite.api.types import apiextensions_v1 as v1
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names
from kubelite.machinery.fielderrors import FieldErrors, Path

SPEC, STATUS, METADATA = Path("spec"), Path("status"), Path("metadata")
SCOPES = ("Cluster", "Namespaced")
STRATEGIES = ("None", "Webhook")
REVIEW_VERSIONS = ("v1", "v1beta1")
COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
COLUMN_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
APPROVAL = "api-approved.kubernetes.io"
MAX_WARNING = 256
_SEE = "see https://github.com/kubernetes/enhancements/pull/1111"
_PROTECTED = f'protected groups must have approval annotation "{APPROVAL}"'
_MIXED = "may have mixed case, but should otherwise match: "
_NO_WEBHOOK = "should not be set when strategy is not set to Webhook"


def validate(definition: v1.CustomResourceDefinition) -> FieldErrors:
    """The spec and the names in the status; the approval of a new definition in one of Kubernetes' own groups."""
    spec = definition.spec
    accepted = spec.names or v1.CustomResourceDefinitionNames()
    errors: FieldErrors = []
    if definition.metadata.name != f"{accepted.plural}.{spec.group}":
        detail = 'must be spec.names.plural+"."+spec.group'
        errors.append(fe.invalid(METADATA / "name", definition.metadata.name, detail))
    errors += _validate_group(spec.group) + check.one_of(SPEC / "scope", spec.scope, SCOPES)
    if spec.preserveUnknownFields:
        errors.append(fe.invalid(SPEC / "preserveUnknownFields", True, "must be false"))
    errors += _validate_versions(spec.versions, SPEC / "versions")
    path = SPEC / "names"
    errors += [
        fe.required(path / name) for name in ("plural", "singular", "kind", "listKind") if not getattr(accepted, name)
    ]
    errors += validate_names(accepted, path)
    errors += _validate_conversion(spec.conversion, SPEC / "conversion")
    if not definition.metadata.resourceVersion:
        errors += _validate_approval(definition)
    return errors + _validate_status(definition)


def _validate_group(group: str) -> FieldErrors:
    path = SPEC / "group"
    if not group:
        return [fe.required(path)]
    wrong = names.dns1123_subdomain(group)
    if wrong:
        return [fe.invalid(path, group, ",".join(wrong))]
    return [] if "." in group else [fe.invalid(path, group, "should be a domain with at least one dot")]


def validate_names(found: v1.CustomResourceDefinitionNames, path: Path) -> FieldErrors:
    """Names that are there must be DNS labels; kinds may be in capitals."""
    errors: FieldErrors = []
    for name in ("plural", "singular"):
        errors += _label(getattr(found, name), path / name)
    for name in ("kind", "listKind"):
        value = getattr(found, name)
        wrong = names.dns1035_label(value.lower()) if value else []
        if wrong:
            errors.append(fe.invalid(path / name, value, _MIXED + ",".join(wrong)))
    for name in ("shortNames", "categories"):
        for index, value in enumerate(getattr(found, name)):
            errors += _label(value, (path / name).index(index), required=True)
    if found.kind and found.kind == found.listKind:
        errors.append(fe.invalid(path / "listKind", found.listKind, "kind and listKind may not be the same"))
    return errors


def _label(value: str, path: Path, required: bool = False) -> FieldErrors:
    wrong = names.dns1035_label(value) if value or required else []
    return [fe.invalid(path, value, ",".join(wrong))] if wrong else []


def _validate_versions(versions: Sequence[v1.CustomResourceDefinitionVersion], path: Path) -> FieldErrors:
    errors: FieldErrors = []
    for index, version in enumerate(versions):
        here = path.index(index)
        if version.schema is None or version.schema.openAPIV3Schema is None:
            errors.append(fe.required(here / "schema" / "openAPIV3Schema", "schemas are required"))
    for index, version in enumerate(versions):
        here = path.index(index)
        errors += _label(version.name, here / "name", required=True)
        errors += _validate_deprecation(version, here / "deprecationWarning")
        errors += _validate_subresources(version.subresources, here / "subresources")
        for number, column in enumerate(version.additionalPrinterColumns):
            errors += _validate_column(column, (here / "additionalPrinterColumns").index(number))
        errors += validate_selectable(version, here / "selectableFields")
        errors += validate_schema(version, here / "schema" / "openAPIV3Schema")
    shown = list(versions)
    if len({version.name for version in versions}) < len(versions):
        errors.append(fe.invalid(path, shown, "must contain unique version names"))
    if sum(bool(version.storage) for version in versions) != 1:
        errors.append(fe.invalid(path, shown, "must have exactly one version marked as storage version"))
    return errors


def _validate_deprecation(version: v1.CustomResourceDefinitionVersion, path: Path) -> FieldErrors:
    text = version.deprecationWarning
    if not text:
        return []
    wrong = [] if version.deprecated else ["can only be set for deprecated versions"]
    if len(text) > MAX_WARNING:
        wrong.append(f"must be <= {MAX_WARNING} characters long")
    hidden = next((place for place, char in enumerate(text) if not char.isprintable()), None)
    if hidden is not None:
        found = "must only contain printable UTF-8 characters; non-printable character found at index "
        wrong.append(f"{found}{hidden}")
    return check.complaints(path, text, wrong)


def _simple_path(text: str, path: Path) -> FieldErrors:
    return [] if text.startswith(".") else [fe.invalid(path, text, "must be a simple json path starting with .")]


def _validate_subresources(found: v1.CustomResourceSubresources | None, path: Path) -> FieldErrors:
    if found is None or found.scale is None:
        return []
    errors: FieldErrors = []
    path = path / "scale"
    for name, root in (("specReplicasPath", ".spec"), ("statusReplicasPath", ".status")):
        text = getattr(found.scale, name)
        wrong = _simple_path(text, path / name) if text else [fe.required(path / name)]
        if not wrong and not text.startswith(f"{root}."):
            wrong = [fe.invalid(path / name, text, f"should be a json path under {root}")]
        errors += wrong
    text, here = found.scale.labelSelectorPath, path / "labelSelectorPath"
    if text:
        wrong = _simple_path(text, here)
        if not wrong and not text.startswith((".spec.", ".status.")):
            wrong = [fe.invalid(here, text, "should be a json path under either .spec or .status")]
        errors += wrong
    return errors


def _validate_column(column: v1.CustomResourceColumnDefinition, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    if not column.name:
        errors.append(fe.required(path / "name"))
    known = "must be one of " + ",".join(COLUMN_TYPES)
    if not column.type:
        errors.append(fe.required(path / "type", known))
    elif column.type not in COLUMN_TYPES:
        errors.append(fe.invalid(path / "type", column.type, known))
    if column.format and column.format not in COLUMN_FORMATS:
        errors.append(fe.invalid(path / "format", column.format, "must be one of " + ",".join(COLUMN_FORMATS)))
    if not column.jsonPath:
        return [*errors, fe.required(path / "jsonPath")]
    return errors + _simple_path(column.jsonPath, path / "jsonPath")


def _validate_conversion(conversion: v1.CustomResourceConversion | None, path: Path) -> FieldErrors:
    if conversion is None:
        return []
    errors = check.one_of(path / "strategy", conversion.strategy, STRATEGIES)
    webhook = conversion.webhook or v1.WebhookConversion()
    client, versions = path / "webhookClientConfig", path / "conversionReviewVersions"
    if conversion.strategy != "Webhook":
        if webhook.clientConfig is not None:
            errors.append(fe.forbidden(client, _NO_WEBHOOK))
        if webhook.conversionReviewVersions:
            errors.append(fe.forbidden(versions, _NO_WEBHOOK))
        return errors
    if webhook.clientConfig is None:
        errors.append(fe.required(client, "required when strategy is set to Webhook"))
    else:
        errors += webhook_client.validate(webhook.clientConfig, client)
    found = webhook.conversionReviewVersions
    return errors + webhook_client.validate_review_versions(found, REVIEW_VERSIONS, versions)


# -- approval of Kubernetes' own groups


def approval_state(definition: v1.CustomResourceDefinition) -> tuple[str, str]:
    """("" if approved, "missing" or "invalid", and why)."""
    text = definition.metadata.annotations.get(APPROVAL, "")
    if not text:
        return "missing", f"{_PROTECTED}, {_SEE}"
    if text.startswith("unapproved"):
        return "bypassed", ""
    try:
        parts = urlsplit(text)
        if parts.scheme and parts.netloc:
            return "", ""
    except ValueError:
        pass
    return "invalid", f'{_PROTECTED} with either a URL or a reason starting with "unapproved", {_SEE}'


def _validate_approval(definition: v1.CustomResourceDefinition) -> FieldErrors:
    if not f".{definition.spec.group}".endswith((".k8s.io", ".kubernetes.io")):
        return []
    state, why = approval_state(definition)
    path = (METADATA / "annotations").key(APPROVAL)
    if state == "missing":
        return [fe.required(path, why)]
    return [fe.invalid(path, definition.metadata.annotations[APPROVAL], why)] if state == "invalid" else []


# -- updates


def validate_update(new: v1.CustomResourceDefinition, old: v1.CustomResourceDefinition) -> FieldErrors:
    """The group and the plural never change; scope and kind do not once objects may exist."""
    errors: FieldErrors = []
    now, then = (one.spec.names or v1.CustomResourceDefinitionNames() for one in (new, old))
    if is_established(old):
        errors += check.immutable(SPEC / "scope", new.spec.scope, old.spec.scope)
        errors += check.immutable(SPEC / "names" / "kind", now.kind, then.kind)
    errors += check.immutable(SPEC / "group", new.spec.group, old.spec.group)
    errors += check.immutable(SPEC / "names" / "plural", now.plural, then.plural)
    if approval_state(new)[0] != approval_state(old)[0]:
        errors += _validate_approval(new)
    return errors


def is_established(definition: v1.CustomResourceDefinition) -> bool:
    """Whether objects of the kind may exist."""
    return any(one.type == "Established" and one.status == "True" for one in definition.status.conditions)


def _validate_status(definition: v1.CustomResourceDefinition) -> FieldErrors:
    errors: FieldErrors = []
    if definition.status.acceptedNames is not None:
        errors += validate_names(definition.status.acceptedNames, STATUS / "acceptedNames")
    stored, path = definition.status.storedVersions, STATUS / "storedVersions"
    if not stored:
        return [*errors, fe.invalid(path, stored, "must have at least one stored version")]
    for version in definition.spec.versions:
        if version.storage and version.name not in stored:
            errors.append(fe.invalid(path, version, f"must have the storage version {version.name}"))
    declared = {version.name for version in definition.spec.versions}
    for index, name in enumerate(stored):
        if name not in declared:
            detail = (
                f"missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions "
                f"until a storage migration ensures no data remains persisted in {name} and removes {name} from "
                "status.storedVersions"
            )
            errors.append(fe.invalid(path.index(index), name, detail))
    return errors


def validate_status_update(new: v1.CustomResourceDefinition, old: v1.CustomResourceDefinition) -> FieldErrors:
    """Only the accepted names can be wrong."""
    names_ = new.status.acceptedNames
    return validate_names(names_, STATUS / "acceptedNames") if names_ is not None else []

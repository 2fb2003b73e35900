"""ResourceClaimTemplate: claims for devices that are made for pods.

Upstream: pkg/apis/resource/validation (ValidateResourceClaimTemplate).
"""

from __future__ import annotations

from kubelite.api import validation as check
from kubelite.api.meta import validate_annotations, validate_labels
from kubelite.api.resource import device_claim, parts
from kubelite.api.types import resource_v1 as v1
from kubelite.machinery.fielderrors import FieldErrors
from kubelite.machinery.kind import Kind


def set_defaults(template: v1.ResourceClaimTemplate) -> None:
    """Those of the claims."""
    device_claim.set_defaults(template.spec.spec)


def validate(template: v1.ResourceClaimTemplate) -> FieldErrors:
    """Labels and annotations for the claims, and what they ask for."""
    metadata, path = template.spec.metadata, parts.SPEC / "metadata"
    errors = validate_annotations(metadata.annotations, path / "annotations")
    errors += validate_labels(metadata.labels, path / "labels")
    return errors + device_claim.validate(template.spec.spec, parts.SPEC / "spec")


def validate_update(new: v1.ResourceClaimTemplate, old: v1.ResourceClaimTemplate) -> FieldErrors:
    """Claims that exist were made of it: it stays."""
    return check.immutable(parts.SPEC, new.spec, old.spec)


RESOURCE_CLAIM_TEMPLATE = Kind(
    group=parts.GROUP,
    version="v1",
    kind="ResourceClaimTemplate",
    plural="resourceclaimtemplates",
    type=v1.ResourceClaimTemplate,
    set_defaults=set_defaults,
    validate=validate,
    validate_update=validate_update,
)

"""The kinds of authorization.k8s.io: may this user do that? Answered at once, never stored.

Rules follow pkg/apis/authorization/validation.
"""

from __future__ import annotations

from typing import Any

from kubelite.api.types.authorization_v1 import (
    LocalSubjectAccessReview,
    SelfSubjectAccessReview,
    SelfSubjectRulesReview,
    SubjectAccessReview,
)
from kubelite.machinery import fielderrors
from kubelite.machinery.fielderrors import FieldError, Path
from kubelite.machinery.kind import Kind

GROUP = "authorization.k8s.io"
SPEC = Path("spec")


def _validate_attributes(spec: Any) -> list[FieldError]:
    if spec.resourceAttributes is not None and spec.nonResourceAttributes is not None:
        detail = "cannot be specified in combination with resourceAttributes"
        return [fielderrors.invalid(SPEC / "nonResourceAttributes", spec.nonResourceAttributes, detail)]
    if spec.resourceAttributes is None and spec.nonResourceAttributes is None:
        detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        return [fielderrors.invalid(SPEC / "resourceAttributes", None, detail)]
    return []


def validate_self(review: SelfSubjectAccessReview) -> list[FieldError]:
    return _validate_attributes(review.spec)


def validate_subject(review: SubjectAccessReview) -> list[FieldError]:
    errors = _validate_attributes(review.spec)
    if not review.spec.user and not review.spec.groups:
        errors.append(fielderrors.invalid(SPEC / "user", "", "at least one of user or group must be specified"))
    return errors


def validate_local(review: LocalSubjectAccessReview) -> list[FieldError]:
    errors = _validate_attributes(review.spec)
    if not review.spec.user and not review.spec.groups:
        errors.append(fielderrors.invalid(SPEC / "user", "", "at least one of user or group must be specified"))
    attributes = review.spec.resourceAttributes
    if attributes is not None and attributes.namespace != review.metadata.namespace:
        detail = "must match metadata.namespace"
        errors.append(fielderrors.invalid(SPEC / "resourceAttributes" / "namespace", attributes.namespace, detail))
    if review.spec.nonResourceAttributes is not None:
        detail = "disallowed on this kind of request"
        path = SPEC / "nonResourceAttributes"
        errors.append(fielderrors.invalid(path, review.spec.nonResourceAttributes, detail))
    return errors


def _review(kind: str, type_: type[Any], namespaced: bool = False, **rules: Any) -> Kind:
    return Kind(
        group=GROUP,
        version="v1",
        kind=kind,
        plural=f"{kind.lower()}s",
        type=type_,
        namespaced=namespaced,
        verbs=("create",),
        stored=False,
        **rules,
    )


SUBJECT_ACCESS_REVIEW = _review("SubjectAccessReview", SubjectAccessReview, validate=validate_subject)
LOCAL_SUBJECT_ACCESS_REVIEW = _review(
    "LocalSubjectAccessReview", LocalSubjectAccessReview, namespaced=True, validate=validate_local
)
SELF_SUBJECT_ACCESS_REVIEW = _review("SelfSubjectAccessReview", SelfSubjectAccessReview, validate=validate_self)
SELF_SUBJECT_RULES_REVIEW = _review("SelfSubjectRulesReview", SelfSubjectRulesReview)

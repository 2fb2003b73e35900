"""Reviews: may this user do that, what may I do, who am I.

What: handlers of SubjectAccessReview and its Local and Self forms, SelfSubjectRulesReview and SelfSubjectReview.
Why: kubelets, extension servers and `kubectl auth` let the API server decide. Flow: typed review in, the authorizer asked, review
with status out; nothing is stored. Sources: pkg/registry/authorization, pkg/apis/authorization/validation.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime
from typing import Any

from kubelite.api.types import authentication_v1
from kubelite.api.types.authorization_v1 import (
    FieldSelectorAttributes,
    LabelSelectorAttributes,
    LocalSubjectAccessReview,
    NonResourceAttributes,
    NonResourceRule,
    ResourceAttributes,
    ResourceRule,
    SelfSubjectAccessReview,
    SelfSubjectRulesReview,
    SubjectAccessReview,
    SubjectAccessReviewStatus,
    SubjectRulesReviewStatus,
)
from kubelite.apiserver.authz.chain import Chain, Decision
from kubelite.apiserver.connect.replies import created, read
from kubelite.apiserver.registry.ask import LOOPBACK
from kubelite.apiserver.request import Attributes, Handler, Request, Response, UserInfo
from kubelite.machinery import errors, fielderrors, times
from kubelite.machinery.fielderrors import FieldError, Path

GROUP = "authorization.k8s.io"
V1 = f"{GROUP}/v1"
SPEC = Path("spec")


def attributes_of(resource: ResourceAttributes | None, other: NonResourceAttributes | None) -> Attributes:
    """What a review asks about, as the authorizer's attributes."""
    if resource is not None:
        return Attributes(
            verb=resource.verb,
            namespace=resource.namespace,
            group=resource.group,
            version=resource.version,
            resource=resource.resource,
            subresource=resource.subresource,
            name=resource.name,
            field_selector=field_text(resource.fieldSelector),
            label_selector=label_text(resource.labelSelector),
        )
    assert other is not None
    return Attributes(verb=other.verb, is_resource=False, path=other.path)


def field_text(selector: FieldSelectorAttributes | None) -> str:
    """The selector as a request has it; a requirement that no request can have narrows nothing and is left out."""
    if selector is None or selector.rawSelector:
        return selector.rawSelector if selector is not None else ""
    signs = {"In": "=", "NotIn": "!="}
    return ",".join(
        f"{one.key}{signs[one.operator]}{one.values[0]}"
        for one in selector.requirements
        if one.operator in signs and len(one.values) == 1
    )


def label_text(selector: LabelSelectorAttributes | None) -> str:
    """The selector as a request has it."""
    if selector is None or selector.rawSelector:
        return selector.rawSelector if selector is not None else ""
    words = {"In": "{} in ({})", "NotIn": "{} notin ({})", "Exists": "{}", "DoesNotExist": "!{}"}
    return ",".join(
        words[one.operator].format(one.key, ",".join(one.values))
        for one in selector.requirements
        if one.operator in words
    )


def user_of(name: str, uid: str, groups: list[str], extra: Mapping[str, list[str]]) -> UserInfo:
    return UserInfo(name, uid, tuple(groups), {key: tuple(values) for key, values in extra.items()})


def _selector_mistakes(resource: ResourceAttributes) -> list[FieldError]:
    found: list[FieldError] = []
    path = SPEC / "resourceAttributes"
    for name, selector in (("fieldSelector", resource.fieldSelector), ("labelSelector", resource.labelSelector)):
        if selector is None:
            continue
        if selector.rawSelector and selector.requirements:
            text = "may not specified at the same time as requirements"
            found.append(fielderrors.invalid(path / name / "rawSelector", selector.rawSelector, text))
        elif not selector.rawSelector and not selector.requirements:
            text = f"when {path / name} is specified, requirements or rawSelector is required"
            found.append(fielderrors.required(path / name / "requirements", text))
        for index, one in enumerate(selector.requirements):
            found += _requirement_mistakes(one, (path / name / "requirements").index(index))
    return found


def _requirement_mistakes(one: Any, path: Path) -> list[FieldError]:
    found = [] if one.key else [fielderrors.required(path / "key", "must be specified")]
    if one.operator in ("In", "NotIn"):
        if not one.values:
            text = "must be specified when `operator` is 'In' or 'NotIn'"
            found.append(fielderrors.required(path / "values", text))
    elif one.operator in ("Exists", "DoesNotExist"):
        if one.values:
            text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            found.append(fielderrors.forbidden(path / "values", text))
    else:
        found.append(fielderrors.invalid(path / "operator", one.operator, "not a valid selector operator"))
    return found


def validate_attributes(resource: ResourceAttributes | None, other: NonResourceAttributes | None) -> list[FieldError]:
    """Exactly one of the two must be there."""
    if resource is not None and other is not None:
        return [
            fielderrors.invalid(
                SPEC / "nonResourceAttributes", other, "cannot be specified in combination with resourceAttributes"
            )
        ]
    if resource is not None:
        return _selector_mistakes(resource)
    if other is None:
        text = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        return [fielderrors.invalid(SPEC / "resourceAttributes", None, text)]
    return []


class Reviews:
    """The handlers; all answer from memory, at once."""

    def __init__(self, authorizer: Chain) -> None:
        self._authorizer = authorizer

    def handlers(self) -> dict[tuple[str, str, str], Handler]:
        """By (group, resource, subresource)."""
        return {
            (GROUP, "subjectaccessreviews", ""): self.subject_access,
            (GROUP, "localsubjectaccessreviews", ""): self.local_subject_access,
            (GROUP, "selfsubjectaccessreviews", ""): self.self_access,
            (GROUP, "selfsubjectrulesreviews", ""): self.self_rules,
            ("authentication.k8s.io", "selfsubjectreviews", ""): self.self_review,
        }

    def _answer(self, review: Any, user: UserInfo, attributes: Attributes) -> Response | Awaitable[Response]:
        """The review with its status: at once, or later if a webhook has to be asked."""
        decision = self._authorizer.review(user, attributes)
        return _answered(review, decision) if isinstance(decision, tuple) else _answered_later(review, decision)

    def subject_access(self, request: Request) -> Response | Awaitable[Response]:
        """May that user do this?"""
        return self._subject(read(request, SubjectAccessReview, V1), [])

    def local_subject_access(self, request: Request) -> Response | Awaitable[Response]:
        """The same, for one namespace."""
        review = read(request, LocalSubjectAccessReview, V1)
        found: list[FieldError] = []
        resource = review.spec.resourceAttributes
        namespace = request.info.namespace
        if review.spec.nonResourceAttributes is not None:
            text = "disallowed on this kind of request"
            found.append(fielderrors.invalid(SPEC / "nonResourceAttributes", review.spec.nonResourceAttributes, text))
        if resource is not None and resource.namespace != namespace:
            text = f"must match metadata.namespace: {namespace}"
            found.append(fielderrors.invalid(SPEC / "resourceAttributes" / "namespace", resource.namespace, text))
        return self._subject(review, found)

    def _subject(
        self, review: SubjectAccessReview | LocalSubjectAccessReview, found: list[FieldError]
    ) -> Response | Awaitable[Response]:
        spec = review.spec
        found += validate_attributes(spec.resourceAttributes, spec.nonResourceAttributes)
        if not spec.user and not spec.groups:
            found.append(
                fielderrors.invalid(SPEC / "user", spec.user, "at least one of user or group must be specified")
            )
        if found:
            raise errors.invalid(GROUP, review.kind, "", found)
        user = user_of(spec.user, spec.uid, spec.groups, spec.extra)
        return self._answer(review, user, attributes_of(spec.resourceAttributes, spec.nonResourceAttributes))

    def self_access(self, request: Request) -> Response | Awaitable[Response]:
        """May I do this?"""
        review = read(request, SelfSubjectAccessReview, V1)
        spec = review.spec
        found = validate_attributes(spec.resourceAttributes, spec.nonResourceAttributes)
        if found:
            raise errors.invalid(GROUP, review.kind, "", found)
        attributes = attributes_of(spec.resourceAttributes, spec.nonResourceAttributes)
        return self._answer(review, request.user or LOOPBACK, attributes)

    def self_rules(self, request: Request) -> Response:
        """Everything that I may do in a namespace."""
        review = read(request, SelfSubjectRulesReview, V1)
        if not review.spec.namespace:
            raise errors.bad_request("no namespace on request")
        user = request.user or LOOPBACK
        why = self._authorizer.incomplete(user)
        status = SubjectRulesReviewStatus(incomplete=bool(why), evaluationError=why)
        for rule in self._authorizer.rules(user, review.spec.namespace):
            if rule.resources:
                status.resourceRules.append(
                    ResourceRule(
                        verbs=rule.verbs,
                        apiGroups=rule.apiGroups,
                        resources=rule.resources,
                        resourceNames=rule.resourceNames,
                    )
                )
            if rule.nonResourceURLs:
                status.nonResourceRules.append(NonResourceRule(verbs=rule.verbs, nonResourceURLs=rule.nonResourceURLs))
        review.status = status
        return created(_with_lists(review))

    def self_review(self, request: Request) -> Response:
        """Who am I?"""
        review = read(request, authentication_v1.SelfSubjectReview, "authentication.k8s.io/v1")
        user = request.user or LOOPBACK
        review.metadata.creationTimestamp = times.now_text(datetime.now(UTC))
        review.status.userInfo = wire_user(user)
        return created(review)


def _answered(review: Any, decision: Decision) -> Response:
    review.status = SubjectAccessReviewStatus(
        allowed=decision.allowed,
        denied=decision.denied or None,
        reason=decision.reason,
        evaluationError=decision.error,
    )
    return created(review)


async def _answered_later(review: Any, decision: Awaitable[Decision]) -> Response:
    return _answered(review, await decision)


def _with_lists(review: SelfSubjectRulesReview) -> Any:
    """Clients read both lists and the flag even where they are empty (the fields are required)."""
    from kubelite.machinery import codec

    document = codec.to_generic(review)
    document["status"] = {
        "resourceRules": [],
        "nonResourceRules": [],
        "incomplete": False,
        **document.get("status", {}),
    }
    return document


def wire_user(user: UserInfo) -> authentication_v1.UserInfo:
    """A user as reviews show it."""
    extra = {key: list(values) for key, values in user.extra.items()}
    return authentication_v1.UserInfo(username=user.name, uid=user.uid, groups=list(user.groups), extra=extra)

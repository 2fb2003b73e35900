"""The kinds of authentication.k8s.io: questions about tokens and users. Answered at once, never stored."""

from __future__ import annotations

from kubelite.api.types.authentication_v1 import SelfSubjectReview, TokenRequest, TokenReview
from kubelite.machinery import fielderrors
from kubelite.machinery.fielderrors import FieldError, Path
from kubelite.machinery.kind import Kind

GROUP = "authentication.k8s.io"
MIN_SECONDS = 10 * 60
MAX_SECONDS = 1 << 32
DEFAULT_SECONDS = 3600


def set_token_defaults(request: TokenRequest) -> None:
    """Tokens live an hour unless asked otherwise."""
    if request.spec.expirationSeconds is None:
        request.spec.expirationSeconds = DEFAULT_SECONDS


def validate_token_request(request: TokenRequest) -> list[FieldError]:
    path = Path("spec") / "expirationSeconds"
    seconds = request.spec.expirationSeconds or 0
    if seconds < MIN_SECONDS:
        return [fielderrors.invalid(path, seconds, "may not specify a duration less than 10 minutes")]
    if seconds > MAX_SECONDS:
        return [fielderrors.invalid(path, seconds, "may not specify a duration larger than 2^32 seconds")]
    return []


TOKEN_REQUEST = Kind(
    group=GROUP,
    version="v1",
    kind="TokenRequest",
    plural="tokenrequests",
    type=TokenRequest,
    verbs=(),
    stored=False,
    set_defaults=set_token_defaults,
    validate=validate_token_request,
)

TOKEN_REVIEW = Kind(
    group=GROUP,
    version="v1",
    kind="TokenReview",
    plural="tokenreviews",
    type=TokenReview,
    namespaced=False,
    verbs=("create",),
    stored=False,
)

SELF_SUBJECT_REVIEW = Kind(
    group=GROUP,
    version="v1",
    kind="SelfSubjectReview",
    plural="selfsubjectreviews",
    type=SelfSubjectReview,
    namespaced=False,
    verbs=("create",),
    stored=False,
)

"""Tokens: asked for by service accounts' pods, and judged for others.

What: handlers of serviceaccounts/token (TokenRequest) and TokenReview. Why: kubelets mount short-lived tokens bound to pods,
and extension servers ask whose token they were shown. Flow: `authn` has keys and judge; admission (NodeRestriction) sees token
requests. Sources: pkg/registry/core/serviceaccount/storage/token.go, pkg/registry/authentication/tokenreview.
"""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

from kubelite.api.types.authentication_v1 import TokenRequest, TokenReview, TokenReviewStatus
from kubelite.api.types.core_v1 import Pod
from kubelite.apiserver.authn.chain import INVALID, Chain, Found
from kubelite.apiserver.authn.claims import Bound
from kubelite.apiserver.connect.access import wire_user
from kubelite.apiserver.connect.replies import created, read
from kubelite.apiserver.request import AdmissionRequest, Handler, Request, Response
from kubelite.machinery import errors, fielderrors, times
from kubelite.machinery.fielderrors import Path

V1 = "authentication.k8s.io/v1"
DEFAULT_SECONDS = 3600
MIN_SECONDS, MAX_SECONDS = 600, 1 << 32
INJECTED_SECONDS = 60 * 60 + 7
"""Tokens of this life are the ones that admission injects: they live longer, and warn when used beyond it."""
EXTENDED_SECONDS = 365 * 24 * 3600


class Tokens:
    """The handlers. `registry` reads pods, secrets, nodes and accounts as they are now."""

    def __init__(self, chain: Chain, registry: Any) -> None:
        self._chain = chain
        self._registry = registry

    def handlers(self) -> dict[tuple[str, str, str], Handler]:
        """By (group, resource, subresource)."""
        return {
            ("", "serviceaccounts", "token"): self.request_token,
            ("authentication.k8s.io", "tokenreviews", ""): self.review,
        }

    def review(self, request: Request) -> Response | Awaitable[Response]:
        """Whose token is this? Every authenticator of tokens is asked, as for a request."""
        review = read(request, TokenReview, V1)
        if not review.spec.token:
            raise errors.bad_request("token is required for TokenReview in authentication")
        mistakes: list[str] = []
        found = self._chain.token(review.spec.token, review.spec.audiences, mistakes)
        if found is None or isinstance(found, tuple):
            return _reviewed(review, found, mistakes)
        return _reviewed_later(review, found, mistakes)

    async def request_token(self, request: Request) -> Response:
        """A new token for the account in the path."""
        info = request.info
        asked = read(request, TokenRequest, V1)
        accounts = self._chain.accounts
        if accounts is None or not accounts.can_sign:
            raise errors.path_not_found()
        for field, of_path in (("name", info.name), ("namespace", info.namespace)):
            given = getattr(asked.metadata, field)
            if given not in ("", of_path):
                detail = f"must match the service account {field} if specified"
                wrong = fielderrors.invalid(Path("metadata") / field, given, detail)
                raise errors.invalid("authentication.k8s.io", "TokenRequest", info.name, [wrong])
        kind = self._kind("serviceaccounts")
        account = await self._registry.get(kind, info.name, info.namespace)
        if asked.metadata.uid not in ("", account.metadata.uid):
            why = f"the UID in the token request ({asked.metadata.uid}) does not match the UID of the service account"
            raise errors.conflict("authentication.k8s.io", "TokenRequest", info.name, f"{why} ({account.metadata.uid})")
        seconds = _seconds(asked)
        await self._admit(kind, request, asked)
        bound = await self._bound(asked, info.namespace, info.name)
        audiences = asked.spec.audiences or list(accounts.audiences)
        if accounts.max_seconds and seconds > accounts.max_seconds:
            shortened = f"requested expiration of {seconds} seconds shortened to {accounts.max_seconds} seconds"
            request.warnings.append(shortened)
            seconds = accounts.max_seconds
        of_pod = bound is not None and bound.kind == "Pod"
        usual = of_pod and seconds == INJECTED_SECONDS and set(audiences) <= set(accounts.audiences)
        injected = accounts.extend and usual
        token, _ = accounts.issue(
            info.namespace,
            info.name,
            account.metadata.uid,
            audiences=audiences,
            seconds=EXTENDED_SECONDS if injected else seconds,
            bound=bound,
            warn_after=seconds if injected else None,
        )
        now = self._registry.now()
        asked.metadata.name, asked.metadata.namespace = info.name, info.namespace
        asked.metadata.uid = account.metadata.uid
        asked.metadata.creationTimestamp = times.now_text(now)
        asked.spec.audiences, asked.spec.expirationSeconds = audiences, seconds
        asked.status.token = token
        asked.status.expirationTimestamp = times.now_text(now + timedelta(seconds=seconds))
        return created(asked)

    async def _admit(self, kind: Any, request: Request, asked: TokenRequest) -> None:
        info = request.info
        attributes = AdmissionRequest(
            "CREATE",
            kind,
            info.namespace,
            info.name,
            object=asked,
            subresource="token",
            user=request.user,
            warnings=request.warnings,
        )
        await self._registry.admission.mutate(attributes)
        await self._registry.admission.validate(attributes)

    async def _bound(self, asked: TokenRequest, namespace: str, account: str) -> Bound | None:
        """The live object that the token shall be bound to. Raises StatusError 400, 404 or 409."""
        wanted = asked.spec.boundObjectRef
        if wanted is None:
            return None
        resources = {("v1", "Pod"): "pods", ("v1", "Secret"): "secrets", ("v1", "Node"): "nodes"}
        resource = resources.get((wanted.apiVersion, wanted.kind))
        if resource is None:
            shown = (
                f"{wanted.apiVersion}, Kind={wanted.kind}"
                if "/" in wanted.apiVersion
                else f"/{wanted.apiVersion}, Kind={wanted.kind}"
            )
            raise errors.bad_request(f"cannot bind token to object of type {shown}")
        found = await self._registry.get(self._kind(resource), wanted.name, "" if resource == "nodes" else namespace)
        if isinstance(found, Pod) and found.spec.serviceAccountName != account:
            text = (
                f'cannot bind token for serviceaccount "{account}" to pod running with different serviceaccount name.'
            )
            raise errors.bad_request(text)
        uid = found.metadata.uid
        if wanted.uid and wanted.uid != uid:
            why = f"the UID in the bound object reference ({wanted.uid}) does not match the UID in record."
            why += " The object might have been deleted and then recreated"
            raise errors.conflict("", resource, wanted.name, why)
        if not isinstance(found, Pod):
            return Bound(wanted.kind, wanted.name, uid)
        return self._bound_pod(found)

    def _bound_pod(self, pod: Pod) -> Bound:
        node_name = pod.spec.nodeName
        node = self._registry.cached(self._kind("nodes"), "", node_name) if node_name else None
        node_uid = node.metadata.uid if node is not None else ""
        return Bound("Pod", pod.metadata.name, pod.metadata.uid, node_name, node_uid)

    def _kind(self, resource: str) -> Any:
        kind = self._registry.scheme.by_resource("", "v1", resource)
        if kind is None:
            raise errors.path_not_found()
        return kind


def _reviewed(review: TokenReview, found: Found | None, mistakes: list[str]) -> Response:
    review.status = TokenReviewStatus()
    if found is None:
        review.status.error = f"[{', '.join([INVALID, *mistakes])}]" if mistakes else INVALID
    else:
        review.status.authenticated = True
        review.status.user = wire_user(found[0])
        review.status.audiences = found[1]
    return created(review)


async def _reviewed_later(review: TokenReview, waiting: Awaitable[Found | None], mistakes: list[str]) -> Response:
    return _reviewed(review, await waiting, mistakes)


def _seconds(asked: TokenRequest) -> int:
    seconds = asked.spec.expirationSeconds
    if seconds is None:
        return DEFAULT_SECONDS
    path = Path("spec") / "expirationSeconds"
    if seconds < MIN_SECONDS:
        wrong = fielderrors.invalid(path, seconds, "may not specify a duration less than 10 minutes")
        raise errors.invalid("authentication.k8s.io", "TokenRequest", "", [wrong])
    if seconds > MAX_SECONDS:
        wrong = fielderrors.invalid(path, seconds, "may not specify a duration larger than 2^32 seconds")
        raise errors.invalid("authentication.k8s.io", "TokenRequest", "", [wrong])
    return seconds

"""What a service account token says: making its claims and judging them against the live objects.

What: `make` builds the claims of a token, `Judge.user` turns verified claims into a user or refuses.
Why: a bound token must die with the pod, secret, node or account that it is bound to.
Flow: TokenRequest → `make` → signer; verified token → `Judge` (reads the caches through `Lookup`) → UserInfo.
Rules follow pkg/serviceaccount/claims.go.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import msgspec

from kubelite.api.logic.rbac import service_account_user
from kubelite.api.types.core_v1 import Secret
from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.apiserver.authn.jwt import InvalidToken
from kubelite.apiserver.request import UserInfo

SECRET_NAMESPACE = "kubernetes.io/serviceaccount/namespace"
SECRET_NAME = "kubernetes.io/serviceaccount/secret.name"
ACCOUNT_NAME = "kubernetes.io/serviceaccount/service-account.name"
ACCOUNT_UID = "kubernetes.io/serviceaccount/service-account.uid"
LEGACY_ISSUER = "kubernetes/serviceaccount"

INVALID_SINCE = "kubernetes.io/legacy-token-invalid-since"

EXTRA = "authentication.kubernetes.io/"
LEEWAY = 0
BOUND_GRACE = 60
"""Seconds after a bound object's deletionTimestamp for which its tokens stay valid."""


class Lookup(Protocol):
    """How the judge sees objects: by resource name, namespace and name."""

    def metadata(self, resource: str, namespace: str, name: str) -> ObjectMeta | None:
        """The metadata of a live object; None if there is none."""

    def body(self, resource: str, namespace: str, name: str) -> bytes | None:
        """A live object as JSON."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The object a token is bound to: `kind` is Pod, Secret or Node; a pod's node may come along."""

    kind: str
    name: str
    uid: str
    node_name: str = ""
    node_uid: str = ""


def make(
    *,
    issuer: str,
    namespace: str,
    account: str,
    account_uid: str,
    audiences: Sequence[str],
    now: datetime,
    seconds: int,
    token_id: str,
    bound: Bound | None = None,
    warn_after: int | None = None,
) -> dict[str, Any]:
    """The claims of a token valid for `seconds` from `now`; `warn_after` is when its use should be warned of."""
    issued = int(now.timestamp())
    private: dict[str, Any] = {"namespace": namespace, "serviceaccount": {"name": account, "uid": account_uid}}
    if bound is not None:
        private[bound.kind.lower()] = {"name": bound.name, "uid": bound.uid}
        if bound.node_name:
            private["node"] = {"name": bound.node_name, **({"uid": bound.node_uid} if bound.node_uid else {})}
    if warn_after is not None:
        private["warnafter"] = issued + warn_after
    return {
        "aud": list(audiences),
        "exp": issued + seconds,
        "iat": issued,
        "iss": issuer,
        "jti": token_id,
        "kubernetes.io": dict(sorted(private.items())),
        "nbf": issued,
        "sub": service_account_user(namespace, account),
    }


class Judge:
    """Decides whether verified claims still mean somebody; `used` is told of each token in a Secret that was taken."""

    def __init__(self, issuers: Sequence[str], lookup: Lookup, used: Callable[[Secret], None] | None = None) -> None:
        self._issuers = tuple(issuers)
        self._lookup = lookup
        self._used = used

    def issued_here(self, issuer: str) -> bool:
        """Whether a token of this issuer claims to be one of ours: others are left to other authenticators."""
        return issuer in (*self._issuers, LEGACY_ISSUER)

    def user(self, claims: Mapping[str, Any], audiences: Sequence[str], now: datetime) -> tuple[UserInfo, list[str]]:
        """The account behind the claims and which of `audiences` the token is for; raises InvalidToken."""
        self._check_times(claims, now)
        common = [one for one in _texts(claims.get("aud")) if one in audiences]
        if not common:
            raise InvalidToken(
                f"token audiences {_texts(claims.get('aud'))} is invalid for the target audiences {audiences}"
            )
        private = _mapping(claims.get("kubernetes.io"))
        namespace = str(private.get("namespace") or "")
        account = _mapping(private.get("serviceaccount"))
        name, uid = str(account.get("name") or ""), str(account.get("uid") or "")
        self._check_live("serviceaccounts", namespace, name, uid, now, "service account")
        extra: dict[str, tuple[str, ...]] = {}
        if claims.get("jti"):
            extra[EXTRA + "credential-id"] = (f"JTI={claims['jti']}",)
        self._check_bound(private, namespace, now, extra)
        return _user(namespace, name, uid, extra), common

    def _check_bound(
        self, private: Mapping[str, Any], namespace: str, now: datetime, extra: dict[str, tuple[str, ...]]
    ) -> None:
        pod, node, secret = (_mapping(private.get(one)) for one in ("pod", "node", "secret"))
        if secret:
            self._check_live("secrets", namespace, str(secret.get("name")), str(secret.get("uid")), now, "secret")
        if pod:
            name, uid = str(pod.get("name")), str(pod.get("uid"))
            self._check_live("pods", namespace, name, uid, now, "pod")
            extra[EXTRA + "pod-name"] = (name,)
            extra[EXTRA + "pod-uid"] = (uid,)
        if node:
            name, uid = str(node.get("name")), str(node.get("uid") or "")
            if not pod:
                self._check_live("nodes", "", name, uid, now, "node")
            extra[EXTRA + "node-name"] = (name,)
            if uid:
                extra[EXTRA + "node-uid"] = (uid,)

    def _check_times(self, claims: Mapping[str, Any], now: datetime) -> None:
        moment = now.timestamp()
        expires, begins = claims.get("exp"), claims.get("nbf")
        if not isinstance(expires, int | float) or moment > expires + LEEWAY:
            raise InvalidToken("service account token has expired")
        if isinstance(begins, int | float) and moment < begins - LEEWAY:
            raise InvalidToken("service account token is not valid yet")

    def _check_live(self, resource: str, namespace: str, name: str, uid: str, now: datetime, what: str) -> None:
        found = self._lookup.metadata(resource, namespace, name) if name else None
        if found is None:
            raise InvalidToken(
                f"{what} {namespace}/{name} does not exist" if namespace else f"{what} {name} does not exist"
            )
        if uid and found.uid != uid:
            raise InvalidToken(f"The {what} UID ({found.uid}) does not match the claim ({uid})")
        if found.deletionTimestamp:
            gone = datetime.fromisoformat(found.deletionTimestamp)
            if (now - gone).total_seconds() > BOUND_GRACE:
                raise InvalidToken(f"{what} has been deleted")

    def legacy(self, token: str, claims: Mapping[str, Any]) -> UserInfo:
        """The account of a token in a Secret of type kubernetes.io/service-account-token: it lives as long as both."""
        namespace, secret, name, uid = (
            str(claims.get(one) or "") for one in (SECRET_NAMESPACE, SECRET_NAME, ACCOUNT_NAME, ACCOUNT_UID)
        )
        if claims.get("sub") != service_account_user(namespace, name):
            raise InvalidToken("the subject does not match the account")
        body = self._lookup.body("secrets", namespace, secret)
        found = msgspec.json.decode(body, type=Secret) if body is not None else None
        if found is None or found.metadata.deletionTimestamp is not None:
            raise InvalidToken("service account token has been invalidated")
        if not hmac.compare_digest(_data(found, "token"), token.encode()):
            raise InvalidToken("service account token has been invalidated")
        if INVALID_SINCE in found.metadata.labels:
            raise InvalidToken(
                f"the token in secret {namespace}/{secret} for service account {namespace}/{name} has been marked invalid"
            )
        account = self._lookup.metadata("serviceaccounts", namespace, name)
        if account is None or account.deletionTimestamp is not None:
            raise InvalidToken("service account has been deleted")
        if account.uid != uid:
            raise InvalidToken(f"service account UID ({account.uid}) does not match claim ({uid})")
        if self._used is not None:
            self._used(found)
        return _user(namespace, name, uid, {})


def _data(secret: Secret, key: str) -> bytes:
    try:
        return base64.b64decode(secret.data.get(key, ""))
    except ValueError:
        return b""


def _user(namespace: str, name: str, uid: str, extra: Mapping[str, tuple[str, ...]]) -> UserInfo:
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return UserInfo(service_account_user(namespace, name), uid, groups, extra)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []

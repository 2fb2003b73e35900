"""Users by bootstrap token: `<id>.<secret>` of a Secret in kube-system, for machines that join.

What: `BootstrapTokens.user`. Why: a new node has no certificate yet; its token is short-lived and asks for one.
Flow: token → Secret bootstrap-token-<id> in the cache → usage, expiry and secret checked → user system:bootstrap:<id>
with the groups of the Secret. Source: plugin/pkg/auth/authenticator/token/bootstrap/bootstrap.go,
cluster-bootstrap/token.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from kubelite.api.types.core_v1 import Secret
from kubelite.apiserver.authn.x509 import AUTHENTICATED
from kubelite.apiserver.request import UserInfo
from kubelite.util.clock import Clock
from kubelite.util.log import get_logger

log = get_logger(__name__)

TYPE = "bootstrap.kubernetes.io/token"
NAMESPACE, PREFIX = "kube-system", "bootstrap-token-"
TOKEN = re.compile(r"\A([a-z0-9]{6})\.([a-z0-9]{16})\Z")
GROUP = re.compile(r"\Asystem:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]\Z")
DEFAULT_GROUP = "system:bootstrappers"


class SecretReader(Protocol):
    """Finds a Secret by namespace and name."""

    def __call__(self, namespace: str, name: str) -> Secret | None: ...


class BootstrapTokens:
    """The authenticator."""

    def __init__(self, secret: SecretReader, clock: Clock) -> None:
        self._secret = secret
        self._clock = clock

    def user(self, token: str) -> UserInfo | None:
        """The user behind the token; None if it is no bootstrap token or no valid one."""
        parts = TOKEN.match(token)
        if parts is None:
            return None
        name = PREFIX + parts[1]
        secret = self._secret(NAMESPACE, name)
        why = "there is no such secret" if secret is None else refusal(secret, parts[1], parts[2], self._clock.now())
        if why or secret is None:
            log.debug("Bootstrap token refused", secret=name, reason=why)
            return None
        groups = groups_of(_text(secret.data, "auth-extra-groups"))
        if groups is None:
            log.debug("Bootstrap token refused", secret=name, reason="auth-extra-groups is malformed")
            return None
        return UserInfo(f"system:bootstrap:{parts[1]}", "", (*groups, AUTHENTICATED))


def refusal(secret: Secret, wanted_id: str, wanted_secret: str, now: datetime) -> str:
    """Why a Secret does not make a token valid; "" if it does."""
    data = secret.data
    if secret.metadata.deletionTimestamp is not None:
        return "the secret is being deleted"
    if secret.type != TYPE:
        return f"the secret has the type {secret.type!r}"
    if not hmac.compare_digest(_text(data, "token-secret").encode(), wanted_secret.encode()):
        return "the token's secret is wrong"
    if _text(data, "token-id") != wanted_id:
        return "the token's id does not match the secret's name"
    if is_expired(_text(data, "expiration"), now):
        return "the token has expired"
    if _text(data, "usage-bootstrap-authentication") != "true":
        return "the token is not meant for authentication"
    return ""


def is_expired(text: str, now: datetime) -> bool:
    """Whether the moment has passed; a malformed one has."""
    if not text:
        return False
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return True
    return moment.tzinfo is None or moment <= now


def groups_of(text: str) -> list[str] | None:
    """The groups of a token, sorted; None if one of them is not allowed for bootstrap tokens."""
    groups = {DEFAULT_GROUP}
    for group in text.split(",") if text else ():
        if not GROUP.match(group):
            return None
        groups.add(group)
    return sorted(groups)


def _text(data: Mapping[str, str], key: str) -> str:
    try:
        return base64.b64decode(data.get(key, "")).decode()
    except ValueError:
        return ""

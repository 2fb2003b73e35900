"""Users by asking a webhook whose token it is.

What: `TokenWebhook.user`. Why: organizations have token services of their own. Flow: token → remembered answer, or a
TokenReview POSTed to the endpoint of a kubeconfig → user and audiences. A webhook that fails or is slow means 401 for
this token, and nothing is remembered of it. Tokens are remembered by their hash only. Source:
apiserver/plugin/pkg/authenticator/token/webhook.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

from kubelite.apiserver.authn.jwt import InvalidToken
from kubelite.apiserver.authn.remote import RemoteFailed, Webhook
from kubelite.apiserver.authn.x509 import AUTHENTICATED
from kubelite.apiserver.request import UserInfo

GROUP = "authentication.k8s.io"
REMEMBERED = 4096
Found = tuple[UserInfo, list[str]]


class TokenWebhook:
    """The authenticator. `audiences` are the server's own; `seconds` is how long an answer is remembered."""

    def __init__(self, webhook: Webhook, version: str, audiences: Sequence[str], seconds: float) -> None:
        if version not in ("v1", "v1beta1"):
            raise ValueError(f"unsupported webhook authenticator version {version!r}, known are v1 and v1beta1")
        self.webhook = webhook
        self._version = f"{GROUP}/{version}"
        self._audiences = tuple(audiences)
        self._seconds = seconds
        self._salt = secrets.token_bytes(16)
        self._known: OrderedDict[bytes, tuple[float, Found | None]] = OrderedDict()

    def user(self, token: str, audiences: Sequence[str]) -> Found | Awaitable[Found | None] | None:
        """The user and the audiences that the token is for; None if the webhook knows no such user."""
        wanted = tuple(audiences or self._audiences)
        key = hashlib.blake2b("\0".join((token, *wanted)).encode(), key=self._salt).digest()
        known = self._known.get(key)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        return self._ask(token, wanted, key)

    async def _ask(self, token: str, wanted: tuple[str, ...], key: bytes) -> Found | None:
        review = {
            "kind": "TokenReview",
            "apiVersion": self._version,
            "metadata": {},
            "spec": {"token": token, "audiences": list(wanted)},
            "status": {"user": {}},
        }
        try:
            answer = await self.webhook.ask(review)
        except RemoteFailed as error:
            raise InvalidToken(f"token review webhook: {error}") from error
        found = _found(answer.get("status"), wanted)
        self._known[key] = (time.monotonic() + self._seconds, found)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return found


def _found(status: Any, wanted: Sequence[str]) -> Found | None:
    if not isinstance(status, dict):
        raise InvalidToken("token review webhook: the answer has no status")
    if status.get("authenticated") is not True:
        if status.get("error"):
            raise InvalidToken(f"webhook: {status['error']}")
        return None
    user = status.get("user")
    if not isinstance(user, dict) or not isinstance(user.get("username"), str):
        raise InvalidToken("token review webhook: the answer names no user")
    given = status.get("audiences")
    audiences = [one for one in wanted if one in given] if isinstance(given, list) and given else list(wanted)
    if wanted and not audiences:
        return None
    groups = [one for one in user.get("groups") or () if isinstance(one, str)]
    extra: Mapping[str, Any] = user.get("extra") or {}
    kept = {str(key).lower(): tuple(str(one) for one in values) for key, values in extra.items() if values}
    return UserInfo(
        user["username"], str(user.get("uid") or ""), (*dict.fromkeys([*groups, AUTHENTICATED]),), kept
    ), audiences

"""Service account tokens of projected volumes: asked for by TokenRequest, renewed at 80 % of their life.

What: `TokenCache.get`. Flow: pod, account, audience → token; a timer asks for a sync of the pod when it is time to renew. A
token that is not yet expired outlives a failed renewal. Source: pkg/kubelet/token/token_manager.go.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

import msgspec

from kubelite.api.types.core_v1 import Pod, ServiceAccountTokenProjection
from kubelite.client.client import Client
from kubelite.client.errors import ConnectionFailed
from kubelite.machinery.errors import StatusError
from kubelite.util.log import get_logger

log = get_logger(__name__)
DEFAULT_SECONDS: Final = 3600
MAX_AGE: Final = 24 * 3600.0
RETRY_SECONDS: Final = 60.0
Key: TypeAlias = tuple[str, str, str, int]
"""Pod uid, service account, audience, seconds."""


@dataclass(slots=True)
class Token:
    """A token, and when it expires in words and in seconds."""

    text: str
    expires: str
    renew_at: float
    expires_at: float
    timer: asyncio.TimerHandle | None = None


class _Status(msgspec.Struct):
    token: str = ""
    expirationTimestamp: str = ""


class _Answer(msgspec.Struct):
    status: _Status


class TokenCache:
    """Tokens in use, by pod."""

    def __init__(self, client: Client, resync: Callable[[str], None]) -> None:
        self._client = client
        self._resync = resync
        self._tokens: dict[Key, Token] = {}

    async def get(self, pod: Pod, source: ServiceAccountTokenProjection) -> str:
        """A token with at least a fifth of its life left, or the best there is. Raises ValueError with the user's text."""
        return (await self.find(pod, source.audience, source.expirationSeconds)).text

    async def find(self, pod: Pod, audience: str, seconds: int | None) -> Token:
        """As `get`, with what else is known of the token."""
        key: Key = (pod.metadata.uid, pod.spec.serviceAccountName or "default", audience, seconds or DEFAULT_SECONDS)
        held = self._tokens.get(key)
        now = time.time()
        if held is not None and now < held.renew_at:
            return held
        try:
            fresh = await self._request(pod, key)
        except (StatusError, ConnectionFailed) as error:
            if held is None or now >= held.expires_at:
                raise ValueError(f"failed to fetch token: {error}") from error
            log.warning(
                "Token could not be renewed", pod=pod.metadata.name, namespace=pod.metadata.namespace, error=error
            )
            held.renew_at = now + RETRY_SECONDS
            self._schedule(key, held)
            return held
        if held is not None and held.timer is not None:
            held.timer.cancel()
        self._tokens[key] = fresh
        self._schedule(key, fresh)
        return fresh

    def due(self, pod_uid: str) -> bool:
        """True when a token of the pod should be renewed now."""
        now = time.time()
        return any(key[0] == pod_uid and now >= token.renew_at for key, token in self._tokens.items())

    def release(self, pod_uid: str) -> None:
        """Forget the pod's tokens."""
        for key in [key for key in self._tokens if key[0] == pod_uid]:
            token = self._tokens.pop(key)
            if token.timer is not None:
                token.timer.cancel()

    def close(self) -> None:
        for uid in {key[0] for key in self._tokens}:
            self.release(uid)

    def _schedule(self, key: Key, token: Token) -> None:
        # A node full of pods that started together must not renew together.
        delay = max(1.0, token.renew_at - time.time() + random.uniform(0, 5))
        token.timer = asyncio.get_running_loop().call_later(delay, self._resync, key[0])

    async def _request(self, pod: Pod, key: Key) -> Token:
        meta = pod.metadata
        bound = {"kind": "Pod", "apiVersion": "v1", "name": meta.name, "uid": meta.uid}
        spec: dict[str, Any] = {
            "audiences": [key[2]] if key[2] else [],
            "expirationSeconds": key[3],
            "boundObjectRef": bound,
        }
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "metadata": {}, "spec": spec}
        asked = time.time()
        answer = await self._client.request(
            "POST",
            f"/api/v1/namespaces/{meta.namespace}/serviceaccounts/{key[1]}/token",
            body=msgspec.json.encode(body),
            headers={"Content-Type": "application/json"},
        )
        status = msgspec.json.decode(answer.body, type=_Answer).status
        expires = datetime.fromisoformat(status.expirationTimestamp.replace("Z", "+00:00")).timestamp()
        return Token(status.token, status.expirationTimestamp, asked + min(0.8 * (expires - asked), MAX_AGE), expires)

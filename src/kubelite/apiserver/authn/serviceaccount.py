"""Users by service account token: verify once, judge each time.

What: `ServiceAccountTokens` with the keys, the issuers (the first signs) and the audiences of this server, and its
limits: `max_seconds` a token may live (0: no limit), and whether injected tokens are extended (`extend`).
Why: a signature costs 30 to 90 µs, the look at the live objects a few; remembering the first and not the second makes
a deleted pod's token die at once. Flow: bearer token → verified claims (at most `REMEMBERED`, least recently used go
first) → `Judge`.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from kubelite.api.types.core_v1 import Secret
from kubelite.apiserver.authn.claims import LEGACY_ISSUER, Bound, Judge, Lookup, make
from kubelite.apiserver.authn.jwt import InvalidToken, Signer, Verifier, issuer_of
from kubelite.apiserver.request import UserInfo
from kubelite.util.clock import Clock

REMEMBERED = 2048


class ServiceAccountTokens:
    """Issues and verifies the tokens of service accounts."""

    def __init__(
        self,
        *,
        issuer: str,
        audiences: Sequence[str],
        signer: Signer | None,
        verifier: Verifier,
        lookup: Lookup,
        clock: Clock,
        issuers: Sequence[str] = (),
        max_seconds: int = 0,
        extend: bool = True,
        used: Callable[[Secret], None] | None = None,
    ) -> None:
        self.issuer = issuer
        self.max_seconds = max_seconds
        self.extend = extend
        self.audiences = tuple(audiences)
        self.verifier = verifier
        self._signer = signer
        self._judge = Judge(issuers or [issuer], lookup, used)
        self._clock = clock
        self._verified: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def user(self, token: str, audiences: Sequence[str] = ()) -> tuple[UserInfo, list[str]] | None:
        """The user and the matching audiences; None if the token is another authority's. Raises InvalidToken."""
        claims = self._verified.get(token)
        if claims is None:
            if not self._judge.issued_here(issuer_of(token)):
                return None
            claims = self.verifier.verify(token)
            self._verified[token] = claims
            if len(self._verified) > REMEMBERED:
                self._verified.popitem(last=False)
        else:
            self._verified.move_to_end(token)
        if claims.get("iss") == LEGACY_ISSUER:
            wanted = [one for one in self.audiences if one in audiences] if audiences else list(self.audiences)
            return (self._judge.legacy(token, claims), wanted) if wanted else None
        return self._judge.user(claims, audiences or self.audiences, self._clock.now())

    @property
    def can_sign(self) -> bool:
        return self._signer is not None

    def issue(
        self,
        namespace: str,
        account: str,
        account_uid: str,
        *,
        audiences: Sequence[str],
        seconds: int,
        bound: Bound | None = None,
        warn_after: int | None = None,
    ) -> tuple[str, str]:
        """A new token and its id (the credential id that requests with it will carry)."""
        if self._signer is None:
            raise InvalidToken("this server has no key to sign service account tokens with")
        token_id = str(uuid.uuid4())
        claims = make(
            issuer=self.issuer,
            namespace=namespace,
            account=account,
            account_uid=account_uid,
            audiences=audiences or self.audiences,
            now=self._clock.now(),
            seconds=seconds,
            token_id=token_id,
            bound=bound,
            warn_after=warn_after,
        )
        return self._signer.sign(claims), token_id

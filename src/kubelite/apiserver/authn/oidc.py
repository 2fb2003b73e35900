"""Users by ID token of an OpenID provider.

What: `JwtIssuer.user`. Why: people are managed in one place, and sign in there. Flow: token of this issuer → key of
the provider → signature, times, audience → claim rules → user name, groups, uid, extras → user rules → UserInfo. An
unknown key makes the answer an awaitable (the provider's keys are fetched again); everything else answers at once.
Good answers are remembered for seconds.
Source: apiserver/plugin/pkg/authenticator/token/oidc/oidc.go.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

import msgspec

from kubelite.apiserver.authn.jwk import ALGORITHMS, Key
from kubelite.apiserver.authn.jwt import Header, InvalidToken, decode, issuer_of, unverified
from kubelite.apiserver.authn.mapping import Mapper
from kubelite.apiserver.authn.oidcconfig import JwtIssuer as Entry
from kubelite.apiserver.authn.provider import Provider
from kubelite.apiserver.request import UserInfo
from kubelite.util.clock import Clock

REMEMBERED, REMEMBER_SECONDS = 2048, 10.0
NOT_BEFORE_LEEWAY = 300


class JwtIssuer:
    """One trusted issuer. Raises ValueError for expressions that do not compile."""

    def __init__(self, entry: Entry, clock: Clock, algorithms: Sequence[str] = ALGORITHMS) -> None:
        issuer = entry.issuer
        self.provider = Provider(issuer.url, issuer.discoveryURL, issuer.certificateAuthority.encode())
        self._audiences = frozenset(issuer.audiences)
        self._mapper = Mapper(entry)
        self._clock = clock
        self._algorithms = tuple(algorithms)
        self._known: OrderedDict[str, tuple[float, UserInfo]] = OrderedDict()

    def user(self, token: str) -> UserInfo | Awaitable[UserInfo] | None:
        """The user; None for another issuer's token. Raises InvalidToken."""
        now = self._clock.now().timestamp()
        known = self._known.get(token)
        if known is not None and known[0] > now:
            return known[1]
        if issuer_of(token) != self.provider.issuer:
            return None
        claims = unverified(token)
        header = self._header(token)
        keys = self.provider.find(header.kid)
        if not self.provider.ready or not keys:
            return self._later(token, header, claims)
        return self._judge(token, header, claims, keys)

    def _header(self, token: str) -> Header:
        try:
            header = msgspec.json.decode(decode(token.partition(".")[0]), type=Header)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise InvalidToken("oidc: malformed jwt header") from error
        if header.alg not in self._algorithms:
            text = f'oidc: id token signed with unsupported algorithm, expected {list(self._algorithms)} got "{header.alg}"'
            raise InvalidToken(text)
        return header

    async def _later(self, token: str, header: Header, claims: Mapping[str, Any]) -> UserInfo:
        await self.provider.refresh()
        if not self.provider.ready:
            raise InvalidToken(f'oidc: authenticator for issuer "{self.provider.issuer}" is not initialized')
        return self._judge(token, header, claims, self.provider.find(header.kid))

    def _judge(self, token: str, header: Header, claims: Mapping[str, Any], keys: Sequence[Key]) -> UserInfo:
        message, _, signature = token.rpartition(".")
        raw = decode(signature)
        if not any(key.verify(header.alg, message.encode(), raw) for key in keys):
            raise InvalidToken("oidc: verify token: failed to verify signature: failed to verify id token signature")
        now = self._clock.now().timestamp()
        expires = self._check(claims, now)
        user = self._mapper.user(claims)
        self._known[token] = (min(expires, now + REMEMBER_SECONDS), user)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return user

    def _check(self, claims: Mapping[str, Any], now: float) -> float:
        """When the token expires. Raises InvalidToken for a time or an audience that does not fit."""
        expires, begins, audience = claims.get("exp"), claims.get("nbf"), claims.get("aud")
        found = [audience] if isinstance(audience, str) else audience if isinstance(audience, list) else []
        if not self._audiences.intersection(one for one in found if isinstance(one, str)):
            raise InvalidToken(f"oidc: verify token: oidc: expected audience in {sorted(self._audiences)} got {found}")
        if not isinstance(expires, int | float) or isinstance(expires, bool) or now >= expires:
            raise InvalidToken("oidc: verify token: oidc: token is expired")
        if isinstance(begins, int | float) and now + NOT_BEFORE_LEEWAY < begins:
            raise InvalidToken("oidc: verify token: oidc: current time before the nbf (not before) time")
        return float(expires)

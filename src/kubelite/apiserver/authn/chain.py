"""The order in which credentials are looked at, and what counts as none.

What: `Chain`, the server's authenticator. Why: a request may carry a certificate and a token; upstream's order
decides, and a bad token is refused even where anonymous requests are welcome.
Flow: authenticating proxy → certificate → tokens (static, service account, bootstrap, JWT issuers, webhook) → (no
credentials) anonymous. A refusal is 401 with the text "Unauthorized" alone: what was wrong with a credential is
logged, not told. The answer comes at once unless a webhook or a provider has to be asked.
Source: pkg/kubeapiserver/authenticator/config.go,
apiserver/pkg/authentication/request/{bearertoken,websocket,anonymous}.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from kubelite.apiserver.authn.frontproxy import FrontProxy
from kubelite.apiserver.authn.jwt import InvalidToken, decode
from kubelite.apiserver.authn.serviceaccount import ServiceAccountTokens
from kubelite.apiserver.authn.x509 import ClientCertificate
from kubelite.apiserver.request import Request, UserInfo
from kubelite.machinery import errors
from kubelite.util.log import get_logger

log = get_logger(__name__)

ANONYMOUS = UserInfo("system:anonymous", "", ("system:unauthenticated",))
WEBSOCKET_BEARER = "base64url.bearer.authorization.k8s.io."
INVALID = "invalid bearer token"

Found = tuple[UserInfo, list[str]]
Answer = Found | Awaitable[Found | None] | None
Source = Callable[[str, Sequence[str]], Answer]
"""(token, wanted audiences) → the user and the matching audiences; None if it is nobody's here. Raises InvalidToken."""


@dataclass(frozen=True, slots=True)
class AnonymousRule:
    """Whether requests without credentials are admitted, and for which paths (None: all)."""

    enabled: bool = True
    paths: frozenset[str] | None = None

    def admits(self, path: str) -> bool:
        return self.enabled and (self.paths is None or path in self.paths)


def agnostic(
    user: Callable[[str], UserInfo | Awaitable[UserInfo] | None], audiences: Callable[[], Sequence[str]]
) -> Source:
    """A source whose tokens are for this server's own audiences, whatever they say themselves."""

    def source(token: str, wanted: Sequence[str]) -> Answer:
        own = audiences()
        common = [one for one in own if one in wanted] if wanted else list(own)
        if wanted and not common:
            return None
        found = user(token)
        if found is None or isinstance(found, UserInfo):
            return None if found is None else (found, common)
        return _with(found, common)

    return source


async def _with(user: Awaitable[UserInfo], audiences: list[str]) -> Found:
    return await user, audiences


class Chain:
    """All authenticators of one server. `sources` come after static and service account tokens."""

    def __init__(
        self,
        *,
        certificates: ClientCertificate | None,
        static_tokens: Mapping[str, UserInfo],
        accounts: ServiceAccountTokens | None,
        anonymous: bool | AnonymousRule,
        front_proxy: FrontProxy | None = None,
        sources: Sequence[Source] = (),
        audiences: Sequence[str] = (),
    ) -> None:
        self.accounts = accounts
        self.audiences = tuple(audiences) or (accounts.audiences if accounts is not None else ())
        self.anonymous = anonymous if isinstance(anonymous, AnonymousRule) else AnonymousRule(anonymous)
        self.certificates = certificates
        self.front_proxy = front_proxy
        self._first: list[Source] = []
        if static_tokens:
            self._first.append(agnostic(static_tokens.get, lambda: self.audiences))
        if accounts is not None:
            self._first.append(accounts.user)
        self.set_sources(sources)

    def set_sources(self, sources: Sequence[Source]) -> None:
        """Asks these from now on, after static and service account tokens."""
        self._sources = (*self._first, *sources)

    def authenticate(self, request: Request) -> UserInfo | Awaitable[UserInfo | None] | None:
        """The user; raises 401 for bad credentials, and for none where anonymous requests are not admitted."""
        if self.front_proxy is not None:
            user = self.front_proxy.authenticate(request)
            if user is not None:
                return user
        if self.certificates is not None:
            user = self.certificates.authenticate(request)
            if user is not None:
                return user
        token = bearer_token(request)
        if token:
            found = self._walk(0, token, (), [])
            if found is None:
                raise errors.unauthorized()
            return found[0] if isinstance(found, tuple) else _authenticated_later(found)
        if self.anonymous.admits(request.path):
            return ANONYMOUS
        raise errors.unauthorized()

    def token(self, token: str, audiences: Sequence[str], mistakes: list[str]) -> Answer:
        """Whose token it is and which of `audiences` (default: the server's) it is for; None if nobody's.

        What was wrong with it is added to `mistakes`.
        """
        return self._walk(0, token, audiences, mistakes)

    def _walk(self, start: int, token: str, audiences: Sequence[str], mistakes: list[str]) -> Answer:
        for position in range(start, len(self._sources)):
            try:
                found = self._sources[position](token, audiences)
            except InvalidToken as error:
                self._refused(error, mistakes)
                continue
            if found is None:
                continue
            if isinstance(found, tuple):
                return found
            return self._walk_later(found, position, token, audiences, mistakes)
        return None

    async def _walk_later(
        self,
        waiting: Awaitable[Found | None],
        position: int,
        token: str,
        audiences: Sequence[str],
        mistakes: list[str],
    ) -> Found | None:
        try:
            found = await waiting
        except InvalidToken as error:
            self._refused(error, mistakes)
            found = None
        if found is not None:
            return found
        rest = self._walk(position + 1, token, audiences, mistakes)
        return rest if rest is None or isinstance(rest, tuple) else await rest

    def _refused(self, error: InvalidToken, mistakes: list[str]) -> None:
        log.debug("Token refused", error=str(error))
        mistakes.append(str(error))


async def _authenticated_later(waiting: Awaitable[Found | None]) -> UserInfo:
    found = await waiting
    if found is None:
        raise errors.unauthorized()
    return found[0]


def bearer_token(request: Request) -> str:
    """The token in the Authorization header, or in a WebSocket's subprotocols; "" if there is none."""
    value = request.headers.get("authorization", "")
    scheme, _, token = value.strip().partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    if request.headers.get("upgrade", "").lower() != "websocket":
        return ""
    offered = [one.strip() for one in request.headers.get("sec-websocket-protocol", "").split(",")]
    hidden = [one for one in offered if one.startswith(WEBSOCKET_BEARER)]
    if len(hidden) != 1:
        return ""
    request.headers["sec-websocket-protocol"] = ",".join(one for one in offered if one not in hidden)
    try:
        return decode(hidden[0].removeprefix(WEBSOCKET_BEARER)).decode()
    except (InvalidToken, UnicodeDecodeError):
        raise errors.unauthorized() from None

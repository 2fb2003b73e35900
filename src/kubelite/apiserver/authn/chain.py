"""The order in which credentials are looked at, and what counts as none.

What: `Chain`, the server's authenticator. Why: a request may carry a certificate and a token; upstream's order decides, and a
bad token is refused even where anonymous requests are welcome.
Flow: certificate → static tokens → service account tokens → (no credentials) anonymous. A refusal is 401 with the
text "Unauthorized" alone: what was wrong with a credential is logged, not told.
Source: pkg/kubeapiserver/authenticator/config.go, apiserver/pkg/authentication/request/{bearertoken,websocket}.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kubelite.apiserver.authn.jwt import InvalidToken, decode
from kubelite.apiserver.authn.serviceaccount import ServiceAccountTokens
from kubelite.apiserver.authn.x509 import ClientCertificate
from kubelite.apiserver.request import Request, UserInfo
from kubelite.machinery import errors
from kubelite.util.log import get_logger

log = get_logger(__name__)

ANONYMOUS = UserInfo("system:anonymous", "", ("system:unauthenticated",))
WEBSOCKET_BEARER = "base64url.bearer.authorization.k8s.io."


class Chain:
    """All authenticators of one server."""

    def __init__(
        self,
        *,
        certificates: ClientCertificate | None,
        static_tokens: Mapping[str, UserInfo],
        accounts: ServiceAccountTokens | None,
        anonymous: bool,
    ) -> None:
        self.accounts = accounts
        self._certificates = certificates
        self._static = static_tokens
        self._anonymous = anonymous

    def authenticate(self, request: Request) -> UserInfo | None:
        """The user; raises 401 for bad credentials, and for none where anonymous requests are not admitted."""
        if self._certificates is not None:
            user = self._certificates.authenticate(request)
            if user is not None:
                return user
        token = bearer_token(request)
        if token:
            found = self.token(token)
            if found is None:
                raise errors.unauthorized()
            return found[0]
        if self._anonymous:
            return ANONYMOUS
        raise errors.unauthorized()

    def token(self, token: str, audiences: Sequence[str] = ()) -> tuple[UserInfo, list[str]] | None:
        """Whose token it is and which of `audiences` (default: the server's) it is for; None if nobody's."""
        user = self._static.get(token)
        if user is not None:
            return user, list(audiences)
        if self.accounts is None:
            return None
        try:
            return self.accounts.user(token, audiences)
        except InvalidToken as error:
            log.debug("Token refused", error=str(error))
            return None


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

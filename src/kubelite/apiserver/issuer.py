"""What others need to verify the tokens of service accounts: the issuer's configuration and its public keys.

What: handlers of /.well-known/openid-configuration and /openid/v1/jwks. Why: services outside of the cluster accept its
tokens as they accept any OpenID provider's. Flow: keys of the authenticator → documents, made when first asked for.
Source: pkg/serviceaccount/openidmetadata.go, pkg/routes/openidmetadata.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kubelite.apiserver.config import Config
from kubelite.apiserver.discovery import Document, only_get
from kubelite.apiserver.request import Handler, Request, Response


def _document(make: Callable[[], Any], content_type: str) -> Handler:
    document = Document(make)

    def handle(request: Request) -> Response:
        only_get(request)
        return Response(200, document.body, content_type, (("Cache-Control", "no-cache, private"),))

    return handle


def path_handlers(config: Config, registry: Any) -> Mapping[str, Handler]:
    """The handlers; none for a server that has no keys of its own."""
    from kubelite.apiserver import authn

    accounts = authn.build(config, registry).accounts
    if accounts is None:
        return {}
    issuer = config.service_account_issuer[0]
    address = f"{config.advertise_address or config.bind_address}:{config.secure_port}"
    configuration = {
        "issuer": issuer,
        "jwks_uri": config.service_account_jwks_uri or f"https://{address}/openid/v1/jwks",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": sorted({key.alg for key in accounts.verifier.keys}),
    }
    return {
        "/.well-known/openid-configuration": _document(lambda: configuration, "application/json"),
        "/openid/v1/jwks": _document(accounts.verifier.jwks, "application/jwk-set+json"),
    }

"""Who asks: client certificates, static tokens, service account tokens, anonymous.

`build` makes the chain of a server; `of` finds it again for the parts that issue and review tokens.
"""

from __future__ import annotations

import pathlib
from typing import Any
from weakref import WeakKeyDictionary

from kubelite.apiserver.authn.chain import Chain
from kubelite.apiserver.config import Config
from kubelite.apiserver.lookup import Lookup
from kubelite.util.clock import SystemClock

_chains: WeakKeyDictionary[Any, Chain] = WeakKeyDictionary()


def build(config: Config, registry: Any) -> Chain:
    """The authenticator of a server. Raises OSError or ValueError for files that cannot be used."""
    chain = _chains.get(registry)
    if chain is None:
        chain = _chains[registry] = _build(config, registry)
    return chain


def _build(config: Config, registry: Any) -> Chain:
    from kubelite.apiserver.authn import statictoken
    from kubelite.apiserver.authn.x509 import ClientCertificate

    if config.enable_bootstrap_token_auth:
        raise ValueError("bootstrap token authentication is not supported")
    return Chain(
        certificates=ClientCertificate() if config.client_ca_file else None,
        static_tokens=statictoken.load(config.token_auth_file) if config.token_auth_file else {},
        accounts=_accounts(config, registry),
        anonymous=config.anonymous_auth,
    )


def _accounts(config: Config, registry: Any) -> Any:
    if not config.service_account_key_file and not config.service_account_signing_key_file:
        return None
    from kubelite.apiserver.authn.jwt import Signer, Verifier, load_public_keys
    from kubelite.apiserver.authn.serviceaccount import ServiceAccountTokens

    signer = None
    keys = []
    if config.service_account_signing_key_file:
        signer = Signer(pathlib.Path(config.service_account_signing_key_file).read_bytes())
    if config.service_account_key_file:
        keys = load_public_keys(pathlib.Path(config.service_account_key_file).read_bytes())
    elif signer is not None:
        keys = [signer.public]
    audiences = [one.strip() for one in config.api_audiences.split(",") if one.strip()]
    return ServiceAccountTokens(
        issuer=config.service_account_issuer,
        audiences=audiences or [config.service_account_issuer],
        signer=signer,
        verifier=Verifier(keys),
        lookup=Lookup(registry),
        clock=SystemClock(),
    )

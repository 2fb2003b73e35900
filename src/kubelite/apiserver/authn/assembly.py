"""Puts the authenticators of a server together, and keeps them current while it runs.

What: `Parts` with the `chain` and `run`. Why: flags and files say which credentials count; files may change. Flow:
flags → parts → `Chain`; `run` fetches providers' keys and looks at the files once a second: authorities and the
AuthenticationConfiguration take effect without a restart, and one that cannot be used is logged and leaves what was
in force.
Source: pkg/kubeapiserver/options/authentication.go, pkg/kubeapiserver/authenticator/config.go.
"""

from __future__ import annotations

import asyncio
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

from kubelite.api.types.core_v1 import Secret
from kubelite.apiserver.authn.authorities import Authorities
from kubelite.apiserver.authn.chain import AnonymousRule, Chain, Source, agnostic
from kubelite.apiserver.authn.files import Files
from kubelite.apiserver.authn.frontproxy import FrontProxy, HeaderNames
from kubelite.apiserver.authn.legacytokens import LegacyTokens
from kubelite.apiserver.authn.x509 import ClientCertificate
from kubelite.apiserver.config import Config
from kubelite.apiserver.lookup import Lookup
from kubelite.machinery import times
from kubelite.util.clock import SystemClock
from kubelite.util.log import get_logger

log = get_logger(__name__)

MIN_EXPIRATION, MAX_EXPIRATION = 3600, 1 << 32


class Parts:
    """The authenticators. Raises OSError or ValueError for settings that cannot be used."""

    def __init__(self, config: Config, registry: Any) -> None:
        self._config = config
        self._lookup = Lookup(registry)
        self._clock = SystemClock()
        self.files = Files()
        self._issuers: list[Any] = []
        self._running: list[asyncio.Task[None]] = []
        self.legacy = LegacyTokens(registry, self._clock)
        accounts = _accounts(config, self._lookup, self.legacy.used)
        own = [one.strip() for one in config.api_audiences.split(",") if one.strip()]
        self.webhook = _token_webhook(config, own or config.service_account_issuer)
        self.chain = Chain(
            certificates=self._certificates(),
            static_tokens=_static(config),
            accounts=accounts,
            anonymous=config.anonymous_auth,
            front_proxy=self._front_proxy(),
            audiences=own or config.service_account_issuer,
        )
        self._configure()

    def _certificates(self) -> ClientCertificate | None:
        config = self._config
        if not config.client_ca_file:
            return None
        authorities = Authorities(config.client_ca_file)
        self.files.follow([config.client_ca_file], authorities.load)
        return ClientCertificate(authorities)

    def _front_proxy(self) -> FrontProxy | None:
        config = self._config
        if not config.requestheader_client_ca_file:
            return None
        authorities = Authorities(config.requestheader_client_ca_file)
        self.files.follow([config.requestheader_client_ca_file], authorities.load)
        names = HeaderNames.of(
            config.requestheader_username_headers,
            config.requestheader_uid_headers,
            config.requestheader_group_headers,
            config.requestheader_extra_headers_prefix,
        )
        if not names.users:
            raise ValueError("--requestheader-username-headers must name a header")
        return FrontProxy(authorities, config.requestheader_allowed_names, names)

    def _configure(self) -> None:
        """JWT issuers and the rule for anonymous requests, from the file or the flags."""
        config = self._config
        if config.authentication_config:
            if config.oidc_issuer_url:
                raise ValueError("authentication-config file and oidc-* flags are mutually exclusive")
            self._load()
            self.files.follow([config.authentication_config], self._load)
            return
        issuers: list[Any] = []
        if config.oidc_issuer_url:
            from kubelite.apiserver.authn.jwk import ALGORITHMS
            from kubelite.apiserver.authn.oidc import JwtIssuer
            from kubelite.apiserver.authn.oidcconfig import of_flags

            unknown = [one for one in config.oidc_signing_algs if one not in ALGORITHMS]
            if unknown:
                raise ValueError(f"unsupported signing algorithm {unknown[0]!r}, known are {', '.join(ALGORITHMS)}")
            entries = of_flags(config).jwt
            issuers = [JwtIssuer(one, self._clock, config.oidc_signing_algs) for one in entries]
        self._use(issuers)

    def _load(self) -> None:
        from kubelite.apiserver.authn.oidc import JwtIssuer
        from kubelite.apiserver.authn.oidcconfig import load

        config = self._config
        found = load(config.authentication_config, config.service_account_issuer)
        issuers = [JwtIssuer(one, self._clock) for one in found.jwt]
        if found.anonymous is not None:
            paths = frozenset(one.path for one in found.anonymous.conditions)
            self.chain.anonymous = AnonymousRule(found.anonymous.enabled, paths or None)
        else:
            self.chain.anonymous = AnonymousRule(config.anonymous_auth)
        self._use(issuers)

    def _use(self, issuers: list[Any]) -> None:
        self._issuers = issuers
        sources: list[Source] = []
        if self._config.enable_bootstrap_token_auth:
            from kubelite.apiserver.authn.bootstraptoken import BootstrapTokens

            tokens = BootstrapTokens(self._secret, self._clock)
            sources.append(agnostic(tokens.user, lambda: self.chain.audiences))
        sources += [agnostic(one.user, lambda: self.chain.audiences) for one in issuers]
        if self.webhook is not None:
            sources.append(self.webhook.user)
        self.chain.set_sources(sources)
        if self._running:
            self._start_providers()

    def _secret(self, namespace: str, name: str) -> Secret | None:
        return self._lookup.get("secrets", namespace, name, Secret)

    def _start_providers(self) -> None:
        for task in self._running:
            task.cancel()
        loop = asyncio.get_running_loop()
        self._running = [loop.create_task(one.provider.run(), name="openid provider") for one in self._issuers]

    async def run(self) -> None:
        """Follows files and providers until cancelled."""
        self._start_providers()
        if not self._running:
            # Marks that a later configuration may start providers.
            self._running = [asyncio.get_running_loop().create_task(asyncio.sleep(0))]
        try:
            await self.files.run()
        finally:
            for task in self._running:
                task.cancel()
            if self.webhook is not None:
                await self.webhook.webhook.close()


def _static(config: Config) -> Any:
    from kubelite.apiserver.authn import statictoken

    return statictoken.load(config.token_auth_file) if config.token_auth_file else {}


def _token_webhook(config: Config, audiences: Sequence[str]) -> Any:
    if not config.authentication_token_webhook_config_file:
        return None
    from kubelite.apiserver.authn.remote import Webhook
    from kubelite.apiserver.authn.webhook import TokenWebhook

    webhook = Webhook(config.authentication_token_webhook_config_file, seconds=config.request_timeout_seconds / 2)
    seconds = times.parse_duration(config.authentication_token_webhook_cache_ttl)
    return TokenWebhook(webhook, config.authentication_token_webhook_version, audiences, seconds)


def _accounts(config: Config, lookup: Lookup, used: Callable[[Secret], None]) -> Any:
    if not config.service_account_key_file and not config.service_account_signing_key_file:
        return None
    from kubelite.apiserver.authn.jwt import Signer, Verifier, load_public_keys
    from kubelite.apiserver.authn.serviceaccount import ServiceAccountTokens

    limit = int(times.parse_duration(config.service_account_max_token_expiration))
    if limit and not MIN_EXPIRATION <= limit <= MAX_EXPIRATION:
        raise ValueError("the service-account-max-token-expiration must be between 1 hour and 2^32 seconds")
    if not config.service_account_issuer or not all(config.service_account_issuer):
        raise ValueError("service-account-issuer is a required flag")
    signer = None
    if config.service_account_signing_key_file:
        signer = Signer(pathlib.Path(config.service_account_signing_key_file).read_bytes())
    keys = [
        key for path in config.service_account_key_file for key in load_public_keys(pathlib.Path(path).read_bytes())
    ]
    if not keys and signer is not None:
        keys = [signer.public]
    audiences = [one.strip() for one in config.api_audiences.split(",") if one.strip()]
    return ServiceAccountTokens(
        issuer=config.service_account_issuer[0],
        issuers=config.service_account_issuer,
        audiences=audiences or config.service_account_issuer,
        signer=signer,
        verifier=Verifier(keys),
        lookup=lookup,
        clock=SystemClock(),
        max_seconds=limit,
        extend=config.service_account_extend_token_expiration,
        used=used,
    )

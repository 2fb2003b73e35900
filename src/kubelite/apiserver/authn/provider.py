"""An OpenID provider: its discovery document and its keys, fetched in the background and kept.

What: `Provider` with `find(kid)`, `refresh()` and `run()`. Why: a token must be judged without asking the provider;
only a key that nobody has seen yet makes one request wait. Flow: discovery document → key set → keys by id; an
unknown id fetches the set again, at most `BURST` times at once and then every `RATE_SECONDS`, so that made-up ids
cannot make this server a load generator.
Source: apiserver/plugin/pkg/authenticator/token/oidc/oidc.go; OpenID Connect Discovery 1.0.
"""

from __future__ import annotations

import asyncio
import time
from urllib.parse import urlsplit

from kubelite.apiserver.authn.jwk import Key, keys_of
from kubelite.apiserver.authn.remote import RemoteFailed, fetch
from kubelite.util.log import get_logger

log = get_logger(__name__)

WELL_KNOWN = "/.well-known/openid-configuration"
SECONDS = 10.0
RETRY_SECONDS, REFRESH_SECONDS = (1.0, 2.0, 5.0, 10.0), 300.0
BURST, RATE_SECONDS = 5, 10.0


class Provider:
    """One issuer. `discovery_url` replaces the usual place; `authority` is PEM, b"" for the system's."""

    def __init__(self, issuer: str, discovery_url: str, authority: bytes) -> None:
        self.issuer = issuer
        self.ready = False
        self._url = discovery_url or issuer.rstrip("/") + WELL_KNOWN
        self._authority = authority
        self._keys: list[Key] = []
        self._keys_url = ""
        self._fetching: asyncio.Task[None] | None = None
        self._tokens = float(BURST)
        self._filled = time.monotonic()

    def find(self, kid: str) -> list[Key]:
        """The keys of that id (all keys for a token without one)."""
        return [key for key in self._keys if not kid or key.kid == kid]

    async def refresh(self) -> None:
        """Fetches the keys once for everybody who waits; does nothing if that happened too often."""
        if self._fetching is None:
            if not self._take():
                return
            self._fetching = asyncio.get_running_loop().create_task(self._load())
            self._fetching.add_done_callback(self._fetched)
        await asyncio.shield(self._fetching)

    def _fetched(self, task: asyncio.Task[None]) -> None:
        self._fetching = None

    def _take(self) -> bool:
        now = time.monotonic()
        self._tokens = min(float(BURST), self._tokens + (now - self._filled) / RATE_SECONDS)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    async def _load(self) -> None:
        try:
            if not self._keys_url:
                self._keys_url = await self._discover()
            keys = keys_of(await fetch(self._keys_url, self._authority, SECONDS))
        except RemoteFailed as error:
            log.warning("The keys of an OpenID provider could not be fetched", issuer=self.issuer, error=str(error))
            return
        self._keys = keys
        self.ready = True

    async def _discover(self) -> str:
        document = await fetch(self._url, self._authority, SECONDS)
        if document.get("issuer") != self.issuer:
            raise RemoteFailed(f"the provider's issuer is {document.get('issuer')!r}, expected {self.issuer!r}")
        url = str(document.get("jwks_uri") or "")
        if urlsplit(url).scheme != "https":
            raise RemoteFailed(f"the provider's jwks_uri {url!r} is no https URL")
        return url

    async def run(self) -> None:
        """Fetches until it worked, then now and then again; never returns."""
        failures = 0
        while True:
            await self._load()
            if self.ready:
                await asyncio.sleep(REFRESH_SECONDS)
            else:
                await asyncio.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
                failures += 1

"""Encryption of data at rest.

`build` puts encryption around a store, as an EncryptionConfiguration says; the `Keeper` that comes with it asks KMS plugins
for their state, takes over changes of the file, and knows whether all is well.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from kubelite.apiserver import metrics
from kubelite.apiserver.config import Config
from kubelite.machinery.kind import Kind
from kubelite.storage.interface import Store, StoreError
from kubelite.util.log import get_logger

if TYPE_CHECKING:
    from kubelite.apiserver.encryption.ciphers import Cipher
    from kubelite.apiserver.encryption.config import Configuration, Provider
    from kubelite.apiserver.encryption.kms import Kms
    from kubelite.apiserver.encryption.store import Chain, EncryptedStore

__all__ = ["Keeper", "build"]

log = get_logger(__name__)
LOOK_SECONDS = 5.0
RELOADS = metrics.REGISTRY.counter(
    "apiserver_encryption_config_controller_automatic_reloads_total",
    "Total number of reload successes and failures of encryption configuration split by apiserver identity.",
    ("status",),
)


class Keeper:
    """What has to go on beside an `EncryptedStore`."""

    def __init__(self, path: str, text: str, *, reload: bool) -> None:
        self._path, self._reload = path, reload
        self._digest = hashlib.sha256(text.encode()).digest()
        self._plugins: dict[str, Kms] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.store: EncryptedStore | None = None
        self.problem = ""
        """Why the changed file could not be taken over."""

    @property
    def has_plugins(self) -> bool:
        return bool(self._plugins)

    def find(self, configuration: Configuration) -> Callable[[str, str], Chain | None]:
        """The chains of a configuration; plugins that stay the same are kept."""
        from kubelite.apiserver.encryption.store import Chain

        chains = {id(entry): Chain(self._ciphers(entry.providers)) for entry in configuration.resources}
        by_providers = {id(entry.providers): chains[id(entry)] for entry in configuration.resources}

        def find(group: str, resource: str) -> Chain | None:
            providers = configuration.providers_of(group, resource)
            return by_providers.get(id(providers)) if providers else None

        return find

    def _ciphers(self, providers: Iterable[Provider]) -> list[Cipher]:
        from kubelite.apiserver.encryption.ciphers import AesCbc, AesGcm, Identity, SecretBox

        found: list[Cipher] = []
        for provider in providers:
            for keys, make in ((provider.aesgcm, AesGcm), (provider.aescbc, AesCbc), (provider.secretbox, SecretBox)):
                if keys is not None:
                    found += [make(key) for key in keys.keys]
            if provider.identity is not None:
                found.append(Identity())
            if provider.kms is not None:
                found.append(self._plugin(provider.kms))
        return found

    def _plugin(self, wanted: Any) -> Kms:
        from kubelite.apiserver.encryption.kms import Kms
        from kubelite.machinery import times

        identity = f"{wanted.name}\0{wanted.endpoint}\0{wanted.timeout}"
        plugin = self._plugins.get(identity)
        if plugin is None:
            plugin = Kms(wanted.name, wanted.endpoint, times.parse_duration(wanted.timeout))
            plugin.on_change = self._changed
            self._plugins[identity] = plugin
        return plugin

    async def _changed(self) -> None:
        if self.store is not None:
            await self.store.look_again()

    async def start(self) -> None:
        """Asks the plugins once, so that what they guard can be read and written; begins the background work."""
        for plugin in list(self._plugins.values()):
            await self._begin(plugin)
        if self._reload:
            self._tasks.append(asyncio.create_task(self._follow(), name="encryption configuration"))

    async def _begin(self, plugin: Kms) -> None:
        try:
            await plugin.refresh()
        except StoreError as error:
            log.warning("The KMS plugin is not healthy", provider=plugin.name, error=str(error))
        self._tasks.append(asyncio.create_task(plugin.run(), name=f"kms {plugin.name}"))

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Takes over the file if it changed; a bad one is told of, and the old keys stay in force."""
        from kubelite.apiserver.encryption import config

        try:
            with open(self._path, encoding="utf-8") as file:
                text = file.read()
            digest = hashlib.sha256(text.encode()).digest()
            if digest == self._digest:
                return
            known = set(self._plugins)
            find = self.find(config.load(text))
            for identity in set(self._plugins) - known:
                await self._begin(self._plugins[identity])
            if self.store is not None:
                await self.store.replace(find)
        except (OSError, ValueError, StoreError) as error:
            self.problem = str(error)
            RELOADS.inc("failure")
            log.error("The encryption configuration could not be taken over", error=str(error))
            return
        self._digest, self.problem = digest, ""
        RELOADS.inc("success")
        log.info("The encryption configuration was taken over", path=self._path)

    def check(self) -> None:
        """Raises StoreError if a plugin is not healthy."""
        problems = [f"{plugin.name}: {plugin.problem}" for plugin in self._plugins.values() if plugin.problem]
        if problems:
            raise StoreError("; ".join(problems))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for plugin in self._plugins.values():
            await plugin.close()


def build(config: Config, store: Store, kinds: Callable[[], Iterable[Kind]]) -> tuple[Store, Keeper | None]:
    """The store to use, and its keeper if anything is encrypted. Raises ValueError for a bad file."""
    if not config.encryption_provider_config:
        if config.encryption_provider_config_automatic_reload:
            raise ValueError("--encryption-provider-config-automatic-reload needs --encryption-provider-config")
        return store, None
    from kubelite.apiserver.encryption import config as configuration
    from kubelite.apiserver.encryption.store import EncryptedStore

    with open(config.encryption_provider_config, encoding="utf-8") as file:
        text = file.read()
    keeper = Keeper(config.encryption_provider_config, text, reload=config.encryption_provider_config_automatic_reload)

    def resources() -> dict[str, tuple[str, str]]:
        return {
            kind.key_prefix: (kind.group, kind.plural)
            for kind in kinds()
            if kind.stored and kind.stored_as is None and kind.verbs
        }

    keeper.store = EncryptedStore(store, keeper.find(configuration.load(text)), resources)
    return keeper.store, keeper

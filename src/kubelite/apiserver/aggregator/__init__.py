"""The aggregation layer: group versions that other API servers serve, found through APIService objects.

`build` makes the aggregator of a server and finds it again for discovery and OpenAPI; `tasks` is what runs beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

from kubelite.apiserver.config import Config

if TYPE_CHECKING:
    from kubelite.apiserver.aggregator.aggregator import Aggregator


class Published(Protocol):
    """What discovery and OpenAPI show of other servers."""

    @property
    def generation(self) -> int:
        """Grows with every change."""

    def extensions(self) -> Sequence[Any]:
        """`aggregator.Extension`, one for each group version."""


class Nobody:
    """No other servers."""

    generation = 0

    def extensions(self) -> Sequence[Any]:
        return ()


NOBODY = Nobody()
_made: WeakKeyDictionary[Any, Aggregator] = WeakKeyDictionary()


def build(config: Config, registry: Any) -> Aggregator:
    """The aggregator of a server. Raises ValueError for half a key pair."""
    found = _made.get(registry)
    if found is None:
        from kubelite.apiserver.aggregator.aggregator import Aggregator

        if bool(config.proxy_client_cert_file) != bool(config.proxy_client_key_file):
            raise ValueError("--proxy-client-cert-file and --proxy-client-key-file belong together")
        found = _made[registry] = Aggregator(config, registry)
    return found


async def start(config: Config, registry: Any) -> None:
    """Registers this server's own group versions and follows the others; call when the caches are full."""
    from kubelite.apiserver import authn
    from kubelite.apiserver.aggregator.numbers import publish

    aggregator = build(config, registry)
    pair = (config.proxy_client_cert_file, config.proxy_client_key_file)
    authn.files(registry).follow(pair, aggregator.renew)
    publish(aggregator)
    await aggregator.start()


def tasks(registry: Any) -> list[tuple[str, Callable[[], Coroutine[Any, Any, None]]]]:
    """(name, coroutine function) of what runs as long as the server."""
    return [("aggregation", _made[registry].run)]


async def stop(registry: Any) -> None:
    """Ends what follows other servers, and its connections."""
    if registry in _made:
        await _made[registry].stop()

"""Who asks: proxies, client certificates, tokens of several kinds, anonymous.

`build` makes the chain of a server and finds it again for the parts that issue and review tokens; `tasks` is what
runs beside it: keys of providers, files that change.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any
from weakref import WeakKeyDictionary

from kubelite.apiserver.authn.chain import Chain
from kubelite.apiserver.authn.files import Files
from kubelite.apiserver.config import Config

_chains: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def build(config: Config, registry: Any) -> Chain:
    """The authenticator of a server. Raises OSError or ValueError for files that cannot be used."""
    parts = _chains.get(registry)
    if parts is None:
        from kubelite.apiserver.authn.assembly import Parts

        parts = _chains[registry] = Parts(config, registry)
    chain: Chain = parts.chain
    return chain


def files(registry: Any) -> Files:
    """The files that are looked at while the server runs; others may have theirs followed too."""
    found: Files = _chains[registry].files
    return found


def tasks(registry: Any) -> list[tuple[str, Callable[[], Coroutine[Any, Any, None]]]]:
    """(name, coroutine function) of what runs as long as the server."""
    parts = _chains[registry]
    return [("authentication", parts.run), ("tokens in Secrets", parts.legacy.run)]


def separate_headers(config: Config) -> tuple[str, ...]:
    """Beginnings of the names of the headers of proxies, whose repeated values must be kept apart."""
    if not config.requestheader_client_ca_file:
        return ()
    return tuple(
        one.lower() for one in (*config.requestheader_group_headers, *config.requestheader_extra_headers_prefix)
    )

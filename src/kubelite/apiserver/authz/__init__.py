"""May they: the superuser group, the node authorizer, roles with bindings, webhooks.

`build` makes the chain of a server and joins it to the caches; `names` are its authorizers; `tasks` is what runs
beside it; `refuse` makes the 403 answer.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any
from weakref import WeakKeyDictionary

from kubelite.apiserver.authz.chain import Chain
from kubelite.apiserver.authz.refusal import message, refuse
from kubelite.apiserver.config import Config

__all__ = ["Chain", "build", "message", "names", "refuse", "tasks"]

_parts: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def _of(config: Config, registry: Any) -> Any:
    parts = _parts.get(registry)
    if parts is None:
        from kubelite.apiserver.authz.assembly import Parts

        parts = _parts[registry] = Parts(config, registry)
    return parts


def build(config: Config, registry: Any) -> Chain:
    """The authorizer of a server. Raises ValueError or OSError for settings that cannot be used."""
    chain: Chain = _of(config, registry).chain
    return chain


def names(config: Config, registry: Any) -> tuple[str, ...]:
    """The types of the server's authorizers in their order."""
    found: tuple[str, ...] = _of(config, registry).names
    return found


def tasks(registry: Any) -> list[tuple[str, Callable[[], Coroutine[Any, Any, None]]]]:
    """(name, coroutine function) of what runs as long as the server."""
    return [("authorization", _parts[registry].run)]

"""Picks the back end for a configured address.

What: `open_store`. Why: the API server knows only the `Store` protocol. Flow: the address's scheme → a back end, which is
imported only then: gRPC costs 20 MB and 100 ms that a cluster on SQLite need not pay.
"""

from __future__ import annotations

from dataclasses import dataclass

from kubelite.storage.interface import Store


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """Where the cluster's state is."""

    address: str
    """`memory://`, `sqlite:///var/lib/kubelite/state.db`, or etcd endpoints: `https://a:2379,https://b:2379`."""
    ca_file: str = ""
    """PEM file of the authority that signed etcd's certificates."""
    cert_file: str = ""
    """PEM file of the client certificate for etcd."""
    key_file: str = ""
    """PEM file of the client certificate's key."""


async def _open_memory(config: StoreConfig) -> Store:
    from kubelite.storage.memory import MemoryStore

    return MemoryStore()


async def _open_sqlite(config: StoreConfig) -> Store:
    from kubelite.storage.sqlite import SqliteStore

    path = config.address.removeprefix("sqlite://")
    if not path:
        raise ValueError("sqlite:// needs a path: sqlite:///var/lib/kubelite/state.db")
    return await SqliteStore.open(path)


async def _open_etcd(config: StoreConfig) -> Store:
    from kubelite.storage.etcd import EtcdStore

    endpoints = [endpoint.strip() for endpoint in config.address.split(",") if endpoint.strip()]
    return await EtcdStore.open(endpoints, config.ca_file, config.cert_file, config.key_file)


BACK_ENDS = {"memory": _open_memory, "sqlite": _open_sqlite, "http": _open_etcd, "https": _open_etcd}


async def open_store(config: str | StoreConfig) -> Store:
    """The store at an address. Raises `ValueError` for an unknown scheme, `Unavailable` if it cannot be opened."""
    if isinstance(config, str):
        config = StoreConfig(config)
    scheme, found, _ = config.address.partition("://")
    if not found or scheme not in BACK_ENDS:
        known = ", ".join(f"{name}://" for name in BACK_ENDS)
        raise ValueError(f"unknown store address {config.address!r}: it must start with one of {known}")
    return await BACK_ENDS[scheme](config)

"""Which back end an address opens."""

from __future__ import annotations

import pathlib

import pytest

from kubelite.storage.etcd import EtcdStore
from kubelite.storage.memory import MemoryStore
from kubelite.storage.registry import StoreConfig, open_store
from kubelite.storage.sqlite import SqliteStore


async def test_each_scheme_opens_its_back_end(tmp_path: pathlib.Path) -> None:
    for address, kind in (
        ("memory://", MemoryStore),
        (f"sqlite://{tmp_path}/state.db", SqliteStore),
        ("http://127.0.0.1:1, http://127.0.0.1:2", EtcdStore),
    ):
        store = await open_store(StoreConfig(address))
        assert isinstance(store, kind)
        await store.close()
    assert (tmp_path / "state.db").exists()


@pytest.mark.parametrize("address", ["", "mysql://x", "sqlite://", "127.0.0.1:2379"])
async def test_an_address_that_means_nothing_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"store address|needs a path"):
        await open_store(address)

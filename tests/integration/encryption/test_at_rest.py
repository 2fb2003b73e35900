"""Secrets at rest, through the API server on a real SQLite file and a real etcd: what is on the disk, and what the API shows."""

from __future__ import annotations

import base64
import pathlib
import shutil
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import yaml

from kubelite.apiserver.encryption.ciphers import Undecryptable
from kubelite.storage.interface import Store
from tests.apienv import ApiEnv, api_server
from tests.contract.storage_backends import Backend, Etcd
from tests.contract.storage_backends import backend as make_backend
from tests.integration.encryption.conftest import Plugin

WORDS = "the words that nobody may read"
SECRETS = "/api/v1/namespaces/default/secrets"
KEY = "/registry/secrets/default/mine"


def key(letter: str) -> dict[str, str]:
    return {"name": f"key-{letter}", "secret": base64.b64encode(letter.encode() * 32).decode()}


def provider(name: str, *letters: str) -> dict[str, Any]:
    return {name: {"keys": [key(letter) for letter in letters]}}


def write(folder: pathlib.Path, *providers: dict[str, Any]) -> str:
    path = folder / "encryption.yaml"
    entry = {"resources": ["secrets"], "providers": list(providers)}
    document = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration", "resources": [entry]}
    path.write_text(yaml.safe_dump(document))
    return str(path)


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    if shutil.which("etcd") is None:
        pytest.skip("etcd is not installed (Debian package etcd-server)")
    server = Etcd(tmp_path_factory.mktemp("etcd"))
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture(params=["sqlite", "etcd"])
def backend(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Backend:
    return make_backend(request.param, tmp_path, request.getfixturevalue("etcd") if request.param == "etcd" else None)


@pytest.fixture
async def raw(backend: Backend) -> AsyncIterator[Store]:
    """The back end itself, without encryption; empty."""
    store = await backend.open()
    page = await store.range("/registry/")
    for item in page.items:
        await store.delete(item.key, item.revision)
    yield store
    await store.close()


async def stored(raw: Store) -> bytes:
    found, _ = await raw.get(KEY)
    assert found is not None
    return found.value


def secret() -> dict[str, Any]:
    return {"metadata": {"name": "mine"}, "stringData": {"password": WORDS}}


async def shown(api: ApiEnv) -> str:
    reply = await api.get(f"{SECRETS}/mine")
    assert reply.status == 200, reply.body
    return base64.b64decode(reply.json()["data"]["password"]).decode()


async def rewrite(api: ApiEnv) -> None:
    """What `kubectl get secrets -o json | kubectl replace -f -` does."""
    present = (await api.get(f"{SECRETS}/mine")).json()
    assert (await api.put(f"{SECRETS}/mine", present)).status == 200


@pytest.mark.parametrize("name", ["aesgcm", "aescbc", "secretbox"])
async def test_the_disk_has_no_readable_secret(name: str, raw: Store, tmp_path: pathlib.Path) -> None:
    config = write(tmp_path, provider(name, "a"), {"identity": {}})
    async with api_server(store=raw, encryption_provider_config=config) as api:
        async with api.watch(SECRETS) as watch:
            assert (await api.post(SECRETS, secret())).status == 201
            event = await watch.next()
            assert base64.b64decode(event["object"]["data"]["password"]).decode() == WORDS
        assert await shown(api) == WORDS
        plain = {"metadata": {"name": "open"}, "data": {"words": WORDS}}
        assert (await api.post("/api/v1/namespaces/default/configmaps", plain)).status == 201
    value = await stored(raw)
    assert value.startswith(f"k8s:enc:{name}:v1:key-a:".encode())
    encoded = base64.b64encode(WORDS.encode())
    assert WORDS.encode() not in value and encoded not in value
    files = [path.read_bytes() for path in tmp_path.glob("state.db*")]
    assert not any(encoded in content for content in files)
    async with api_server(store=raw, encryption_provider_config=config) as api:
        assert await shown(api) == WORDS


async def test_keys_are_changed_by_order_and_rewriting(raw: Store, tmp_path: pathlib.Path) -> None:
    async with api_server(store=raw) as api:
        await api.post(SECRETS, secret())
    assert base64.b64encode(WORDS.encode()) in await stored(raw)
    for providers, prefix in (
        ([provider("aesgcm", "a"), {"identity": {}}], b"k8s:enc:aesgcm:v1:key-a:"),
        ([provider("aesgcm", "b", "a"), {"identity": {}}], b"k8s:enc:aesgcm:v1:key-b:"),
        ([{"identity": {}}, provider("aesgcm", "b")], b"{"),
    ):
        async with api_server(store=raw, encryption_provider_config=write(tmp_path, *providers)) as api:
            before = (await api.get(f"{SECRETS}/mine")).json()["metadata"]["resourceVersion"]
            assert await shown(api) == WORDS
            await rewrite(api)
            assert (await stored(raw)).startswith(prefix)
            again = (await api.get(f"{SECRETS}/mine")).json()["metadata"]["resourceVersion"]
            assert again != before
            await rewrite(api)
            assert (await api.get(f"{SECRETS}/mine")).json()["metadata"]["resourceVersion"] == again


async def test_a_changed_file_is_taken_over_while_the_server_runs(raw: Store, tmp_path: pathlib.Path) -> None:
    config = write(tmp_path, provider("aesgcm", "a"))
    settings: dict[str, Any] = {
        "encryption_provider_config": config,
        "encryption_provider_config_automatic_reload": True,
    }
    async with api_server(store=raw, **settings) as api:
        await api.post(SECRETS, secret())
        write(tmp_path, provider("secretbox", "b"), provider("aesgcm", "a"))
        await api.server.registry.keeper.look()
        await rewrite(api)
        assert (await stored(raw)).startswith(b"k8s:enc:secretbox:v1:key-b:")
        (tmp_path / "encryption.yaml").write_text("nonsense")
        await api.server.registry.keeper.look()
        assert "EncryptionConfiguration" in api.server.registry.keeper.problem or api.server.registry.keeper.problem
        assert await shown(api) == WORDS


async def test_without_its_key_a_secret_is_not_shown(raw: Store, tmp_path: pathlib.Path) -> None:
    async with api_server(store=raw, encryption_provider_config=write(tmp_path, provider("aesgcm", "a"))) as api:
        await api.post(SECRETS, secret())
        wrong = write(tmp_path, provider("aesgcm", "b"))
        await api.server.registry.keeper.look()
        with pytest.raises(Undecryptable):
            await api.server.registry.live(api.server.scheme.by_kind("v1", "Secret"), "default", "mine")
        assert wrong


def kms(plugin: Plugin) -> dict[str, Any]:
    return {"kms": {"apiVersion": "v2", "name": "test", "endpoint": plugin.endpoint}}


async def test_a_kms_plugin_guards_the_seed_and_is_asked_once(
    raw: Store, tmp_path: pathlib.Path, plugin: Plugin
) -> None:
    config = write(tmp_path, kms(plugin))
    async with api_server(store=raw, encryption_provider_config=config) as api:
        await api.post(SECRETS, secret())
        for number in range(5):
            await api.post(SECRETS, {"metadata": {"name": f"more-{number}"}})
        assert plugin.calls["Encrypt"] == 1 and plugin.calls["Decrypt"] == 0
        assert (await api.get("/readyz/kms-providers")).status == 200
    assert (await stored(raw)).startswith(b"k8s:enc:kms:v2:test:")
    assert base64.b64encode(WORDS.encode()) not in await stored(raw)
    async with api_server(store=raw, encryption_provider_config=config) as api:
        assert await shown(api) == WORDS
        assert plugin.calls["Decrypt"] == 1, "one seed encrypted them all"


async def test_another_key_of_the_plugin_makes_old_values_stale(
    raw: Store, tmp_path: pathlib.Path, plugin: Plugin
) -> None:
    async with api_server(store=raw, encryption_provider_config=write(tmp_path, kms(plugin))) as api:
        await api.post(SECRETS, secret())
        before = await stored(raw)
        plugin.rotate()
        for one in api.server.registry.keeper._plugins.values():
            await one.refresh()
        await rewrite(api)
        after = await stored(raw)
        assert b"key-1" in before and b"key-2" in after
        plugin.healthz = "broken"
        for one in api.server.registry.keeper._plugins.values():
            with pytest.raises(Exception, match="broken"):
                await one.refresh()
        assert (await api.get("/readyz/kms-providers")).status == 500
        assert await shown(api) == WORDS

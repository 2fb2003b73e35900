"""etcd behind TLS with client certificates: the files are used, and nobody gets in without them."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Iterator

import pytest

from kubelite.storage.etcd import EtcdStore
from kubelite.storage.interface import Unavailable
from kubelite.storage.registry import StoreConfig, open_store
from kubelite.util.tls import Authority, KeyPair
from tests.contract.storage_backends import Etcd


def keep(folder: pathlib.Path, name: str, pair: KeyPair) -> tuple[str, str]:
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    certificate.write_bytes(pair.certificate)
    key.write_bytes(pair.key)
    return str(certificate), str(key)


@pytest.fixture
def files(tmp_path: pathlib.Path) -> dict[str, str]:
    ca = Authority.create("etcd-ca")
    paths = {"ca": str(tmp_path / "ca.crt")}
    (tmp_path / "ca.crt").write_bytes(ca.pair.certificate)
    paths["server"], paths["server_key"] = keep(tmp_path, "server", ca.issue_server("etcd", ["127.0.0.1"]))
    paths["client"], paths["client_key"] = keep(tmp_path, "client", ca.issue_client("apiserver"))
    return paths


@pytest.fixture
def etcd(tmp_path: pathlib.Path, files: dict[str, str]) -> Iterator[Etcd]:
    if shutil.which("etcd") is None:
        pytest.skip("etcd is missing: run `make test`, which installs etcd-server")
    flags = (
        f"--cert-file={files['server']}",
        f"--key-file={files['server_key']}",
        f"--trusted-ca-file={files['ca']}",
        "--client-cert-auth",
    )
    member = Etcd(tmp_path, "https", flags)
    member.start()
    yield member
    member.kill()


async def test_a_client_with_a_certificate_reads_and_writes(etcd: Etcd, files: dict[str, str]) -> None:
    store = await open_store(StoreConfig(etcd.endpoint, files["ca"], files["client"], files["client_key"]))
    revision = await store.create("/registry/a", b"one")
    found, _ = await store.get("/registry/a")
    assert found is not None
    assert (found.value, found.revision) == (b"one", revision)
    await store.close()


async def test_a_client_without_a_certificate_is_refused(etcd: Etcd, files: dict[str, str]) -> None:
    store = await EtcdStore.open([etcd.endpoint], files["ca"])
    with pytest.raises(Unavailable):
        await store.ping()
    await store.close()

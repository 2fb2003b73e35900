"""Certificates that Python's own TLS accepts, and refuses where it should."""

from __future__ import annotations

import pathlib
import ssl
from datetime import UTC, datetime, timedelta

import pytest

from kubelite.util import tls
from kubelite.util.tls import Authority, KeyPair


def context(side: int, directory: pathlib.Path, pair: KeyPair | None, trusted: Authority) -> ssl.SSLContext:
    made = ssl.SSLContext(side)
    made.load_verify_locations(cadata=trusted.pair.certificate.decode())
    made.verify_mode = ssl.CERT_REQUIRED
    made.verify_flags |= ssl.VERIFY_X509_STRICT
    if pair is not None:
        path = directory / "pair.pem"
        path.write_bytes(pair.certificate + pair.key)
        made.load_cert_chain(path)
    return made


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> dict[str, object]:
    """The client's certificate as the server sees it; raises what either side complains of."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(to_client, to_server, server_hostname=host)
    other = server.wrap_bio(to_server, to_client, server_side=True)
    done = [False, False]
    for _ in range(10):
        for i, end in enumerate((one, other)):
            try:
                if not done[i]:
                    end.do_handshake()
                    done[i] = True
            except ssl.SSLWantReadError:
                continue
    assert all(done)
    return other.getpeercert() or {}


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.create("test-ca")


@pytest.mark.parametrize("host", ["127.0.0.1", "fd00::1", "node.example", "localhost"])
def test_both_ends_accept_what_the_authority_signed(tmp_path: pathlib.Path, authority: Authority, host: str) -> None:
    hosts = ["127.0.0.1", "fd00::1", "node.example", "localhost", "localhost"]
    server = context(ssl.PROTOCOL_TLS_SERVER, tmp_path, authority.issue_server("srv", hosts), authority)
    user = authority.issue_client("system:node:a", ["system:nodes", "more"])
    client = context(ssl.PROTOCOL_TLS_CLIENT, tmp_path, user, authority)
    subject = handshake(server, client, host)["subject"]
    assert subject == (
        (("organizationName", "system:nodes"),),
        (("organizationName", "more"),),
        (("commonName", "system:node:a"),),
    )


def test_another_host_is_refused(tmp_path: pathlib.Path, authority: Authority) -> None:
    server = context(ssl.PROTOCOL_TLS_SERVER, tmp_path, authority.issue_server("srv", ["127.0.0.1"]), authority)
    client = context(ssl.PROTOCOL_TLS_CLIENT, tmp_path, authority.issue_client("u"), authority)
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        handshake(server, client, "127.0.0.2")


def test_certificates_of_another_authority_are_refused(tmp_path: pathlib.Path, authority: Authority) -> None:
    other = Authority.create("test-ca")
    server = context(ssl.PROTOCOL_TLS_SERVER, tmp_path, other.issue_server("srv", ["localhost"]), authority)
    client = context(ssl.PROTOCOL_TLS_CLIENT, tmp_path, authority.issue_client("u"), authority)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(server, client, "localhost")


def test_a_client_certificate_does_not_serve(tmp_path: pathlib.Path, authority: Authority) -> None:
    server = context(ssl.PROTOCOL_TLS_SERVER, tmp_path, authority.issue_client("localhost"), authority)
    client = context(ssl.PROTOCOL_TLS_CLIENT, tmp_path, authority.issue_client("u"), authority)
    with pytest.raises(ssl.SSLCertVerificationError, match="purpose"):
        handshake(server, client, "localhost")


def test_an_authority_is_made_once_and_kept(tmp_path: pathlib.Path) -> None:
    paths = tmp_path / "pki" / "ca.crt", tmp_path / "pki" / "ca.key"
    first = Authority.load_or_create(*paths, "kept")
    assert Authority.load_or_create(*paths, "ignored").pair == first.pair
    assert paths[1].stat().st_mode & 0o777 == 0o600
    paths[1].unlink()
    with pytest.raises(FileNotFoundError):
        Authority.load_or_create(*paths, "other")
    assert paths[0].read_bytes() == first.pair.certificate


def test_lives_are_a_year_and_ten(authority: Authority) -> None:
    now = datetime.now(UTC)
    assert tls.expires(authority.issue_client("u").certificate) - now > timedelta(days=364)
    assert tls.expires(authority.pair.certificate) - now > timedelta(days=3600)


def test_a_public_key_belongs_to_its_private_key() -> None:
    key = tls.new_key()
    assert tls.public_key(key) == tls.public_key(key)
    assert tls.public_key(key).startswith(b"-----BEGIN PUBLIC KEY-----")
    assert tls.public_key(key) != tls.public_key(tls.new_key())


def test_private_files_are_replaced_as_a_whole(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "deep" / "secret"
    tls.write_private(path, b"one")
    tls.write_private(path, b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["secret"]

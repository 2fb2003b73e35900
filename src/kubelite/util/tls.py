"""Certificates: one authority, and what it signs.

What: `Authority` creates or loads a CA and issues server and client certificates as PEM.
Why: TLS is on everywhere from the first start. Keys are ECDSA P-256 (a handshake costs a third of RSA's).
`cryptography` is imported on first use, as only the processes that make certificates should pay for it.
"""

from __future__ import annotations

import ipaddress
import os
import pathlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

CA_YEARS = 10
LEAF_DAYS = 365


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key, both PEM."""

    certificate: bytes
    key: bytes


def write_private(path: pathlib.Path, data: bytes) -> None:
    """Writes a file that only its owner can read, atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def new_key() -> bytes:
    """A P-256 private key, PEM (PKCS 8)."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def public_key(key: bytes) -> bytes:
    """The public half of a private key, PEM."""
    from cryptography.hazmat.primitives import serialization

    private = serialization.load_pem_private_key(key, None)
    return private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def expires(certificate: bytes) -> datetime:
    """The moment after which a PEM certificate is no longer valid."""
    from cryptography import x509

    return x509.load_pem_x509_certificate(certificate).not_valid_after_utc


class Authority:
    """A certificate authority."""

    def __init__(self, pair: KeyPair) -> None:
        self.pair = pair

    @classmethod
    def create(cls, name: str) -> Authority:
        """A new self-signed authority."""
        from cryptography import x509
        from cryptography.x509.oid import NameOID

        key = new_key()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = _build(key, key, subject, subject, timedelta(days=365 * CA_YEARS), authority=True, extensions=[])
        return cls(KeyPair(certificate, key))

    @classmethod
    def load_or_create(cls, certificate: pathlib.Path, key: pathlib.Path, name: str) -> Authority:
        """The authority in two files, which are written on the first call.

        Raises FileNotFoundError if only the certificate is there: a new authority would lock out everyone who trusts it.
        """
        if certificate.exists():
            return cls(KeyPair(certificate.read_bytes(), key.read_bytes()))
        authority = cls.create(name)
        write_private(key, authority.pair.key)
        write_private(certificate, authority.pair.certificate)
        certificate.chmod(0o644)
        return authority

    def issue_client(self, user: str, groups: Sequence[str] = ()) -> KeyPair:
        """A certificate that authenticates `user` (CN) as a member of `groups` (O)."""
        from cryptography import x509
        from cryptography.x509.oid import ExtendedKeyUsageOID

        return self._issue(user, groups, [x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])])

    def issue_server(self, name: str, hosts: Sequence[str], groups: Sequence[str] = ()) -> KeyPair:
        """A certificate that a server on `hosts` (DNS names and addresses) shows; also valid as a client."""
        from cryptography import x509
        from cryptography.x509.oid import ExtendedKeyUsageOID

        names: list[x509.GeneralName] = []
        for host in dict.fromkeys(hosts):
            try:
                names.append(x509.IPAddress(ipaddress.ip_address(host)))
            except ValueError:
                names.append(x509.DNSName(host))
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        return self._issue(name, groups, [usage, x509.SubjectAlternativeName(names)])

    def _issue(self, name: str, groups: Sequence[str], extensions: Sequence[Any]) -> KeyPair:
        from cryptography import x509
        from cryptography.x509.oid import NameOID

        issuer = x509.load_pem_x509_certificate(self.pair.certificate).subject
        attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, name))
        key = new_key()
        certificate = _build(
            key,
            self.pair.key,
            x509.Name(attributes),
            issuer,
            timedelta(days=LEAF_DAYS),
            authority=False,
            extensions=extensions,
        )
        return KeyPair(certificate, key)


def _build(
    key: bytes, signer: bytes, subject: Any, issuer: Any, life: timedelta, *, authority: bool, extensions: Sequence[Any]
) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    own: Any = serialization.load_pem_private_key(key, None)
    signing: Any = serialization.load_pem_private_key(signer, None)
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + life)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                key_cert_sign=authority,
                crl_sign=authority,
                content_commitment=False,
                key_encipherment=not authority,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return bytes(builder.sign(signing, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

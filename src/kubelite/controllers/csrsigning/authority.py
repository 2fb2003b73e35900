"""One authority from two files, and the certificates that it signs.

What: `Authority.sign(wanted, usages, life, now)` gives PEM. Why: nothing of a request but its key, subject and names goes into
the certificate; what it is good for comes from the usages that were approved. Files are read again when they change.
Source: pkg/controller/certificates/authority (PermissiveSigningPolicy).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from kubelite.controllers import certificaterequests as rules

BACKDATE = timedelta(minutes=5)
SHORT = timedelta(hours=8)
"""Certificates that live shorter keep their whole life after the moment of signing."""
_KEY_USAGES = {
    "signing": "digital_signature",
    "digital signature": "digital_signature",
    "content commitment": "content_commitment",
    "key encipherment": "key_encipherment",
    "key agreement": "key_agreement",
    "data encipherment": "data_encipherment",
    "cert sign": "key_cert_sign",
    "crl sign": "crl_sign",
    "encipher only": "encipher_only",
    "decipher only": "decipher_only",
}
_EXTENDED = {
    "any": "2.5.29.37.0",
    "server auth": "1.3.6.1.5.5.7.3.1",
    "client auth": "1.3.6.1.5.5.7.3.2",
    "code signing": "1.3.6.1.5.5.7.3.3",
    "email protection": "1.3.6.1.5.5.7.3.4",
    "s/mime": "1.3.6.1.5.5.7.3.4",
    "ipsec end system": "1.3.6.1.5.5.7.3.5",
    "ipsec tunnel": "1.3.6.1.5.5.7.3.6",
    "ipsec user": "1.3.6.1.5.5.7.3.7",
    "timestamping": "1.3.6.1.5.5.7.3.8",
    "ocsp signing": "1.3.6.1.5.5.7.3.9",
    "microsoft sgc": "1.3.6.1.4.1.311.10.3.3",
    "netscape sgc": "2.16.840.1.113730.4.1",
}


class Authority:
    """Raises OSError for files that cannot be read. What is in them is looked at when something is to be signed."""

    def __init__(self, certificate_file: str, key_file: str) -> None:
        self._files = (Path(certificate_file), Path(key_file))
        for path in self._files:
            path.read_bytes()  # the libraries that understand them take 9 MB, which most managers never need
        self._stamps: tuple[int, ...] = ()
        self._certificate: Any = None
        self._key: Any = None

    def _load(self) -> None:
        """Reads the files if they have changed."""
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization

        stamps = tuple(path.stat().st_mtime_ns for path in self._files)
        if stamps == self._stamps:
            return
        certificate = x509.load_pem_x509_certificate(self._files[0].read_bytes())
        key: Any = serialization.load_pem_private_key(self._files[1].read_bytes(), None)
        form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        if key.public_key().public_bytes(*form) != certificate.public_key().public_bytes(*form):
            raise ValueError(f"{self._files[1]} is not the key of {self._files[0]}")
        self._certificate, self._key, self._stamps = certificate, key, stamps

    def sign(self, wanted: rules.Wanted, usages: Sequence[str], life: timedelta, now: datetime) -> bytes:
        """The certificate as PEM. Raises ValueError if the authority has expired or its files are no pair."""
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization

        self._load()
        ca = self._certificate
        if now >= ca.not_valid_after_utc:
            raise ValueError(
                f"refusing to sign a certificate that expired in the past: NotAfter {ca.not_valid_after_utc}"
            )
        end = now + life - (BACKDATE if life > SHORT else timedelta())
        request = wanted.request
        builder = (
            x509.CertificateBuilder()
            .subject_name(request.subject)
            .issuer_name(ca.subject)
            .public_key(request.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATE)
            .not_valid_after(min(end, ca.not_valid_after_utc))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_identifier_of(ca), critical=False)
        )
        for extension, critical in _extensions(rules.alternative_names(request), usages):
            builder = builder.add_extension(extension, critical)
        certificate = builder.sign(self._key, _digest(self._key))
        return bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _identifier_of(ca: Any) -> Any:
    from cryptography import x509

    try:
        own = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.public_key())
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _extensions(names: list[Any], usages: Sequence[str]) -> list[tuple[Any, bool]]:
    from cryptography import x509

    found: list[tuple[Any, bool]] = []
    flags = {_KEY_USAGES[usage] for usage in usages if usage in _KEY_USAGES}
    if flags & {"encipher_only", "decipher_only"}:
        flags.add("key_agreement")  # they say how the agreed key is used
    if flags:
        found.append((x509.KeyUsage(**{flag: flag in flags for flag in set(_KEY_USAGES.values())}), True))
    extended = dict.fromkeys(_EXTENDED[usage] for usage in usages if usage in _EXTENDED)
    if extended:
        found.append((x509.ExtendedKeyUsage([x509.ObjectIdentifier(oid) for oid in extended]), False))
    if names:
        found.append((x509.SubjectAlternativeName(names), False))
    return found


def _digest(key: Any) -> Any:
    """SHA-256, except for keys whose algorithm has a digest of its own."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ed448, ed25519

    own = isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)
    return None if own else hashes.SHA256()

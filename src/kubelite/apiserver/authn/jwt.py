"""JSON Web Tokens as service accounts use them: signing, verifying, and the key set document.

What: `Verifier` over several public keys, `jwks` for /openid/v1/jwks; the primitives are in `util.jws`.
Flow: claims → `Signer.sign` → token; token → `Verifier.verify` → claims or `InvalidToken`. Key ids are the base64
SHA-256 of the public key (DER), as pkg/serviceaccount/jwt.go derives them.
"""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from kubelite.util.jws import PublicKey, Signer, encode

__all__ = ["InvalidToken", "PublicKey", "Signer", "Verifier", "encode", "load_public_keys"]


class InvalidToken(Exception):
    """A token that was not issued by us, was changed, or has another form."""


class Header(msgspec.Struct):
    """The first part of a token."""

    alg: str
    kid: str = ""


def decode(text: str) -> bytes:
    """The reverse of `encode`; raises InvalidToken."""
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise InvalidToken("malformed base64") from error


def unverified(token: str) -> dict[str, Any]:
    """The claims of a token whose signature nobody looked at; raises InvalidToken if it is none."""
    parts = token.split(".")
    if len(parts) != 3:
        raise InvalidToken("a token has three parts")
    try:
        claims = msgspec.json.decode(decode(parts[1]))
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise InvalidToken("malformed claims") from error
    if not isinstance(claims, dict):
        raise InvalidToken("claims are not an object")
    return claims


def issuer_of(token: str) -> str:
    """Who a token says it is from; "" for anything that is no token of this form."""
    try:
        return str(unverified(token).get("iss") or "")
    except InvalidToken:
        return ""


class Verifier:
    """Verifies signatures with any of several public keys."""

    def __init__(self, keys: list[PublicKey]) -> None:
        self.keys = keys

    def verify(self, token: str) -> dict[str, Any]:
        """The claims of a token with a good signature; times and audiences are the caller's to check."""
        message, dot, signature = token.rpartition(".")
        if not dot:
            raise InvalidToken("a token has three parts")
        claims = unverified(token)
        try:
            header = msgspec.json.decode(decode(message.partition(".")[0]), type=Header)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise InvalidToken("malformed header") from error
        raw = decode(signature)
        for key in self.keys:
            if key.alg == header.alg and header.kid in ("", key.kid) and key.verify(message.encode(), raw):
                return claims
        raise InvalidToken("invalid signature")

    def jwks(self) -> dict[str, Any]:
        """The key set document."""
        return {"keys": [key.jwk() for key in self.keys]}


def load_public_keys(pem: bytes) -> list[PublicKey]:
    """Every key in a PEM file; a private key stands for its public half. Raises ValueError if there is none."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    found: list[PublicKey] = []
    for block in _blocks(pem):
        if b"PRIVATE KEY" in block:
            private: Any = serialization.load_pem_private_key(block, None)
            found.append(PublicKey(private.public_key()))
        elif b"BEGIN CERTIFICATE" in block:
            found.append(PublicKey(x509.load_pem_x509_certificate(block).public_key()))
        elif b"PUBLIC KEY" in block:
            found.append(PublicKey(serialization.load_pem_public_key(block)))
    if not found:
        raise ValueError("no key found in the service account key file")
    return found


def _blocks(pem: bytes) -> list[bytes]:
    blocks, lines = [], list[bytes]()
    for line in pem.splitlines():
        lines.append(line)
        if line.startswith(b"-----END "):
            start = next((i for i, one in enumerate(lines) if one.startswith(b"-----BEGIN ")), len(lines))
            blocks.append(b"\n".join([*lines[start:], b""]))
            lines = []
    return blocks

"""JSON Web Tokens as service accounts use them: signing, verifying, and the key set document.

What: `Signer` (RS256, ES256, ES384, ES512 by the key's kind), `Verifier` over several public keys, `jwks` for
/openid/v1/jwks.
Why: `cryptography` has the primitives, the format is three base64 parts; a whole library would add nothing.
Flow: claims → `Signer.sign` → token; token → `Verifier.verify` → claims or `InvalidToken`. Key ids are the base64
SHA-256 of the public key (DER), as pkg/serviceaccount/jwt.go derives them. `cryptography` is imported on
construction.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import msgspec

ECDSA = {256: ("ES256", "P-256", 32), 384: ("ES384", "P-384", 48), 521: ("ES512", "P-521", 66)}


class InvalidToken(Exception):
    """A token that was not issued by us, was changed, or has another form."""


class Header(msgspec.Struct):
    """The first part of a token."""

    alg: str
    kid: str = ""


def encode(data: bytes) -> str:
    """URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


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


class PublicKey:
    """One key that verifies; `kid` is its id, `alg` what it signs with."""

    def __init__(self, key: Any) -> None:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec, rsa

        self.key = key
        der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.kid = encode(hashlib.sha256(der).digest())
        self._size = 0
        if isinstance(key, rsa.RSAPublicKey):
            self.alg = "RS256"
            numbers = key.public_numbers()
            self._parameters = {
                "kty": "RSA",
                "n": encode(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")),
                "e": encode(numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8, "big")),
            }
        elif isinstance(key, ec.EllipticCurvePublicKey) and key.key_size in ECDSA:
            self.alg, curve, self._size = ECDSA[key.key_size]
            point = key.public_numbers()
            self._parameters = {
                "kty": "EC",
                "crv": curve,
                "x": encode(point.x.to_bytes(self._size, "big")),
                "y": encode(point.y.to_bytes(self._size, "big")),
            }
        else:
            raise ValueError("service account keys must be RSA or ECDSA (P-256, P-384, P-521)")

    def jwk(self) -> dict[str, str]:
        """The key as the key set document shows it."""
        return {"use": "sig", "kid": self.kid, "alg": self.alg, **self._parameters}

    def verify(self, message: bytes, signature: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

        digest = _hash(self.alg)
        try:
            if self.alg == "RS256":
                self.key.verify(signature, message, padding.PKCS1v15(), digest)
                return True
            if len(signature) != 2 * self._size:
                return False
            r, s = (int.from_bytes(signature[i : i + self._size], "big") for i in (0, self._size))
            self.key.verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(digest))
        except InvalidSignature:
            return False
        return True


def _hash(alg: str) -> Any:
    from cryptography.hazmat.primitives import hashes

    kinds: dict[str, Any] = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}
    return kinds[alg[2:]]()


class Signer:
    """Signs claims with one private key (PEM)."""

    def __init__(self, pem: bytes) -> None:
        from cryptography.hazmat.primitives import serialization

        self._key: Any = serialization.load_pem_private_key(pem, None)
        self.public = PublicKey(self._key.public_key())

    def sign(self, claims: dict[str, Any]) -> str:
        """The token that carries the claims."""
        from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

        public = self.public
        head = encode(msgspec.json.encode({"alg": public.alg, "kid": public.kid}))
        message = f"{head}.{encode(msgspec.json.encode(claims))}".encode()
        digest = _hash(public.alg)
        if public.alg == "RS256":
            signature = self._key.sign(message, padding.PKCS1v15(), digest)
        else:
            size = ECDSA[self._key.key_size][2]
            r, s = utils.decode_dss_signature(self._key.sign(message, ec.ECDSA(digest)))
            signature = r.to_bytes(size, "big") + s.to_bytes(size, "big")
        return f"{message.decode()}.{encode(signature)}"


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

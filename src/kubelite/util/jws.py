"""Signatures of JSON: keys that sign and verify, in the compact form of JSON Web Signatures.

What: `Signer` (RS256, ES256, ES384, ES512 by the key's kind), `PublicKey`, and `detached` for HMAC over something that is sent
beside the signature. Why: `cryptography` has the primitives, the format is three base64 parts; a whole library would add nothing.
Flow: value → `Signer.sign` → text; `PublicKey.verify` checks the bytes. `cryptography` is imported on construction.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import msgspec

ECDSA = {256: ("ES256", "P-256", 32), 384: ("ES384", "P-384", 48), 521: ("ES512", "P-521", 66)}


def encode(data: bytes) -> str:
    """URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


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


def detached(content: bytes, key_id: str, secret: str) -> str:
    """The HMAC-SHA256 signature of `content`, without the content: `header..signature`."""
    head = encode(msgspec.json.encode({"alg": "HS256", "kid": key_id}))
    digest = hmac.digest(secret.encode(), f"{head}.{encode(content)}".encode(), "sha256")
    return f"{head}..{encode(digest)}"

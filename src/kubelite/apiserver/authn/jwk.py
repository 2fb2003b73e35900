"""Public keys of other issuers, as JSON Web Keys, and the signatures they verify.

What: `keys_of` reads a key set document, `Key.verify` checks RS, PS and ES signatures. Why: identity providers
publish keys of several kinds and choose the algorithm per token. Flow: key set → keys by id → `verify`.
`cryptography` is imported on first use.
Source: RFC 7517 and RFC 7518.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kubelite.apiserver.authn.jwt import InvalidToken, decode

ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512")
CURVES = {"P-256": ("SECP256R1", "ES256", 32), "P-384": ("SECP384R1", "ES384", 48), "P-521": ("SECP521R1", "ES512", 66)}


@dataclass(frozen=True, slots=True)
class Key:
    """One public key. `alg` is the only algorithm it is for, "" if the issuer does not say."""

    kid: str
    alg: str
    kty: str
    key: Any
    curve_alg: str = ""
    size: int = 0

    def verify(self, alg: str, message: bytes, signature: bytes) -> bool:
        """Whether this key signed the message with this algorithm."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

        if self.alg not in ("", alg) or alg not in ALGORITHMS:
            return False
        kinds: dict[str, Any] = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}
        digest = kinds[alg[2:]]()
        try:
            if alg[:2] in ("RS", "PS") and self.kty == "RSA":
                pss = padding.PSS(mgf=padding.MGF1(digest), salt_length=digest.digest_size)
                self.key.verify(signature, message, padding.PKCS1v15() if alg[:2] == "RS" else pss, digest)
                return True
            if alg == self.curve_alg and len(signature) == 2 * self.size:
                r, s = (int.from_bytes(signature[i : i + self.size], "big") for i in (0, self.size))
                self.key.verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(digest))
                return True
        except InvalidSignature:
            return False
        return False


def keys_of(document: dict[str, Any]) -> list[Key]:
    """The signature keys of a key set document; entries of other kinds are left out."""
    found = []
    for entry in document.get("keys") or ():
        if isinstance(entry, dict) and entry.get("use") in (None, "sig"):
            try:
                key = _key(entry)
            except (InvalidToken, ValueError, KeyError, TypeError, AttributeError):
                continue
            if key is not None:
                found.append(key)
    return found


def _number(entry: dict[str, Any], name: str) -> int:
    return int.from_bytes(decode(entry[name]), "big")


def _key(entry: dict[str, Any]) -> Key | None:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    kid, alg = str(entry.get("kid") or ""), str(entry.get("alg") or "")
    if entry.get("kty") == "RSA":
        numbers = rsa.RSAPublicNumbers(_number(entry, "e"), _number(entry, "n"))
        return Key(kid, alg, "RSA", numbers.public_key())
    if entry.get("kty") == "EC" and entry.get("crv") in CURVES:
        curve, curve_alg, size = CURVES[entry["crv"]]
        point = ec.EllipticCurvePublicNumbers(_number(entry, "x"), _number(entry, "y"), getattr(ec, curve)())
        return Key(kid, alg, "EC", point.public_key(), curve_alg, size)
    return None

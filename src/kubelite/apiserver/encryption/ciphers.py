"""The ciphers with keys of the configuration: AES-GCM, AES-CBC, secretbox, and none.

What: a `Cipher` for each, from plain bytes to stored ones and back. Why: the stored forms are upstream's, byte for byte, so
that an existing cluster's data can be read and a way back stays open. Flow: `store` picks one by the stored prefix
`k8s:enc:<provider>:v1:<key>:`. AES-GCM binds a value to its key in the store, so that it cannot be put elsewhere. Libraries
are imported when a cipher is made. Source: apiserver/pkg/storage/value/encrypt/{aes,secretbox,identity}.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable
from typing import Any, Protocol

from kubelite.apiserver.encryption.config import Key
from kubelite.storage.interface import StoreError

ANY = b"k8s:enc:"
NONCE, BLOCK, SECRETBOX_NONCE = 12, 16, 24


class Undecryptable(StoreError):
    """A stored value that none of the configured keys opens."""


class Cipher(Protocol):
    """`prefix` begins every value of this cipher; the functions get and give what follows it."""

    prefix: bytes

    def encrypt(self, value: bytes, place: bytes) -> bytes:
        """`place` is the key in the store. Raises StoreError while a plugin is not ready."""

    def decrypt(self, data: bytes, place: bytes) -> bytes | Awaitable[bytes]:
        """Raises `Undecryptable`."""

    def is_current(self, data: bytes) -> bool:
        """Whether it would be encrypted with the same key now."""


class AesGcm:
    """AES-GCM with random nonces: a key is good for 2^32 writes at most, so it must be changed in time."""

    def __init__(self, key: Key) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self.prefix = b"k8s:enc:aesgcm:v1:%b:" % key.name.encode()
        self._aead: Any = AESGCM(key.raw())

    def encrypt(self, value: bytes, place: bytes) -> bytes:
        nonce = os.urandom(NONCE)
        sealed: bytes = self._aead.encrypt(nonce, value, place)
        return nonce + sealed

    def decrypt(self, data: bytes, place: bytes) -> bytes:
        from cryptography.exceptions import InvalidTag

        try:
            opened: bytes = self._aead.decrypt(data[:NONCE], data[NONCE:], place)
        except (InvalidTag, ValueError) as error:
            raise Undecryptable(f"{place.decode()}: cipher: message authentication failed") from error
        return opened

    def is_current(self, data: bytes) -> bool:
        return True


class AesCbc:
    """AES-CBC with PKCS#7 padding: not authenticated, kept for data that has it."""

    def __init__(self, key: Key) -> None:
        from cryptography.hazmat.primitives.ciphers.algorithms import AES

        self.prefix = b"k8s:enc:aescbc:v1:%b:" % key.name.encode()
        self._algorithm = AES(key.raw())

    def _cipher(self, start: bytes) -> Any:
        from cryptography.hazmat.primitives.ciphers import Cipher as Primitive
        from cryptography.hazmat.primitives.ciphers.modes import CBC

        return Primitive(self._algorithm, CBC(start))

    def encrypt(self, value: bytes, place: bytes) -> bytes:
        start, fill = os.urandom(BLOCK), BLOCK - len(value) % BLOCK
        encryptor = self._cipher(start).encryptor()
        sealed: bytes = encryptor.update(value + bytes([fill]) * fill) + encryptor.finalize()
        return start + sealed

    def decrypt(self, data: bytes, place: bytes) -> bytes:
        if len(data) < 2 * BLOCK or len(data) % BLOCK:
            raise Undecryptable(f"{place.decode()}: the stored data is not a multiple of the block size")
        decryptor = self._cipher(data[:BLOCK]).decryptor()
        padded: bytes = decryptor.update(data[BLOCK:]) + decryptor.finalize()
        fill = padded[-1]
        if not 0 < fill <= BLOCK or padded[-fill:] != bytes([fill]) * fill:
            raise Undecryptable(f"{place.decode()}: invalid padding on input")
        return padded[:-fill]

    def is_current(self, data: bytes) -> bool:
        return True


class SecretBox:
    """XSalsa20 with Poly1305."""

    def __init__(self, key: Key) -> None:
        from nacl.secret import SecretBox as Box

        self.prefix = b"k8s:enc:secretbox:v1:%b:" % key.name.encode()
        self._box: Any = Box(key.raw())

    def encrypt(self, value: bytes, place: bytes) -> bytes:
        return bytes(self._box.encrypt(value, os.urandom(SECRETBOX_NONCE)))

    def decrypt(self, data: bytes, place: bytes) -> bytes:
        from nacl.exceptions import CryptoError

        try:
            return bytes(self._box.decrypt(data))
        except (CryptoError, ValueError) as error:
            raise Undecryptable(f"{place.decode()}: failed to authenticate the stored data") from error

    def is_current(self, data: bytes) -> bool:
        return True


class Identity:
    """As it is: what begins like encrypted data is nobody's, and refused."""

    prefix = b""

    def encrypt(self, value: bytes, place: bytes) -> bytes:
        return value

    def decrypt(self, data: bytes, place: bytes) -> bytes:
        if data.startswith(ANY):
            raise Undecryptable(f"{place.decode()}: identity transformer tried to read encrypted data")
        return data

    def is_current(self, data: bytes) -> bool:
        return not data.startswith(ANY)

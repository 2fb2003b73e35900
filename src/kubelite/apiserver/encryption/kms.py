"""Encryption with keys that a KMS plugin guards (KMS v2).

What: `Kms`, a cipher. Why: the key that protects all others never is in this process's files. Flow: a seed is made here and
encrypted by the plugin once; each value gets a key of its own, derived from the seed and a random text, so that a write asks
nobody. Seeds of other values are decrypted by the plugin once and kept, at most `MOST_SEEDS`. `run` asks for the plugin's
status every `POLL_SECONDS` (every `RETRY_SECONDS` while it fails); when the plugin's key changes, a new seed is made. After
`GRACE_SECONDS` without a good status writes are refused. Source:
apiserver/pkg/storage/value/encrypt/envelope/kmsv2/{envelope,grpc_service}.go, encrypt/aes/aes_extended_nonce.go.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

from kubelite.apiserver import metrics
from kubelite.apiserver.encryption.ciphers import NONCE, Undecryptable
from kubelite.storage.interface import StoreError
from kubelite.util.log import get_logger

log = get_logger(__name__)

POLL_SECONDS, RETRY_SECONDS, GRACE_SECONDS = 60.0, 10.0, 180.0
MOST_SEEDS = 1000
SEED, INFO = 32, 32
VERSIONS = ("v2", "v2beta1")
SERVICE = "/v2.KeyManagementService/"

SEEDS = metrics.REGISTRY.counter(
    "apiserver_storage_data_key_generation_total", "Total number of data encryption key sources generated."
)
CALLS = metrics.REGISTRY.histogram(
    "apiserver_envelope_encryption_kms_operations_latency_seconds",
    "KMS operation duration with gRPC error code status total.",
    ("provider_name", "method_name", "grpc_status_code"),
    (0.0001, 0.0002, 0.0004, 0.0008, 0.0016, 0.0032, 0.0064, 0.0128, 0.0256, 0.0512, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2),
)


class PluginError(StoreError):
    """The plugin did not do what it was asked."""


@dataclass(frozen=True, slots=True)
class Source:
    """The seed that writes use, as this process and as the store knows it."""

    seed: bytes
    key_id: str
    encrypted: bytes
    annotations: dict[str, bytes]


class Plugin:
    """Calls over gRPC on a unix socket."""

    def __init__(self, name: str, endpoint: str, seconds: float) -> None:
        import grpc

        from kubelite.rpc import kms_v2_pb2 as pb

        self._name, self._seconds, self._pb = name, seconds, pb
        self._channel = grpc.aio.insecure_channel(f"unix:{endpoint.removeprefix('unix://')}")
        self._calls: dict[str, Any] = {
            method: self._channel.unary_unary(
                SERVICE + method,
                request_serializer=lambda message: message.SerializeToString(),
                response_deserializer=answer.FromString,
            )
            for method, answer in (
                ("Status", pb.StatusResponse),
                ("Encrypt", pb.EncryptResponse),
                ("Decrypt", pb.DecryptResponse),
            )
        }

    async def _call(self, method: str, request: Any) -> Any:
        import grpc

        started, code = monotonic(), "OK"
        try:
            return await self._calls[method](request, timeout=self._seconds)
        except grpc.aio.AioRpcError as error:
            code = error.code().name
            raise PluginError(f"the KMS plugin {self._name} failed: {method}: {code}: {error.details()}") from None
        finally:
            CALLS.observe(monotonic() - started, self._name, f"{SERVICE}{method}", code)

    async def status(self) -> str:
        """The present key's id. Raises `PluginError` if the plugin is not healthy."""
        answer = await self._call("Status", self._pb.StatusRequest())
        if answer.healthz != "ok":
            raise PluginError(f"got unexpected healthz status: {answer.healthz}")
        if answer.version not in VERSIONS:
            raise PluginError(f"unsupported KMS API version {answer.version}, expected one of {', '.join(VERSIONS)}")
        if not answer.key_id:
            raise PluginError("found empty keyID in the status of the KMS plugin")
        return str(answer.key_id)

    async def encrypt(self, seed: bytes) -> Any:
        return await self._call("Encrypt", self._pb.EncryptRequest(plaintext=seed, uid=str(uuid.uuid4())))

    async def decrypt(self, found: Any) -> bytes:
        request = self._pb.DecryptRequest(
            ciphertext=found.encrypted_dek_source,
            uid=str(uuid.uuid4()),
            key_id=found.key_id,
            annotations=dict(found.annotations),
        )
        return bytes((await self._call("Decrypt", request)).plaintext)

    async def close(self) -> None:
        await self._channel.close()


class Kms:
    """A cipher over a `Plugin`."""

    def __init__(self, name: str, endpoint: str, seconds: float) -> None:
        from kubelite.rpc import kms_v2_pb2 as pb

        self.name = name
        self.prefix = b"k8s:enc:kms:v2:%b:" % name.encode()
        self.plugin = Plugin(name, endpoint, seconds)
        self.problem = "the KMS plugin has not been asked yet"
        """Why it is not healthy; "" if it is."""
        self.on_change: Callable[[], Awaitable[None]] | None = None
        """Called after another key came into use: values of the old one are stale."""
        self._pb = pb
        self._source: Source | None = None
        self._good_until = 0.0
        self._seeds: dict[bytes, bytes] = {}

    # -- the plugin's state

    async def refresh(self) -> None:
        """Asks for the status, and makes a seed if there is none for the present key. Raises `PluginError`."""
        try:
            key_id = await self.plugin.status()
            changed = self._source is None or self._source.key_id != key_id
            if changed:
                self._source = await self._new_source()
        except PluginError as error:
            self.problem = str(error)
            raise
        self.problem = ""
        self._good_until = monotonic() + GRACE_SECONDS
        if changed and self.on_change is not None:
            await self.on_change()

    async def _new_source(self) -> Source:
        seed = os.urandom(SEED)
        answer = await self.plugin.encrypt(seed)
        if not answer.key_id or not answer.ciphertext:
            raise PluginError("the KMS plugin answered without a key id or without data")
        SEEDS.inc()
        source = Source(seed, answer.key_id, bytes(answer.ciphertext), dict(answer.annotations))
        self._remember(source.encrypted, seed)
        log.info("A new data encryption key source is in use", provider=self.name, key_id=source.key_id)
        return source

    async def run(self) -> None:
        """Keeps the status; never returns."""
        while True:
            try:
                await self.refresh()
            except PluginError as error:
                log.warning("The KMS plugin is not healthy", provider=self.name, error=str(error))
            await asyncio.sleep(RETRY_SECONDS if self.problem else POLL_SECONDS)

    # -- values

    def encrypt(self, value: bytes, place: bytes) -> bytes:
        source = self._source
        if source is None or monotonic() > self._good_until:
            raise PluginError(f"the KMS plugin {self.name} cannot be used: {self.problem or 'its status is too old'}")
        info, nonce = os.urandom(INFO), os.urandom(NONCE)
        stored = self._pb.EncryptedObject(
            encrypted_data=info + nonce + _aead(source.seed, info).encrypt(nonce, value, place),
            key_id=source.key_id,
            encrypted_dek_source=source.encrypted,
            annotations=source.annotations,
            encrypted_dek_source_type=self._pb.HKDF_SHA256_XNONCE_AES_GCM_SEED,
        )
        return bytes(stored.SerializeToString())

    def decrypt(self, data: bytes, place: bytes) -> bytes | Awaitable[bytes]:
        found = self._parsed(data, place)
        seed = self._seeds.get(bytes(found.encrypted_dek_source))
        return self._open(found, seed, place) if seed is not None else self._decrypt_later(found, place)

    async def _decrypt_later(self, found: Any, place: bytes) -> bytes:
        seed = await self.plugin.decrypt(found)
        self._remember(bytes(found.encrypted_dek_source), seed)
        return self._open(found, seed, place)

    def _parsed(self, data: bytes, place: bytes) -> Any:
        from google.protobuf.message import DecodeError

        try:
            return self._pb.EncryptedObject.FromString(data)
        except DecodeError as error:
            raise Undecryptable(f"{place.decode()}: failed to decode the encrypted object") from error

    def _open(self, found: Any, seed: bytes, place: bytes) -> bytes:
        from cryptography.exceptions import InvalidTag

        data = bytes(found.encrypted_data)
        derived = found.encrypted_dek_source_type == self._pb.HKDF_SHA256_XNONCE_AES_GCM_SEED
        info, rest = (data[:INFO], data[INFO:]) if derived else (b"", data)
        try:
            opened: bytes = _aead(seed, info).decrypt(rest[:NONCE], rest[NONCE:], place)
        except (InvalidTag, ValueError) as error:
            raise Undecryptable(f"{place.decode()}: cipher: message authentication failed") from error
        return opened

    def _remember(self, encrypted: bytes, seed: bytes) -> None:
        while len(self._seeds) >= MOST_SEEDS:
            self._seeds.pop(next(iter(self._seeds)))
        self._seeds[encrypted] = seed

    def is_current(self, data: bytes) -> bool:
        source = self._source
        return source is None or self._pb.EncryptedObject.FromString(data).key_id == source.key_id

    async def close(self) -> None:
        await self.plugin.close()


def _aead(seed: bytes, info: bytes) -> Any:
    """AES-GCM with the key that the seed and the text give; without a text the seed is the key."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if not info:
        return AESGCM(seed)
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

    return AESGCM(HKDFExpand(SHA256(), SEED, info).derive(seed))

"""A KMS plugin of the tests' own: a real gRPC server on a unix socket, which encrypts with keys it names."""

from __future__ import annotations

import os
import pathlib
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kubelite.rpc import kms_v2_pb2 as pb


class Plugin:
    """`key` names the present key; `rotate` makes another; `healthz` is what it says of itself."""

    def __init__(self, path: pathlib.Path) -> None:
        self.endpoint = f"unix://{path}"
        self.keys = {"key-1": AESGCM(AESGCM.generate_key(256))}
        self.key = "key-1"
        self.healthz = "ok"
        self.calls: dict[str, int] = {"Status": 0, "Encrypt": 0, "Decrypt": 0}

    def rotate(self) -> None:
        self.key = f"key-{len(self.keys) + 1}"
        self.keys[self.key] = AESGCM(AESGCM.generate_key(256))

    async def status(self, request: Any, context: Any) -> Any:
        self.calls["Status"] += 1
        return pb.StatusResponse(version="v2", healthz=self.healthz, key_id=self.key)

    async def encrypt(self, request: Any, context: Any) -> Any:
        self.calls["Encrypt"] += 1
        nonce = os.urandom(12)
        sealed = nonce + self.keys[self.key].encrypt(nonce, request.plaintext, None)
        return pb.EncryptResponse(ciphertext=sealed, key_id=self.key, annotations={"kms.example.com/version": b"1"})

    async def decrypt(self, request: Any, context: Any) -> Any:
        self.calls["Decrypt"] += 1
        assert request.annotations["kms.example.com/version"] == b"1"
        data = request.ciphertext
        return pb.DecryptResponse(plaintext=self.keys[request.key_id].decrypt(data[:12], data[12:], None))


def _handler(plugin: Plugin) -> Any:
    def unary(call: Any, request: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(
            call, request_deserializer=request.FromString, response_serializer=lambda answer: answer.SerializeToString()
        )

    methods = {
        "Status": unary(plugin.status, pb.StatusRequest),
        "Encrypt": unary(plugin.encrypt, pb.EncryptRequest),
        "Decrypt": unary(plugin.decrypt, pb.DecryptRequest),
    }
    return grpc.method_handlers_generic_handler("v2.KeyManagementService", methods)


@pytest.fixture
async def plugin(tmp_path: pathlib.Path) -> AsyncIterator[Plugin]:
    made = Plugin(tmp_path / "kms.sock")
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_handler(made),))
    server.add_insecure_port(made.endpoint)
    await server.start()
    yield made
    await server.stop(None)

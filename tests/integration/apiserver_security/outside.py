"""Small HTTPS servers of others: token and authorization webhooks, an identity provider."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from kubelite.util import tls
from tests.apienv import ApiEnv, Reply

Answer = Callable[[str, Any], tuple[int, Any]]
"""(path, decoded body or None) → (status, what to answer as JSON)."""
WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


@dataclass
class Outside:
    """A running server."""

    answer: Answer
    url: str = ""
    ca: str = ""
    directory: Path = Path()
    asked: list[Any] = field(default_factory=list)

    def kubeconfig(self, path: str = "/review") -> str:
        """A kubeconfig file that leads here."""
        file = self.directory / "outside.kubeconfig"
        cluster = {"server": self.url + path, "certificate-authority": self.ca}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": {"token": "the-api-server"}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        }
        file.write_text(json.dumps(document))
        return str(file)


@asynccontextmanager
async def outside(directory: Path, answer: Answer) -> AsyncIterator[Outside]:
    """A server with a certificate of an authority of its own."""
    authority = tls.Authority.create("outside-ca")
    pair = authority.issue_server("outside", ["127.0.0.1"])
    for name, data in (
        ("out.crt", pair.certificate),
        ("out.key", pair.key),
        ("out-ca.crt", authority.pair.certificate),
    ):
        (directory / name).write_bytes(data)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "out.crt", directory / "out.key")
    found = Outside(answer, ca=str(directory / "out-ca.crt"), directory=directory)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await _exchange(found, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    found.url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield found
    finally:
        server.close()


async def _exchange(found: Outside, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    size = next((int(line.partition(":")[2]) for line in head if line.lower().startswith("content-length:")), 0)
    body = await reader.readexactly(size)
    asked = json.loads(body) if body else None
    found.asked.append(asked)
    status, answer = found.answer(head[0].split(" ")[1], asked)
    data = json.dumps(answer).encode()
    writer.write(
        f"HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n".encode()
    )
    writer.write(data)
    await writer.drain()


async def whoami(api: ApiEnv, token: str) -> Reply:
    return await api.post(WHO, {}, token=token)


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(number: int, size: int = 0) -> str:
    return encoded(number.to_bytes(size or (number.bit_length() + 7) // 8, "big"))


class ProviderKey:
    """A key of an identity provider, RSA or (P-256) elliptic."""

    def __init__(self, kid: str, *, elliptic: bool = False) -> None:
        self.kid = kid
        self.key: Any = (
            ec.generate_private_key(ec.SECP256R1()) if elliptic else rsa.generate_private_key(65537, key_size=2048)
        )

    def jwk(self) -> dict[str, str]:
        numbers = self.key.public_key().public_numbers()
        if isinstance(self.key, rsa.RSAPrivateKey):
            return {"kty": "RSA", "kid": self.kid, "use": "sig", "n": _number(numbers.n), "e": _number(numbers.e)}
        return {"kty": "EC", "crv": "P-256", "kid": self.kid, "x": _number(numbers.x, 32), "y": _number(numbers.y, 32)}

    def sign(self, alg: str, **claims: Any) -> str:
        claims = {"exp": int(time.time()) + 600, "aud": "kube", **claims}
        parts = ({"alg": alg, "kid": self.kid}, claims)
        message = ".".join(encoded(json.dumps(part).encode()) for part in parts)
        digest = hashes.SHA256()
        if alg == "ES256":
            r, s = utils.decode_dss_signature(self.key.sign(message.encode(), ec.ECDSA(digest)))
            signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        else:
            pss = padding.PSS(padding.MGF1(digest), 32)
            signature = self.key.sign(message.encode(), padding.PKCS1v15() if alg == "RS256" else pss, digest)
        return f"{message}.{encoded(signature)}"


class Provider:
    """What an identity provider answers; `keys` may change."""

    def __init__(self) -> None:
        self.rsa = ProviderKey("rsa")
        self.keys = [self.rsa]
        self.url = ""

    def answer(self, path: str, body: Any) -> tuple[int, Any]:
        if path == "/.well-known/openid-configuration":
            return 200, {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        return (200, {"keys": [key.jwk() for key in self.keys]}) if path == "/keys" else (404, {})

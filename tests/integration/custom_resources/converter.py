"""A conversion webhook of the tests' own: HTTPS with a certificate of its own authority."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import pathlib
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from kubelite.util import tls

Convert = Callable[[dict[str, Any], str], dict[str, Any]]


class Webhook:
    """`convert(object, desired apiVersion)`; `reviews` are the requests that came. `spoil` may change the answer."""

    def __init__(self, convert: Convert) -> None:
        self.convert = convert
        self.reviews: list[dict[str, Any]] = []
        self.spoil: Callable[[dict[str, Any]], Any] = lambda review: review
        self.port = 0
        self.authority = b""

    def config(self, **client: Any) -> dict[str, Any]:
        """spec.conversion of a definition."""
        bundle = base64.b64encode(self.authority).decode()
        where = client or {"url": f"https://127.0.0.1:{self.port}/convert"}
        webhook = {"clientConfig": {**where, "caBundle": bundle}, "conversionReviewVersions": ["v1"]}
        return {"strategy": "Webhook", "webhook": webhook}

    def answer(self, review: dict[str, Any]) -> Any:
        request = review["request"]
        converted = [self.convert(one, request["desiredAPIVersion"]) for one in request["objects"]]
        response = {"uid": request["uid"], "result": {"status": "Success"}, "convertedObjects": converted}
        return self.spoil({"apiVersion": review["apiVersion"], "kind": "ConversionReview", "response": response})

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(head.partition("content-length:")[2].partition("\r\n")[0])
                review = json.loads(await reader.readexactly(length))
                self.reviews.append(review)
                body = json.dumps(self.answer(review)).encode()
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
                )
                writer.write(body)
        writer.close()


def host_and_port(obj: dict[str, Any], api_version: str) -> dict[str, Any]:
    """v1 has hostPort, v2 has host and port."""
    out = {**obj, "apiVersion": api_version, "spec": dict(obj.get("spec", {}))}
    spec = out["spec"]
    if api_version.endswith("/v2"):
        spec["host"], _, spec["port"] = spec.pop("hostPort", ":").partition(":")
    else:
        spec["hostPort"] = f"{spec.pop('host', '')}:{spec.pop('port', '')}"
    return out


@asynccontextmanager
async def conversion_webhook(convert: Convert = host_and_port, names: tuple[str, ...] = ()) -> AsyncIterator[Webhook]:
    """A running webhook on a free port; its certificate is for 127.0.0.1 and `names`."""
    webhook = Webhook(convert)
    with tempfile.TemporaryDirectory(prefix="kubelite-test-") as name:
        directory = pathlib.Path(name)
        authority = tls.Authority.load_or_create(directory / "ca.crt", directory / "ca.key", "converter-ca")
        pair = authority.issue_server("converter", ["127.0.0.1", *names])
        (directory / "tls.crt").write_bytes(pair.certificate)
        (directory / "tls.key").write_bytes(pair.key)
        webhook.authority = (directory / "ca.crt").read_bytes()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(directory / "tls.crt", directory / "tls.key")
        server = await asyncio.start_server(webhook.serve, "127.0.0.1", 0, ssl=context)
        webhook.port = server.sockets[0].getsockname()[1]
        try:
            yield webhook
        finally:
            server.close()

"""A webhook server of the tests' own: HTTPS with a certificate of its own authority, one behaviour per path."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import pathlib
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from kubelite.util import tls
from tests.apienv import ApiEnv, Reply

REGISTRATION = "/apis/admissionregistration.k8s.io/v1"
MUTATING = f"{REGISTRATION}/mutatingwebhookconfigurations"
VALIDATING = f"{REGISTRATION}/validatingwebhookconfigurations"
CONFIGMAPS = "/api/v1/namespaces/default/configmaps"

HANG_UP = "hang up"
"""As an answer: the connection is closed instead."""

Behaviour = Callable[[dict[str, Any]], Any]
"""The request of a review → the response, its uid left out, or something else to send; may be awaitable."""


def allow(request: dict[str, Any]) -> dict[str, Any]:
    return {"allowed": True}


def deny(message: str = "", **status: Any) -> Behaviour:
    found = {key: value for key, value in {"message": message, **status}.items() if value}
    return lambda request: {"allowed": False, **({"status": found} if found else {})}


def patch(*operations: dict[str, Any]) -> Behaviour:
    """Allows with a JSON patch."""
    return lambda request: patched(*operations)


def patched(*operations: dict[str, Any]) -> dict[str, Any]:
    text = base64.b64encode(json.dumps(operations).encode()).decode()
    return {"allowed": True, "patchType": "JSONPatch", "patch": text}


def set_data(key: str, value: str) -> dict[str, Any]:
    return {"op": "add", "path": f"/data/{key}", "value": value}


class HookServer:
    """`behaviours` by path; `requests` are the reviews' requests in order, by path."""

    def __init__(self) -> None:
        self.behaviours: dict[str, Behaviour] = {}
        self.requests: dict[str, list[dict[str, Any]]] = {}
        self.queries: list[str] = []
        self.connections = 0
        self.heads: list[str] = []
        self.callers: list[str] = []
        """Names on the certificates that clients showed; "" for none."""
        self.port = 0
        self.authority = b""
        self.pair = b""
        """Certificate and key of a client that the server knows."""

    def client(self, path: str, **more: Any) -> dict[str, Any]:
        """A clientConfig."""
        return {"url": f"https://127.0.0.1:{self.port}/{path}", "caBundle": self.bundle, **more}

    @property
    def bundle(self) -> str:
        return base64.b64encode(self.authority).decode()

    async def answer(self, path: str, review: dict[str, Any]) -> Any:
        request = review["request"]
        self.requests.setdefault(path, []).append(request)
        response = self.behaviours.get(path, allow)(request)
        if isinstance(response, Awaitable):
            response = await response
        if not isinstance(response, dict) or "response" in response:
            return response
        return {
            "apiVersion": review["apiVersion"],
            "kind": "AdmissionReview",
            "response": {"uid": request["uid"], **response},
        }

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                target = head.split(" ")[1]
                path, _, query = target.partition("?")
                self.queries.append(query)
                self.heads.append(head)
                shown = writer.get_extra_info("peercert") or {}
                self.callers.append(dict(pair[0] for pair in shown.get("subject", ())).get("commonName", ""))
                length = int(head.lower().partition("content-length:")[2].partition("\r\n")[0])
                review = json.loads(await reader.readexactly(length))
                answer = await self.answer(path.strip("/"), review)
                if answer == HANG_UP:
                    break
                status = "200 OK"
                if isinstance(answer, int):
                    status, answer = f"{answer} Oops", {"message": "broken"}
                body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                lines = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
                writer.write(lines.encode() + body)
        writer.close()


@asynccontextmanager
async def hook_server(names: tuple[str, ...] = (), **behaviours: Behaviour) -> AsyncIterator[HookServer]:
    """A running server on a free port; its certificate is for 127.0.0.1 and `names`."""
    hooks = HookServer()
    hooks.behaviours = behaviours
    with tempfile.TemporaryDirectory(prefix="kubelite-test-") as name:
        directory = pathlib.Path(name)
        authority = tls.Authority.load_or_create(directory / "ca.crt", directory / "ca.key", "webhook-ca")
        pair = authority.issue_server("webhook", ["127.0.0.1", *names])
        (directory / "tls.crt").write_bytes(pair.certificate)
        (directory / "tls.key").write_bytes(pair.key)
        hooks.authority = (directory / "ca.crt").read_bytes()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(directory / "tls.crt", directory / "tls.key")
        context.load_verify_locations(directory / "ca.crt")
        context.verify_mode = ssl.CERT_OPTIONAL
        client = authority.issue_client("the-api-server")
        hooks.pair = client.certificate + client.key
        server = await asyncio.start_server(hooks.serve, "127.0.0.1", 0, ssl=context)
        hooks.port = server.sockets[0].getsockname()[1]
        try:
            yield hooks
        finally:
            server.close()


def rule(
    resources: str = "configmaps", *, group: str = "", version: str = "v1", operations: str = "*", **more: Any
) -> dict[str, Any]:
    """A rule about resources (separated by blanks)."""
    return {
        "apiGroups": [group],
        "apiVersions": [version],
        "resources": resources.split(),
        "operations": operations.split(),
        **more,
    }


def webhook(
    client: dict[str, Any], *rules: dict[str, Any], name: str = "one.example.com", **more: Any
) -> dict[str, Any]:
    """One webhook of a configuration; about config maps unless it is said otherwise."""
    return {
        "name": name,
        "clientConfig": client,
        "rules": list(rules) or [rule(operations="CREATE UPDATE")],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        **more,
    }


async def register(
    api: ApiEnv, path: str, *webhooks: dict[str, Any], name: str = "test", labels: dict[str, str] | None = None
) -> dict[str, Any]:
    """Creates a configuration; returns it when the server uses it."""
    kind = "MutatingWebhookConfiguration" if path == MUTATING else "ValidatingWebhookConfiguration"
    body = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": name, "labels": labels or {}},
        "webhooks": list(webhooks),
    }
    reply = await api.post(path, body)
    assert reply.status == 201, reply.body
    await api.registry.cache.fresh()
    return dict(reply.json())


def config_map(name: str = "cm", **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data or {"here": "yes"}}


async def create(api: ApiEnv, name: str = "cm", **data: str) -> Reply:
    return await api.post(CONFIGMAPS, config_map(name, **data))

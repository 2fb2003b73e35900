"""An extension API server of the tests' own: TLS, client certificates required, one resource kept in memory.

What: `Extension` serves `wardle.example.com/v1alpha1` flunders. Why: the aggregation layer is tested against a server that it
does not know, which believes nothing that is not vouched for by a certificate. Flow: one task a connection, HTTP/1.1 by
hand; every request's headers are kept in `seen`.
"""

from __future__ import annotations

import asyncio
import json
import pathlib
import ssl
from dataclasses import dataclass, field
from typing import Any

from kubelite.util.tls import Authority

GROUP, VERSION = "wardle.example.com", "v1alpha1"
ROOT = f"/apis/{GROUP}/{VERSION}"
VERBS = ["create", "delete", "get", "list", "watch"]
LIST = {
    "kind": "APIResourceList",
    "apiVersion": "v1",
    "groupVersion": f"{GROUP}/{VERSION}",
    "resources": [
        {
            "name": "flunders",
            "singularName": "flunder",
            "namespaced": True,
            "kind": "Flunder",
            "verbs": VERBS,
            "shortNames": ["fl"],
        },
        {"name": "flunders/status", "singularName": "", "namespaced": True, "kind": "Flunder", "verbs": ["get"]},
    ],
}
SCHEMA = {
    "type": "object",
    "properties": {"spec": {"$ref": "#/definitions/com.example.Spec"}},
    "x-kubernetes-group-version-kind": [{"group": GROUP, "version": VERSION, "kind": "Flunder"}],
}
V2 = {
    "swagger": "2.0",
    "info": {"title": "wardle", "version": "1"},
    "paths": {
        f"{ROOT}/namespaces/{{namespace}}/flunders": {
            "get": {
                "responses": {"200": {"description": "OK", "schema": {"$ref": "#/definitions/com.example.Flunder"}}}
            }
        },
        "/apis/other.example.com/v1/": {"get": {"responses": {"200": {"description": "OK"}}}},
    },
    "definitions": {
        "com.example.Flunder": SCHEMA,
        "com.example.Spec": {"type": "object"},
        "com.example.Unused": {"type": "object"},
    },
}
GVK = {"group": GROUP, "version": VERSION, "kind": "Flunder"}
V3 = {
    "openapi": "3.0.0",
    "info": {"title": "wardle", "version": "1"},
    "paths": {
        f"{ROOT}/namespaces/{{namespace}}/flunders": {
            "get": {
                "x-kubernetes-action": "list",
                "x-kubernetes-group-version-kind": GVK,
                "responses": {"200": {"description": "OK"}},
            }
        }
    },
    "components": {
        "schemas": {
            "com.example.Flunder": {
                "type": "object",
                "description": "A thing of the tests.",
                "properties": {"reference": {"type": "string", "description": "Another flunder."}},
                "x-kubernetes-group-version-kind": [GVK],
            }
        }
    },
}


@dataclass
class Seen:
    """A request as it came."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    certificate: str

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


@dataclass
class Extension:
    """`aggregated`: the server has an aggregated discovery document. `healthy`: it answers with 500 otherwise."""

    directory: pathlib.Path
    aggregated: bool = True
    healthy: bool = True
    has_schemas: bool = True
    seen: list[Seen] = field(default_factory=list)
    objects: dict[str, Any] = field(default_factory=dict)
    port: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    unread: int = 0
    stuck: asyncio.Event = field(default_factory=asyncio.Event)

    def last(self) -> Seen:
        """The newest request that was passed on, not one of the aggregator itself."""
        return next(one for one in reversed(self.seen) if one.all("X-Remote-User") != ["system:kube-aggregator"])

    async def start(self, name: str) -> None:
        """Listens; its certificate is for `name`, its authority is `ca`."""
        self.ca = Authority.create("extension-ca")
        self.proxies = Authority.create("front-proxy-ca")
        pair = self.ca.issue_server(name, [name])
        for file, data in (
            ("ext.crt", pair.certificate),
            ("ext.key", pair.key),
            ("front-ca.crt", self.proxies.pair.certificate),
        ):
            (self.directory / file).write_bytes(data)
        client = self.proxies.issue_client("front-proxy-client")
        (self.directory / "front.crt").write_bytes(client.certificate)
        (self.directory / "front.key").write_bytes(client.key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.directory / "ext.crt", self.directory / "ext.key")
        context.load_verify_locations(self.directory / "front-ca.crt")
        context.verify_mode = ssl.CERT_REQUIRED
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        subject = writer.get_extra_info("peercert").get("subject", ())
        name = dict(pair for part in subject for pair in part).get("commonName", "")
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, target, _ = head[0].split(" ")
                headers = [(line.partition(": ")[0], line.partition(": ")[2]) for line in head[1:] if line]
                length = next((int(value) for key, value in headers if key.lower() == "content-length"), 0)
                request = Seen(method, target, headers, await reader.readexactly(length), name)
                self.seen.append(request)
                if not await self._answer(request, reader, writer):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def _answer(self, request: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        path = request.target.partition("?")[0]
        if request.all("Upgrade"):
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
            while data := await reader.read(1000):
                writer.write(data.upper())
            return False
        if not self.healthy:
            return _json(writer, 500, {"message": "broken"})
        if path.startswith("/openapi") and not self.has_schemas:
            return False
        documents: dict[str, Any] = {
            ROOT: LIST,
            "/openapi/v2": V2,
            "/openapi/v3": {"paths": {ROOT[1:]: {"serverRelativeURL": f"/openapi/v3{ROOT}?hash=ABC"}}},
            f"/openapi/v3{ROOT}": V3,
        }
        if path == "/apis" and self.aggregated and "APIGroupDiscoveryList" in "".join(request.all("Accept")):
            kind = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
            return _json(writer, 200, _aggregated(), kind)
        if path in documents:
            return _json(writer, 200, documents[path])
        if path.endswith("/flunders") and "watch=true" in request.target:
            return await self._watch(writer)
        if path.startswith(f"{ROOT}/"):
            return await self._resource(request, path, writer)
        return _json(writer, 404, {"message": "not here"})

    async def _resource(self, request: Seen, path: str, writer: asyncio.StreamWriter) -> bool:
        name = path.rpartition("/")[2]
        if name == "elsewhere":
            writer.write(b"HTTP/1.1 302 Found\r\nLocation: https://evil.example.com/\r\nContent-Length: 0\r\n\r\n")
            return True
        if name == "endless":
            return await self._endless(writer)
        if request.method == "POST":
            made = json.loads(request.body)
            self.objects[made["metadata"]["name"]] = made
            self.changed.set()
            return _json(writer, 201, made)
        if name == "flunders":
            return _json(writer, 200, {"kind": "FlunderList", "items": list(self.objects.values())})
        if request.method == "DELETE":
            return _json(writer, 200, self.objects.pop(name))
        found = self.objects.get(name)
        return _json(writer, 200, found) if found else _json(writer, 404, {"kind": "Status", "code": 404})

    async def _watch(self, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        sent: set[str] = set()
        while True:
            for name in [name for name in self.objects if name not in sent]:
                sent.add(name)
                line = json.dumps({"type": "ADDED", "object": self.objects[name]}).encode() + b"\n"
                writer.write(b"%x\r\n%b\r\n" % (len(line), line))
            await writer.drain()
            self.changed.clear()
            await self.changed.wait()

    async def _endless(self, writer: asyncio.StreamWriter) -> bool:
        """A body without end: `unread` says how much of it somebody took."""
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")
        piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        while not writer.is_closing():
            writer.write(piece)
            self.unread += 65536
            try:
                async with asyncio.timeout(1):
                    await writer.drain()
            except TimeoutError:  # every buffer on the way is full
                self.stuck.set()
                return False
        return False


def _aggregated() -> dict[str, Any]:
    response = {"group": GROUP, "version": VERSION, "kind": "Flunder"}
    resource = {
        "resource": "flunders",
        "responseKind": response,
        "scope": "Namespaced",
        "singularResource": "flunder",
        "verbs": VERBS,
        "shortNames": ["fl"],
        "categories": ["all"],
    }
    version = {"version": VERSION, "resources": [resource], "freshness": "Current"}
    return {"kind": "APIGroupDiscoveryList", "items": [{"metadata": {"name": GROUP}, "versions": [version]}]}


def _json(writer: asyncio.StreamWriter, status: int, document: Any, kind: str = "application/json") -> bool:
    body = json.dumps(document).encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nX-Served-By: wardle\r\n\r\n"
    writer.write(head.encode() + body)
    return True

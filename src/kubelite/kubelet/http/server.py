"""`Server`: accepts connections on the kubelet's port and serves its routes.

What: the kubelet's `HttpServer`. Why: the API server, metrics collectors and `kubectl logs|exec|attach|port-forward` end here.
Flow: TLS
connection → request → Gate → route → answer, again until the connection ends or is upgraded. Unknown paths are 404.
Source: pkg/kubelet/server/server.go.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import pathlib
import socket
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

import msgspec

from kubelite.api.logic.localpath import ROUTE
from kubelite.kubelet.http import pods as routes
from kubelite.kubelet.http.auth import Gate
from kubelite.kubelet.http.http1 import BadRequest, HttpError, Request, read_request
from kubelite.kubelet.http.rotation import LogRotation
from kubelite.kubelet.http.stats import Stats
from kubelite.kubelet.interfaces import Context
from kubelite.kubelet.volumes import localpath
from kubelite.util import metrics
from kubelite.util.log import get_logger

log = get_logger(__name__)
READ_LIMIT: Final = 256 * 1024
MAX_CONNECTIONS: Final = 1000
Handler = Callable[[Request], Awaitable[None]]


class Server:
    """See `kubelet.interfaces.HttpServer`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._gate = Gate(context)
        self._stats = Stats(context)
        self._pods = routes.PodRoutes(context)
        self.registry = metrics.Registry()
        metrics.add_process_metrics(self.registry)
        self.registry.gauge(
            "kubelet_running_pods", "Pods bound to this node", read=lambda: float(len(context.pods.list()))
        )
        self._connections: set[asyncio.Task[None]] = set()
        self.port = context.config.port
        """The port in use, for a configured port 0."""

    async def run(self) -> None:
        """Serve, and rotate logs, until cancelled. Raises OSError when the port cannot be bound."""
        config = self._context.config
        context = await asyncio.to_thread(self._tls)
        server = await asyncio.start_server(self._connected, config.address, config.port, ssl=context, limit=READ_LIMIT)
        self.port = server.sockets[0].getsockname()[1]
        rotation = asyncio.create_task(LogRotation(self._context).run())
        try:
            await server.serve_forever()
        finally:
            server.close()
            tasks = [rotation, *self._connections]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _tls(self) -> ssl.SSLContext:
        config = self._context.config
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if config.tls_cert_file:
            context.load_cert_chain(config.tls_cert_file, config.tls_private_key_file or None)
        else:
            context.load_cert_chain(*_self_signed(pathlib.Path(config.root_dir) / "pki", self._context.node_name))
        if config.client_ca_file:
            context.load_verify_locations(config.client_ca_file)
            # Optional: a client may bring a token instead.
            context.verify_mode = ssl.CERT_OPTIONAL
        return context

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._connections) >= MAX_CONNECTIONS:
            writer.transport.abort()
            return
        self._connections.add(task)
        try:
            await self._serve(reader, writer)
        except (ConnectionError, TimeoutError, OSError):
            pass  # The peer is gone: nobody is left to be told.
        except asyncio.CancelledError:
            pass  # Only `run` cancels connections, at its end; asyncio's callback would log it as a fault.
        finally:
            self._connections.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sock: socket.socket | None = writer.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        while True:
            try:
                request = await read_request(reader, writer)
            except BadRequest as error:
                refused = Request("", "", {}, [], reader, writer, keep_alive=False)
                await refused.respond(error.code, f"{error}\n")
                return
            if request is None:
                return
            await self._answer(request)
            if request.upgraded or not request.keep_alive:
                return

    async def _answer(self, request: Request) -> None:
        try:
            request.user = await self._gate.check(request)
            await self._route(request)(request)
        except HttpError as error:
            if request.answered or request.upgraded:
                request.keep_alive = False
                return
            text = error.message if error.message.endswith("\n") else error.message + "\n"
            await request.respond(error.code, text)
        except (ConnectionError, TimeoutError):
            raise
        except Exception as error:
            log.exception("Request failed", error, path=request.path)
            if request.answered or request.upgraded:
                request.keep_alive = False
                return
            await request.respond(500, f"Internal Error: {error}\n")

    def _route(self, request: Request) -> Handler:
        head = "/" + request.path.split("/", 2)[1] if "/" in request.path else ""
        streams: dict[str, Handler] = {
            "/exec": self._pods.exec,
            "/attach": self._pods.attach,
            "/portForward": self._pods.port_forward,
        }
        if head in streams:
            if request.method not in ("GET", "POST"):
                raise HttpError(405, "405: Method Not Allowed")
            return streams[head]
        if head == "/containerLogs":
            return self._pods.logs
        if head == f"/{ROUTE}":
            if request.method != "DELETE":
                raise HttpError(405, "405: Method Not Allowed")
            return self._remove_volume
        plain: dict[str, Handler] = {
            "/healthz": self._healthz,
            "/pods": self._pod_list,
            "/stats/summary": self._summary,
            "/metrics": self._metrics,
            "/metrics/resource": self._resource_metrics,
            "/configz": self._configz,
        }
        handler = plain.get(request.path.rstrip("/"))
        if handler is None:
            raise HttpError(404, "404 page not found")
        if request.method not in ("GET", "HEAD"):
            raise HttpError(405, "405: Method Not Allowed")
        return handler

    async def _remove_volume(self, request: Request) -> None:
        """Delete the directory of a provisioned volume. 404 is an answer of the route, not of the volume."""
        name = request.path.removeprefix(f"/{ROUTE}").strip("/")
        try:
            found = await asyncio.to_thread(localpath.remove, self._context.config.local_volume_dir, name)
        except ValueError as error:
            raise HttpError(400, str(error)) from error
        except OSError as error:
            raise HttpError(500, f"{name}: {error.strerror}") from error
        await request.respond_json({"removed": found})

    async def _healthz(self, request: Request) -> None:
        await request.respond(200, "ok")

    async def _pod_list(self, request: Request) -> None:
        pods = {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": list(self._context.pods.list())}
        await request.respond(200, msgspec.json.encode(pods), "application/json")

    async def _summary(self, request: Request) -> None:
        await request.respond_json(await self._stats.summary())

    async def _metrics(self, request: Request) -> None:
        await request.respond(200, self.registry.render(), "text/plain; version=0.0.4; charset=utf-8")

    async def _resource_metrics(self, request: Request) -> None:
        text = await self._stats.resource_metrics()
        await request.respond(200, text, "text/plain; version=0.0.4; charset=utf-8")

    async def _configz(self, request: Request) -> None:
        await request.respond_json({"kubeletconfig": dataclasses.asdict(self._context.config)})


def _self_signed(folder: pathlib.Path, node: str) -> tuple[str, str]:
    """Paths of a serving certificate of this node's own making, kept between starts."""
    from kubelite.util import tls

    certificate, key = folder / "kubelet.crt", folder / "kubelet.key"
    fresh = False
    with contextlib.suppress(OSError, ValueError):
        fresh = (tls.expires(certificate.read_bytes()) - _now()).days > 30 and key.exists()
    if not fresh:
        authority = tls.Authority.create(f"{node}-ca")
        pair = authority.issue_server(f"system:node:{node}", [node, "localhost", "127.0.0.1"], ["system:nodes"])
        tls.write_private(key, pair.key)
        tls.write_private(certificate, pair.certificate)
    return str(certificate), str(key)


def _now() -> datetime:
    return datetime.now(UTC)

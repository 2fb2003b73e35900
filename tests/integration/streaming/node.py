"""A node for tests: the kubelet's HTTPS server over a runtime whose containers are processes of this machine.

The runtime speaks the real streaming protocol (SPDY over a URL); `ApiFront` is just enough of an API server for kubectl to
reach the kubelet: discovery, the pod, and the subresources passed on byte by byte.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import pty
import ssl
import struct
import termios
import urllib.parse
from dataclasses import dataclass, field
from types import SimpleNamespace

from kubelite.api.types.core_v1 import Pod
from kubelite.kubelet.config import Config
from kubelite.kubelet.http.http1 import read_request
from kubelite.kubelet.http.server import Server
from kubelite.kubelet.interfaces import ContainerHandle, Context, ExecResult
from kubelite.machinery import codec
from kubelite.streaming import handshake, portforward, remotecommand
from kubelite.streaming.bytestream import SocketStream, relay
from kubelite.streaming.spdy import SpdySession

UID = "11111111-2222-3333-4444-555555555555"


def pod_of(name="web", **status):
    """A running pod with one container `main`, whose id is c1."""
    running = {
        "name": "main",
        "containerID": "containerd://c1",
        "ready": True,
        "restartCount": 0,
        "image": "i",
        "imageID": "i",
        "state": {"running": {"startedAt": "2030-01-01T00:00:00Z"}},
    }
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "uid": UID},
        "spec": {"containers": [{"name": "main", "image": "i"}], "nodeName": "n1"},
        "status": {"phase": "Running", "containerStatuses": [running | status]},
    }
    return codec.convert(body, Pod)


class Terminal:
    """Both ends of a pseudo terminal's master as a byte stream."""

    def __init__(self, descriptor):
        self.descriptor = descriptor

    async def read(self):
        try:
            return await asyncio.to_thread(os.read, self.descriptor, 4096)
        except OSError:
            return b""


@dataclass
class LocalRuntime:
    """Runs commands of this machine where a runtime would run them in a container."""

    handles: list[ContainerHandle] = field(default_factory=list)
    reopened: list[str] = field(default_factory=list)
    port: int = 0
    calls: dict = field(default_factory=dict)

    async def containers(self, pod_uid):
        return self.handles

    async def exec_sync(self, container_id, command, timeout):
        process = await asyncio.create_subprocess_exec(*command, stdout=-1, stderr=-1)
        async with asyncio.timeout(timeout):
            out, err = await process.communicate()
        return ExecResult(process.returncode, out, err)

    async def exec_url(self, container_id, command, *, stdin, stdout, stderr, tty):
        return self._url(("exec", list(command), remotecommand.Options(stdin, stdout, stderr, tty)))

    async def attach_url(self, container_id, *, stdin, stdout, stderr, tty):
        return self._url(("exec", ["cat"], remotecommand.Options(stdin, stdout, stderr, tty)))

    async def port_forward_url(self, pod_uid, ports):
        return self._url(("forward", None, None))

    def _url(self, call):
        token = str(len(self.calls))
        self.calls[token] = call
        return f"http://127.0.0.1:{self.port}/{token}"

    async def reopen_log(self, container_id):
        self.reopened.append(container_id)

    async def serve(self, reader, writer):
        """One connection to the streaming server."""
        request = await read_request(reader, writer)
        kind, command, options = self.calls[request.path[1:]]
        upgrade = handshake.parse(request.headers)
        supported = (portforward.SPDY_PROTOCOL,) if kind == "forward" else remotecommand.SPDY_PROTOCOLS[1:]
        protocol = handshake.choose(upgrade, supported)
        io = SocketStream(reader, writer)
        await io.write(handshake.response_head(upgrade, protocol))
        async with SpdySession(io, server=True) as session:
            if kind == "forward":
                await portforward.serve(session, self._dial)
                return
            streams = await remotecommand.spdy_server(session, options, protocol)
            code = await (self._terminal(command, streams) if options.tty else self._process(command, streams))
            await remotecommand.write_status(streams, remotecommand.exit_status(code))

    @staticmethod
    async def _dial(port, data):
        io = SocketStream(*await asyncio.open_connection("127.0.0.1", port))
        try:
            await portforward.join(data, io)
        finally:
            await io.close()

    @staticmethod
    async def _process(command, streams):
        process = await asyncio.create_subprocess_exec(*command, stdin=-1, stdout=-1, stderr=-1)

        async def feed():
            while streams.stdin is not None and (data := await streams.stdin.read()):
                process.stdin.write(data)
                await process.stdin.drain()
            process.stdin.close()

        async def pump(source, target):
            while data := await source.read(65536):
                if target is not None:
                    await target.write(data)
            if target is not None:
                await target.finish()

        feeding = asyncio.create_task(feed())
        await asyncio.gather(pump(process.stdout, streams.stdout), pump(process.stderr, streams.stderr))
        feeding.cancel()
        return await process.wait()

    @staticmethod
    async def _terminal(command, streams):
        master, slave = pty.openpty()
        process = await asyncio.create_subprocess_exec(
            *command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)

        async def resize():
            async for width, height in remotecommand.sizes(streams.resize):
                fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

        async def feed():
            while streams.stdin is not None and (data := await streams.stdin.read()):
                os.write(master, data)

        tasks = [asyncio.create_task(resize()), asyncio.create_task(feed())]
        terminal = Terminal(master)
        while data := await terminal.read():
            await streams.stdout.write(data)
        await streams.stdout.finish()
        for task in tasks:
            task.cancel()
        code = await process.wait()
        os.close(master)
        return code


class Pods:
    """The node's pods."""

    def __init__(self, *pods):
        self.pods = {pod.metadata.name: pod for pod in pods}

    def list(self):
        return list(self.pods.values())

    def find(self, namespace, name):
        return self.pods.get(name)

    def get(self, uid):
        return next((pod for pod in self.pods.values() if pod.metadata.uid == uid), None)

    def status(self, uid):
        pod = self.get(uid)
        return pod.status if pod else None


@contextlib.asynccontextmanager
async def node(tmp_path, *pods, **settings):
    """A running kubelet server and its parts: `.port`, `.runtime`, `.pods`, `.context`."""
    runtime = LocalRuntime()
    runtime.handles.append(ContainerHandle("main", "c1", "running", 0, str(tmp_path / "0.log")))
    streaming = await asyncio.start_server(runtime.serve, "127.0.0.1", 0)
    runtime.port = streaming.sockets[0].getsockname()[1]
    settings = {"authorization_mode": "AlwaysAllow", "anonymous_auth": True} | settings
    config = Config(
        root_dir=str(tmp_path / "root"), address="127.0.0.1", port=0, pod_log_dir=str(tmp_path / "pods"), **settings
    )
    known = Pods(*(pods or (pod_of(),)))
    context = Context(
        config, "n1", SimpleNamespace(), SimpleNamespace(), runtime, known, lambda: None, lambda uid: None
    )
    server = Server(context)
    task = asyncio.create_task(server.run())
    while not server.port:
        if task.done():
            task.result()
        await asyncio.sleep(0.01)
    try:
        yield SimpleNamespace(port=server.port, runtime=runtime, pods=known, context=context, log=tmp_path / "0.log")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        streaming.close()


def unverified():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def get(port, path, *, method="GET", headers=""):
    """(status, body) of one request to the kubelet."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=unverified())
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: n1\r\nConnection: close\r\n{headers}\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    if b"chunked" in head:
        rest, body = body, b""
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return int(head.split()[1]), body


SUBRESOURCES = {"exec": "exec", "attach": "attach", "log": "containerLogs", "portforward": "portForward"}
RESOURCES = {
    "kind": "APIResourceList",
    "groupVersion": "v1",
    "resources": [
        {
            "name": "pods",
            "singularName": "pod",
            "namespaced": True,
            "kind": "Pod",
            "verbs": ["get", "list"],
            "shortNames": ["po"],
        }
    ],
}


@dataclass
class ApiFront:
    """What kubectl needs of an API server to reach one kubelet, over plain HTTP."""

    kubelet: int
    pods: Pods
    requests: list[str] = field(default_factory=list)

    async def serve(self, reader, writer):
        with contextlib.suppress(ConnectionError, TimeoutError):
            while request := await read_request(reader, writer):
                parts = request.path.strip("/").split("/")
                if len(parts) == 7 and parts[6] in SUBRESOURCES:
                    await self._pass_on(request, parts)
                    return
                await self._document(request, parts)
        writer.close()

    async def _document(self, request, parts):
        documents = {
            "api": {"kind": "APIVersions", "versions": ["v1"]},
            "apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
            "api/v1": RESOURCES,
        }
        if len(parts) == 6 and parts[4] == "pods" and parts[5] in self.pods.pods:
            await request.respond(200, codec.encode(self.pods.pods[parts[5]]), "application/json")
        elif "/".join(parts) in documents:
            await request.respond(200, json.dumps(documents["/".join(parts)]), "application/json")
        else:
            await request.respond(404, "404 page not found")

    async def _pass_on(self, request, parts):
        pairs = [(k, v) for k, values in request.query.items() for v in values]
        path = f"/{SUBRESOURCES[parts[6]]}/{parts[3]}/{parts[5]}"
        if parts[6] != "portforward":
            path += "/" + (request.first("container") or "main")
        self.requests.append(f"{request.method} {request.header('upgrade')} {request.header('sec-websocket-protocol')}")
        back = SocketStream(*await asyncio.open_connection("127.0.0.1", self.kubelet, ssl=unverified()))
        head = [f"{request.method} {path}?{urllib.parse.urlencode(pairs)} HTTP/1.1"]
        head += [f"{name}: {value}" for name, value in request.headers]
        await back.write(("\r\n".join(head) + "\r\n\r\n").encode() + request.body)
        await relay(SocketStream(request.reader, request.writer), back)


@contextlib.asynccontextmanager
async def api_front(kubelet):
    front = ApiFront(kubelet.port, kubelet.pods)
    server = await asyncio.start_server(front.serve, "127.0.0.1", 0)
    try:
        yield front, server.sockets[0].getsockname()[1]
    finally:
        server.close()

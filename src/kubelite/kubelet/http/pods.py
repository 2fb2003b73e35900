"""The routes about one pod: logs, exec, attach, port-forward.

What: `PodRoutes`, one coroutine a route.
Why: each finds pod and container the same way and words its refusals as users know them.
Flow: path and query → pod → container of the runtime → log file or streaming URL.
Source: pkg/kubelet/server/server.go (getContainerLogs, getExec, getAttach, getPortForward), pkg/kubelet/kubelet_pods.go.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Final

from kubelite.api.types.core_v1 import Pod
from kubelite.kubelet.http import logfile, logs, streams
from kubelite.kubelet.http.http1 import HttpError, Request
from kubelite.kubelet.http.inotify import Watch
from kubelite.kubelet.interfaces import ContainerHandle, Context
from kubelite.kubelet.podspec import find_container

FOLLOW_SECONDS: Final = 1.0
SETTLE_SECONDS: Final = 0.01
"""Writes that come together are read together."""
GRPC_CODES: Final = {"NOT_FOUND": 404, "INVALID_ARGUMENT": 400, "UNAVAILABLE": 503, "RESOURCE_EXHAUSTED": 429}


class PodRoutes:
    """The routes of one kubelet."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def _pod(self, namespace: str, name: str, missing: str) -> Pod:
        pod = self._context.pods.find(namespace, name)
        if pod is None:
            raise HttpError(404, missing)
        return pod

    # logs

    async def logs(self, request: Request) -> None:
        """GET /containerLogs/{namespace}/{pod}/{container}"""
        parts = request.path.strip("/").split("/")
        if len(parts) != 4 or request.method not in ("GET", "HEAD"):
            raise HttpError(404, "404 page not found")
        _, namespace, name, container = parts
        options = logs.Options.parse(request, datetime.now(UTC))
        pod = self._pod(namespace, name, f'pod "{name}" does not exist')
        if find_container(pod, container) is None:
            raise HttpError(404, f'container "{container}" not found in pod "{name}"')
        container_id = logs.choose(name, _statuses(self._status(pod)), container, options.previous)
        handle = await self._handle(pod, container_id, f'container "{container}" in pod "{name}" is not available')
        await request.start_chunked()
        if not options.follow:
            await logfile.stream(handle.log_path, options, request.chunk, None)
            await request.end_chunked()
            return
        # Nothing more is read of this connection, so that the client's leaving is seen at once.
        request.keep_alive = False
        with Watch(os.path.dirname(handle.log_path)) as watch:
            writing = asyncio.create_task(
                logfile.stream(handle.log_path, options, request.chunk, self._changes(pod, container_id, watch))
            )
            leaving = asyncio.create_task(request.reader.read(1))
            try:
                await asyncio.wait([writing, leaving], return_when=asyncio.FIRST_COMPLETED)
                if writing.done():
                    writing.result()
                    await request.end_chunked()
            finally:
                writing.cancel()
                leaving.cancel()
                await asyncio.gather(writing, leaving, return_exceptions=True)

    async def _changes(self, pod: Pod, container_id: str, watch: Watch) -> AsyncIterator[bool]:
        """Yields when there may be more to read; False last, when the container has ended."""
        while True:
            running = self._runs(pod, container_id)
            yield running
            if not running:
                return
            await watch.changed(FOLLOW_SECONDS)
            await asyncio.sleep(SETTLE_SECONDS)

    def _runs(self, pod: Pod, container_id: str) -> bool:
        status = self._context.pods.status(pod.metadata.uid)
        for one in _statuses(status) if status is not None else ():
            if one.containerID.rpartition("/")[2] == container_id:
                return bool(one.state and one.state.running)
        return False

    def _status(self, pod: Pod) -> Any:
        return self._context.pods.status(pod.metadata.uid) or pod.status

    async def _handle(self, pod: Pod, container_id: str, missing: str) -> ContainerHandle:
        for handle in await self._context.runtime.containers(pod.metadata.uid):
            if handle.id == container_id:
                return handle
        raise HttpError(400, missing)

    # exec, attach, port-forward

    def _target(self, request: Request) -> tuple[Pod, str]:
        """/{verb}/{namespace}/{pod}[/{uid}]/{container}"""
        parts = request.path.strip("/").split("/")
        if len(parts) not in (4, 5):
            raise HttpError(404, "404 page not found")
        return self._pod(parts[1], parts[2], "pod does not exist"), parts[-1]

    async def _running(self, pod: Pod, container: str) -> ContainerHandle:
        for handle in await self._context.runtime.containers(pod.metadata.uid):
            if handle.name == container and handle.state == "running":
                return handle
        raise HttpError(500, f'container not found ("{container}")')

    async def exec(self, request: Request) -> None:
        """GET or POST /exec/{namespace}/{pod}[/{uid}]/{container}?command=...&input=1&output=1&error=1&tty=1"""
        streams.asked(request)
        options = streams.options_of(request)
        pod, name = self._target(request)
        handle = await self._running(pod, name)
        words = request.query.get("command") or []
        with _runtime_errors():
            url = await self._context.runtime.exec_url(
                handle.id, words, stdin=options.stdin, stdout=options.stdout, stderr=options.stderr, tty=options.tty
            )
        await streams.command(request, url, options)

    async def attach(self, request: Request) -> None:
        """GET or POST /attach/{namespace}/{pod}[/{uid}]/{container}"""
        streams.asked(request)
        options = streams.options_of(request)
        pod, name = self._target(request)
        handle = await self._running(pod, name)
        with _runtime_errors():
            url = await self._context.runtime.attach_url(
                handle.id, stdin=options.stdin, stdout=options.stdout, stderr=options.stderr, tty=options.tty
            )
        await streams.command(request, url, options)

    async def port_forward(self, request: Request) -> None:
        """GET or POST /portForward/{namespace}/{pod}[/{uid}]"""
        parts = request.path.strip("/").split("/")
        if len(parts) not in (3, 4):
            raise HttpError(404, "404 page not found")
        streams.asked(request)
        pod = self._pod(parts[1], parts[2], "pod does not exist")
        ports = _ports(request)
        with _runtime_errors():
            url = await self._context.runtime.port_forward_url(pod.metadata.uid, ports)
        await streams.port_forward(request, url, ports)


@contextlib.contextmanager
def _runtime_errors() -> Any:
    """Errors of the runtime become answers: its code where it has one."""
    try:
        yield
    except Exception as error:
        code = getattr(error, "code", 500)
        status = code if isinstance(code, int) else GRPC_CODES.get(str(code), 500)
        raise HttpError(status, getattr(error, "text", None) or str(error)) from error


def _ports(request: Request) -> list[int]:
    texts = [text for name in ("port", "ports") for value in request.query.get(name, ()) for text in value.split(",")]
    try:
        ports = [int(text) for text in texts]
    except ValueError as error:
        raise HttpError(400, f"invalid port: {error}") from error
    if any(not 0 < port < 65536 for port in ports):
        raise HttpError(400, "port must be between 1 and 65535")
    return ports


def _statuses(status: Any) -> list[Any]:
    return [*status.initContainerStatuses, *status.containerStatuses, *status.ephemeralContainerStatuses]

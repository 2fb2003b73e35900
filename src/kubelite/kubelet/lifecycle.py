"""Lifecycle hooks of containers: postStart and preStop by exec, HTTP GET or sleep.

What: `Hooks.run(...)` runs one handler to its end; HookFailed says why it did not work.
Upstream: pkg/kubelet/lifecycle/handlers.go. An HTTP hook goes to the pod's address unless it names a host.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl

from kubelite.api.types.core_v1 import HTTPGetAction, LifecycleHandler, Pod
from kubelite.kubelet.cri import Cri, CriError
from kubelite.kubelet.interfaces import AnyContainer

HTTP_TIMEOUT = 30.0
MAX_HEAD = 16384


class HookFailed(Exception):
    """A hook did not succeed; the text is for the event."""


class Hooks:
    """Runs handlers in or beside containers."""

    def __init__(self, cri: Cri) -> None:
        self._cri = cri

    async def run(
        self, pod: Pod, container: AnyContainer, container_id: str, handler: LifecycleHandler, pod_ip: str
    ) -> None:
        """Runs `handler` to its end, without a time limit of its own. Raises HookFailed."""
        if handler.exec is not None:
            await self._exec(pod, container, container_id, list(handler.exec.command))
        elif handler.httpGet is not None:
            await self._http(container, handler.httpGet, pod_ip)
        elif handler.sleep is not None:
            await asyncio.sleep(handler.sleep.seconds or 0)
        else:
            raise HookFailed(f"Invalid handler: {container.name} has neither exec, httpGet nor sleep")

    async def _exec(self, pod: Pod, container: AnyContainer, container_id: str, command: list[str]) -> None:
        try:
            result = await self._cri.exec_sync(container_id, command, 0)
        except CriError as error:
            raise HookFailed(
                f"Exec lifecycle hook ({command}) for Container {container.name!r} failed - error: {error.text}"
            ) from error
        if result.exit_code:
            output = (bytes(result.stdout) + bytes(result.stderr)).decode(errors="replace")[:1024]
            where = f'Container "{container.name}" in Pod "{pod.metadata.name}_{pod.metadata.namespace}({pod.metadata.uid})"'
            raise HookFailed(
                f"Exec lifecycle hook ({command}) for {where} failed - error: command '{' '.join(command)}' exited with "
                f'{result.exit_code}: {output}, message: "{output}"'
            )

    async def _http(self, container: AnyContainer, action: HTTPGetAction, pod_ip: str) -> None:
        host = action.host or pod_ip
        port = action.port
        if isinstance(port, str) and not port.isdigit():
            port = next((p.containerPort for p in container.ports if p.name == port), None)
        if not host or port is None:
            raise HookFailed(f"HTTP lifecycle hook of {container.name}: no address or port")
        try:
            async with asyncio.timeout(HTTP_TIMEOUT):
                status = await _get(host, int(port), action)
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError) as error:
            raise HookFailed(
                f'HTTP lifecycle hook ({action.path}) for Container "{container.name}" failed - error: {error}'
            ) from error
        if not 200 <= status < 400:
            raise HookFailed(
                f'HTTP lifecycle hook ({action.path}) for Container "{container.name}" failed - status: {status}'
            )


async def _get(host: str, port: int, action: HTTPGetAction) -> int:
    """The status of one GET."""
    secure = None
    if action.scheme == "HTTPS":
        secure = ssl.create_default_context()
        secure.check_hostname = False
        secure.verify_mode = ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(host, port, ssl=secure, limit=MAX_HEAD)
    try:
        headers = {"Host": f"{host}:{port}", "User-Agent": "kube-lifecycle/1.36", "Connection": "close"}
        headers |= {header.name: header.value for header in action.httpHeaders}
        path = "/" + action.path.lstrip("/")
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())
        await writer.drain()
        line = await reader.readuntil(b"\r\n")
        return int(line.split()[1])
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

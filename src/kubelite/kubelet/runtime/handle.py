"""The runtime as probes and HTTP endpoints see it: `interfaces.Runtime` over CRI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubelite.kubelet.cri import Cri, CriError
from kubelite.kubelet.interfaces import ContainerHandle, ExecResult
from kubelite.kubelet.runtime.observer import Observer
from kubelite.machinery.errors import not_found
from kubelite.rpc import cri_v1_pb2 as pb


class RuntimeHandle:
    """Implements `interfaces.Runtime`."""

    def __init__(self, cri: Cri, observer: Observer) -> None:
        self._cri = cri
        self._observer = observer

    async def containers(self, pod_uid: str) -> Sequence[ContainerHandle]:
        observed = await self._observer.observe(pod_uid)
        return [
            ContainerHandle(
                name=c.name,
                id=c.id,
                state=c.state,
                attempt=c.attempt,
                log_path=c.log_path,
                exit_code=c.exit_code,
                started_at=c.started_at / 1e9,
            )
            for c in observed.containers
        ]

    async def exec_sync(self, container_id: str, command: Sequence[str], timeout: float) -> ExecResult:
        try:
            result = await self._cri.exec_sync(container_id, command, timeout)
        except CriError as error:
            if error.code == "DEADLINE_EXCEEDED":
                raise TimeoutError(f"command timed out after {timeout:g}s") from error
            raise
        return ExecResult(result.exit_code, bytes(result.stdout), bytes(result.stderr))

    async def exec_url(
        self, container_id: str, command: Sequence[str], *, stdin: bool, stdout: bool, stderr: bool, tty: bool
    ) -> str:
        request = pb.ExecRequest(
            container_id=container_id, cmd=list(command), stdin=stdin, stdout=stdout, stderr=stderr, tty=tty
        )
        return await self._cri.exec_url(request)

    async def attach_url(self, container_id: str, *, stdin: bool, stdout: bool, stderr: bool, tty: bool) -> str:
        request = pb.AttachRequest(container_id=container_id, stdin=stdin, stdout=stdout, stderr=stderr, tty=tty)
        return await self._cri.attach_url(request)

    async def reopen_log(self, container_id: str) -> None:
        await self._cri.reopen_log(container_id)

    async def port_forward_url(self, pod_uid: str, ports: Sequence[int]) -> str:
        """Raises StatusError 404 when the pod has no sandbox that runs."""
        sandbox = (await self._observer.observe(pod_uid)).sandbox
        if sandbox is None or not sandbox.ready:
            raise not_found("", "pods", pod_uid)
        return await self._cri.port_forward_url(sandbox.id, ports)

    async def container_stats(self) -> Sequence[Any]:
        return await self._cri.container_stats()

    async def sandbox_stats(self) -> Sequence[Any]:
        try:
            return await self._cri.sandbox_stats()
        except CriError as error:
            if error.code == "UNIMPLEMENTED":
                return ()
            raise

    async def image_fs(self) -> Sequence[Any]:
        return await self._cri.image_fs()

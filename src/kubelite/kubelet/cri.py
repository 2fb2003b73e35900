"""The client of the container runtime: `runtime.v1` over gRPC on a unix socket.

What: one coroutine a verb, plain arguments in, messages out. Why: the rest of the kubelet sees no gRPC; every failure is a
`CriError` that says what kind it is. Flow: the channel connects on first use and again whenever the runtime comes back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import grpc
import grpc.aio

from kubelite.rpc import cri_v1_pb2 as pb
from kubelite.rpc import cri_v1_pb2_grpc as stubs

MAX_MESSAGE = 16 << 20
CALL_TIMEOUT = 120.0
SANDBOX_TIMEOUT = 240.0

_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", MAX_MESSAGE),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 3000),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
)


class CriError(Exception):
    """The runtime refused or could not be reached; `code` is the gRPC status name (`NOT_FOUND`, `UNAVAILABLE`, ...)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def text(self) -> str:
        """As Go prints a gRPC error."""
        return rpc_text(self.code, self.message)


def rpc_text(code: str, message: str) -> str:
    """A gRPC error as Go prints it; `code` is the status name."""
    words = "OK" if code == "OK" else "".join(part.capitalize() for part in code.split("_"))
    return f"rpc error: code = {words} desc = {message}"


def bytes_of(url: bytes) -> bytes:
    """A gRPC (de)serializer that leaves bytes as they are."""
    return url


class Cri:
    """One runtime; `endpoint` is `unix:///path`, `image_endpoint` where images are served elsewhere."""

    def __init__(self, endpoint: str, image_endpoint: str = "") -> None:
        self._channel = grpc.aio.insecure_channel(endpoint, options=_OPTIONS)
        same = not image_endpoint or image_endpoint == endpoint
        self._image_channel = self._channel if same else grpc.aio.insecure_channel(image_endpoint, options=_OPTIONS)
        self._runtime = stubs.RuntimeServiceStub(self._channel)
        self._image = stubs.ImageServiceStub(self._image_channel)

    async def close(self) -> None:
        await self._channel.close()
        if self._image_channel is not self._channel:
            await self._image_channel.close()

    async def _call(self, method: Any, request: Any, timeout: float | None = CALL_TIMEOUT) -> Any:
        try:
            return await method(request, timeout=timeout)
        except grpc.aio.AioRpcError as error:
            raise CriError(error.code().name, error.details() or "") from error

    # --- runtime

    async def version(self) -> Any:
        return await self._call(self._runtime.Version, pb.VersionRequest(version="v1"), 10)

    async def status(self) -> Any:
        """The `StatusResponse`: conditions RuntimeReady and NetworkReady, runtime handlers."""
        return await self._call(self._runtime.Status, pb.StatusRequest(), 10)

    async def events(self) -> AsyncIterator[Any]:
        """Container events as they happen; UNIMPLEMENTED where the runtime has none."""
        try:
            async for event in self._runtime.GetContainerEvents(pb.GetEventsRequest()):
                yield event
        except grpc.aio.AioRpcError as error:
            raise CriError(error.code().name, error.details() or "") from error

    async def containerd_events(self, topics: Sequence[str]) -> AsyncIterator[bytes]:
        """Events of containerd itself, undecoded, for runtimes that send none over CRI.

        Raises CriError with UNIMPLEMENTED on any other runtime.
        """
        subscribe = self._channel.unary_stream(
            "/containerd.services.events.v1.Events/Subscribe",
            request_serializer=bytes_of,
            response_deserializer=bytes_of,
        )
        filters = [f'topic=="{topic}"'.encode() for topic in topics]
        request = b"".join(b"\x0a" + bytes([len(text)]) + text for text in filters)
        try:
            async for event in subscribe(request, metadata=(("containerd-namespace", "k8s.io"),)):
                yield event
        except grpc.aio.AioRpcError as error:
            raise CriError(error.code().name, error.details() or "") from error

    # --- sandboxes

    async def run_sandbox(self, config: Any, handler: str = "") -> str:
        request = pb.RunPodSandboxRequest(config=config, runtime_handler=handler)
        return str((await self._call(self._runtime.RunPodSandbox, request, SANDBOX_TIMEOUT)).pod_sandbox_id)

    async def stop_sandbox(self, sandbox_id: str) -> None:
        request = pb.StopPodSandboxRequest(pod_sandbox_id=sandbox_id)
        await self._call(self._runtime.StopPodSandbox, request, SANDBOX_TIMEOUT)

    async def remove_sandbox(self, sandbox_id: str) -> None:
        await self._call(self._runtime.RemovePodSandbox, pb.RemovePodSandboxRequest(pod_sandbox_id=sandbox_id))

    async def sandbox_status(self, sandbox_id: str) -> Any:
        request = pb.PodSandboxStatusRequest(pod_sandbox_id=sandbox_id)
        return (await self._call(self._runtime.PodSandboxStatus, request)).status

    async def list_sandboxes(self, labels: Mapping[str, str] | None = None) -> Sequence[Any]:
        request = pb.ListPodSandboxRequest()
        if labels:
            request.filter.label_selector.update(labels)
        items: Sequence[Any] = (await self._call(self._runtime.ListPodSandbox, request)).items
        return items

    # --- containers

    async def create_container(self, sandbox_id: str, config: Any, sandbox_config: Any) -> str:
        request = pb.CreateContainerRequest(pod_sandbox_id=sandbox_id, config=config, sandbox_config=sandbox_config)
        return str((await self._call(self._runtime.CreateContainer, request)).container_id)

    async def start_container(self, container_id: str) -> None:
        await self._call(self._runtime.StartContainer, pb.StartContainerRequest(container_id=container_id))

    async def stop_container(self, container_id: str, grace: int) -> None:
        """Stop signal, then SIGKILL after `grace` seconds; returns when the container is gone."""
        request = pb.StopContainerRequest(container_id=container_id, timeout=grace)
        await self._call(self._runtime.StopContainer, request, CALL_TIMEOUT + grace)

    async def remove_container(self, container_id: str) -> None:
        await self._call(self._runtime.RemoveContainer, pb.RemoveContainerRequest(container_id=container_id))

    async def container_status(self, container_id: str) -> Any:
        request = pb.ContainerStatusRequest(container_id=container_id)
        return (await self._call(self._runtime.ContainerStatus, request)).status

    async def list_containers(self, labels: Mapping[str, str] | None = None) -> Sequence[Any]:
        request = pb.ListContainersRequest()
        if labels:
            request.filter.label_selector.update(labels)
        items: Sequence[Any] = (await self._call(self._runtime.ListContainers, request)).containers
        return items

    async def update_resources(self, container_id: str, linux: Any) -> None:
        request = pb.UpdateContainerResourcesRequest(container_id=container_id, linux=linux)
        await self._call(self._runtime.UpdateContainerResources, request)

    async def reopen_log(self, container_id: str) -> None:
        await self._call(self._runtime.ReopenContainerLog, pb.ReopenContainerLogRequest(container_id=container_id))

    async def exec_sync(self, container_id: str, command: Sequence[str], timeout: float) -> Any:
        """The `ExecSyncResponse`; CriError DEADLINE_EXCEEDED when `timeout` seconds (0: none) are over."""
        request = pb.ExecSyncRequest(container_id=container_id, cmd=list(command), timeout=max(0, int(timeout + 0.999)))
        # The runtime gets the time to kill the process and say so before the call itself is given up.
        return await self._call(self._runtime.ExecSync, request, timeout + 10 if timeout else None)

    async def exec_url(self, request: Any) -> str:
        return str((await self._call(self._runtime.Exec, request)).url)

    async def attach_url(self, request: Any) -> str:
        return str((await self._call(self._runtime.Attach, request)).url)

    async def port_forward_url(self, sandbox_id: str, ports: Sequence[int]) -> str:
        request = pb.PortForwardRequest(pod_sandbox_id=sandbox_id, port=list(ports))
        return str((await self._call(self._runtime.PortForward, request)).url)

    async def container_stats(self) -> Sequence[Any]:
        stats: Sequence[Any] = (
            await self._call(self._runtime.ListContainerStats, pb.ListContainerStatsRequest())
        ).stats
        return stats

    async def sandbox_stats(self) -> Sequence[Any]:
        request = pb.ListPodSandboxStatsRequest()
        stats: Sequence[Any] = (await self._call(self._runtime.ListPodSandboxStats, request)).stats
        return stats

    async def set_pod_cidr(self, cidr: str) -> None:
        request = pb.UpdateRuntimeConfigRequest()
        request.runtime_config.network_config.pod_cidr = cidr
        await self._call(self._runtime.UpdateRuntimeConfig, request)

    # --- images

    async def image_status(self, image: str) -> Any | None:
        """The `Image`, None when it is not here."""
        response = await self._call(self._image.ImageStatus, pb.ImageStatusRequest(image=pb.ImageSpec(image=image)))
        return response.image if response.HasField("image") and response.image.id else None

    async def list_images(self) -> Sequence[Any]:
        images: Sequence[Any] = (await self._call(self._image.ListImages, pb.ListImagesRequest())).images
        return images

    async def pull_image(self, image: str, auth: Any | None, sandbox_config: Any) -> str:
        """Pull to the end, however long it takes; the image's reference."""
        request = pb.PullImageRequest(image=pb.ImageSpec(image=image), auth=auth, sandbox_config=sandbox_config)
        return str((await self._call(self._image.PullImage, request, None)).image_ref)

    async def remove_image(self, image: str) -> None:
        await self._call(self._image.RemoveImage, pb.RemoveImageRequest(image=pb.ImageSpec(image=image)))

    async def image_fs(self) -> Sequence[Any]:
        response = await self._call(self._image.ImageFsInfo, pb.ImageFsInfoRequest())
        systems: Sequence[Any] = response.image_filesystems
        return systems

"""What a plugin says about itself, asked over the socket that it put into the registry.

What: `get_info`, `notify`. Why: everything that knows the messages of the registration is here, and is imported only when
there is a socket. Raises RpcError. Source: k8s.io/kubelet/pkg/apis/pluginregistration/v1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import grpc
import grpc.aio

from kubelite.kubelet.plugins.errors import RpcError
from kubelite.rpc import plugin_registration_v1_pb2 as pb
from kubelite.rpc import plugin_registration_v1_pb2_grpc as stubs

SECONDS: Final = 10.0
OPTIONS: Final = (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0))
"""Of every connection to a plugin: its own, so that one that broke is not waited for, and never through a proxy."""


@dataclass(frozen=True, slots=True)
class Info:
    """Who a plugin says it is; `endpoint` is the socket on which it works."""

    type: str
    name: str
    endpoint: str
    versions: tuple[str, ...]


def channel(socket: str) -> grpc.aio.Channel:
    """A connection to a socket of this machine; used as a context manager."""
    return grpc.aio.insecure_channel(f"unix://{socket}", options=OPTIONS)


async def call(method: Any, request: Any, seconds: float) -> Any:
    """One call with a deadline. Raises RpcError."""
    try:
        return await method(request, timeout=seconds)
    except grpc.aio.AioRpcError as error:
        raise RpcError(error.code().name, error.details() or "") from error


async def get_info(socket: str) -> Info:
    """Asks the plugin behind the socket."""
    async with channel(socket) as connection:
        found = await call(stubs.RegistrationStub(connection).GetInfo, pb.InfoRequest(), SECONDS)
    # A plugin that names no endpoint works on the socket of its registration.
    return Info(found.type, found.name, found.endpoint or socket, tuple(found.supported_versions))


async def notify(socket: str, problem: str = "") -> None:
    """Tells the plugin that it was registered, or why not."""
    status = pb.RegistrationStatus(plugin_registered=not problem, error=problem)
    async with channel(socket) as connection:
        await call(stubs.RegistrationStub(connection).NotifyRegistrationStatus, status, SECONDS)

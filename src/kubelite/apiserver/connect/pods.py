"""Pods' streams: log, exec, attach, portforward, each a request to the kubelet of the pod's node.

What: handlers of the four subresources. Why: clients reach the API server, only it reaches the nodes.
Flow: pod → its node → the kubelet's path and query → `kubelet.Kubelets.stream` (logs) or `splice.pass_through`.
Sources: pkg/registry/core/pod/strategy.go (LogLocation, streamLocation), pkg/registry/core/pod/rest.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, urlencode

from kubelite.api.types.core_v1 import Pod
from kubelite.apiserver.authz import refuse
from kubelite.apiserver.authz.chain import Chain
from kubelite.apiserver.connect.admitting import admit, stream_options
from kubelite.apiserver.connect.kubelet import Kubelets
from kubelite.apiserver.connect.logoptions import log_query
from kubelite.apiserver.connect.splice import pass_through
from kubelite.apiserver.registry.ask import LOOPBACK
from kubelite.apiserver.request import Attributes, Handler, Request, Response
from kubelite.client.transport import Stream
from kubelite.machinery import errors
from kubelite.machinery.errors import StatusError

FALSE = ("false", "0")
REASONS = {401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 429: "TooManyRequests", 503: "ServiceUnavailable"}


def choose_container(pod: Pod, wanted: str) -> str:
    """The container that a request means. Raises StatusError 400 if that is unclear or there is none of that name."""
    spec, name = pod.spec, pod.metadata.name
    containers = [one.name for one in spec.containers]
    init = [one.name for one in spec.initContainers]
    ephemeral = [one.name for one in spec.ephemeralContainers]
    if wanted:
        if wanted not in (*containers, *init, *ephemeral):
            raise errors.bad_request(f"container {wanted} is not valid for pod {name}")
        return wanted
    if len(containers) == 1:
        return containers[0]
    if not containers:
        raise errors.bad_request(f"a container name must be specified for pod {name}")
    return _ambiguous(name, containers, init)


def _ambiguous(name: str, containers: list[str], init: list[str]) -> str:
    text = f"a container name must be specified for pod {name}, choose one of: [{' '.join(containers)}]"
    if init:
        text += f" or one of the init containers: [{' '.join(init)}]"
    raise errors.bad_request(text)


def flag(request: Request, name: str, default: bool) -> bool:
    """A boolean of the query, as upstream reads it: present and not false."""
    values = request.query.get(name)
    return default if not values else values[0].lower() not in FALSE


class PodStreams:
    """The handlers."""

    def __init__(self, kubelets: Kubelets, registry: Any, authorizer: Chain) -> None:
        self._kubelets = kubelets
        self._registry = registry
        self._authorizer = authorizer

    def handlers(self) -> dict[tuple[str, str, str], Handler]:
        """By (group, resource, subresource)."""
        return {
            ("", "pods", "log"): self.log,
            ("", "pods", "exec"): self.execute,
            ("", "pods", "attach"): self.attach,
            ("", "pods", "portforward"): self.port_forward,
        }

    async def _pod(self, request: Request) -> Pod:
        kind = self._registry.scheme.by_resource("", "v1", "pods")
        pod: Pod = await self._registry.get(kind, request.info.name, request.info.namespace)
        return pod

    async def log(self, request: Request) -> Response:
        """The log of a container, as text, while it grows if `follow` is set."""
        if request.info.verb != "get":
            raise _no_method()
        query = log_query(request)
        pod = await self._pod(request)
        container = choose_container(pod, request.param("container"))
        if not pod.spec.nodeName:
            return Response(200, b"", "text/plain")
        place = self._kubelets.place(pod.spec.nodeName)
        target = f"/containerLogs/{pod.metadata.namespace}/{pod.metadata.name}/{quote(container)}"
        if query:
            target += f"?{urlencode(query)}"
        stream = await self._kubelets.stream(place, "GET", target, ("Accept: text/plain, */*",))
        if stream.status != 200:
            raise await _log_refusal(stream, request.info.name)
        return Response(200, _pieces(stream), "text/plain")

    async def execute(self, request: Request) -> Response:
        """Runs a command in a container."""
        return await self._remote_command(request, "exec")

    async def attach(self, request: Request) -> Response:
        """Joins the streams of a container's process."""
        return await self._remote_command(request, "attach")

    async def _remote_command(self, request: Request, path: str) -> Response:
        await self._check_create(request)
        await admit(self._registry, request, stream_options(f"Pod{path.capitalize()}Options", request.query))
        pod = await self._pod(request)
        container = choose_container(pod, request.param("container"))
        node = _node_of(pod)
        tty = flag(request, "tty", False)
        query: list[tuple[str, str]] = []
        if flag(request, "stdin", False):
            query.append(("input", "1"))
        if flag(request, "stdout", True):
            query.append(("output", "1"))
        if flag(request, "stderr", True) and not tty:
            query.append(("error", "1"))
        if tty:
            query.append(("tty", "1"))
        if path == "exec":
            commands = request.query.get("command", [])
            if not commands:
                raise errors.bad_request("you must specify at least one command for the container")
            query += [("command", one) for one in commands]
        target = f"/{path}/{pod.metadata.namespace}/{pod.metadata.name}/{quote(container)}"
        return await self._upgrade(request, node, f"{target}?{urlencode(query)}")

    async def port_forward(self, request: Request) -> Response:
        """Forwards ports of a pod."""
        await self._check_create(request)
        numbers = [int(port) for value in request.query.get("ports", []) for port in value.split(",") if port.isdigit()]
        options = {"kind": "PodPortForwardOptions", "apiVersion": "v1", **({"ports": numbers} if numbers else {})}
        await admit(self._registry, request, options)
        pod = await self._pod(request)
        node = _node_of(pod)
        target = f"/portForward/{pod.metadata.namespace}/{pod.metadata.name}"
        ports = [port for value in request.query.get("ports", []) for port in value.split(",")]
        if ports:
            target += "?" + urlencode({"port": ",".join(ports)})
        return await self._upgrade(request, node, target)

    async def _upgrade(self, request: Request, node: str, target: str) -> Response:
        place = self._kubelets.place(node)
        if not request.is_upgrade:
            raise errors.bad_request("Upgrade request required")
        return await pass_through(request, self._kubelets, place, target)

    async def _check_create(self, request: Request) -> None:
        """A WebSocket begins with GET, but what it starts is a creation: both rights are needed."""
        info = request.info
        if info.verb not in ("get", "create"):
            raise _no_method()
        if info.verb == "create":
            return
        attributes = Attributes(
            "create", info.namespace, info.group, info.version, info.resource, info.subresource, info.name
        )
        user = request.user or LOOPBACK
        decision = self._authorizer.authorize(user, attributes)
        allowed, reason = decision if isinstance(decision, tuple) else await decision
        if not allowed:
            raise refuse(user, attributes, reason)


def _node_of(pod: Pod) -> str:
    if not pod.spec.nodeName:
        raise errors.bad_request(f"pod {pod.metadata.name} does not have a host assigned")
    return pod.spec.nodeName


def _no_method() -> StatusError:
    return StatusError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")


async def _pieces(stream: Stream) -> AsyncIterator[bytes]:
    """The body; the kubelet's connection is let go when the client has gone or all is read."""
    try:
        async for piece in stream:
            yield piece
    finally:
        stream.close()


async def _log_refusal(stream: Stream, name: str) -> StatusError:
    """The kubelet's refusal as a Status (genericrest.GenericHttpResponseChecker)."""
    try:
        text = (await stream.read()).decode("utf-8", "replace").strip()
    finally:
        stream.close()
    if stream.status == 400:
        return errors.bad_request(text)
    details = {"name": name, "kind": "pods/log"}
    return StatusError(stream.status, REASONS.get(stream.status, "InternalError"), text, details)

"""`port-forward`: local ports that lead to ports of a pod.

Flow: arguments → pod and port pairs → one session → a stream pair for each connection that is accepted here.
Follows kubectl/pkg/cmd/portforward/portforward.go and client-go/tools/portforward.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from kubelite.cli.command import Command
from kubelite.cli.failures import CliError, UsageError
from kubelite.cli.flags import Flag, Parsed
from kubelite.cli.pods import POD_RUNNING_TIMEOUT, first_pod, object_of
from kubelite.cli.remote import survive_broken_connections
from kubelite.cli.session import Object, Session
from kubelite.client.upgrade import opener
from kubelite.streaming import dial
from kubelite.streaming.bytestream import SocketStream
from kubelite.streaming.portforward import ForwardFailed, PortForwarder


@dataclass(frozen=True, slots=True)
class Options:
    """The resource, the pairs as written, and the local addresses."""

    resource: str
    ports: tuple[str, ...]
    addresses: tuple[str, ...]
    wait: float = POD_RUNNING_TIMEOUT


def complete(parsed: Parsed, session: Session) -> Options:
    if len(parsed.args) < 2:
        raise UsageError("TYPE/NAME and list of ports are required for port-forward")
    addresses: list[str] = []
    for address in parsed.many("address"):
        addresses += ["127.0.0.1", "::1"] if address == "localhost" else [address]
    return Options(parsed.args[0], tuple(parsed.args[1:]), tuple(addresses), parsed.seconds("pod-running-timeout"))


def validate(opts: Options) -> None:
    for text in opts.ports:
        if text.count(":") > 1:
            raise CliError(f"invalid port format '{text}'")


def pairs(opts: Options, pod: Object, service: Object | None) -> list[tuple[int, int]]:
    """(local, remote) for each; names are looked up, a service's ports become its pods' ports. Raises CliError."""
    found = []
    for text in opts.ports:
        local, colon, remote = text.partition(":")
        if not colon:
            remote = local
        number = _remote(remote, pod, service)
        if not colon and not local.isdigit():
            local = str(number)
        if local and not local.isdigit():
            raise CliError(f'error parsing local port "{local}": strconv.ParseUint: parsing "{local}": invalid syntax')
        found.append((int(local or 0), number))
    return found


def _remote(text: str, pod: Object, service: Object | None) -> int:
    target: object = int(text) if text.isdigit() else text
    if service is not None:
        ports = (service.get("spec") or {}).get("ports") or ()
        chosen = next((port for port in ports if target in (port["port"], port.get("name"))), None)
        if chosen is None:
            raise CliError(f"Service {service['metadata']['name']} does not have a service port {text}")
        target = chosen.get("targetPort") or chosen["port"]
        if service["spec"].get("clusterIP") == "None" and isinstance(target, int):
            target = chosen["port"]
    if isinstance(target, int):
        if target == 0:
            raise CliError("remote port must be > 0")
        return target
    for container in pod["spec"].get("containers") or ():
        for port in container.get("ports") or ():
            if port.get("name") == target:
                return int(port["containerPort"])
    raise CliError(f"Pod '{pod['metadata']['name']}' does not have a named port '{target}'")


async def run(opts: Options, session: Session) -> int:
    item = await object_of(session, opts.resource)
    pod = item.object if item.resource.kind == "Pod" else await first_pod(session, opts.resource, opts.wait)
    phase = (pod.get("status") or {}).get("phase")
    if phase != "Running":
        raise CliError(f"unable to forward port because pod is not running. Current status={phase}")
    wanted = pairs(opts, pod, item.object if item.resource.kind == "Service" else None)
    metadata = pod["metadata"]
    target = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/portforward"
    survive_broken_connections()
    connection = await dial.port_forward(opener(session.config), target)
    forwarder = PortForwarder(connection)
    servers: list[asyncio.Server] = []
    try:
        for local, remote in wanted:
            servers += await _listen(opts, session, forwarder, local, remote)
        await connection.closed.wait()
        raise CliError("lost connection to pod")
    finally:
        for server in servers:
            server.close()
        await connection.close()


async def _listen(
    opts: Options, session: Session, forwarder: PortForwarder, local: int, remote: int
) -> list[asyncio.Server]:
    servers: list[asyncio.Server] = []
    failures = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session.print(f"Handling connection for {local}")
        session.streams.out.flush()
        stream = SocketStream(reader, writer)
        try:
            await forwarder.forward(remote, stream)
        except (ForwardFailed, ConnectionError, TimeoutError) as error:
            session.warn(f"error: {error}")
        finally:
            with contextlib.suppress(ConnectionError):
                await stream.close()

    for address in opts.addresses:
        try:
            server = await asyncio.start_server(accept, address, local)
        except OSError as error:
            failures.append(f"unable to create listener: Error listen tcp {address}:{local}: {error.strerror}")
            continue
        local = int(server.sockets[0].getsockname()[1])
        servers.append(server)
        shown = f"[{address}]" if ":" in address else address
        session.print(f"Forwarding from {shown}:{local} -> {remote}")
    session.streams.out.flush()
    if not servers:
        raise CliError(
            f"unable to listen on port {local}: Listeners failed to create with the following errors: "
            f"[{' '.join(failures)}]"
        )
    return servers


COMMAND = Command(
    name="port-forward",
    summary="Forward one or more local ports to a pod",
    usage="port-forward TYPE/NAME [options] [LOCAL_PORT:]REMOTE_PORT [...[LOCAL_PORT_N:]REMOTE_PORT_N]",
    examples=(
        ("Ports 5000 and 6000 here and in the pod", "port-forward pod/mypod 5000 6000"),
        ("Port 8443 here to port 'https' of a service", "port-forward service/myservice 8443:https"),
        ("A random port here", "port-forward pod/mypod :5000"),
        ("Listen on all addresses", "port-forward --address 0.0.0.0 pod/mypod 8888:5000"),
    ),
    flags=(
        Flag("address", "Addresses to listen on, comma-separated.", type="slice", default=("localhost",)),
        Flag("pod-running-timeout", "How long to wait for a pod.", type="duration", default=POD_RUNNING_TIMEOUT),
    ),
    complete=complete,
    validate=validate,
    run=run,
)

"""A small CSI driver whose volumes are directories: a process of its own that speaks gRPC on a unix socket.

What: `python tests/csi_driver.py --name N --directory D --registry R`: Identity and Node on `D/csi.sock`, the registration on
`R/N-reg.sock`. Why: the kubelet is tested against something that really mounts, dies and comes back. Flow: stage and publish
bind the directory `D/volumes/HANDLE` (made on first use) to where the kubelet asks for it; every request is a line of JSON in
`D/calls`. `D/fail` may hold {"NodePublishVolume": ["INTERNAL", "text"]}; the code "HANG" never answers.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import signal
import subprocess
import threading
from concurrent import futures
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict

from kubelite.rpc import csi_v1_pb2 as csi
from kubelite.rpc import plugin_registration_v1_pb2 as registration

HANG_SECONDS = 600


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


def mounted(path: str) -> bool:
    with open("/proc/self/mountinfo") as file:
        return any(line.split()[4] == path for line in file)


def unmount(path: str) -> None:
    if mounted(path):
        subprocess.run(["umount", path], check=True)
    place = pathlib.Path(path)
    if place.is_dir():
        place.rmdir()
    elif place.exists():
        place.unlink()


class Driver:
    """One method for each call that it answers."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.directory = pathlib.Path(options.directory)
        self.registered: list[Any] = []

    def note(self, method: str, request: Any, context: Any) -> None:
        """Writes the call down, and fails where it is asked to."""
        line = {"method": method, **MessageToDict(request, preserving_proto_field_name=True)}
        with open(self.directory / "calls", "a") as file:
            file.write(json.dumps(line) + "\n")
        wishes = self.directory / "fail"
        wish = json.loads(wishes.read_text()).get(method) if wishes.exists() else None
        if wish and wish[0] == "HANG":
            threading.Event().wait(HANG_SECONDS)
        if wish:
            context.abort(getattr(grpc.StatusCode, wish[0]), wish[1])

    def source(self, handle: str) -> pathlib.Path:
        path = self.directory / "volumes" / handle
        path.mkdir(parents=True, exist_ok=True)
        return path

    # --- registration

    def GetInfo(self, request: Any, context: Any) -> Any:
        options = self.options
        return registration.PluginInfo(
            type=options.type,
            name=options.name,
            endpoint=str(self.directory / "csi.sock"),
            supported_versions=["1.0.0"],
        )

    def NotifyRegistrationStatus(self, request: Any, context: Any) -> Any:
        return registration.RegistrationStatusResponse()

    # --- Identity

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return csi.GetPluginInfoResponse(name=self.options.name, vendor_version="1")

    def GetPluginCapabilities(self, request: Any, context: Any) -> Any:
        return csi.GetPluginCapabilitiesResponse()

    def Probe(self, request: Any, context: Any) -> Any:
        return csi.ProbeResponse()

    # --- Node

    def NodeGetInfo(self, request: Any, context: Any) -> Any:
        found = csi.NodeGetInfoResponse(node_id=self.options.node_id, max_volumes_per_node=self.options.limit)
        for pair in self.options.topology:
            key, _, value = pair.partition("=")
            found.accessible_topology.segments[key] = value
        return found

    def NodeGetCapabilities(self, request: Any, context: Any) -> Any:
        kinds = csi.NodeServiceCapability.RPC
        wanted = [int(name) if name.isdigit() else getattr(kinds, name) for name in self.options.capability]
        return csi.NodeGetCapabilitiesResponse(
            capabilities=[csi.NodeServiceCapability(rpc=kinds(type=kind)) for kind in wanted]
        )

    def NodeStageVolume(self, request: Any, context: Any) -> Any:
        target = request.staging_target_path
        if not mounted(target):
            mount("--bind", str(self.source(request.volume_id)), target)
        return csi.NodeStageVolumeResponse()

    def NodeUnstageVolume(self, request: Any, context: Any) -> Any:
        unmount(request.staging_target_path)
        return csi.NodeUnstageVolumeResponse()

    def NodePublishVolume(self, request: Any, context: Any) -> Any:
        if request.volume_capability.HasField("block"):
            return self.publish_device(request)
        source, target = self.source(request.volume_id), pathlib.Path(request.target_path)
        (source / "context.json").write_text(json.dumps(dict(request.volume_context), sort_keys=True))
        if not mounted(str(target)):
            target.mkdir(exist_ok=True)
            mount("--bind", request.staging_target_path or str(source), str(target))
            if request.readonly:
                mount("-o", "remount,bind,ro", str(target))
        return csi.NodePublishVolumeResponse()

    def publish_device(self, request: Any) -> Any:
        """The device of a volume is the one that `D/device` is a link to."""
        target = pathlib.Path(request.target_path)
        if not mounted(str(target)):
            target.touch()
            mount("--bind", str((self.directory / "device").resolve()), str(target))
        return csi.NodePublishVolumeResponse()

    def NodeUnpublishVolume(self, request: Any, context: Any) -> Any:
        unmount(request.target_path)
        return csi.NodeUnpublishVolumeResponse()

    def NodeExpandVolume(self, request: Any, context: Any) -> Any:
        return csi.NodeExpandVolumeResponse(capacity_bytes=request.capacity_range.required_bytes)

    # --- the servers

    def handler(self, service: str, module: Any, names: tuple[str, ...]) -> Any:
        return grpc.method_handlers_generic_handler(service, {name: self._method(name, module) for name in names})

    def _method(self, name: str, module: Any) -> Any:
        def answer(request: Any, context: Any) -> Any:
            self.note(name, request, context)
            return getattr(self, name)(request, context)

        kind = {"GetInfo": "InfoRequest", "NotifyRegistrationStatus": "RegistrationStatus"}.get(name, f"{name}Request")
        return grpc.unary_unary_rpc_method_handler(
            answer,
            request_deserializer=getattr(module, kind).FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )

    def serve(self, path: pathlib.Path, *handlers: Any) -> grpc.Server:
        path.unlink(missing_ok=True)
        server = grpc.server(futures.ThreadPoolExecutor(8))
        server.add_generic_rpc_handlers(handlers)
        server.add_insecure_port(f"unix://{path}")
        server.start()
        return server


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", required=True)
    parser.add_argument("--directory", required=True)
    parser.add_argument("--registry", required=True)
    parser.add_argument("--socket", default="", help="name of the registration's socket")
    parser.add_argument("--type", default="CSIPlugin")
    parser.add_argument("--node-id", default="machine-1")
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--topology", action="append", default=[])
    parser.add_argument("--capability", action="append", default=[])
    driver = Driver(parser.parse_args())
    driver.directory.mkdir(parents=True, exist_ok=True)
    node = tuple(name for name in vars(Driver) if name.startswith("Node"))
    identity = driver.handler("csi.v1.Identity", csi, ("GetPluginInfo", "GetPluginCapabilities", "Probe"))
    working = driver.serve(driver.directory / "csi.sock", identity, driver.handler("csi.v1.Node", csi, node))
    socket = pathlib.Path(driver.options.registry) / (driver.options.socket or f"{driver.options.name}-reg.sock")
    names = ("GetInfo", "NotifyRegistrationStatus")
    registering = driver.serve(socket, driver.handler("pluginregistration.Registration", registration, names))
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    ended.wait()
    socket.unlink(missing_ok=True)
    registering.stop(0)
    working.stop(0)


if __name__ == "__main__":
    main()

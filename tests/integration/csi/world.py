"""The kubelet's part of CSI in the test process: its volumes and its registry of plugins, an API server, and driver processes.

What: `World`. Why: what drivers and the cluster see is tested with real drivers and a real server, without containers.
The test plays the attacher and the binder.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from kubelite.api.types.core_v1 import Node, Pod
from kubelite.client.client import Client
from kubelite.kubelet import volumes
from kubelite.kubelet.config import Config
from kubelite.kubelet.interfaces import Context
from kubelite.kubelet.kinds import NODE
from kubelite.kubelet.plugins.registry import PluginRegistry
from kubelite.kubelet.volumes import mountpoints
from kubelite.machinery import codec
from tests.apienv import ApiEnv, api_server

HERE = "node-1"
DRIVER = "disks.example.com"
PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "csi_driver.py"
NODES, CSI_NODES = "/api/v1/nodes", "/apis/storage.k8s.io/v1/csinodes"
CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims"
VOLUMES = "/api/v1/persistentvolumes"
ATTACHMENTS = "/apis/storage.k8s.io/v1/volumeattachments"


class Events(list[tuple[str, str]]):
    def event(self, kind: Any, obj: Any, type_: str, reason: str, message: str, field_path: str = "") -> None:
        self.append((reason, message))


class DriverProcess:
    """A driver that runs."""

    def __init__(self, root: pathlib.Path, name: str, *flags: str) -> None:
        self.name, self.flags, self.root = name, flags, root
        self.directory = root / "plugins" / name
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        registry = self.root / "plugins_registry"
        argv = [sys.executable, str(PROGRAM), f"--name={self.name}", f"--directory={self.directory}", *self.flags]
        self.process = subprocess.Popen([*argv, f"--registry={registry}"])

    def end(self, number: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait()
            self.process = None

    def calls(self, *methods: str) -> list[dict[str, Any]]:
        """The requests so far, of these methods."""
        try:
            lines = (self.directory / "calls").read_text().splitlines()
        except FileNotFoundError:
            return []
        return [call for line in lines if (call := json.loads(line))["method"] in methods or not methods]

    def volume(self, handle: str) -> pathlib.Path:
        """What a volume holds."""
        return self.directory / "volumes" / handle

    def fail(self, **wishes: list[str]) -> None:
        """`NodeStageVolume=["INTERNAL", "text"]`; nothing: all works again."""
        (self.directory / "fail").write_text(json.dumps(wishes))


class World:
    def __init__(self, api: ApiEnv, root: pathlib.Path) -> None:
        self.api, self.root = api, root
        self.events = Events()
        self.drivers: list[DriverProcess] = []
        self.pods: dict[str, Pod] = {}
        self.node: Node | None = None
        self._tasks: list[asyncio.Task[None]] = []

    # --- the kubelet

    async def start(self) -> None:
        """A kubelet that knows nothing but the disk."""
        self.client = Client.from_config(self.api.client_config(), user_agent="csi-test")
        reply = await self.api.get(f"{NODES}/{HERE}")
        if reply.status == 404:
            await self.api.post(NODES, {"metadata": {"name": HERE}})
        self.node = await self.client.get(NODE, HERE)
        self.context = Context(
            config=Config(root_dir=str(self.root), kubeconfig=""),
            node_name=HERE,
            client=self.client,
            recorder=self.events,
            runtime=None,  # type: ignore[arg-type]
            pods=None,  # type: ignore[arg-type]
            node=lambda: self.node,
            resync=lambda uid: None,
        )
        self.manager = volumes.build(self.context)
        registry = PluginRegistry(str(self.root), {"CSIPlugin": self.manager.drivers})
        self.context.registered.set()
        self._tasks = [asyncio.create_task(self.manager.run()), asyncio.create_task(registry.run())]
        await asyncio.sleep(0)

    async def stop(self) -> None:
        """As if killed: nothing is finished."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.client.close()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    # --- what is there

    def driver(self, *flags: str, name: str = DRIVER) -> DriverProcess:
        made = DriverProcess(self.root, name, *flags)
        made.start()
        self.drivers.append(made)
        return made

    async def registered(self, name: str = DRIVER) -> dict[str, Any]:
        """The driver's entry in the CSINode, as soon as it is there."""

        async def entry() -> dict[str, Any] | None:
            found = await self.csi_node()
            return next((one for one in found.get("spec", {}).get("drivers") or () if one["name"] == name), None)

        return await self.eventually(entry)

    async def met(self, name: str = DRIVER) -> None:
        """The kubelet knows the driver, whatever the cluster has been told."""

        await self.until(lambda: name in self.manager.drivers)

    async def csi_node(self) -> dict[str, Any]:
        reply = await self.api.get(f"{CSI_NODES}/{HERE}")
        return reply.json() if reply.status == 200 else {}

    async def node_object(self) -> dict[str, Any]:
        return (await self.api.get(f"{NODES}/{HERE}")).json()

    async def describe(self, name: str = DRIVER, **spec: Any) -> None:
        """The CSIDriver; without attaching unless it is said."""
        body = {"metadata": {"name": name}, "spec": {"attachRequired": False, **spec}}
        reply = await self.api.post("/apis/storage.k8s.io/v1/csidrivers", body)
        assert reply.status == 201, reply.body

    async def volume(self, name: str, modes: tuple[str, ...] = ("ReadWriteOnce",), **fields: Any) -> None:
        """A claim and a volume bound to each other; `fields` of the source begin with csi_."""
        csi = {key.removeprefix("csi_"): value for key, value in fields.items() if key.startswith("csi_")}
        spec = {key: value for key, value in fields.items() if not key.startswith("csi_")}
        size = {"storage": "1Gi"}
        wanted: dict[str, Any] = {"accessModes": list(modes), "volumeName": name, "storageClassName": ""}
        wanted |= {"resources": {"requests": size}, "volumeMode": spec.get("volumeMode", "Filesystem")}
        reply = await self.api.post(CLAIMS, {"metadata": {"name": name}, "spec": wanted})
        assert reply.status == 201, reply.body
        reference = {"namespace": "default", "name": name, "uid": reply.json()["metadata"]["uid"]}
        body = {
            "accessModes": list(modes),
            "capacity": size,
            "claimRef": reference,
            "csi": {"driver": DRIVER, "volumeHandle": f"handle-{name}", **csi},
            **spec,
        }
        reply = await self.api.post(VOLUMES, {"metadata": {"name": name}, "spec": body})
        assert reply.status == 201, reply.body
        await self.api.patch(f"{CLAIMS}/{name}/status", {"status": {"phase": "Bound", "capacity": size}})

    def pod(self, name: str, claim: str = "", *, inline: dict[str, Any] | None = None, **more: Any) -> Pod:
        """A pod with one volume, `data`."""
        source: dict[str, Any] = {"persistentVolumeClaim": {"claimName": claim, **more.pop("claim_fields", {})}}
        listed = [{"name": "data", **({"csi": inline} if inline else source)}]
        container = {"name": "c", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
        meta = {"name": name, "namespace": "default", "uid": f"uid-{name}"}
        spec = {"volumes": listed, "containers": [container], "serviceAccountName": "default", **more}
        return codec.convert({"metadata": meta, "spec": spec}, Pod)

    async def mount(self, pod: Pod) -> pathlib.Path:
        return pathlib.Path((await self.manager.mount(pod))["data"])

    async def cared_for(self, pod: Pod) -> None:
        """Nothing goes on beside the pod's worker."""
        name = f"volumes of {pod.metadata.uid}"
        await self.until(lambda: all(task.get_name() != name for task in asyncio.all_tasks()))

    # --- the cluster's part

    async def attach(self, volume: str, *, attached: bool = True, **metadata: str) -> str:
        """Attacher and controller: VolumeAttachment and the node's status. Its name."""
        from kubelite.kubelet.volumes.csi import names

        handle = f"handle-{volume}"
        name = names.attachment_name(handle, DRIVER, HERE)
        spec = {"attacher": DRIVER, "nodeName": HERE, "source": {"persistentVolumeName": volume}}
        await self.api.post(ATTACHMENTS, {"metadata": {"name": name}, "spec": spec})
        status = {"attached": attached, "attachmentMetadata": metadata}
        await self.api.patch(f"{ATTACHMENTS}/{name}/status", {"status": status})
        shown = [{"name": names.unique_name(DRIVER, handle), "devicePath": ""}]
        await self.api.patch(f"{NODES}/{HERE}/status", {"status": {"volumesAttached": shown}})
        return name

    async def in_use(self) -> list[str]:
        return (await self.node_object())["status"].get("volumesInUse") or []

    async def eventually(self, check: Callable[[], Any], seconds: float = 20.0) -> Any:
        """The first true answer of an async `check`."""
        async with asyncio.timeout(seconds):
            while not (answer := await check()):  # noqa: ASYNC110
                await asyncio.sleep(0.03)  # the world is asked: there is no event to wait for
            return answer

    async def until(self, check: Callable[[], Any], seconds: float = 20.0) -> Any:
        async def ask() -> Any:
            return check()

        return await self.eventually(ask, seconds)


@asynccontextmanager
async def running_world(directory: pathlib.Path) -> AsyncIterator[World]:
    """Afterwards no driver runs and nothing is mounted."""
    async with api_server() as api:
        world = World(api, directory)
        try:
            await world.start()
            yield world
        finally:
            await world.stop()
            for driver in world.drivers:
                driver.end(signal.SIGKILL)
            for path in mountpoints.below(str(directory)):
                with contextlib.suppress(OSError):
                    mountpoints.unmount(path)


def needs_root() -> bool:
    return os.geteuid() != 0

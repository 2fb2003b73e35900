"""A kubelet in the test process, between the in-process API server and a containerd of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pathlib
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from kubelite.kubelet import server
from kubelite.kubelet.cgroups import Cgroups
from kubelite.kubelet.config import Config
from tests.apienv import ApiEnv, api_server
from tests.integration.kubelet.containerd import BUSYBOX, Containerd

NODE = "node-under-test"
PODS = "/api/v1/namespaces/default/pods"


@dataclass
class TestNode:
    """What a test sees: the API, the runtime, the files, and a kubelet that can be stopped and started."""

    __test__ = False

    api: ApiEnv
    containerd: Containerd
    config: Config
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(server.run(self.config, self._stop))
        await self.eventually(self._ready)

    async def stop(self) -> None:
        self._stop.set()
        if self._task is not None:
            await self._task

    async def abort(self) -> None:
        """As if killed: nothing is finished, nothing is said."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _ready(self) -> bool:
        if self._task is not None and self._task.done():
            self._task.result()
        reply = await self.api.get(f"/api/v1/nodes/{NODE}")
        if reply.status != 200:
            return False
        conditions = reply.json().get("status", {}).get("conditions", [])
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    async def eventually(self, check: Callable[[], Any], seconds: float = 20.0) -> Any:
        """The first true answer of an async `check`."""
        async with asyncio.timeout(seconds):
            while not (answer := await check()):  # noqa: ASYNC110
                await asyncio.sleep(0.05)  # the world is asked: there is no event to wait for
            return answer

    async def create(self, name: str, *command: str, **spec: Any) -> None:
        """A pod of one busybox container `main` that runs `command` (sleeping by default)."""
        reply = await self.api.post(PODS, pod(name, *command, **spec))
        assert reply.status == 201, reply.body

    async def get(self, name: str) -> dict[str, Any]:
        reply = await self.api.get(f"{PODS}/{name}")
        return reply.json() if reply.status == 200 else {}

    async def until(self, name: str, check: Callable[[dict[str, Any]], Any], seconds: float = 20.0) -> dict[str, Any]:
        """The pod's status as soon as `check` holds for it."""

        async def look() -> dict[str, Any] | None:
            status = (await self.get(name)).get("status", {})
            return status if status and check(status) else None

        try:
            return await self.eventually(look, seconds)
        except TimeoutError:
            raise AssertionError((await self.get(name)).get("status")) from None

    async def delete(self, name: str, **options: Any) -> None:
        await self.api.delete(f"{PODS}/{name}", options or None)

    async def gone(self, name: str, seconds: float = 20.0) -> None:
        async def look() -> bool:
            return (await self.api.get(f"{PODS}/{name}")).status == 404

        await self.eventually(look, seconds)

    async def reasons(self, name: str) -> list[str]:
        """Reasons of the events about an object, in the order of their first time."""
        events = (await self.api.get("/api/v1/namespaces/default/events")).json()["items"]
        return [e["reason"] for e in events if e["involvedObject"]["name"] == name]

    def log(self, name: str, uid: str, container: str = "main", attempt: int = 0) -> str:
        """What the container wrote, without time stamps."""
        path = pathlib.Path(self.config.pod_log_dir) / f"default_{name}_{uid}" / container / f"{attempt}.log"
        lines = path.read_text().splitlines()
        return "\n".join(line.split(" ", 3)[3] for line in lines)

    def runtime_names(self) -> list[str]:
        """Ids of all containers that containerd knows."""
        done = subprocess.run(self.containerd.ctr("containers", "ls", "-q"), capture_output=True, text=True, check=True)
        return done.stdout.split()

    def pid(self, container_id: str) -> int:
        done = subprocess.run(self.containerd.ctr("tasks", "ls"), capture_output=True, text=True, check=True)
        return next(int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith(container_id))


def container(name: str, *command: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "image": BUSYBOX, "command": list(command) or ["sleep", "1000"], **more}


def pod(name: str, *command: str, **spec: Any) -> dict[str, Any]:
    body = {
        "nodeName": NODE,
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": False,
        "containers": [container("main", *command)],
        **spec,
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": body}


def shell(text: str) -> tuple[str, ...]:
    return "sh", "-c", text


@asynccontextmanager
async def running_node(containerd: Containerd, directory: pathlib.Path) -> AsyncIterator[TestNode]:
    """API server, kubelet and runtime together; afterwards nothing of the pods is left."""
    async with api_server() as api:
        config = Config(
            kubeconfig=api.kubeconfig(),
            hostname_override=NODE,
            node_ip="127.0.0.1",
            container_runtime_endpoint=containerd.endpoint,
            root_dir=str(directory / "kubelet"),
            local_volume_dir=str(directory / "local-volumes"),
            pod_log_dir=str(directory / "pods"),
            container_log_dir=str(directory / "containers"),
            cgroup_root=f"/{containerd.bridge}",
            port=0,
            healthz_bind_address="",
            node_status_update_frequency=1.0,
        )
        node = TestNode(api, containerd, config)
        try:
            await node.start()
            yield node
            await _delete_all(node)
        finally:
            await node.stop()
            _remove_cgroups(config.cgroup_root)


def _remove_cgroups(root: str) -> None:
    cgroups = Cgroups(root)
    cgroups.remove_root()
    for mount in cgroups.hierarchies.mounts:
        with contextlib.suppress(OSError):
            os.rmdir(mount + root)


async def _delete_all(node: TestNode) -> None:
    for item in (await node.api.get(PODS)).json()["items"]:
        await node.delete(item["metadata"]["name"])

    async def nothing_left() -> bool:
        return not node.runtime_names() and not (await node.api.get(PODS)).json()["items"]

    await node.eventually(nothing_left, 40)

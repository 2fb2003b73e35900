"""Volumes of pods against served objects: set-up, refresh, refusal, take-down, restart."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from kubelite.api.types.core_v1 import Pod
from kubelite.client.client import Client
from kubelite.client.config import ClientConfig
from kubelite.kubelet import volumes
from kubelite.kubelet.config import Config
from kubelite.kubelet.env import PodEnvironment
from kubelite.kubelet.http.http1 import read_request
from kubelite.kubelet.interfaces import Context, SyncError
from kubelite.kubelet.volumes import mountpoints
from kubelite.machinery import codec

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
UID = "0000-1111"


class Objects:
    """Config maps, secrets and tokens over HTTP: get, list by name, watch."""

    def __init__(self):
        self.objects = {}
        self.version = 1
        self.token_seconds = 3600.0
        self.tokens = 0
        self.watchers = []
        self.watched = asyncio.Event()

    def put(self, plural, name, data, **more):
        self.version += 1
        metadata = {"name": name, "namespace": "ns", "resourceVersion": str(self.version)}
        obj = {
            "kind": {"configmaps": "ConfigMap", "secrets": "Secret"}[plural],
            "apiVersion": "v1",
            "metadata": metadata,
            "data": data,
        } | more
        kind = "MODIFIED" if (plural, name) in self.objects else "ADDED"
        self.objects[plural, name] = obj
        for queue, wanted in self.watchers:
            if wanted == (plural, name):
                queue.put_nowait({"type": kind, "object": obj})

    async def serve(self, reader, writer):
        with contextlib.suppress(ConnectionError, TimeoutError):
            while request := await read_request(reader, writer):
                parts = request.path.strip("/").split("/")
                if parts[4:5] == ["services"] or parts[2:3] == ["services"]:
                    await request.respond_json({"metadata": {"resourceVersion": "1"}, "items": []})
                elif parts[-1] == "token":
                    await self._token(request)
                elif request.first("watch"):
                    await self._watch(request, parts[4])
                else:
                    await self._read(request, parts)
        writer.close()

    async def _token(self, request):
        self.tokens += 1
        expires = datetime.now(UTC) + timedelta(seconds=self.token_seconds)
        asked = json.loads(request.body)["spec"]
        status = {"token": f"token-{self.tokens}-{asked['audiences']}", "expirationTimestamp": expires.isoformat()}
        await request.respond_json({"kind": "TokenRequest", "metadata": {}, "status": status})

    async def _read(self, request, parts):
        if len(parts) == 6:
            obj = self.objects.get((parts[4], parts[5]))
            if obj is None:
                await request.respond(
                    404, json.dumps({"kind": "Status", "code": 404, "reason": "NotFound", "message": "not found"})
                )
            else:
                await request.respond_json(obj)
            return
        name = request.first("fieldSelector").removeprefix("metadata.name=")
        items = [obj for key, obj in self.objects.items() if key == (parts[4], name)]
        await request.respond_json({"metadata": {"resourceVersion": str(self.version)}, "items": items})

    async def _watch(self, request, plural):
        queue = asyncio.Queue()
        watcher = queue, (plural, request.first("fieldSelector").removeprefix("metadata.name="))
        self.watchers.append(watcher)
        if plural == "configmaps":
            self.watched.set()
        await request.start_chunked("application/json")
        try:
            while True:
                await request.chunk(json.dumps(await queue.get()).encode() + b"\n")
        finally:
            self.watchers.remove(watcher)


class Events(list):
    def event(self, kind, obj, type_, reason, message, field_path=""):
        self.append((reason, message))


@pytest.fixture
async def world(tmp_path):
    objects = Objects()
    server = await asyncio.start_server(objects.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = Client.from_config(ClientConfig(server=f"http://127.0.0.1:{port}"), user_agent="test")
    synced = asyncio.Queue()
    node = SimpleNamespace(status=SimpleNamespace(allocatable={"cpu": "2", "memory": "1Gi"}))
    context = Context(
        Config(root_dir=str(tmp_path)),
        "n1",
        client,
        Events(),
        SimpleNamespace(),
        SimpleNamespace(),
        lambda: node,
        synced.put_nowait,
    )
    manager = volumes.build(context)
    running = asyncio.create_task(manager.run())
    yield SimpleNamespace(
        objects=objects, manager=manager, synced=synced, context=context, root=tmp_path / "pods" / UID
    )
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await client.close()
    for mounted in mountpoints.below(str(tmp_path)):
        mountpoints.unmount(mounted)
    server.close()


def pod(*sources, labels=None, **spec):
    """A pod with volumes v0, v1, ... of the given sources, all mounted."""
    listed = [{"name": f"v{n}"} | source for n, source in enumerate(sources)]
    mounts = [{"name": volume["name"], "mountPath": f"/{volume['name']}"} for volume in listed]
    container = {"name": "c", "volumeMounts": mounts} | spec.pop("container", {})
    metadata = {"name": "p", "namespace": "ns", "uid": UID, "labels": labels or {}}
    return codec.convert({"metadata": metadata, "spec": {"volumes": listed, "containers": [container]} | spec}, Pod)


def text(path, name):
    with open(os.path.join(path, name)) as file:
        return file.read()


async def test_objects_become_files_and_follow_their_changes(world):
    world.objects.put("configmaps", "m", {"a": "1"})
    world.objects.put("secrets", "s", {"p": base64.b64encode(b"pw").decode()})
    secret = {"secret": {"secretName": "s", "defaultMode": 0o400, "items": [{"key": "p", "path": "in/p"}]}}
    it = pod({"configMap": {"name": "m"}}, secret)
    paths = await world.manager.mount(it)
    assert text(paths["v0"], "a") == "1"
    assert text(paths["v1"], "in/p") == "pw"
    assert mountpoints.is_mounted(paths["v1"])
    await world.objects.watched.wait()
    world.objects.put("configmaps", "m", {"b": "2"})
    async with asyncio.timeout(5):
        while world.manager._contents.objects.version("configmap", "ns", "m") != str(world.objects.version):
            assert await world.synced.get() == UID
    await world.manager.update(it)
    assert text(paths["v0"], "b") == "2"
    assert not os.path.exists(os.path.join(paths["v0"], "a"))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"configMap": {"name": "y"}}, 'configmap "y" not found'),
        ({"secret": {"secretName": "y"}}, 'secret "y" not found'),
        ({"projected": {"sources": [{"secret": {"name": "y"}}]}}, 'secret "y" not found'),
        (
            {"configMap": {"name": "m", "items": [{"key": "k", "path": "k"}]}},
            "configmap references non-existent config key: k",
        ),
        ({"iscsi": {"targetPortal": "p", "iqn": "q"}}, 'volume type "iscsi" is not supported by this kubelet'),
        (
            {"persistentVolumeClaim": {"claimName": "c"}},
            "error processing PVC ns/c: failed to fetch PVC from API server: not found",
        ),
        (
            {"hostPath": {"path": "/absent", "type": "Directory"}},
            "hostPath type check failed: /absent is not a directory",
        ),
        (
            {"projected": {"sources": [{"clusterTrustBundle": {"path": "x"}}]}},
            'projected source "clusterTrustBundle" is not supported by this kubelet',
        ),
    ],
)
async def test_what_cannot_be_mounted_is_named(world, source, message):
    world.objects.put("configmaps", "m", {})
    with pytest.raises(SyncError) as caught:
        await world.manager.mount(pod(source))
    assert caught.value.reason == "FailedMount"
    assert caught.value.message == f'MountVolume.SetUp failed for volume "v0" : {message}'


async def test_optional_objects_may_be_absent(world):
    paths = await world.manager.mount(pod({"configMap": {"name": "y", "optional": True}}))
    assert [name for name in os.listdir(paths["v0"]) if not name.startswith("..")] == []


async def test_downward_files_follow_labels(world):
    item = {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}
    limit = {"path": "cpu", "resourceFieldRef": {"containerName": "c", "resource": "limits.cpu"}}
    source = {"downwardAPI": {"items": [item, limit]}}
    paths = await world.manager.mount(pod(source, labels={"a": "1"}))
    assert (text(paths["v0"], "labels"), text(paths["v0"], "cpu")) == ('a="1"', "2")
    await world.manager.update(pod(source, labels={"a": "2"}))
    assert text(paths["v0"], "labels") == 'a="2"'


async def test_a_projected_token_is_renewed_before_it_ends(world):
    token = {"serviceAccountToken": {"path": "token", "audience": "vault"}}
    it = pod(
        {
            "projected": {
                "sources": [
                    token,
                    {"downwardAPI": {"items": [{"path": "n", "fieldRef": {"fieldPath": "metadata.name"}}]}},
                ]
            }
        }
    )
    world.objects.token_seconds = 1.0
    paths = await world.manager.mount(it)
    assert text(paths["v0"], "token") == "token-1-['vault']"
    await world.manager.update(it)
    assert world.objects.tokens == 1
    await asyncio.sleep(0.9)
    await world.manager.update(it)
    assert (text(paths["v0"], "token"), text(paths["v0"], "n")) == ("token-2-['vault']", "p")


async def test_an_empty_dir_in_memory_has_its_size_and_group(world):
    it = pod(
        {"emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}, {"emptyDir": {}}, securityContext={"fsGroup": 4242}
    )
    paths = await world.manager.mount(it)
    size = os.statvfs(paths["v0"])
    assert size.f_blocks * size.f_frsize == 1 << 20
    info = os.stat(paths["v1"])
    assert (info.st_gid, info.st_mode & 0o7777) == (4242, 0o2777)


async def test_mounting_again_keeps_what_a_program_wrote(world):
    it = pod({"emptyDir": {"medium": "Memory"}})
    paths = await world.manager.mount(it)
    with open(os.path.join(paths["v0"], "kept"), "w") as file:
        file.write("yes")
    again = volumes.build(world.context)
    assert await again.reconstruct() == [UID]
    assert text((await again.mount(it))["v0"], "kept") == "yes"


async def test_taking_down_leaves_nothing_and_spares_the_host(world, tmp_path):
    world.objects.put("secrets", "s", {})
    host = tmp_path / "host"
    host.mkdir()
    (host / "precious").touch()
    it = pod({"secret": {"secretName": "s"}}, {"hostPath": {"path": str(host)}}, {"emptyDir": {"medium": "Memory"}})
    paths = await world.manager.mount(it)
    world.manager.sub_path(it, "v1", "c", 0, paths["v1"], "sub")
    await world.manager.unmount(UID)
    await world.manager.unmount(UID)
    assert mountpoints.below(str(world.root)) == []
    assert os.listdir(world.root) == []
    assert (host / "precious").exists()
    assert (host / "sub").is_dir()
    assert await world.manager.reconstruct() == []


async def test_volumes_that_no_container_mounts_are_not_made(world):
    assert await world.manager.mount(pod({"configMap": {"name": "gone"}}, container={"volumeMounts": []})) == {}


async def test_variables_are_read_from_objects(world):
    world.objects.put("configmaps", "m", {"A": "1"})
    environment = PodEnvironment(world.context)
    running = asyncio.create_task(environment.run())
    it = pod(container={"envFrom": [{"configMapRef": {"name": "m"}}], "volumeMounts": []})
    assert await environment.make_env(it, it.spec.containers[0], pod_ips=[], host_ips=[]) == {"A": "1"}
    bad = pod(container={"envFrom": [{"secretRef": {"name": "gone"}}], "volumeMounts": []})
    with pytest.raises(SyncError, match='secret "gone" not found') as caught:
        await environment.make_env(bad, bad.spec.containers[0], pod_ips=[], host_ips=[])
    assert caught.value.reason == "CreateContainerConfigError"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

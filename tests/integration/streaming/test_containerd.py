"""The kubelet's streams over a real containerd: exec, terminal, attach, port-forward and log rotation."""

from __future__ import annotations

import asyncio
import os
import pathlib
import shutil
import tempfile
from types import SimpleNamespace

import pytest

from kubelite.kubelet.config import Config
from kubelite.kubelet.cri import Cri
from kubelite.kubelet.http.rotation import LogRotation
from kubelite.kubelet.http.server import Server
from kubelite.kubelet.interfaces import ContainerHandle, Context
from kubelite.kubelet.runtime.handle import RuntimeHandle
from kubelite.rpc import cri_v1_pb2 as pb
from kubelite.streaming import dial, remotecommand
from kubelite.streaming.portforward import PortForwarder
from tests.integration.kubelet.containerd import BUSYBOX, Containerd, missing

from .conftest import socket_pair
from .node import UID, Pods, get, pod_of
from .test_kubelet_server import opener
from .test_remotecommand import Source

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")
BOTH = pytest.mark.parametrize("websocket", [True, False], ids=["websocket", "spdy"])
SCRIPT = "read line; echo got $line; httpd -p 8080 -h /; while true; do sleep 0.2; done"


class Handle(RuntimeHandle):
    """One sandbox and one container, known by their ids."""

    def __init__(self, cri, sandbox, container, log):
        super().__init__(cri, None)
        self.cri, self.sandbox, self.container = cri, sandbox, ContainerHandle("main", container, "running", 0, log)

    async def containers(self, pod_uid):
        return [self.container]

    async def port_forward_url(self, pod_uid, ports):
        return await self.cri.port_forward_url(self.sandbox, ports)


@pytest.fixture(scope="module")
def containerd():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="klstream"))
    runtime = Containerd(folder / "c", f"{os.getpid() % 0xFFFF:x}")
    runtime.start()
    yield runtime
    runtime.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def kubelet(containerd, tmp_path):
    cri = Cri(containerd.endpoint)
    logs = tmp_path / f"default_web_{UID}"
    (logs / "main").mkdir(parents=True)
    sandbox_config = pb.PodSandboxConfig(
        metadata=pb.PodSandboxMetadata(name="web", uid=f"{UID}{tmp_path.name}", namespace="default"),
        log_directory=str(logs),
        linux=pb.LinuxPodSandboxConfig(),
    )
    sandbox = await cri.run_sandbox(sandbox_config)
    config = pb.ContainerConfig(
        metadata=pb.ContainerMetadata(name="main"),
        image=pb.ImageSpec(image=BUSYBOX),
        command=["sh", "-c", SCRIPT],
        log_path="main/0.log",
        stdin=True,
        linux=pb.LinuxContainerConfig(),
    )
    container = await cri.create_container(sandbox, config, sandbox_config)
    await cri.start_container(container)
    handle = Handle(cri, sandbox, container, str(logs / "main" / "0.log"))
    settings = Config(
        root_dir=str(tmp_path / "root"),
        address="127.0.0.1",
        port=0,
        pod_log_dir=str(tmp_path),
        authorization_mode="AlwaysAllow",
        anonymous_auth=True,
        container_log_max_size="1",
    )
    pods = Pods(pod_of(containerID=f"containerd://{container}"))
    context = Context(
        settings, "n1", SimpleNamespace(), SimpleNamespace(), handle, pods, lambda: None, lambda uid: None
    )
    server = Server(context)
    task = asyncio.create_task(server.run())
    while not server.port:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    yield SimpleNamespace(port=server.port, context=context, log=logs / "main" / "0.log")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await cri.stop_sandbox(sandbox)
    await cri.remove_sandbox(sandbox)
    await cri.close()


class Typed:
    """A user's input that stays open after its text."""

    def __init__(self, text):
        self.text = text

    async def read(self):
        if not self.text:
            await asyncio.Event().wait()
        text, self.text = self.text, b""
        return text


async def written(log):
    """Return when the log has a line."""
    async with asyncio.timeout(10):
        while not log.read_text():  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.05)


async def run(kubelet, path, options, websocket, **more):
    """(stdout, stderr, exit code) of a command through the kubelet."""
    out, err, code = bytearray(), bytearray(), 0

    async def to_out(data):
        out.extend(data)

    async def to_err(data):
        err.extend(data)

    streams = await dial.command(opener(kubelet.port), path, options, websocket=websocket)
    try:
        async with asyncio.timeout(15):
            await remotecommand.run(streams, stdout=to_out, stderr=to_err, **more)
    except remotecommand.CommandFailed as error:
        code = error.exit_code
    return bytes(out), bytes(err), code


@BOTH
async def test_exec_in_a_container(kubelet, websocket):
    path = "/exec/default/web/main?command=sh&command=-c&command=cat;echo+e+>%262;exit+7&input=1&output=1&error=1"

    source = Source(b"hello " * 20_000, b"end\n")
    got = await run(kubelet, path, remotecommand.Options(True, True, True), websocket, stdin=source)
    assert got == (b"hello " * 20_000 + b"end\n", b"e\n", 7)


@BOTH
async def test_a_terminal_in_a_container(kubelet, websocket):
    async def sizes():
        yield 132, 43

    script = 'while+[+-z+"$(busybox+stty+size+2>/dev/null)"+];+do+sleep+0.1;+done;+busybox+stty+size'
    path = f"/exec/default/web/main?command=sh&command=-c&command={script}&input=1&output=1&tty=1"
    out, _, code = await run(
        kubelet,
        path,
        remotecommand.Options(stdin=True, stdout=True, tty=True),
        websocket,
        stdin=Typed(b""),
        resizes=sizes(),
    )
    assert (out, code) == (b"43 132\r\n", 0)


@BOTH
async def test_attach_reaches_the_main_process_and_logs_see_it(kubelet, websocket):
    options = remotecommand.Options(stdin=True, stdout=True)
    path = "/attach/default/web/main?input=1&output=1"
    streams = await dial.command(opener(kubelet.port), path, options, websocket=websocket)
    await streams.stdin.write(b"word\n")
    async with asyncio.timeout(10):
        assert await streams.stdout.read() == b"got word\n"
    await streams.close()
    assert await get(kubelet.port, "/containerLogs/default/web/main") == (200, b"got word\n")


@BOTH
async def test_port_forward_into_the_pod(kubelet, websocket):
    streams = await dial.command(
        opener(kubelet.port), "/attach/default/web/main?input=1", remotecommand.Options(stdin=True), websocket=websocket
    )
    await streams.stdin.write(b"go\n")
    await written(kubelet.log)
    await asyncio.sleep(0.3)
    session = await dial.port_forward(opener(kubelet.port), "/portForward/default/web", websocket=websocket)
    async with socket_pair() as (local, user):
        forwarding = asyncio.create_task(PortForwarder(session).forward(8080, local))
        await user.write(b"GET /etc/absent HTTP/1.0\r\n\r\n")
        async with asyncio.timeout(10):
            assert (await user.read()).startswith(b"HTTP/1.1 404")
            await forwarding
    await session.close()
    await streams.close()


async def test_a_grown_log_is_rotated_by_the_runtime(kubelet):
    await run(kubelet, "/exec/default/web/main?command=true&output=1", remotecommand.Options(stdout=True), False)
    streams = await dial.command(
        opener(kubelet.port), "/attach/default/web/main?input=1", remotecommand.Options(stdin=True), websocket=False
    )
    await streams.stdin.write(b"x\n")
    await written(kubelet.log)
    await LogRotation(kubelet.context).rotate(str(kubelet.log))
    await streams.close()
    assert kubelet.log.read_text() == ""
    assert [path.name for path in kubelet.log.parent.iterdir() if path.name.startswith("0.log.")]

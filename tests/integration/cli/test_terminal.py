"""exec, attach and run with a real terminal: raw while the command runs, as it was before afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import pty
import signal
import struct
import sys
import termios
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from kubelite.api.types.core_v1 import Pod
from kubelite.machinery import codec
from tests.integration.controllers.manager import eventually
from tests.integration.streaming.node import ApiFront, api_front, node, pod_of

LOOP = 'echo "pid=$$."; while read line; do stty size; [ "$line" = end ] && exit 5; done'
SECONDS = 20


class Terminal:
    """A command line under a pseudo terminal; `text` is what it printed so far."""

    def __init__(self, process: asyncio.subprocess.Process, master: int, slave: int) -> None:
        self.process = process
        self.master = master
        self.slave = slave
        self.text = ""
        self._changed = asyncio.Event()
        asyncio.get_running_loop().add_reader(master, self._read)

    def _read(self) -> None:
        self.text += os.read(self.master, 4096).decode()
        self._changed.set()

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def settings(self) -> list[Any]:
        return termios.tcgetattr(self.slave)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process.send_signal(signal.SIGWINCH)

    async def shows(self, text: str, *, typing: str = "") -> None:
        """Until `text` is printed; `typing` is typed again and again while it is not."""
        async with asyncio.timeout(SECONDS):
            while text not in self.text:
                self.type(typing)
                self._changed.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), 0.3)

    async def raw(self) -> None:
        """Until the terminal passes every key on."""

        async def now() -> bool:
            return is_raw(self.settings())

        await eventually(now)

    async def end(self) -> int:
        async with asyncio.timeout(SECONDS):
            return await self.process.wait()


@contextlib.asynccontextmanager
async def terminal(port: int, *words: str) -> AsyncIterator[Terminal]:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    position = words.index("--") if "--" in words else len(words)
    line = [*words[:position], f"--server=http://127.0.0.1:{port}", *words[position:]]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "kubelite.cmd.main", *line),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=os.environ | {"KUBECONFIG": "/dev/null"},
        start_new_session=True,
    )
    found = Terminal(process, master, slave)
    try:
        yield found
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        asyncio.get_running_loop().remove_reader(master)
        os.close(master)
        os.close(slave)


def end_shell(shell: Terminal) -> None:
    """End the command that a broken connection left behind in the test's runtime."""
    os.kill(int(shell.text.partition("pid=")[2].partition(".")[0]), signal.SIGKILL)


def is_raw(settings: list[Any]) -> bool:
    return not settings[3] & (termios.ICANON | termios.ECHO | termios.ISIG)


async def test_exec_with_a_terminal_is_raw_follows_its_size_and_returns_the_exit_code(tmp_path: Path) -> None:
    async with (
        node(tmp_path) as kubelet,
        api_front(kubelet) as (_, port),
        terminal(port, "exec", "-it", "web", "--", "sh", "-c", LOOP) as shell,
    ):
        before = shell.settings()
        await shell.shows("40 120", typing="x\r")
        assert is_raw(shell.settings())
        shell.resize(33, 77)
        await shell.shows("33 77", typing="x\r")
        shell.type("end\r")
        assert await shell.end() == 5
        assert shell.settings() == before
        await shell.shows("command terminated with exit code 5")


async def test_the_terminal_is_put_back_when_the_connection_breaks(tmp_path: Path) -> None:
    async with node(tmp_path) as kubelet:
        front = ApiFront(kubelet.port, kubelet.pods)
        writers: list[asyncio.StreamWriter] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writers.append(writer)
            await front.serve(reader, writer)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with terminal(port, "exec", "-it", "web", "--", "sh", "-c", LOOP) as shell:
            before = shell.settings()
            await shell.shows("40 120", typing="x\r")
            for writer in writers:
                writer.transport.abort()
            assert await shell.end() == 1
            end_shell(shell)
            assert shell.settings() == before
            await shell.shows("error: ")
        server.close()


async def test_the_terminal_is_put_back_when_a_signal_ends_the_command(tmp_path: Path) -> None:
    async with (
        node(tmp_path) as kubelet,
        api_front(kubelet) as (_, port),
        terminal(port, "exec", "-it", "web", "--", "sh", "-c", LOOP) as shell,
    ):
        before = shell.settings()
        await shell.shows("40 120", typing="x\r")
        shell.process.send_signal(signal.SIGTERM)
        assert await shell.end() == 1
        end_shell(shell)
        assert shell.settings() == before


async def test_a_pod_that_is_missing_leaves_the_terminal_alone(tmp_path: Path) -> None:
    async with (
        node(tmp_path) as kubelet,
        api_front(kubelet) as (_, port),
        terminal(port, "exec", "-it", "nope", "--", "sh") as shell,
    ):
        before = shell.settings()
        assert await shell.end() == 1
        assert shell.settings() == before


def with_terminal(name: str = "web") -> Pod:
    pod = pod_of(name)
    pod.spec.containers[0].tty = pod.spec.containers[0].stdin = True
    return pod


async def test_attach_with_a_terminal_talks_to_the_main_process(tmp_path: Path) -> None:
    async with (
        node(tmp_path, with_terminal()) as kubelet,
        api_front(kubelet) as (_, port),
        terminal(port, "attach", "-it", "web") as shell,
    ):
        before = shell.settings()
        await shell.shows("press")
        await shell.raw()
        await shell.shows("hello\r\nhello", typing="hello\r")
        shell.type("\x04")
        assert await shell.end() == 0
        assert shell.settings() == before


class Cluster(ApiFront):
    """An API server where one pod is created, runs until its terminal is left, and is deleted."""

    deleted = False
    left = False

    async def _document(self, request: Any, parts: list[str]) -> None:
        path = "/".join(parts)
        if path.startswith("api/v1/namespaces/default/pods"):
            answer: Any = self._pod()
            if request.method == "DELETE":
                self.deleted = True
            elif "watch" in request.query:
                await asyncio.sleep(0.05)
                await request.respond(200, "", "application/json")
                return
            elif request.method == "GET":
                items = [] if self.deleted else [answer]
                answer = {"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": items}
            await request.respond(200, json.dumps(answer), "application/json")
            return
        await super()._document(request, parts)

    def _pod(self) -> Any:
        pod = json.loads(codec.encode(with_terminal("once")))
        pod["spec"]["restartPolicy"] = "Never"
        if self.left:
            pod["status"] = {
                "phase": "Failed",
                "containerStatuses": [{"name": "main", "state": {"terminated": {"exitCode": 4}}}],
            }
        return pod

    async def _pass_on(self, request: Any, parts: list[str]) -> None:
        try:
            await super()._pass_on(request, parts)
        finally:
            self.left = True


async def test_run_with_a_terminal_returns_the_exit_code_and_removes_the_pod(tmp_path: Path) -> None:
    async with node(tmp_path, with_terminal("once")) as kubelet:
        cluster = Cluster(kubelet.port, kubelet.pods)
        server = await asyncio.start_server(cluster.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with terminal(port, "run", "once", "-it", "--rm", "--image=i", "--restart=Never") as shell:
            before = shell.settings()
            await shell.raw()
            await shell.shows("hello\r\nhello", typing="hello\r")
            shell.type("\x04")
            assert await shell.end() == 4
            assert shell.settings() == before
            await shell.shows('pod "once" deleted')
        server.close()
    assert cluster.deleted

"""Commands in containers: exec, attach, logs, cp and port-forward against the kubelet's server."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kubelite.cli.main import execute
from kubelite.cli.session import Streams
from tests.integration.cli.conftest import Result
from tests.integration.controllers.manager import eventually
from tests.integration.streaming.node import api_front, node


async def run(port: int, *words: str, stdin: bytes = b"") -> Result:
    out, err = io.StringIO(), io.StringIO()
    position = words.index("--") if "--" in words else len(words)
    line = [*words[:position], f"--server=http://127.0.0.1:{port}", "--kubeconfig=", *words[position:]]
    code = await execute(line, Streams(out, err, io.BytesIO(stdin)))
    return Result(code, out.getvalue(), err.getvalue())


@pytest.fixture(autouse=True)
def no_kubeconfig(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/dev/null")


async def test_exec_returns_the_commands_output_and_exit_code(tmp_path: Path) -> None:
    async with node(tmp_path) as kubelet, api_front(kubelet) as (_, port):
        result = await run(port, "exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (result.code, result.out) == (3, "out\n")
    assert result.err == "err\ncommand terminated with exit code 3\n"


async def test_exec_passes_stdin_and_its_end(tmp_path: Path) -> None:
    data = b"line\n" * 20_000
    async with node(tmp_path) as kubelet, api_front(kubelet) as (_, port):
        result = await run(port, "exec", "-i", "web", "--", "wc", "-c", stdin=data)
    assert (result.code, result.out.strip()) == (0, str(len(data)))


async def test_exec_refuses_a_container_that_the_pod_does_not_have(tmp_path: Path) -> None:
    async with node(tmp_path) as kubelet, api_front(kubelet) as (_, port):
        result = await run(port, "exec", "web", "-c", "nope", "--", "true")
    assert (result.code, result.err) == (1, "error: container nope is not valid for pod web\n")


async def test_attach_reaches_the_main_process(tmp_path: Path) -> None:
    async with node(tmp_path) as kubelet, api_front(kubelet) as (_, port):
        result = await run(port, "attach", "-i", "-q", "web", stdin=b"hello\n")
    assert (result.code, result.out) == (0, "hello\n")


async def test_logs_are_printed_with_and_without_prefix(tmp_path: Path) -> None:
    async with node(tmp_path) as kubelet, api_front(kubelet) as (_, port):
        kubelet.log.write_text(
            "2030-01-01T00:00:00.000000000Z stdout F one\n2030-01-01T00:00:01.000000000Z stdout F two\n"
        )
        plain = await run(port, "logs", "web")
        tail = await run(port, "logs", "web", "--tail=1", "--prefix")
    assert (plain.out, tail.out) == ("one\ntwo\n", "[pod/web/main] two\n")


async def test_files_are_copied_there_and_back(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "file").write_text("content")
    there = tmp_path / "there"
    async with node(tmp_path) as kubelet, api_front(kubelet) as (_, port):
        up = await run(port, "cp", str(tmp_path / "here"), f"web:{there}")
        down = await run(port, "cp", f"web:{there}", str(tmp_path / "back"))
    assert (up.code, down.code) == (0, 0), up.err + down.err
    assert (there / "file").read_text() == (tmp_path / "back" / "file").read_text() == "content"


@asynccontextmanager
async def breaking(port: int, cuts: int, limit: int) -> AsyncIterator[int]:
    """A port in front of `port` that cuts the first `cuts` exec connections after about `limit` bytes of answer."""
    left = cuts

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal left
        head = await reader.readuntil(b"\r\n\r\n")
        cut = b"/exec?" in head and left > 0
        left -= cut
        back_reader, back = await asyncio.open_connection("127.0.0.1", port)
        back.write(head)
        there = asyncio.create_task(copy(reader, back, 1 << 40))
        await copy(back_reader, writer, limit if cut else 1 << 40)
        there.cancel()
        for end in (writer, back):
            end.transport.abort()

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter, size: int) -> None:
        with contextlib.suppress(ConnectionError):
            while size > 0 and (data := await source.read(min(size, 8192))):
                size -= len(data)
                target.write(data)
                await target.drain()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def test_a_broken_download_is_resumed_as_often_as_asked(tmp_path: Path) -> None:
    content = bytes(range(256)) * 4000
    (tmp_path / "big").write_bytes(content)
    async with node(tmp_path) as kubelet, api_front(kubelet) as (_, behind):
        async with breaking(behind, 2, 200_000) as port:
            failed = await run(port, "cp", f"web:{tmp_path}/big", str(tmp_path / "failed"), "--retries=1")
        async with breaking(behind, 2, 200_000) as port:
            result = await run(port, "cp", f"web:{tmp_path}/big", str(tmp_path / "back"), "--retries=2")
    assert (failed.code, (tmp_path / "failed").exists()) == (1, False)
    assert (result.code, result.err.count("Resuming copy at")) == (0, 2), result.err
    assert (tmp_path / "back").read_bytes() == content


async def test_a_port_is_forwarded(tmp_path: Path) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        writer.close()

    target = await asyncio.start_server(echo, "127.0.0.1", 0)
    remote = target.sockets[0].getsockname()[1]
    out = io.StringIO()
    async with node(tmp_path) as kubelet, api_front(kubelet) as (_, port):
        line = ["port-forward", "pod/web", f":{remote}", "--address=127.0.0.1", f"--server=http://127.0.0.1:{port}"]
        task = asyncio.create_task(execute(line, Streams(out, io.StringIO())))

        async def listening() -> bool:
            return "->" in out.getvalue()

        try:
            await eventually(listening)
            local = int(out.getvalue().split("127.0.0.1:")[1].split()[0])
            reader, writer = await asyncio.open_connection("127.0.0.1", local)
            writer.write(b"ping\n")
            assert await reader.readline() == b"ping\n"
            writer.close()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            target.close()
    assert f"-> {remote}\n" in out.getvalue()

"""Real kubectl, of several versions, against the kubelet's server: exec, terminal, exit codes, logs, port-forward."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import struct
import termios

import pytest

from tests import kubectls

from .node import api_front, node

CHOSEN = kubectls.some("1.27", "1.30", "1.33")
pytestmark = pytest.mark.skipif(not CHOSEN, reason="no kubectl on this machine")


@pytest.fixture(params=CHOSEN, ids=os.path.basename)
def kubectl(request):
    return request.param


async def opened(kubectl, port, *args, cwd="/"):
    """kubectl with pipes, left running."""
    return await asyncio.create_subprocess_exec(
        kubectl,
        f"--server=http://127.0.0.1:{port}",
        *args,
        env={"HOME": str(cwd), "PATH": os.environ["PATH"], "KUBECONFIG": "/dev/null"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def run(kubectl, port, *args, stdin=None, cwd="/"):
    process = await opened(kubectl, port, *args, cwd=cwd)
    try:
        async with asyncio.timeout(30):
            out, err = await process.communicate(stdin)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    return process.returncode, out.decode(), err.decode()


async def test_exec_returns_output_and_exit_code(kubectl, tmp_path):
    async with node(tmp_path) as kubelet, api_front(kubelet) as (_, port):
        script = "echo out; echo err >&2; exit 3"
        code, out, err = await run(kubectl, port, "exec", "web", "--", "sh", "-c", script, cwd=tmp_path)
    assert (code, out) == (3, "out\n")
    assert "err\n" in err
    assert "nknown stream" not in err
    assert "command terminated with exit code 3" in err


async def test_exec_passes_stdin_and_its_end(kubectl, tmp_path):
    data = b"line\n" * 20_000
    async with node(tmp_path) as kubelet, api_front(kubelet) as (_, port):
        code, out, err = await run(kubectl, port, "exec", "-i", "web", "--", "wc", "-c", stdin=data, cwd=tmp_path)
    assert (code, out.strip()) == (0, str(len(data))), err


async def test_exec_in_a_missing_container_says_so(kubectl, tmp_path):
    async with node(tmp_path) as kubelet, api_front(kubelet) as (_, port):
        kubelet.runtime.handles.clear()
        code, _, err = await run(kubectl, port, "exec", "web", "--", "true", cwd=tmp_path)
    assert code == 1
    assert 'container not found ("main")' in err


async def test_logs_are_read_and_followed_to_the_end(kubectl, tmp_path):
    async with node(tmp_path) as kubelet, api_front(kubelet) as (_, port):
        kubelet.log.write_text(
            "2030-01-01T00:00:00.1Z stdout F one\n2030-01-01T00:00:01Z stdout P tw\n2030-01-01T00:00:02Z stdout F o\n"
        )
        assert await run(kubectl, port, "logs", "web", cwd=tmp_path) == (0, "one\ntwo\n", "")
        following = await opened(kubectl, port, "logs", "-f", "web", cwd=tmp_path)
        async with asyncio.timeout(30):
            assert [await following.stdout.readline() for _ in range(2)] == [b"one\n", b"two\n"]
            with kubelet.log.open("a") as log:
                log.write("2030-01-01T00:00:03Z stderr F three\n")
            kubelet.pods.pods["web"].status.containerStatuses[0].state.running = None
            assert await following.communicate() == (b"three\n", b"")
    assert following.returncode == 0


async def test_port_forward_carries_connections(kubectl, tmp_path):
    async def upper(reader, writer):
        writer.write((await reader.readline()).upper())
        await writer.drain()
        writer.close()

    target = await asyncio.start_server(upper, "127.0.0.1", 0)
    remote = target.sockets[0].getsockname()[1]
    async with node(tmp_path) as kubelet, api_front(kubelet) as (front, port):
        process = await asyncio.create_subprocess_exec(
            kubectl,
            f"--server=http://127.0.0.1:{port}",
            "port-forward",
            "web",
            f":{remote}",
            env={"HOME": str(tmp_path), "PATH": os.environ["PATH"], "KUBECONFIG": "/dev/null"},
            stdout=-1,
        )
        try:
            async with asyncio.timeout(20):
                line = (await process.stdout.readline()).decode()
                local = int(line.split(" -> ")[0].rpartition(":")[2])
                for word in (b"first\n", b"second\n"):
                    reader, writer = await asyncio.open_connection("127.0.0.1", local)
                    writer.write(word)
                    assert await reader.read() == word.upper()
                    writer.close()
        finally:
            process.terminate()
            await process.wait()
    target.close()
    assert front.requests


@pytest.mark.parametrize(("version", "transport"), [("1.27", "SPDY/3.1"), ("1.33", "websocket v5.channel.k8s.io")])
async def test_each_version_uses_its_own_transport(version, transport, tmp_path):
    kubectl = kubectls.find(version)
    if kubectl is None:
        pytest.skip(f"no kubectl {version}")
    async with node(tmp_path) as kubelet, api_front(kubelet) as (front, port):
        assert (await run(kubectl, port, "exec", "web", "--", "true", cwd=tmp_path))[0] == 0
    assert any(transport in request for request in front.requests)


async def test_a_terminal_has_the_size_of_the_users(kubectl, tmp_path):
    async with node(tmp_path) as kubelet, api_front(kubelet) as (_, port):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        # The size travels beside the command's start: the command waits for it, as users' shells do by a signal.
        script = 'while [ "$(stty size)" = "0 0" ]; do sleep 0.05; done; stty size; exit 5'
        process = await asyncio.create_subprocess_exec(
            *(kubectl, f"--server=http://127.0.0.1:{port}", "exec", "-it", "web", "--", "sh", "-c", script),
            env={"HOME": str(tmp_path), "PATH": os.environ["PATH"], "KUBECONFIG": "/dev/null", "TERM": "xterm"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        reading = asyncio.create_task(_everything(master))
        async with asyncio.timeout(30):
            code = await process.wait()
            shown = await reading
        os.close(master)
    assert "40 100" in shown
    assert code == 5


async def _everything(master):
    out = b""
    with contextlib.suppress(OSError):
        while data := await asyncio.to_thread(os.read, master, 4096):
            out += data
    return out.decode()

"""The kubelet's server and the dialling client together: TLS, refusals, logs, exec by both transports, identity."""

from __future__ import annotations

import asyncio
import json
import ssl

import pytest

from kubelite.machinery.errors import StatusError
from kubelite.streaming import dial, remotecommand
from kubelite.streaming.dial import PlainConnection
from kubelite.streaming.portforward import PortForwarder
from kubelite.util import tls

from .conftest import socket_pair
from .node import get, node, pod_of, unverified

LOG = """\
2030-01-01T00:00:00.1Z stdout F one
2030-01-01T00:00:01.000000001Z stderr F two
2030-01-01T00:00:02Z stdout P thr
2030-01-01T00:00:02.5Z stdout F ee
2030-01-01T00:00:03Z stdout F four
"""


def opener(port):
    async def connect():
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=unverified())
        return PlainConnection(reader, writer, "n1")

    return connect


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", b"one\ntwo\nthree\nfour\n"),
        ("tailLines=1", b"four\n"),
        ("tailLines=0", b""),
        ("tailLines=99", b"one\ntwo\nthree\nfour\n"),
        ("limitBytes=5", b"one\nt"),
        ("sinceTime=2030-01-01T00:00:02Z", b"three\nfour\n"),
        ("stream=Stderr", b"two\n"),
        ("timestamps=true&tailLines=1", b"2030-01-01T00:00:03Z four\n"),
        (
            "timestamps=true&stream=Stdout&limitBytes=60",
            b"2030-01-01T00:00:00.1Z one\n2030-01-01T00:00:02Z three\n2030-0",
        ),
    ],
)
async def test_logs_by_their_options(query, expected, tmp_path):
    async with node(tmp_path) as kubelet:
        kubelet.log.write_text(LOG)
        assert await get(kubelet.port, f"/containerLogs/default/web/main?{query}") == (200, expected)


WAITING = {"state": {"waiting": {"reason": "ContainerCreating"}}, "containerID": ""}
BACKOFF = {"state": {"waiting": {"reason": "ImagePullBackOff"}}, "containerID": ""}


@pytest.mark.parametrize(
    ("status", "path", "answer"),
    [
        ({}, "default/gone/main", (404, b'pod "gone" does not exist\n')),
        ({}, "default/web/other", (404, b'container "other" not found in pod "web"\n')),
        (WAITING, "default/web/main", (400, b'container "main" in pod "web" is waiting to start: ContainerCreating\n')),
        (
            BACKOFF,
            "default/web/main",
            (400, b'container "main" in pod "web" is waiting to start: trying and failing to pull image\n'),
        ),
        ({}, "default/web/main?previous=true", (400, b'previous terminated container "main" in pod "web" not found\n')),
        (
            {},
            "default/web/main?tailLines=-2",
            (422, b"tailLines: Invalid value: -2: must be greater than or equal to 0\n"),
        ),
    ],
)
async def test_logs_that_cannot_be_had_say_why(status, path, answer, tmp_path):
    async with node(tmp_path, pod_of(**status)) as kubelet:
        assert await get(kubelet.port, f"/containerLogs/{path}") == answer


async def test_a_followed_log_survives_rotation(tmp_path):
    async with node(tmp_path) as kubelet:
        kubelet.log.write_text("2030-01-01T00:00:00Z stdout F one\n")
        reader, writer = await asyncio.open_connection("127.0.0.1", kubelet.port, ssl=unverified())
        path = "/containerLogs/default/web/main?follow=true"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: n1\r\nConnection: close\r\n\r\n".encode())
        async with asyncio.timeout(20):
            await reader.readuntil(b"one\n")
            kubelet.log.rename(tmp_path / "0.log.aside")
            kubelet.log.write_text("2030-01-01T00:00:01Z stdout F two\n")
            assert b"one" not in await reader.readuntil(b"two\n")
            kubelet.pods.pods["web"].status.containerStatuses[0].state.running = None
            assert await reader.read() == b"\r\n0\r\n\r\n"
        writer.close()


@pytest.mark.parametrize("websocket", [True, False], ids=["websocket", "spdy"])
async def test_exec_by_the_own_client(websocket, tmp_path):
    out, err = bytearray(), bytearray()

    async def to_out(data):
        out.extend(data)

    async def to_err(data):
        err.extend(data)

    async with node(tmp_path) as kubelet:
        options = remotecommand.Options(stdout=True, stderr=True)
        target = "/exec/default/web/main?command=sh&command=-c&command=echo+o;echo+e+>%262;exit+9&output=1&error=1"
        streams = await dial.command(opener(kubelet.port), target, options, websocket=websocket)
        with pytest.raises(remotecommand.CommandFailed) as caught:
            await remotecommand.run(streams, stdout=to_out, stderr=to_err)
    assert (bytes(out), bytes(err), caught.value.exit_code) == (b"o\n", b"e\n", 9)


async def test_exec_into_nothing_is_refused_with_the_servers_words(tmp_path):
    async with node(tmp_path) as kubelet:
        kubelet.runtime.handles.clear()
        with pytest.raises(StatusError, match=r'unable to upgrade connection: container not found \("main"\)'):
            await dial.command(
                opener(kubelet.port), "/exec/default/web/main?command=true&output=1", remotecommand.Options(stdout=True)
            )


async def test_exec_without_streams_or_upgrade_is_a_bad_request(tmp_path):
    async with node(tmp_path) as kubelet:
        assert (await get(kubelet.port, "/exec/default/web/main?command=true&output=1"))[0] == 400


@pytest.mark.parametrize("websocket", [True, False], ids=["tunnel", "spdy"])
async def test_port_forward_by_the_own_client(websocket, tmp_path):
    async def upper(reader, writer):
        writer.write((await reader.readline()).upper())
        await writer.drain()
        writer.close()

    target = await asyncio.start_server(upper, "127.0.0.1", 0)
    async with node(tmp_path) as kubelet:
        session = await dial.port_forward(opener(kubelet.port), "/portForward/default/web", websocket=websocket)
        async with socket_pair() as (local, user):
            forwarding = asyncio.create_task(PortForwarder(session).forward(target.sockets[0].getsockname()[1], local))
            await user.write(b"hello\n")
            assert await user.read() == b"HELLO\n"
            await forwarding
        await session.close()
    target.close()


async def test_health_pods_settings_and_metrics(tmp_path):
    async with node(tmp_path) as kubelet:
        assert await get(kubelet.port, "/healthz") == (200, b"ok")
        listed = json.loads((await get(kubelet.port, "/pods"))[1])
        assert [pod["metadata"]["name"] for pod in listed["items"]] == ["web"]
        assert b"kubelet_running_pods 1" in (await get(kubelet.port, "/metrics"))[1]
        assert json.loads((await get(kubelet.port, "/configz"))[1])["kubeletconfig"]["address"] == "127.0.0.1"
        assert (await get(kubelet.port, "/nothing"))[0] == 404
        assert (await get(kubelet.port, "/pods", method="DELETE"))[0] == 405


async def test_strangers_are_refused_and_masters_are_let_in(tmp_path):
    authority = tls.Authority.create("test-ca")
    ca, cert = tmp_path / "ca.crt", tmp_path / "client.pem"
    ca.write_bytes(authority.pair.certificate)
    pair = authority.issue_client("apiserver", ["system:masters"])
    cert.write_bytes(pair.certificate + pair.key)
    async with node(tmp_path, authorization_mode="Webhook", anonymous_auth=False, client_ca_file=str(ca)) as kubelet:
        assert await get(kubelet.port, "/pods") == (401, b"Unauthorized\n")
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.load_cert_chain(cert)
        reader, writer = await asyncio.open_connection("127.0.0.1", kubelet.port, ssl=context)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: n1\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        writer.close()


@pytest.mark.parametrize("garbage", [b"\0\1\2\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nbad header\r\n\r\n"])
async def test_garbage_is_a_bad_request_and_the_server_lives(garbage, tmp_path):
    async with node(tmp_path) as kubelet:
        reader, writer = await asyncio.open_connection("127.0.0.1", kubelet.port, ssl=unverified())
        writer.write(garbage)
        assert (await reader.read()).startswith(b"HTTP/1.1 400")
        writer.close()
        assert (await get(kubelet.port, "/healthz"))[0] == 200

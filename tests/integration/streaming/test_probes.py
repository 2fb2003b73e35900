"""Probes against real listeners and real commands: outcomes, events, thresholds, order, restarts of the kubelet."""

from __future__ import annotations

import asyncio
import contextlib
import time
from types import SimpleNamespace

import grpc
import grpc.aio
import pytest

from kubelite.api.types.core_v1 import Pod
from kubelite.kubelet import probes
from kubelite.kubelet.config import Config
from kubelite.kubelet.interfaces import FAILURE, SUCCESS, UNKNOWN, Context, ProbeTarget
from kubelite.machinery import codec

from .node import LocalRuntime


class World:
    """A probe manager, what it recorded and whom it woke."""

    def __init__(self):
        self.events = []
        self.woken = asyncio.Queue()
        recorder = SimpleNamespace(
            event=lambda kind, obj, type_, reason, text, where="": self.events.append((reason, text, where))
        )
        self.context = Context(
            Config(),
            "n1",
            SimpleNamespace(),
            recorder,
            LocalRuntime(),
            SimpleNamespace(),
            lambda: None,
            self.woken.put_nowait,
        )
        self.manager = probes.build(self.context)

    def sync(self, pod, container_id="c1", started=None):
        container = pod.spec.containers[0]
        self.manager.sync(pod, "127.0.0.1", [ProbeTarget(container, container_id, True, started or time.time())])

    def result(self, kind, container_id="c1"):
        return self.manager.result("u", "main", container_id, kind)

    async def woke(self):
        async with asyncio.timeout(10):
            return await self.woken.get()


@pytest.fixture
async def world():
    made = World()
    yield made
    made.manager.remove("u")


def pod(status=None, **probes_):
    container = {"name": "main", "ports": [{"name": "web", "containerPort": 1}]} | probes_
    statuses = [{"name": "main", "containerID": "containerd://c1", "state": {}} | status] if status else []
    body = {
        "metadata": {"name": "p", "namespace": "ns", "uid": "u"},
        "spec": {"containers": [container]},
        "status": {"containerStatuses": statuses},
    }
    return codec.convert(body, Pod)


@contextlib.asynccontextmanager
async def http(status="200 OK", headers="", requests=None):
    async def answer(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        if requests is not None:
            requests.append(head.decode())
        writer.write(f"HTTP/1.1 {status}\r\n{headers}Content-Length: 2\r\n\r\nok".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def once(action, **more):
    return {"failureThreshold": 1, "periodSeconds": 1} | action | more


async def test_a_good_answer_makes_the_container_ready(world):
    requests = []
    async with http(requests=requests) as port:
        action = {"httpGet": {"port": port, "path": "/health?x=1", "httpHeaders": [{"name": "X-A", "value": "b"}]}}
        world.sync(pod(readinessProbe=once(action)))
        assert world.result("readiness") == FAILURE
        assert await world.woke() == "u"
    assert world.result("readiness") == SUCCESS
    assert requests[0].startswith("GET /health?x=1 HTTP/1.1\r\n")
    assert "X-A: b\r\n" in requests[0]
    assert "User-Agent: kube-probe/1.36\r\n" in requests[0]
    assert world.events == []


async def test_a_bad_answer_kills_at_the_threshold_and_is_told(world):
    async with http("500 Internal Server Error") as port:
        world.sync(pod(livenessProbe=once({"httpGet": {"port": port}})))
        assert world.result("liveness") == SUCCESS
        await world.woke()
    assert world.result("liveness") == FAILURE
    text = "Liveness probe failed: HTTP probe failed with statuscode: 500"
    assert world.events == [("Unhealthy", text, "spec.containers{main}")]


async def test_redirects_inside_are_followed_and_others_warn(world):
    async with http() as good, http("302 Found", f"Location: http://127.0.0.1:{good}/\r\n") as inside:
        world.sync(pod(readinessProbe=once({"httpGet": {"port": inside}})))
        await world.woke()
        assert (world.result("readiness"), world.events) == (SUCCESS, [])
        world.manager.remove("u")
    async with http("302 Found", "Location: http://elsewhere.example/\r\n") as outside:
        world.sync(pod(readinessProbe=once({"httpGet": {"port": outside}})))
        await world.woke()
    assert world.result("readiness") == SUCCESS
    assert world.events[0][:2] == (
        "ProbeWarning",
        "Readiness probe warning: Probe terminated redirects, Response body: ok",
    )


@pytest.mark.parametrize(
    "headers", ["Content-Length: 2\r\n\r\nok", "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "\r\n"]
)
async def test_a_server_that_keeps_the_connection_is_healthy(world, headers):
    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 " + (b"204 No Content\r\n" if headers == "\r\n" else b"200 OK\r\n") + headers.encode())
        await reader.read()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    world.sync(pod(readinessProbe=once({"httpGet": {"port": server.sockets[0].getsockname()[1]}})))
    await world.woke()
    assert (world.result("readiness"), world.events) == (SUCCESS, [])
    server.close()


async def refused_port():
    server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


@pytest.mark.parametrize(
    ("action", "text"),
    [
        ({"tcpSocket": {"port": "PORT"}}, "dial tcp 127.0.0.1:PORT: connect: connection refused"),
        (
            {"httpGet": {"port": "PORT"}},
            'Get "http://127.0.0.1:PORT/": dial tcp 127.0.0.1:PORT: connect: connection refused',
        ),
        ({"exec": {"command": ["sh", "-c", "echo no; exit 2"]}}, "no\n"),
        ({"exec": {"command": ["sleep", "9"]}, "timeoutSeconds": 1}, 'command timed out: "sleep 9" timed out after 1s'),
    ],
    ids=["tcp", "http", "exec", "timeout"],
)
async def test_failures_are_worded_as_upstream(world, action, text):
    port = await refused_port()
    for value in action.values():
        if isinstance(value, dict) and "port" in value:
            value["port"] = port
    world.sync(pod(livenessProbe=once(action)))
    await world.woke()
    assert world.events[0][1] == "Liveness probe failed: " + text.replace("PORT", str(port))


async def test_an_unknown_named_port_is_an_error_not_a_failure(world):
    world.sync(pod(livenessProbe=once({"tcpSocket": {"port": "nope"}})))
    async with asyncio.timeout(5):
        while not world.events:  # noqa: ASYNC110 - errors wake nobody
            await asyncio.sleep(0.01)
    assert (
        world.events[0][1]
        == 'Liveness probe errored and resulted in unknown state: strconv.Atoi: parsing "nope": invalid syntax'
    )
    assert world.result("liveness") == SUCCESS


@pytest.mark.parametrize(
    ("answer", "result", "text"),
    [
        (b"\x08\x01", SUCCESS, None),
        (b"\x08\x02", FAILURE, 'Startup probe failed: service unhealthy (responded with "NOT_SERVING")'),
    ],
)
async def test_grpc_health_is_asked_by_service(world, answer, result, text):
    asked = []

    async def check(request, _context):
        asked.append(request)
        return answer

    server = grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(check)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": handler})])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    world.sync(pod(startupProbe=once({"grpc": {"port": port, "service": "db"}})))
    assert world.result("startup") == UNKNOWN
    await world.woke()
    await server.stop(None)
    assert asked[0] == b"\x0a\x02db"
    assert world.result("startup") == result
    assert [event[1] for event in world.events] == ([text] if text else [])


async def test_readiness_waits_for_startup(world, tmp_path):
    flag = tmp_path / "started"
    startup = once({"exec": {"command": ["test", "-e", str(flag)]}}, failureThreshold=100)
    ready = once({"exec": {"command": ["true"]}})
    world.sync(pod(startupProbe=startup, readinessProbe=ready))
    await asyncio.sleep(0.3)
    assert (world.result("startup"), world.result("readiness")) == (UNKNOWN, FAILURE)
    flag.touch()
    await world.woke()
    assert world.result("startup") == SUCCESS
    await world.woke()
    assert world.result("readiness") == SUCCESS


async def test_what_was_ready_stays_ready_over_a_restart_of_the_kubelet(world):
    slow = once({"exec": {"command": ["true"]}}, initialDelaySeconds=600)
    it = pod({"ready": True, "started": True}, startupProbe=slow, readinessProbe=slow)
    world.sync(it)
    assert (world.result("startup"), world.result("readiness")) == (SUCCESS, SUCCESS)


async def test_a_new_container_starts_afresh(world):
    slow = once({"exec": {"command": ["true"]}}, initialDelaySeconds=600)
    world.sync(pod({"ready": True, "started": True}, readinessProbe=slow))
    world.sync(pod({"ready": True, "started": True}, readinessProbe=slow), container_id="c2")
    assert world.result("readiness") is None
    assert world.result("readiness", "c2") == FAILURE


async def test_a_pod_that_is_stopped_is_no_longer_killed(world):
    world.sync(pod(livenessProbe=once({"exec": {"command": ["false"]}}, initialDelaySeconds=1)))
    world.manager.terminating("u")
    await asyncio.sleep(1.2)
    assert world.result("liveness") == SUCCESS
    assert world.events == []

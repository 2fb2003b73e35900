"""Requests through the server to pods, services and nodes, with every verb.

Conformance: "Proxy version v1 A set of valid responses are returned for both pod and service Proxy", "... ProxyWithPath",
"should proxy through a service and a pod".
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from kubelite.apiserver.bootstrap import masters
from tests.apienv import ADMIN_TOKEN, ApiEnv
from tests.integration.apiserver_security.conftest import put_pod

SERVICES = "/api/v1/namespaces/default/services"
PODS = "/api/v1/namespaces/default/pods"
VERBS = ("DELETE", "OPTIONS", "PATCH", "POST", "PUT")


class Web:
    """A web server that says what it was asked, at an address that is not loopback."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.port = 0
        self.heads: list[str] = []

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, self.address, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                self.heads.append(head)
                method, target = head.split(" ")[:2]
                length = head.lower().partition("content-length: ")[2].partition("\r\n")[0]
                sent = (await reader.readexactly(int(length or 0))).decode()
                if "upgrade: echo" in head.lower():
                    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
                    writer.write((await reader.readexactly(5)).upper())
                    return
                location = target.partition("?to=")[2]
                if location:
                    writer.write(f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())
                    continue
                body = json.dumps({"Method": method, "target": target, "sent": sent}).encode()
                more = b"Access-Control-Allow-Origin: *\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
                writer.write(b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n" % (more, len(body)))
                writer.write(b"" if method == "HEAD" else body)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


@pytest.fixture
async def web(api: ApiEnv) -> AsyncIterator[Web]:
    """A pod `web` with a named port and a service `web` in front of it."""
    address = masters.advertised("", "0.0.0.0")
    if address.startswith("127."):
        pytest.skip("this machine has no address but loopback, which is not proxied to")
    found = Web(address)
    await found.start()
    await put_pod(api, 1)
    status = {"status": {"podIP": address, "podIPs": [{"ip": address}]}}
    assert (await api.patch(f"{PODS}/web/status", status)).status == 200
    ports = [{"name": "portname1", "port": 80, "targetPort": 8080}, {"name": "tls", "port": 443}]
    assert (await api.post(SERVICES, {"metadata": {"name": "web"}, "spec": {"ports": ports}})).status == 201
    assert (await put_slice(api, found, {"kind": "Pod", "namespace": "default", "name": "web"})).status == 201
    yield found
    found.stop()


async def put_slice(api: ApiEnv, web: Web, target: Any) -> Any:
    endpoint = {"addresses": [web.address], "targetRef": target}
    slice_ = {
        "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "ports": [{"name": "portname1", "port": web.port}],
        "endpoints": [endpoint],
    }
    return await api.post("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", slice_)


def places(web: Web) -> tuple[str, ...]:
    return (
        f"{PODS}/web:{web.port}",
        f"{PODS}/http:web:{web.port}",
        f"{SERVICES}/web:80",
        f"{SERVICES}/web:portname1",
        f"{SERVICES}/http:web:portname1",
    )


async def test_every_verb_reaches_pods_and_services_with_path_and_query(api: ApiEnv, web: Web) -> None:
    for place in places(web):
        for verb in VERBS:
            body = b"sent" if verb != "OPTIONS" else None
            answer = await api.request(verb, f"{place}/proxy/some/path/with/{verb}?method={verb}&x=%2F", body)
            assert answer.json() == {
                "Method": verb,
                "target": f"/some/path/with/{verb}?method={verb}&x=%2F",
                "sent": "sent" if body else "",
            }
            assert (await api.request(verb, f"{place}/proxy?method={verb}")).json()["target"] == f"/?method={verb}"


async def test_get_and_head_without_a_path_are_led_to_the_root(api: ApiEnv, web: Web) -> None:
    for verb in ("GET", "HEAD"):
        answer = await api.request(verb, f"{PODS}/web:{web.port}/proxy?method={verb}")
        assert (answer.status, answer.headers["location"]) == (301, f"{PODS}/web:{web.port}/proxy/?method={verb}")
    assert web.heads == []
    assert (await api.request("HEAD", f"{PODS}/web:{web.port}/proxy/")).status == 200


async def test_escapes_of_the_path_arrive_as_they_were_sent(api: ApiEnv, web: Web) -> None:
    answer = await api.get(f"{PODS}/web:{web.port}/proxy/a%2Fb/%25/c%20d")
    assert answer.json()["target"] == "/a%2Fb/%25/c%20d"


async def test_credentials_stay_here_and_answers_lose_what_would_open_them_to_other_sites(
    api: ApiEnv, web: Web
) -> None:
    answer = await api.get(f"{SERVICES}/web:80/proxy/x", headers={"X-Own": "1"})
    assert ADMIN_TOKEN not in web.heads[0] and "X-Own: 1" in web.heads[0]
    assert f"X-Forwarded-Uri: {SERVICES}/web:80/proxy/x" in web.heads[0]
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["set-cookie"] == "a=1, b=2"


@pytest.mark.parametrize(
    ("to", "location"),
    [
        ("/b/", "{proxy}/b/"),
        ("c?x=1", "{proxy}/dir/c?x=1"),
        ("http://{host}/d", "{proxy}/d"),
        ("https://example.com/e", "https://example.com/e"),
        ("{proxy}/f", "{proxy}/f"),
    ],
)
async def test_redirects_are_led_through_the_proxy(api: ApiEnv, web: Web, to: str, location: str) -> None:
    proxy = f"{PODS}/web:{web.port}/proxy"
    names = {"proxy": proxy, "host": f"{web.address}:{web.port}"}
    answer = await api.get(f"{proxy}/dir/a?to={to.format(**names)}")
    assert (answer.status, answer.headers["location"]) == (302, location.format(**names))


async def test_upgrades_pass_through_to_pods(api: ApiEnv, web: Web) -> None:
    reader, writer = await api.connect()
    head = f"GET {PODS}/web:{web.port}/proxy/ws HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADMIN_TOKEN}\r\n"
    writer.write(f"{head}Connection: Upgrade\r\nUpgrade: echo\r\n\r\n".encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    writer.write(b"hello")
    assert await reader.readexactly(5) == b"HELLO"
    assert web.heads[0].startswith("GET /ws HTTP/1.1\r\n") and ADMIN_TOKEN not in web.heads[0]
    writer.close()


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("services/web:8081", 503, 'no service port 8081 found for service "web"'),
        ("services/web:tls", 503, 'no endpoints available for service "web:tls"'),
        ("services/ftp:web:80", 400, 'invalid service request "ftp:web:80"'),
        ("services/none:80", 404, 'services "none" not found'),
        ("pods/a:b:c:d", 400, 'invalid pod request "a:b:c:d"'),
        ("pods/web:nothing", 503, "error trying to reach service: dial tcp: lookup tcp/nothing: unknown port"),
        ("pods/web:1", 503, "error trying to reach service: dial tcp {address}:1: connect: connection refused"),
    ],
)
async def test_what_cannot_be_reached_is_said(api: ApiEnv, web: Web, name: str, code: int, message: str) -> None:
    answer = await api.get(f"/api/v1/namespaces/default/{name}/proxy/")
    assert (answer.status, answer.json()["message"]) == (code, message.format(address=web.address))


@pytest.mark.parametrize("target", [None, {"kind": "Pod", "namespace": "default", "name": "other"}])
async def test_endpoints_that_are_no_pods_of_the_namespace_are_not_led_to(api: ApiEnv, web: Web, target: Any) -> None:
    await api.delete("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/web-1")
    assert (await put_slice(api, web, target)).status == 201
    answer = await api.get(f"{SERVICES}/web:80/proxy/")
    assert (answer.status, answer.json()["message"]) == (503, 'no endpoints available for service "web:80"')


async def test_another_port_of_a_node_is_reached_by_the_scheme_that_was_asked_for(api: ApiEnv, web: Web) -> None:
    node = {"metadata": {"name": "n2"}, "status": {"addresses": [{"type": "InternalIP", "address": web.address}]}}
    assert (await api.post("/api/v1/nodes", node)).status == 201
    assert (await api.patch("/api/v1/nodes/n2/status", {"status": node["status"]})).status == 200
    answer = await api.get(f"/api/v1/nodes/http:n2:{web.port}/proxy/metrics?a=1")
    assert answer.json() == {"Method": "GET", "target": "/metrics?a=1", "sent": ""}
    assert (await api.get("/api/v1/nodes/n2:x/proxy/")).status == 503

"""Requests for an extension API server: who is let in, what arrives, what comes back.

Conformance: "Aggregator Should be able to support the 1.17 Sample API Server using the current Aggregator".
"""

from __future__ import annotations

import json
import pathlib

from tests.apienv import ApiEnv
from tests.integration.aggregation.conftest import NAME, PATH, api_service, condition, server_beside
from tests.integration.aggregation.extension import GROUP, ROOT, VERSION, Extension

FLUNDERS = f"{ROOT}/namespaces/default/flunders"
USER = {
    "impersonate-user": "jane",
    "impersonate-group": "system:masters",
    "impersonate-extra-acme.com%2fproject": "some-project",
}


async def test_objects_of_a_sample_api_server_are_created_listed_and_deleted(api: ApiEnv, extension: Extension) -> None:
    made = await api.post(FLUNDERS, {"metadata": {"name": "one"}})
    assert (made.status, made.headers["x-served-by"]) == (201, "wardle")
    assert [one["metadata"]["name"] for one in (await api.get(FLUNDERS)).json()["items"]] == ["one"]
    assert (await api.delete(f"{FLUNDERS}/one")).status == 200
    assert (await api.get(f"{FLUNDERS}/one")).json() == {"kind": "Status", "code": 404}
    assert (await api.get(ROOT)).json()["groupVersion"] == "wardle.example.com/v1alpha1"


async def test_the_extension_server_learns_who_asks_from_headers_that_a_certificate_vouches_for(
    api: ApiEnv, extension: Extension
) -> None:
    claims = {"X-Remote-User": "root", "X-Remote-Group": "system:masters", "X-Remote-Extra-Scopes": "all"}
    await api.get(f"{FLUNDERS}/a%2Fb%20c", query={"q": "ä&b"}, headers={**USER, **claims, "X-Own": "kept"})
    seen = extension.last()
    assert seen.certificate == "front-proxy-client"
    assert seen.all("X-Remote-User") == ["jane"]
    assert seen.all("X-Remote-Group") == ["system:masters", "system:authenticated"]
    assert seen.all("X-Remote-Extra-acme.com%2Fproject") == ["some-project"]
    assert seen.all("X-Remote-Extra-Scopes") == [] == seen.all("Authorization") == seen.all("Impersonate-User")
    assert seen.target == f"{FLUNDERS}/a%2Fb%20c?q=%C3%A4%26b"
    assert (seen.all("X-Own"), seen.all("Host")) == (["kept"], ["wardle.default.svc"])
    assert len(seen.all("Audit-Id")) == 1


async def test_the_uid_of_the_user_is_sent_along(api: ApiEnv, extension: Extension) -> None:
    await api.get(FLUNDERS)
    assert (extension.last().all("X-Remote-User"), extension.last().all("X-Remote-Uid")) == (["admin"], ["admin-uid"])


async def test_who_may_not_is_refused_before_the_extension_server_is_asked(api: ApiEnv, extension: Extension) -> None:
    refused = await api.get(FLUNDERS, headers={"impersonate-user": "jane"})
    assert refused.status == 403
    assert 'flunders.wardle.example.com is forbidden: User "jane" cannot list resource' in refused.json()["message"]
    assert not any(one.all("X-Remote-User") == ["jane"] for one in extension.seen)


async def test_watches_are_passed_on_event_by_event(api: ApiEnv, extension: Extension) -> None:
    async with api.watch(FLUNDERS) as watch:
        await api.post(FLUNDERS, {"metadata": {"name": "one"}})
        assert (await watch.next())["object"]["metadata"]["name"] == "one"
        await api.post(FLUNDERS, {"metadata": {"name": "two"}})
        assert (await watch.next())["object"]["metadata"]["name"] == "two"


async def test_a_redirect_of_the_extension_server_is_not_passed_on(api: ApiEnv) -> None:
    answer = await api.get(f"{FLUNDERS}/elsewhere")
    assert answer.status == 502
    assert answer.body == b"the backend attempted to redirect this request, which is not permitted"


async def test_upgraded_connections_are_joined_in_both_directions(api: ApiEnv, extension: Extension) -> None:
    reader, writer = await api.connect()
    head = f"GET {FLUNDERS}/one/attach HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer admin-token-of-the-tests\r\n"
    writer.write(f"{head}Connection: Upgrade\r\nUpgrade: echo\r\n\r\n".encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    writer.write(b"hello")
    assert await reader.readexactly(5) == b"HELLO"
    assert extension.last().all("X-Remote-User") == ["admin"]
    assert extension.last().all("Authorization") == []
    writer.close()


async def test_a_body_that_the_client_does_not_read_is_not_gathered_here(api: ApiEnv, extension: Extension) -> None:
    reader, writer = await api.connect()
    head = f"GET {FLUNDERS}/endless HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer admin-token-of-the-tests\r\n\r\n"
    writer.write(head.encode())
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.pause_reading()  # type: ignore[attr-defined]  # a StreamWriter has a transport
    await extension.stuck.wait()
    assert 0 < extension.unread < 64 << 20
    writer.transport.abort()


async def test_an_unavailable_extension_server_costs_a_client_no_time(api: ApiEnv, extension: Extension) -> None:
    kind = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/wardle-1"
    assert (await api.delete(kind)).status == 200
    await condition(api, "EndpointsNotFound")
    answer = await api.get(FLUNDERS)
    assert (answer.status, answer.body) == (503, b"service unavailable\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


async def test_a_certificate_for_another_name_is_not_believed(extension: Extension, tmp_path: pathlib.Path) -> None:
    from tests.integration.aggregation.conftest import add_endpoints, add_service

    other = Extension(tmp_path / "other")
    other.directory.mkdir()
    await other.start("somebody.else.svc")
    try:
        async with server_beside(other) as api:
            await add_service(api)
            await add_endpoints(api, other.port)
            await api.post("/apis/apiregistration.k8s.io/v1/apiservices", api_service(other))
            failed = await condition(api, "FailedDiscoveryCheck", "Passed")
            assert failed["status"] == "False"
            assert f"failing or missing response from https://127.0.0.1:{other.port}{ROOT}" in failed["message"]
            skip = api_service(other, caBundle=None, insecureSkipTLSVerify=True)
            skip["metadata"]["resourceVersion"] = (await api.get(PATH)).json()["metadata"]["resourceVersion"]
            assert (await api.put(PATH, skip)).status == 200
            assert (await condition(api, "Passed"))["message"] == "all checks passed"
    finally:
        await other.stop()


async def test_the_group_version_ends_with_its_apiservice(api: ApiEnv) -> None:
    async with api.watch("/apis/apiregistration.k8s.io/v1/apiservices", fieldSelector=f"metadata.name={NAME}") as watch:
        await watch.next()
        assert (await api.delete(PATH)).status == 200
        assert (await watch.next())["type"] == "DELETED"
    assert (await api.get(FLUNDERS)).status == 404
    assert NAME not in json.dumps((await api.get("/apis")).json())


async def test_requests_to_an_extension_server_are_counted_under_their_resource(api: ApiEnv) -> None:
    flunders = f"{ROOT}/namespaces/default/flunders"
    assert (await api.get(flunders)).status == 200
    await api.get(f"{ROOT}/namespaces/default/nobody-has-this")
    text = (await api.get("/metrics")).body.decode()
    wanted = f'group="{GROUP}",version="{VERSION}",resource="flunders"'
    assert any(line.startswith("apiserver_request_total") and wanted in line for line in text.splitlines())
    assert "nobody-has-this" not in text

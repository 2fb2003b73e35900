"""The audit log through real requests: stages, levels, annotations; the file and a webhook over TLS."""

from __future__ import annotations

import asyncio
import json
import pathlib
import ssl
from typing import Any

import pytest
import yaml

from kubelite.util import tls
from tests.apienv import ADMIN_TOKEN, api_server

MAPS = "/api/v1/namespaces/default/configmaps"


def policy(folder: pathlib.Path, *rules: dict[str, Any], **more: Any) -> str:
    path = folder / "policy.yaml"
    path.write_text(yaml.safe_dump({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": list(rules), **more}))
    return str(path)


@pytest.fixture
def settings(tmp_path: pathlib.Path) -> dict[str, Any]:
    tokens = tmp_path / "tokens.csv"
    tokens.write_text(f"{ADMIN_TOKEN},admin,u1,system:masters\nt2,jane,u2,testers\n")
    return {"audit_log_path": str(tmp_path / "audit.log"), "token_auth_file": str(tokens)}


def events(settings: dict[str, Any], stage: str = "", verb: str = "") -> list[dict[str, Any]]:
    lines = pathlib.Path(settings["audit_log_path"]).read_text().splitlines()
    found = [json.loads(line) for line in lines]
    return [one for one in found if stage in ("", one["stage"]) and verb in ("", one["verb"])]


async def test_a_write_is_logged_with_who_what_and_the_decision(
    tmp_path: pathlib.Path, settings: dict[str, Any]
) -> None:
    rule = {
        "level": "RequestResponse",
        "resources": [{"group": "", "resources": ["configmaps"]}],
        "omitManagedFields": True,
    }
    async with api_server(audit_policy_file=policy(tmp_path, rule), **settings) as api:
        headers = {"audit-id": "my-own-id", "user-agent": "tester/1", "x-forwarded-for": "192.0.2.7"}
        reply = await api.post(MAPS, {"metadata": {"name": "a"}, "data": {"k": "v"}}, headers=headers)
        assert (reply.status, reply.headers["audit-id"]) == (201, "my-own-id")
        await api.get("/api/v1/namespaces")
    received, complete = events(settings)
    assert (received["stage"], complete["stage"]) == ("RequestReceived", "ResponseComplete")
    assert "requestObject" not in received and "responseStatus" not in received
    assert complete["auditID"] == "my-own-id" and complete["level"] == "RequestResponse"
    assert complete["user"]["username"] == "admin" and complete["sourceIPs"] == ["192.0.2.7", "127.0.0.1"]
    assert (complete["verb"], complete["requestURI"], complete["userAgent"]) == ("create", MAPS, "tester/1")
    assert complete["objectRef"] == {"resource": "configmaps", "namespace": "default", "name": "a", "apiVersion": "v1"}
    assert complete["responseStatus"] == {"metadata": {}, "code": 201}
    assert complete["requestObject"]["data"] == {"k": "v"}
    assert complete["responseObject"]["metadata"]["uid"]
    assert "managedFields" not in complete["responseObject"]["metadata"]
    assert complete["annotations"]["authorization.k8s.io/decision"] == "allow"


async def test_refusals_and_impersonation_are_logged(tmp_path: pathlib.Path, settings: dict[str, Any]) -> None:
    async with api_server(audit_policy_file=policy(tmp_path, {"level": "Metadata"}), **settings) as api:
        assert (await api.get(MAPS, headers={"impersonate-user": "jane"})).status == 403
        assert (await api.get(MAPS, token="wrong")).status == 401
    forbidden = next(one for one in events(settings, "ResponseComplete") if one["responseStatus"]["code"] == 403)
    assert forbidden["user"]["username"] == "admin" and forbidden["impersonatedUser"]["username"] == "jane"
    assert forbidden["annotations"]["authorization.k8s.io/decision"] == "forbid"
    assert forbidden["responseStatus"]["reason"] == "Forbidden"
    assert "requestObject" not in forbidden and "responseObject" not in forbidden
    unknown = next(one for one in events(settings, "ResponseComplete") if one["responseStatus"]["code"] == 401)
    assert unknown["user"] == {}


async def test_a_watch_is_complete_when_it_ends(tmp_path: pathlib.Path, settings: dict[str, Any]) -> None:
    async with api_server(audit_policy_file=policy(tmp_path, {"level": "Metadata"}), **settings) as api:
        async with api.watch(MAPS, timeoutSeconds=30):
            assert events(settings, "ResponseStarted", "watch")
            assert not events(settings, "ResponseComplete", "watch")
        for _ in range(100):
            if events(settings, "ResponseComplete", "watch"):
                break
            await asyncio.sleep(0.02)
        assert len(events(settings, "ResponseComplete", "watch")) == 1


async def test_stages_are_left_out_as_the_policy_says(tmp_path: pathlib.Path, settings: dict[str, Any]) -> None:
    rules = policy(tmp_path, {"level": "Metadata"}, omitStages=["RequestReceived"])
    async with api_server(audit_policy_file=rules, **settings) as api:
        await api.get(MAPS)
    assert {one["stage"] for one in events(settings)} == {"ResponseComplete"}


async def test_a_log_without_a_policy_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="need --audit-policy-file"):
        async with api_server(**settings):
            pass


class Sink:
    """A TLS server that takes audit events; `fail` answers come first."""

    def __init__(self, fail: int = 0) -> None:
        self.fail, self.items, self.posts = fail, [], 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
                document = json.loads(await reader.readexactly(length))
                self.posts += 1
                assert "authorization: bearer sink-token" in head
                if self.posts > self.fail:
                    assert document["kind"] == "EventList"
                    self.items += document["items"]
                status = b"503 Busy" if self.posts <= self.fail else b"200 OK"
                writer.write(b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n" % status)
        except asyncio.IncompleteReadError:
            writer.close()


async def test_a_webhook_gets_batches_also_after_failures(tmp_path: pathlib.Path, settings: dict[str, Any]) -> None:
    authority = tls.Authority.load_or_create(tmp_path / "sink-ca.crt", tmp_path / "sink-ca.key", "sink-ca")
    pair = authority.issue_server("sink", ["127.0.0.1"])
    (tmp_path / "sink.crt").write_bytes(pair.certificate)
    (tmp_path / "sink.key").write_bytes(pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "sink.crt", tmp_path / "sink.key")
    sink = Sink(fail=1)
    server = await asyncio.start_server(sink.serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    kubeconfig = {
        "clusters": [
            {
                "name": "s",
                "cluster": {
                    "server": f"https://127.0.0.1:{port}/events",
                    "certificate-authority": str(tmp_path / "sink-ca.crt"),
                },
            }
        ],
        "users": [{"name": "u", "user": {"token": "sink-token"}}],
        "contexts": [{"name": "c", "context": {"cluster": "s", "user": "u"}}],
        "current-context": "c",
    }
    (tmp_path / "sink.yaml").write_text(yaml.safe_dump(kubeconfig))
    del settings["audit_log_path"]
    more = {
        "audit_policy_file": policy(tmp_path, {"level": "Metadata"}, omitStages=["RequestReceived"]),
        "audit_webhook_config_file": str(tmp_path / "sink.yaml"),
        "audit_webhook_batch_max_wait": "50ms",
        "audit_webhook_initial_backoff": "10ms",
    }
    async with api_server(**settings, **more) as api:
        for _ in range(3):
            await api.get(MAPS)
        for _ in range(200):
            if len(sink.items) >= 3:
                break
            await asyncio.sleep(0.02)
        assert len(sink.items) >= 3 and sink.posts >= 2
        await api.get("/version")
    server.close()
    assert any(one["requestURI"] == "/version" for one in sink.items), "what waits is sent when the server stops"


async def test_admission_can_annotate(tmp_path: pathlib.Path, settings: dict[str, Any]) -> None:
    """What a plugin puts in the annotations of its request is in the log."""
    async with api_server(audit_policy_file=policy(tmp_path, {"level": "Metadata"}), **settings) as api:
        inner = api.server.registry.admission
        api.server.registry.admission = Annotating(inner)
        assert (await api.post(MAPS, {"metadata": {"name": "a"}})).status == 201
    (complete,) = events(settings, "ResponseComplete", "create")
    assert complete["annotations"]["example.com/seen"] == "yes"


class Annotating:
    """An admission chain that leaves a note."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    async def mutate(self, request: Any) -> None:
        request.annotations["example.com/seen"] = "yes"
        await self.inner.mutate(request)

    async def validate(self, request: Any) -> None:
        await self.inner.validate(request)

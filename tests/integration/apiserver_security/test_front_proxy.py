"""Users by headers of an authenticating proxy, and certificates that change while the server runs."""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path
from typing import Any

import pytest

from kubelite.apiserver.bootstrap import masters
from kubelite.util import tls
from tests.apienv import ApiEnv, Reply, api_server, read_reply

WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


async def connect(api: ApiEnv, pair: tls.KeyPair, tmp_path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    file = tmp_path / "client.pem"
    file.write_bytes(pair.certificate + pair.key)
    context = ssl.create_default_context(cafile=api.ca_file)
    context.load_cert_chain(file)
    return await asyncio.open_connection("127.0.0.1", api.port, ssl=context)


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *headers: str) -> Reply:
    lines = "".join(f"{header}\r\n" for header in headers)
    writer.write(f"POST {WHO} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n{lines}\r\n{{}}".encode())
    return await read_reply(reader)


async def asked(api: ApiEnv, pair: tls.KeyPair, tmp_path: Path, *headers: str) -> tuple[int, Any]:
    reader, writer = await connect(api, pair, tmp_path)
    try:
        reply = await ask(reader, writer, *headers)
    finally:
        writer.close()
    return reply.status, json.loads(reply.body).get("status", {}).get("userInfo") if reply.status == 201 else None


async def test_only_the_allowed_proxy_is_believed(tmp_path: Path) -> None:
    proxies = tls.Authority.create("proxy-ca")
    (tmp_path / "proxy-ca.crt").write_bytes(proxies.pair.certificate)
    more: Any = {"requestheader_allowed_names": ("front",), "requestheader_uid_headers": ("X-Remote-Uid",)}
    async with api_server(tls=True, requestheader_client_ca_file=str(tmp_path / "proxy-ca.crt"), **more) as api:
        headers = ["X-Remote-User: jane", "X-Remote-Group: a,b", "X-Remote-Group: c", "X-Remote-Uid: 5"]
        headers.append("X-Remote-Extra-Acme.io%2fTeam: t")
        status, user = await asked(api, proxies.issue_client("front"), tmp_path, *headers)
        assert (status, user["username"], user["uid"]) == (201, "jane", "5")
        assert user["groups"] == ["a,b", "c", "system:authenticated"], "a name with a comma is one group"
        assert user["extra"] == {"acme.io/team": ["t"]}
        assert (await asked(api, proxies.issue_client("other"), tmp_path, *headers))[0] in (401, 403)
        clients = tls.Authority.load_or_create(api.directory / "ca.crt", api.directory / "ca.key", "")
        status, user = await asked(api, clients.issue_client("joe"), tmp_path, *headers)
        assert (status, user["username"]) == (201, "joe"), "a user's certificate does not make a proxy"


async def test_extension_servers_read_whom_to_trust(tmp_path: Path) -> None:
    proxies = tls.Authority.create("proxy-ca").pair.certificate.decode()
    (tmp_path / "proxy-ca.crt").write_text(proxies)
    async with api_server(tls=True, requestheader_client_ca_file=str(tmp_path / "proxy-ca.crt")) as api:
        found = await api.get("/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication")
        data = found.json()["data"]
        assert data["requestheader-client-ca-file"].strip() == proxies.strip()
        assert data["client-ca-file"].strip() == (api.directory / "ca.crt").read_text().strip()
        assert data["requestheader-username-headers"] == '["x-remote-user"]'


async def test_a_proxy_is_no_user_by_its_own_certificate(tmp_path: Path) -> None:
    proxies = tls.Authority.create("proxy-ca")
    (tmp_path / "proxy-ca.crt").write_bytes(proxies.pair.certificate)
    file = str(tmp_path / "proxy-ca.crt")
    async with api_server(tls=True, requestheader_client_ca_file=file, anonymous_auth=False) as api:
        assert (await asked(api, proxies.issue_client("boss", ["system:masters"]), tmp_path))[0] == 401


async def published(api: ApiEnv, admin: tls.KeyPair, tmp_path: Path) -> str:
    """The authorities that extension servers are told to trust."""
    reader, writer = await connect(api, admin, tmp_path)
    try:
        path = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return str((await read_reply(reader)).json()["data"]["client-ca-file"])
    finally:
        writer.close()


async def test_renewed_serving_certificates_and_authorities_count_without_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(masters, "RENEW_SECONDS", 0.2)
    async with api_server(tls=True) as api:
        old = tls.Authority.load_or_create(api.directory / "ca.crt", api.directory / "ca.key", "")
        jane = old.issue_client("jane")
        reader, writer = await connect(api, jane, tmp_path)
        assert (await ask(reader, writer)).status == 201
        fresh = tls.Authority.create("fresh-ca")
        pair = fresh.issue_server("kube-apiserver", ["127.0.0.1"])
        (api.directory / "server.key").write_bytes(pair.key)
        (api.directory / "server.crt").write_bytes(pair.certificate)
        (api.directory / "ca.crt").write_bytes(fresh.pair.certificate)
        async with asyncio.timeout(10):
            while (await ask(reader, writer)).status == 201:  # noqa: ASYNC110 - files are looked at now and then
                await asyncio.sleep(0.1)  # the open connection stays, its certificate stops counting
        writer.close()
        status, user = await asked(api, fresh.issue_client("joe"), tmp_path)
        assert (status, user["username"]) == (201, "joe")
        admin = fresh.issue_client("admin", ["system:masters"])
        async with asyncio.timeout(10):
            while fresh.pair.certificate.decode() not in await published(api, admin, tmp_path):  # noqa: ASYNC110
                await asyncio.sleep(0.1)  # extension servers learn of the new authority as well

"""The credentials of a new cluster, used against a real API server over TLS."""

from __future__ import annotations

import asyncio
import base64
import json
import pathlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from kubelite.apiserver.config import Config as ServerConfig
from kubelite.client.client import Client
from kubelite.client.config import load_kubeconfig
from kubelite.cmd.cluster import certificates, clusterinfo, processes
from kubelite.cmd.cluster.addons import dns_objects, ensure
from kubelite.cmd.cluster.api import AdminApi
from kubelite.cmd.cluster.config import Config, Paths
from kubelite.util import flags
from tests.apienv import ApiEnv, api_server
from tests.unit.cmd.cluster.places import relocate

CONFIG = Config(node_name="worker", node_ip="127.0.0.1")


@pytest.fixture(autouse=True)
def places(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    relocate(monkeypatch, tmp_path)
    certificates.issue_control_plane(CONFIG)


@asynccontextmanager
async def served() -> AsyncIterator[ApiEnv]:
    """A server with the new certificates; the kubeconfig files name its port."""
    pki = Paths.pki
    async with api_server(
        tls_cert_file=f"{pki}/apiserver.crt",
        tls_private_key_file=f"{pki}/apiserver.key",
        client_ca_file=f"{pki}/ca.crt",
        service_account_key_file=(f"{pki}/sa.pub",),
        service_account_signing_key_file=f"{pki}/sa.key",
    ) as api:
        for path in Paths.etc.glob("*.kubeconfig"):
            document = json.loads(path.read_text())
            document["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{api.port}"
            path.write_text(json.dumps(document))
        yield api


async def who(user: str) -> tuple[str, set[str]]:
    """Whom the server takes the holder of a kubeconfig for."""
    client = Client.from_config(load_kubeconfig(str(Paths.kubeconfig(user))), user_agent="test")
    try:
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        headers = {"Content-Type": "application/json"}
        reply = await client.request("POST", path, body=json.dumps(body).encode(), headers=headers)
        info = json.loads(reply.body)["status"]["userInfo"]
        return info["username"], set(info.get("groups", ())) - {"system:authenticated"}
    finally:
        await client.close()


async def test_every_component_is_who_its_kubeconfig_says() -> None:
    async with served():
        for name, (user, groups) in certificates.COMPONENT_USERS.items():
            assert await who(name) == (user, set(groups))
        assert await who("kubelet") == ("system:node:worker", {"system:nodes"})


async def test_the_admins_synchronous_calls_install_the_dns_service_and_follow_its_address() -> None:
    async with served():

        def work() -> list[tuple[int, Any]]:
            admin = AdminApi()
            assert admin.ready()
            for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
                ensure(admin, replace(CONFIG, node_ip=address))
            return [admin.call("GET", f"{path}/{body['metadata']['name']}") for path, body in dns_objects(CONFIG)]

        (_, service), (_, slice_) = await asyncio.to_thread(work)
        assert service["spec"]["clusterIP"] == CONFIG.cluster_dns
        assert slice_["endpoints"][0]["addresses"] == ["192.0.2.2"]


async def test_everybody_finds_the_cluster_and_its_authority_with_nothing_but_its_address() -> None:
    async with served() as api:

        def work() -> None:
            for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
                clusterinfo.ensure(AdminApi(), replace(CONFIG, node_ip=address))

        await asyncio.to_thread(work)
        api.ca_file = f"{Paths.pki}/ca.crt"
        found = await api.get("/api/v1/namespaces/kube-public/configmaps/cluster-info", token="")
        assert found.status == 200, found.body
        cluster = json.loads(found.json()["data"]["kubeconfig"])["clusters"][0]["cluster"]
        assert cluster["server"] == "https://192.0.2.2:6443"
        assert base64.b64decode(cluster["certificate-authority-data"]) == (Paths.pki / "ca.crt").read_bytes()
        assert (await api.get("/api/v1/namespaces/kube-public/configmaps", token="")).status in (401, 403)


def test_certificates_are_kept_until_the_address_changes() -> None:
    path = Paths.kubeconfig("admin")
    before, authority, key = path.read_bytes(), (Paths.pki / "ca.crt").read_bytes(), (Paths.pki / "sa.key").read_bytes()
    certificates.issue_control_plane(CONFIG)
    assert path.read_bytes() == before
    certificates.issue_control_plane(Config(node_name="worker", node_ip="127.0.0.2"))
    assert path.read_bytes() != before
    # What others trust, and what signed the tokens that are in use, stays.
    assert ((Paths.pki / "ca.crt").read_bytes(), (Paths.pki / "sa.key").read_bytes()) == (authority, key)


def test_secrets_are_for_their_owner_only() -> None:
    for path in (*Paths.pki.glob("*.key"), *Paths.etc.glob("*.kubeconfig")):
        assert path.stat().st_mode & 0o077 == 0, path


async def test_extension_servers_are_told_to_believe_the_front_proxy_of_the_cluster() -> None:
    argv = next(one for one in processes.wanted(CONFIG) if one.name == "apiserver").argv[4:]
    wanted: Any = flags.parse(ServerConfig, argv, program="kubelite apiserver", description="")
    names = [field for field in wanted.__dataclass_fields__ if field.startswith(("requestheader_", "proxy_client_"))]
    async with api_server(tls=True, **{name: getattr(wanted, name) for name in names}) as api:
        data = (await api.get("/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication")).json()[
            "data"
        ]
    assert data["requestheader-allowed-names"] == '["front-proxy-client"]'
    assert data["requestheader-uid-headers"] == '["X-Remote-Uid"]'
    context = ssl.create_default_context(cadata=data["requestheader-client-ca-file"])
    assert [dict(pair for part in one["subject"] for pair in part)["commonName"] for one in context.get_ca_certs()] == [  # type: ignore[index]
        "kubelite-front-proxy-ca"
    ]
    context.load_cert_chain(wanted.proxy_client_cert_file, wanted.proxy_client_key_file)

"""The Lease of each API server."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from kubelite.apiserver import features
from kubelite.apiserver.bootstrap import identity, masters
from tests.apienv import ApiEnv, api_server

LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
SELECTED = {"labelSelector": "apiserver.kubernetes.io/identity=kube-apiserver"}
OLD = "2020-01-01T00:00:00.000000Z"


async def selected(api: ApiEnv) -> list[dict[str, Any]]:
    return list((await api.get(LEASES, query=SELECTED)).json()["items"])


def test_the_name_follows_from_the_host_as_upstreams_does() -> None:
    # printf '\\x00\\x06node-1\\x00\\x0ekube-apiserver' | sha256sum | cut -c1-32 | xxd -r -p | base32
    assert identity.name_of("node-1") == "apiserver-lgabes5ywnaqeagh5dny4zlzs4"


async def test_a_server_keeps_a_lease_that_it_renews(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masters, "RENEW_SECONDS", 0.05)
    async with api_server() as api:
        [first] = await selected(api)
        name = identity.name_of(socket.gethostname().lower())
        assert first["metadata"]["name"] == name
        assert first["metadata"]["labels"]["kubernetes.io/hostname"] == socket.gethostname().lower()
        assert first["spec"]["holderIdentity"].startswith(f"{name}_")
        assert first["spec"]["leaseDurationSeconds"] == 3600
        async with asyncio.timeout(10):
            while (found := (await selected(api))[0])["spec"]["renewTime"] == first["spec"]["renewTime"]:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert found["spec"]["acquireTime"] == first["spec"]["acquireTime"]
        assert found["metadata"]["uid"] == first["metadata"]["uid"]


async def test_leases_of_servers_that_are_gone_are_removed() -> None:
    async with api_server() as api:
        labels = {"apiserver.kubernetes.io/identity": "kube-apiserver"}
        expired = {"holderIdentity": "x", "leaseDurationSeconds": 3600, "renewTime": OLD}
        for name, mark, spec in (
            ("apiserver-gone", labels, expired),
            ("apiserver-endless", labels, {"holderIdentity": "x"}),
            ("somebody-else", {}, expired),
        ):
            made = await api.post(LEASES, {"metadata": {"name": name, "labels": mark}, "spec": spec})
            assert made.status == 201, made.body
        [*_] = await selected(api)
        await identity.collect(api.registry)
        assert [one["metadata"]["name"] for one in await selected(api)] == [
            identity.name_of(socket.gethostname().lower())
        ]
        assert (await api.get(f"{LEASES}/somebody-else")).status == 200


async def test_a_server_without_the_feature_keeps_no_lease() -> None:
    async with api_server(feature_gates="APIServerIdentity=false,StorageVersionAPI=false") as api:
        assert await selected(api) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "UnknownVersionInteroperabilityProxy=true",
            "the feature UnknownVersionInteroperabilityProxy is not supported",
        ),
        ("Miracles=true", "unrecognized feature gate: Miracles"),
        ("APIServerIdentity", "want NAME=true or NAME=false"),
        ("APIServerIdentity=maybe", "want NAME=true or NAME=false"),
    ],
)
async def test_gates_that_cannot_be_switched_stop_the_start(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        features.parse(text)
    with pytest.raises(ValueError, match=problem):
        async with api_server(feature_gates=text):
            pass

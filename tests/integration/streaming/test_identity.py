"""The client's upgrade connection proves who asks: certificates both ways."""

from __future__ import annotations

import pytest

from kubelite.client import upgrade
from kubelite.client.config import ClientConfig
from kubelite.client.errors import ConnectionFailed
from kubelite.machinery.errors import StatusError
from kubelite.streaming import dial, remotecommand
from kubelite.util import tls

from .node import node

TARGET = "/exec/default/web/main?command=true&output=1"


@pytest.fixture
def authority(tmp_path):
    made = tls.Authority.create("test-ca")
    (tmp_path / "ca.crt").write_bytes(made.pair.certificate)
    serving = made.issue_server("n1", ["127.0.0.1"])
    (tmp_path / "tls.crt").write_bytes(serving.certificate)
    (tmp_path / "tls.key").write_bytes(serving.key)
    return made


def secured(tmp_path):
    return node(
        tmp_path,
        authorization_mode="Webhook",
        anonymous_auth=False,
        client_ca_file=str(tmp_path / "ca.crt"),
        tls_cert_file=str(tmp_path / "tls.crt"),
        tls_private_key_file=str(tmp_path / "tls.key"),
    )


def config(port, authority, pair=None):
    identity = {"cert_data": pair.certificate, "key_data": pair.key} if pair else {}
    return ClientConfig(server=f"https://127.0.0.1:{port}", ca_data=authority.pair.certificate, **identity)


async def test_a_master_may_run_commands(authority, tmp_path):
    pair = authority.issue_client("admin", ["system:masters"])
    async with secured(tmp_path) as kubelet:
        opener = upgrade.opener(config(kubelet.port, authority, pair))
        streams = await dial.command(opener, TARGET, remotecommand.Options(stdout=True))
        assert await remotecommand.run(streams) is None


async def test_a_stranger_may_not(authority, tmp_path):
    async with secured(tmp_path) as kubelet:
        opener = upgrade.opener(config(kubelet.port, authority))
        with pytest.raises(StatusError, match="Unauthorized") as caught:
            await dial.command(opener, TARGET, remotecommand.Options(stdout=True))
    assert caught.value.code == 401


async def test_a_server_of_another_authority_is_not_trusted(authority, tmp_path):
    async with secured(tmp_path) as kubelet:
        opener = upgrade.opener(config(kubelet.port, tls.Authority.create("other")))
        with pytest.raises(ConnectionFailed, match="failed to verify certificate"):
            await dial.command(opener, TARGET, remotecommand.Options(stdout=True))

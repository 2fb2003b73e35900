"""Client certificates over real TLS."""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path

import pytest

from kubelite.util import tls
from tests.apienv import ApiEnv, api_server, read_reply


async def whoami(api: ApiEnv, authority: tls.Authority, tmp_path: Path) -> tuple[int, dict[str, object]]:
    """Status and user of a SelfSubjectReview that a certificate of `authority` for jane signs for."""
    pair = authority.issue_client("jane", ["dev"])
    file = tmp_path / "jane.pem"
    file.write_bytes(pair.certificate + pair.key)
    context = ssl.create_default_context(cafile=api.ca_file)
    context.load_cert_chain(file)
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port, ssl=context)
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}".encode())
    try:
        reply = await read_reply(reader)
    finally:
        writer.close()
    return reply.status, json.loads(reply.body)["status"]["userInfo"]


async def test_a_certificate_of_the_client_authority_names_its_user(tmp_path: Path) -> None:
    async with api_server(tls=True) as api:
        authority = tls.Authority.load_or_create(api.directory / "ca.crt", api.directory / "ca.key", "")
        status, user = await whoami(api, authority, tmp_path)
    assert status == 201
    assert (user["username"], user["groups"]) == ("jane", ["dev", "system:authenticated"])


async def test_a_certificate_of_a_strange_authority_is_not_let_in(tmp_path: Path) -> None:
    async with api_server(tls=True) as api:
        with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
            await whoami(api, tls.Authority.create("strange"), tmp_path)

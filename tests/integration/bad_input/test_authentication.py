"""Credentials that prove nothing get 401 and nothing else; what they were is not told."""

from __future__ import annotations

import base64
import json
import ssl
from pathlib import Path

import pytest

from kubelite.apiserver.authn.jwt import Signer
from kubelite.util import tls
from tests.apienv import ADMIN_TOKEN, ApiEnv, api_server, read_reply
from tests.integration.bad_input.cases import stored
from tests.integration.bad_input.objects import one

pytestmark = pytest.mark.asyncio(loop_scope="module")
ACCOUNT = one("ServiceAccount")


def _part(value: object) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


SUBJECT = {"iss": "https://kubernetes.default.svc.cluster.local", "sub": "system:serviceaccount:test:seeded"}
NESTED = b"[" * 50_000 + b"]" * 50_000
HEADERS: dict[str, str] = {
    "unknown-token": "Bearer nobody",
    "almost-the-token": f"Bearer {ADMIN_TOKEN}x",
    "the-token-cut": f"Bearer {ADMIN_TOKEN[:-1]}",
    "two-tokens": f"Bearer {ADMIN_TOKEN} {ADMIN_TOKEN}",
    "not-ascii": "Bearer \xe9\xff",
    "very-long": "Bearer " + "a" * 100_000,
    "dots": "Bearer ..",
    "many-dots": "Bearer " + "." * 1000,
    "two-parts": "Bearer a.b",
    "no-base64": "Bearer !!!.!!!.!!!",
    "no-json": f"Bearer {_part(b'{')}.{_part(b'{')}.x",
    "list-header": f"Bearer {_part([])}.{_part(SUBJECT)}.x",
    "list-claims": f"Bearer {_part({'alg': 'RS256'})}.{_part([])}.x",
    "no-algorithm": f"Bearer {_part({})}.{_part(SUBJECT)}.x",
    "alg-none": f"Bearer {_part({'alg': 'none'})}.{_part(SUBJECT)}.",
    "alg-None": f"Bearer {_part({'alg': 'None'})}.{_part(SUBJECT)}.",
    "alg-number": f"Bearer {_part({'alg': 5})}.{_part(SUBJECT)}.x",
    "alg-hmac": f"Bearer {_part({'alg': 'HS256'})}.{_part(SUBJECT)}.{_part(b'x' * 32)}",
    "unknown-key-id": f"Bearer {_part({'alg': 'RS256', 'kid': 'nothing'})}.{_part(SUBJECT)}.{_part(b'x' * 256)}",
    "nested-claims": f"Bearer {_part({'alg': 'RS256'})}.{_part(NESTED)}.x",
    "nested-header": f"Bearer {_part(NESTED)}.{_part(SUBJECT)}.x",
    "binary-claims": f"Bearer {_part({'alg': 'RS256'})}.{_part(bytes(range(256)))}.x",
}


@pytest.mark.parametrize("value", HEADERS.values(), ids=HEADERS.keys())
async def test_a_worthless_token_is_unauthorized(server: ApiEnv, value: str) -> None:
    before = await stored(server)
    reader, writer = await server.connect()
    head = f"GET /api/v1/namespaces HTTP/1.1\r\nhost: x\r\nauthorization: {value}\r\n\r\n"
    writer.write(head.encode("latin-1"))
    reply = await read_reply(reader)
    writer.close()
    assert (reply.status, reply.json()["reason"], reply.json()["message"]) == (401, "Unauthorized", "Unauthorized")
    assert await stored(server) == before


@pytest.mark.parametrize("value", ["Basic YTpi", "Digest x", "Bearer", "Bearer ", "bearer", "", "Negotiate abc"])
async def test_other_credentials_are_none(server: ApiEnv, value: str) -> None:
    reply = await server.get("/api/v1/namespaces", headers={"authorization": value}, token="")
    assert (reply.status, reply.json()["reason"]) == (403, "Forbidden")
    assert 'User "system:anonymous" cannot list resource "namespaces" in API group ""' in reply.json()["message"]


async def _issue(server: ApiEnv, **spec: object) -> str:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    reply = await server.post(f"{ACCOUNT}/token", body)
    assert reply.status == 201, reply.body
    return str(reply.json()["status"]["token"])


async def _status(server: ApiEnv, token: str) -> int:
    return (await server.get("/api", token=token)).status


async def test_a_real_token_is_taken_and_a_changed_one_is_not(server: ApiEnv) -> None:
    token = await _issue(server)
    head, claims, signature = token.split(".")
    assert await _status(server, token) == 200
    forged = json.loads(base64.urlsafe_b64decode(claims + "=="))
    forged["sub"] = "system:serviceaccount:kube-system:admin"
    for wrong in (
        f"{head}.{_part(forged)}.{signature}",
        f"{head}.{claims}.{signature[:-8]}AAAAAAAA",
        f"{head}.{claims}.",
        f"{head}.{claims}",
        f"{_part({'alg': 'none'})}.{claims}.",
        f"{_part({'alg': 'ES256'})}.{claims}.{signature}",
    ):
        assert await _status(server, wrong) == 401, wrong


async def test_a_token_for_others_is_refused(server: ApiEnv) -> None:
    assert await _status(server, await _issue(server, audiences=["somebody-else"])) == 401


@pytest.mark.parametrize(
    "change",
    [
        {"exp": 1},
        {"exp": "soon"},
        {"exp": None},
        {"nbf": 99999999999},
        {"iss": "somebody"},
        {"aud": []},
        {"aud": 5},
        {"kubernetes.io": None},
        {"kubernetes.io": "x"},
        {"kubernetes.io": {"namespace": "test"}},
        {"kubernetes.io": {"namespace": "test", "serviceaccount": {"name": "seeded", "uid": "other"}}},
        {"kubernetes.io": {"namespace": 5, "serviceaccount": []}},
    ],
    ids=str,
)
async def test_a_signed_token_with_wrong_claims_is_refused(server: ApiEnv, change: dict[str, object]) -> None:
    token = await _issue(server)
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    signer = Signer((server.directory / "sa.key").read_bytes())
    assert await _status(server, signer.sign(claims)) == 200
    assert await _status(server, signer.sign({**claims, **change})) == 401


async def test_a_token_of_another_key_is_refused(server: ApiEnv) -> None:
    claims = json.loads(base64.urlsafe_b64decode((await _issue(server)).split(".")[1] + "=="))
    assert await _status(server, Signer(tls.new_key()).sign(claims)) == 401


async def test_a_certificate_of_another_authority_ends_the_connection(tmp_path: Path) -> None:
    pair = tls.Authority.create("other-ca").issue_client("admin", ["system:masters"])
    (tmp_path / "c.crt").write_bytes(pair.certificate)
    (tmp_path / "c.key").write_bytes(pair.key)
    async with api_server(tls=True) as api:
        context = ssl.create_default_context(cafile=api.ca_file)
        context.load_cert_chain(tmp_path / "c.crt", tmp_path / "c.key")
        import asyncio

        answer = b""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", api.port, ssl=context)
            writer.write(b"GET /api/v1/secrets HTTP/1.1\r\nhost: x\r\n\r\n")
            answer = await reader.read(100)
        except (ssl.SSLError, ConnectionError):
            pass
        assert b" 200 " not in answer
        assert (await api.get("/readyz")).status == 200

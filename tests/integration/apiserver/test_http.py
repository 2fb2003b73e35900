"""HTTP itself: keep-alive, pipelining, chunks, Expect, HEAD, gzip, TLS, shutdown, users."""

from __future__ import annotations

import asyncio
import gzip
import json
import ssl

from tests.apienv import ADMIN_TOKEN, ApiEnv, api_server, read_reply
from tests.integration.apiserver.objects import MAPS, config_map

AUTH = f"host: x\r\nauthorization: Bearer {ADMIN_TOKEN}\r\n"


async def test_pipelined_requests_are_answered_in_order(api: ApiEnv) -> None:
    reader, writer = await api.connect()
    body = json.dumps(config_map("a")).encode()
    post = f"POST {MAPS} HTTP/1.1\r\n{AUTH}content-length: {len(body)}\r\n\r\n".encode() + body
    get = f"GET {MAPS}/a HTTP/1.1\r\n{AUTH}\r\n".encode()
    writer.write(post + get + get + f"GET /api/v1/nothing HTTP/1.1\r\n{AUTH}\r\n".encode() + get)
    assert [(await read_reply(reader)).status for _ in range(5)] == [201, 200, 200, 404, 200]
    writer.close()


async def test_a_request_in_single_bytes_and_chunks_is_read(api: ApiEnv) -> None:
    reader, writer = await api.connect()
    body = json.dumps(config_map("a")).encode()
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(body[i : i + 7]), body[i : i + 7]) for i in range(0, len(body), 7))
    for byte in f"POST {MAPS} HTTP/1.1\r\n{AUTH}transfer-encoding: chunked\r\n\r\n".encode():
        writer.write(bytes([byte]))
        await writer.drain()
    writer.write(chunks + b"0\r\n\r\n")
    assert (await read_reply(reader)).status == 201
    writer.close()


async def test_expect_continue_is_answered_before_the_body(api: ApiEnv) -> None:
    reader, writer = await api.connect()
    body = json.dumps(config_map("a")).encode()
    writer.write(f"POST {MAPS} HTTP/1.1\r\n{AUTH}expect: 100-continue\r\ncontent-length: {len(body)}\r\n\r\n".encode())
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(body)
    assert (await read_reply(reader)).status == 201
    writer.close()


async def test_head_has_the_length_and_no_body(api: ApiEnv) -> None:
    full = await api.get("/openapi/v3")
    head = await api.request("HEAD", "/openapi/v3")
    assert (head.status, head.headers["content-length"]) == (200, str(len(full.body)))


async def test_an_old_client_gets_its_answer_and_the_end_of_the_connection(api: ApiEnv) -> None:
    reader, writer = await api.connect()
    writer.write(f"GET {MAPS} HTTP/1.0\r\n{AUTH}\r\n".encode())
    assert (await read_reply(reader)).status == 200
    assert await reader.read() == b""
    writer.close()


async def test_large_answers_are_compressed_for_those_who_ask(api: ApiEnv) -> None:
    for number in range(3):
        await api.post(MAPS, config_map(f"m{number}", k="word " * 20_000))
    plain = await api.get(MAPS)
    packed = await api.get(MAPS, headers={"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert "content-encoding" not in (await api.get(f"{MAPS}/absent", headers={"accept-encoding": "gzip"})).headers


async def test_a_stopping_server_ends_watches_and_finishes() -> None:
    async with api_server() as api, api.watch("/api/v1/namespaces") as watch:
        for _ in range(4):
            await watch.next()
        stopping = asyncio.ensure_future(api.server.stop())
        assert await watch.next() is None
        await stopping


async def test_a_client_certificate_names_the_user_over_tls() -> None:
    from kubelite.util import tls

    async with api_server(tls=True) as api:
        authority = tls.Authority.load_or_create(api.directory / "ca.crt", api.directory / "ca.key", "kubelite-test-ca")
        pair = authority.issue_client("jane", ["system:masters"])
        (api.directory / "jane.crt").write_bytes(pair.certificate)
        (api.directory / "jane.key").write_bytes(pair.key)
        context = ssl.create_default_context(cafile=api.ca_file)
        context.load_cert_chain(api.directory / "jane.crt", api.directory / "jane.key")
        reader, writer = await asyncio.open_connection("127.0.0.1", api.port, ssl=context)
        body = b'{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}'
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        for _ in range(2):
            writer.write(f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
            reply = await read_reply(reader)
            assert reply.json()["status"]["userInfo"]["username"] == "jane", reply.body
        writer.close()


async def test_impersonation_needs_permission_and_changes_what_is_allowed(api: ApiEnv) -> None:
    as_jane = {"impersonate-user": "jane"}
    refused = await api.get(MAPS, headers=as_jane)
    assert refused.status == 403
    assert 'User "jane" cannot list resource "configmaps"' in refused.json()["message"]
    as_master = {"impersonate-user": "jane", "impersonate-group": "system:masters"}
    assert (await api.get(MAPS, headers=as_master)).status == 200
    assert (await api.get(MAPS, headers={"impersonate-group": "g"})).status == 400


async def test_a_client_that_does_not_read_is_cut_off_and_does_not_hold_up_others() -> None:
    async with api_server(watch_history=16) as api:
        await api.post("/api/v1/namespaces", {"metadata": {"name": "test"}})
        await api.post(MAPS, config_map("a"))
        _reader, writer = await api.connect()
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(f"GET {MAPS}?watch=1 HTTP/1.1\r\n{AUTH}\r\n".encode())
        async with api.watch(MAPS) as quick:
            await quick.next()
            for number in range(60):
                await api.patch(f"{MAPS}/a", {"data": {"k": f"{number}" * 200_000}})
                await quick.next()
            from kubelite import api as kinds

            maps = kinds.scheme().by_resource("", "v1", "configmaps")
            assert maps is not None
            assert len(api.server.cache.of(maps).watchers) == 1
        writer.close()

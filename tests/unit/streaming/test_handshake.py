"""The HTTP side of an upgrade."""

from __future__ import annotations

import pytest

from kubelite.streaming.handshake import (
    Upgrade,
    UpgradeRefused,
    accepted_protocol,
    choose,
    parse,
    request_headers,
    response_head,
    websocket_accept,
)


def lower(headers):
    return [(name.lower(), value) for name, value in headers]


def test_the_accept_key_is_that_of_the_rfc():
    assert websocket_accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@pytest.mark.parametrize("transport", ["spdy", "websocket"])
def test_a_server_reads_what_a_client_asks(transport):
    asked = Upgrade(
        transport,
        ("v5.channel.k8s.io", "v4.channel.k8s.io"),
        "dGhlIHNhbXBsZSBub25jZQ==" if transport == "websocket" else "",
    )
    assert parse(lower(request_headers(asked))) == asked


def test_an_ordinary_request_asks_for_no_upgrade():
    assert parse([("connection", "keep-alive")]) is None
    assert parse([("upgrade", "websocket")]) is None


def test_an_unknown_upgrade_is_refused():
    with pytest.raises(UpgradeRefused, match="h2c"):
        parse([("connection", "Upgrade"), ("upgrade", "h2c")])


def test_the_clients_order_of_protocols_decides():
    assert choose(Upgrade("spdy", ("b", "a")), ("a", "b")) == "b"


def test_no_common_protocol_is_forbidden():
    with pytest.raises(UpgradeRefused, match=r"client supports \[x\], server accepts \[a\]") as caught:
        choose(Upgrade("spdy", ("x",)), ("a",))
    assert caught.value.code == 403


@pytest.mark.parametrize("transport", ["spdy", "websocket"])
def test_a_client_accepts_the_servers_answer(transport):
    asked = Upgrade(transport, ("v4.channel.k8s.io",), "dGhlIHNhbXBsZSBub25jZQ==")
    lines = response_head(asked, "v4.channel.k8s.io").decode().split("\r\n")
    headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines[1:] if line)}
    assert lines[0].startswith("HTTP/1.1 101 ")
    assert accepted_protocol(asked, 101, headers) == "v4.channel.k8s.io"


def test_a_wrong_accept_key_is_refused():
    with pytest.raises(UpgradeRefused, match="Sec-WebSocket-Accept"):
        accepted_protocol(Upgrade("websocket", (), "abc"), 101, {"sec-websocket-accept": "zzz"})

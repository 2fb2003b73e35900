"""Heads and frames."""

from __future__ import annotations

from kubelite.apiserver.http import wire


def test_a_head_has_status_type_length_and_more_headers() -> None:
    head = wire.head(404, "application/json", [("X-A", "b")], 5, chunked=False, close=True)
    assert head.startswith(b"HTTP/1.1 404 Not Found\r\n") and head.endswith(b"\r\n\r\n")
    for line in (b"Content-Type: application/json", b"Content-Length: 5", b"X-A: b", b"Connection: close", b"Date: "):
        assert line in head


def test_a_header_value_cannot_start_another_header() -> None:
    head = wire.head(200, "", [("Warning", "a\r\nSet-Cookie: x")], None, chunked=True, close=False)
    assert b"\r\nSet-Cookie" not in head
    assert b"Transfer-Encoding: chunked" in head and b"Content-Length" not in head


def test_empty_data_makes_no_frame() -> None:
    assert wire.chunk(b"") == b""
    assert wire.chunk(b"x" * 17) == b"11\r\n" + b"x" * 17 + b"\r\n"

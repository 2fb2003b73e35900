"""Bytes that are no HTTP, or HTTP that nobody should trust: the answer, and whether the connection ends."""

# ruff: noqa: E501 - a case is a line
from __future__ import annotations

from tests.apienv import ADMIN_TOKEN
from tests.integration.bad_input.cases import Raw

AUTH = f"authorization: Bearer {ADMIN_TOKEN}\r\n".encode()
HOST = b"host: x\r\n"
END = b"\r\n"
MAPS = b"/api/v1/namespaces/test/configmaps"
GET = b"GET /version HTTP/1.1\r\n"
POST = b"POST " + MAPS + b" HTTP/1.1\r\n" + HOST + AUTH + b"content-type: application/json\r\n"
BODY = b'{"metadata":{"name":"smuggled"}}'
CLOSE = b"connection: close\r\n"


def _target(id_: str, target: bytes, code: int, text: str = "") -> Raw:
    return Raw(f"target-{id_}", b"GET " + target + b" HTTP/1.1\r\n" + HOST + AUTH + CLOSE + END, code, text)


REQUEST_LINES = [
    Raw("line-empty-then-garbage", b"\r\n\r\n\0\0\0\0\r\n\r\n", 400),
    Raw("line-garbage", b"hello world\r\n\r\n", 400),
    Raw("line-tls-hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 100, 400),
    Raw("line-binary", bytes(range(128, 256)), 400),
    Raw("line-http2-preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    Raw("line-ssh", b"SSH-2.0-OpenSSH_9.0\r\n", 400),
    Raw("line-unknown-version", b"GET / HTTP/9.9\r\nhost: x\r\n\r\n", 400),
    Raw("line-no-version", b"GET /version\r\nhost: x\r\n\r\n", 400),
    Raw("line-lower-case-protocol", b"GET / http/1.1\r\nhost: x\r\n\r\n", 400),
    Raw("line-lower-case-method", b"get / HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    Raw("line-unknown-method", b"BREW /version HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    Raw("line-long-method", b"G" * 10_000 + b" / HTTP/1.1\r\n\r\n", 400),
    Raw("line-two-targets", b"GET / / HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    Raw("line-no-target", b"GET HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    Raw("line-nul-in-target", b"GET /ver\0sion HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    Raw("line-tab-in-target", b"GET /ver\tsion HTTP/1.1\r\nhost: x\r\n\r\n", 400),
]

TARGETS = [
    _target("absolute", b"http://x/version", 200, "gitVersion"),
    _target("absolute-of-another-host", b"https://example.com/version", 200, "gitVersion"),
    _target("absolute-without-path", b"http://x", 200, "paths"),
    _target("asterisk", b"*", 404),
    _target("without-slash", b"version", 400),
    _target("bad-percent", b"/version%zz", 400, "invalid URL escape"),
    _target("short-percent", b"/version%2", 400, "invalid URL escape"),
    _target("percent-at-end", b"/version%", 400, "invalid URL escape"),
    _target("traversal", b"/version/../api/v1/namespaces/test/secrets", 404),
    _target("encoded-traversal", b"/version/%2e%2e/api", 404),
    _target("fragment", b"/version#frag", 404),
    _target("bytes-beyond-ascii", b"/\xff\xfe", 400),
    _target("long-query", b"/version?" + b"a" * 100_000, 200, "gitVersion"),
    _target("question-marks", b"/version???", 200, "gitVersion"),
]

HEADERS = [
    Raw("header-no-host", GET + AUTH + END, 400, "missing required Host header"),
    Raw("header-two-hosts", GET + HOST + b"host: y\r\n" + AUTH + END, 400, "too many Host headers"),
    Raw("header-no-colon", GET + HOST + b"no colon\r\n\r\n", 400),
    Raw("header-space-before-colon", GET + HOST + b"x : y\r\n\r\n", 400),
    Raw("header-empty-name", GET + HOST + b": y\r\n\r\n", 400),
    Raw("header-nul-in-name", GET + HOST + b"x\0y: z\r\n\r\n", 400),
    Raw("header-nul-in-value", GET + HOST + b"x: y\0z\r\n\r\n", 400),
    Raw("header-name-not-ascii", GET + HOST + b"\xc3\xa9: y\r\n\r\n", 400),
    Raw("header-folded", GET + HOST + b"x: y\r\n z\r\n" + AUTH + CLOSE + END, 400),
    Raw("header-bare-carriage-return", GET + HOST + b"x: y\rz: w\r\n\r\n", 400),
    Raw("header-huge", GET + HOST + b"x: " + b"y" * (3 << 19) + b"\r\n", 431, closes=False),
    Raw("headers-many", GET + HOST + b"".join(b"x%d: y\r\n" % n for n in range(200_000)), 431, closes=False),
]

LENGTHS = [
    Raw("length-text", POST + b"content-length: ten\r\n\r\n", 400),
    Raw("length-negative", POST + b"content-length: -1\r\n\r\n", 400),
    Raw("length-plus", POST + b"content-length: +5\r\n\r\nhello", 400),
    Raw("length-hex", POST + b"content-length: 0x5\r\n\r\nhello", 400),
    Raw("length-float", POST + b"content-length: 5.0\r\n\r\nhello", 400),
    Raw("length-overflow", POST + b"content-length: 99999999999999999999999\r\n\r\n", 400),
    Raw("length-huge", POST + b"content-length: 9999999999\r\n\r\n", 413),
    Raw("length-two-different", POST + b"content-length: 1\r\ncontent-length: 2\r\n\r\nxx", 400),
    Raw("length-list", POST + b"content-length: 2, 2\r\n\r\n{}", 400),
    Raw("length-empty", POST + b"content-length:\r\n\r\n", 400),
    Raw("length-too-long", POST + b"content-length: 100\r\n\r\n{}", 0),
    Raw("length-too-short", POST + b"content-length: 5\r\n" + CLOSE + END + BODY, 400),
    Raw("length-and-chunked", POST + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    Raw("chunked-and-length", POST + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n", 400),
]

CHUNKED = POST + b"transfer-encoding: chunked\r\n"
CHUNKS = [
    Raw("chunk-garbage", CHUNKED + END + b"zz\r\n", 400),
    Raw("chunk-negative", CHUNKED + END + b"-1\r\n", 400),
    Raw("chunk-huge-size", CHUNKED + END + b"ffffffffffffffffff\r\n", 400),
    Raw("chunk-no-line-end", CHUNKED + END + b"2\r\n{}x\r\n0\r\n\r\n", 400),
    Raw("chunk-size-too-small", CHUNKED + END + b"1\r\n{}\r\n0\r\n\r\n", 400),
    Raw("chunk-cut-off", CHUNKED + END + b"20\r\n{", 0),
    Raw("chunk-no-last", CHUNKED + END + b"2\r\n{}\r\n", 0),
    Raw("chunk-empty-body", CHUNKED + CLOSE + END + b"0\r\n\r\n", 400, "unexpected end of JSON input"),
    Raw("coding-gzip", POST + b"transfer-encoding: gzip\r\n\r\n", 400),
    Raw("coding-chunked-twice", POST + b"transfer-encoding: chunked, chunked\r\n" + CLOSE + END + b"0\r\n\r\n", 400),
    Raw(
        "coding-chunked-not-last", POST + b"transfer-encoding: chunked, identity\r\n" + CLOSE + END + b"0\r\n\r\n", 400
    ),
    Raw("coding-hidden-by-tab", POST + b"transfer-encoding:\x0bchunked\r\n" + CLOSE + END + b"0\r\n\r\n", 400),
    Raw("coding-hidden-by-x", POST + b"transfer-encoding: xchunked\r\n" + CLOSE + END + b"0\r\n\r\n", 400),
    Raw(
        "coding-two-headers",
        POST + b"transfer-encoding: chunked\r\ntransfer-encoding: x\r\n" + CLOSE + END + b"0\r\n\r\n",
        400,
    ),
    Raw("coding-space-before-colon", POST + b"transfer-encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    Raw(
        "coding-of-http-1.0",
        POST.replace(b"HTTP/1.1", b"HTTP/1.0") + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
]

SMUGGLED = b"POST " + MAPS + b" HTTP/1.1\r\n" + HOST + AUTH + b"content-length: %d\r\n\r\n" % len(BODY) + BODY
REST = [
    Raw("smuggled-behind-chunks", POST + b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, 400),
    Raw("smuggled-behind-length", POST + b"content-length: 0\r\ncontent-length: 4\r\n\r\n" + SMUGGLED, 400),
    Raw("old-protocol", b"GET /version HTTP/1.0\r\n\r\n", 200, "gitVersion"),
    Raw("old-protocol-with-auth", b"GET " + MAPS + b" HTTP/1.0\r\n" + AUTH + END, 200, "seeded"),
    Raw("expect-unknown", POST + b"expect: miracles\r\ncontent-length: 2\r\n\r\n{}", 417, closes=False),
    Raw("upgrade-to-nothing", GET + HOST + AUTH + b"connection: upgrade\r\nupgrade: nothing\r\n\r\n", 200, "gitVersion", closes=False),
    Raw("upgrade-to-http2", GET + HOST + AUTH + b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n", 200, "gitVersion", closes=False),
    Raw("connect", b"CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\n", 403),
    Raw("trace", b"TRACE /version HTTP/1.1\r\n" + HOST + AUTH + CLOSE + END, 405),
    Raw("options", b"OPTIONS " + MAPS + b" HTTP/1.1\r\n" + HOST + AUTH + CLOSE + END, 405),
    Raw("half-a-request", b"GET /version HTT", 0),
    Raw("nothing-at-all", b"", 0),
]  # fmt: skip

CASES = [*REQUEST_LINES, *TARGETS, *HEADERS, *LENGTHS, *CHUNKS, *REST]

"""gzip for large answers, where the client asks.

What: `wanted` and `compressed`. Why: a list of thousands of objects shrinks ten times on a slow link; small answers
are not worth the time. Flow: last step of the chain. Compression runs in a thread, because zlib would hold up every
other request. Source: apiserver/pkg/endpoints/handlers/responsewriters/writers.go (threshold 128 KiB, level 1, GET
only).
"""

from __future__ import annotations

import asyncio
import zlib

from kubelite.apiserver.bursts import grouped
from kubelite.apiserver.request import Request, Response

THRESHOLD = 128 * 1024


def wanted(request: Request, answer: Response) -> bool:
    body = answer.body
    if isinstance(body, bytes):
        size = len(body)
    elif isinstance(body, list):
        size = sum(map(len, body))
    else:
        return False
    return size > THRESHOLD and request.method == "GET" and "gzip" in request.headers.get("accept-encoding", "")


def _gzip(pieces: list[bytes]) -> list[bytes]:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    out = [packer.compress(piece) for piece in grouped(pieces)]
    out.append(packer.flush())
    return [piece for piece in out if piece]


async def compressed(answer: Response) -> Response:
    body = answer.body
    pieces = [body] if isinstance(body, bytes) else list(body)  # type: ignore[arg-type]
    packed = await asyncio.to_thread(_gzip, pieces)
    headers = [*answer.headers, ("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
    return Response(answer.status, packed, answer.content_type, headers)

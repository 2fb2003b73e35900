"""JSON for people to read: indented, where they ask or come with a tool for it.

What: `wanted` and `indented`. Why: `curl` and browsers show an answer as it is. Flow: last steps of the chain, before
compression. Very large answers stay as they are: indenting them would hold up everybody else. Source:
apiserver/pkg/endpoints/handlers/negotiation/negotiate.go (isPrettyPrint).
"""

from __future__ import annotations

import msgspec

from kubelite.apiserver.request import Request, Response

AGENTS = ("curl", "Wget", "Mozilla/5.0")
LARGEST = 8 << 20
YES = ("1", "t", "T", "TRUE", "true", "True")


def wanted(request: Request, answer: Response) -> bool:
    """Whether `pretty` says so; without it, whether the client is one of those tools."""
    if "pretty" in request.raw_query and request.param("pretty"):
        if request.param("pretty") not in YES:
            return False
    elif not request.headers.get("user-agent", "").startswith(AGENTS):
        return False
    if not request.info.path.startswith("/api"):
        return False
    return answer.content_type == "application/json" and isinstance(answer.body, (bytes, list)) and bool(answer.body)


def indented(answer: Response) -> Response:
    body = answer.body
    joined = body if isinstance(body, bytes) else b"".join(body)  # type: ignore[arg-type]  # not an iterator: see `wanted`
    if len(joined) <= LARGEST:
        answer.body = msgspec.json.format(joined, indent=2)
    return answer

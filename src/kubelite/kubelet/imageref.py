"""Image names: a name as users write it, made complete. Pure.

Rule of distribution/reference: without a registry it is docker.io, without a path there it is library/, without tag and digest
it is :latest.
"""

from __future__ import annotations

import re

_NAME = re.compile(
    r"^(?:(?P<host>(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::\d+)?"
    r"|\[[a-fA-F0-9:]+\](?::\d+)?)/)?"
    r"(?P<path>[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?$",
    re.ASCII,
)
_ID = re.compile(r"^[a-f0-9]{64}$")


def normalize(image: str) -> str:
    """The complete reference, "" when the name is malformed. A bare image id stays as it is."""
    if _ID.match(image) or (image.startswith("sha256:") and _ID.match(image[7:])):
        return image
    match = _NAME.match(image)
    if match is None:
        return ""
    host, path, tag, digest = match.group("host", "path", "tag", "digest")
    if host and not ("." in host or ":" in host or host == "localhost" or host != host.lower()):
        path, host = f"{host}/{path}", ""
    if host in ("", "index.docker.io", None):
        host = "docker.io"
        if "/" not in path:
            path = f"library/{path}"
    if not tag and not digest:
        tag = "latest"
    return f"{host}/{path}" + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")

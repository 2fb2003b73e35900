"""ComponentStatus: the health of the control plane's parts, asked when a client asks.

What: `controller-manager`, `scheduler` and, where the store is one, `etcd-N`. Why: `kubectl get componentstatuses` is old and
deprecated, but people type it. Flow: each part's health path is asked over HTTPS on this machine, as upstream does; the answers
become objects and go the way of all lists. Source: pkg/registry/core/componentstatus, pkg/probe/http.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from kubelite.api import constants
from kubelite.api.types.core_v1 import ComponentCondition, ComponentStatus
from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.apiserver.config import Config
from kubelite.apiserver.handlers import negotiate, read
from kubelite.apiserver.handlers.presentation import ListMeta
from kubelite.apiserver.handlers.selectors import selection_of
from kubelite.apiserver.request import Request, ResourceHandlers, Response
from kubelite.apiserver.watchcache.entry import Entry
from kubelite.machinery import codec, errors

ANSWER_SECONDS = 5.0
MAX_ANSWER = 64 * 1024
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})")


class Part(NamedTuple):
    """A part of the control plane, and where its health is asked."""

    name: str
    url: str
    context: ssl.SSLContext | None


def parts_of(config: Config) -> list[Part]:
    """The parts that a server of this configuration knows. Who serves there is not checked, as upstream does not."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    found = [
        Part("controller-manager", f"https://127.0.0.1:{constants.CONTROLLER_MANAGER_PORT}/healthz", trusting),
        Part("scheduler", f"https://127.0.0.1:{constants.SCHEDULER_PORT}/healthz", trusting),
    ]
    servers = [one.strip() for one in config.etcd_servers.split(",") if one.strip()]
    context: ssl.SSLContext | None = None
    if any(server.startswith("https:") for server in servers):
        context = ssl.create_default_context(cafile=config.etcd_cafile or None)
        if config.etcd_certfile:
            context.load_cert_chain(config.etcd_certfile, config.etcd_keyfile or None)
    for index, server in enumerate(servers):
        url = server if "://" in server else f"http://{server}"
        found.append(Part(f"etcd-{index}", f"{url.rstrip('/')}/health", context if url.startswith("https:") else None))
    return found


async def ask(part: Part) -> ComponentCondition:
    """The condition Healthy of a part: what it answered, or why it did not."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            code, body = await _get(part)
    except TimeoutError:
        return ComponentCondition(
            type="Healthy", status="False", message=f'Get "{part.url}": context deadline exceeded'
        )
    except (OSError, ValueError) as error:
        return ComponentCondition(type="Healthy", status="False", message=f'Get "{part.url}": {_reason(part, error)}')
    if code != 200:
        why = f"HTTP probe failed with statuscode: {code}"
        return ComponentCondition(type="Healthy", status="False", message=why, error=body[:1024])
    return ComponentCondition(type="Healthy", status="True", message=body)


def _reason(part: Part, error: Exception) -> str:
    """Why there was no answer, as Go says it for a connection that was not made."""
    number = getattr(error, "errno", None)
    if not number or isinstance(error, ssl.SSLError):
        return str(error)
    return f"dial tcp {urlsplit(part.url).netloc}: connect: {os.strerror(number).lower()}"


async def _get(part: Part) -> tuple[int, str]:
    address = urlsplit(part.url)
    port = address.port or (443 if address.scheme == "https" else 80)
    reader, writer = await asyncio.open_connection(address.hostname, port, ssl=part.context)
    try:
        head = f"GET {address.path} HTTP/1.0\r\nHost: {address.netloc}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode())
        await writer.drain()
        answer = b""
        while len(answer) < MAX_ANSWER:
            piece = await reader.read(4096)
            if not piece:
                break
            answer += piece
    finally:
        writer.close()
    line = _STATUS_LINE.match(answer)
    if line is None:
        raise ValueError("malformed HTTP response")
    return int(line[1]), answer.partition(b"\r\n\r\n")[2].decode(errors="replace").strip()


class Components:
    """Answers GET and LIST of componentstatuses."""

    def __init__(self, config: Config, registry: Any) -> None:
        self._config = config
        self._registry = registry
        self._parts: list[Part] | None = None

    def handlers(self) -> ResourceHandlers:
        return {("", "componentstatuses", ""): self.handle}

    async def handle(self, request: Request) -> Response:
        """One part by name, or all of them. Raises StatusError 404."""
        kind = self._registry.scheme.by_resource("", "v1", "componentstatuses")
        info = request.info
        form = read.form_for(request, kind)
        if self._parts is None:
            self._parts = parts_of(self._config)
        if info.verb == "get":
            wanted = next((part for part in self._parts if part.name == info.name), None)
            if wanted is None:
                raise errors.not_found("", "componentstatuses", info.name)
            return read.answer(request, form, await self._entry(wanted))
        selection = selection_of(request, kind)
        entries = await asyncio.gather(*(self._entry(part) for part in self._parts))
        wanted_yaml = negotiate.choose(request.headers.get("accept", "")).yaml
        pieces = form.pieces([one for one in entries if selection.matches(one)], ListMeta(0))
        return read.body_response(pieces, yaml=wanted_yaml)

    async def _entry(self, part: Part) -> Entry:
        status = ComponentStatus(
            apiVersion="v1",
            kind="ComponentStatus",
            metadata=ObjectMeta(name=part.name),
            conditions=[await ask(part)],
        )
        return Entry(part.name, "", part.name, 0, codec.encode(status))

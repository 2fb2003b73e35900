"""Who asks: the headers and the client certificate of each request.

What: `Credentials`, which turns a `ClientConfig` into headers and renews what expires (token files, exec plugins).
Why: a projected token changes on disk every hour, an exec plugin's sooner; a daemon must not need a restart for it.
Flow: `Client` asks `headers()` before each request (a cached tuple: no work in the usual case) and `refresh()` after a 401.
Sources: client-go/transport/token_source.go, client-go/plugin/pkg/client/auth/exec.
"""

from __future__ import annotations

import asyncio
import base64
import os
import time
from pathlib import Path
from typing import Any

import msgspec

from kubelite.client.config import ClientConfig, ExecPlugin
from kubelite.client.errors import ConfigError

TOKEN_FILE_SECONDS = 60.0
Certificate = tuple[bytes, bytes]


class _ExecStatus(msgspec.Struct):
    token: str = ""
    expirationTimestamp: str | None = None
    clientCertificateData: str = ""
    clientKeyData: str = ""


class _ExecCredential(msgspec.Struct):
    kind: str = ""
    apiVersion: str = ""
    status: _ExecStatus | None = None


class Credentials:
    """The identity of one client. `headers` is bytes ready to be written; `certificate` comes from an exec plugin."""

    def __init__(self, config: ClientConfig) -> None:
        self._config = config
        self._fixed = _fixed_headers(config)
        self._headers = self._fixed
        self._valid_until = 0.0 if config.token_file or config.exec else float("inf")
        self._renewing = asyncio.Lock()
        self.certificate: Certificate | None = None
        if config.token and not config.exec:
            self._headers = self._with_token(config.token)
            self._valid_until = float("inf")

    async def headers(self) -> bytes:
        """The identity headers; renewed first when they have expired."""
        if time.monotonic() >= self._valid_until:
            async with self._renewing:
                if time.monotonic() >= self._valid_until:
                    await self._renew()
        return self._headers

    async def refresh(self) -> bool:
        """Forget what may be stale after a 401; True if a second attempt may have a better answer."""
        if self._valid_until == float("inf"):
            return False
        self._valid_until = 0.0
        return True

    def _with_token(self, token: str) -> bytes:
        return self._fixed + b"Authorization: Bearer " + token.encode("latin-1") + b"\r\n"

    async def _renew(self) -> None:
        if self._config.exec is not None:
            await self._run_plugin(self._config.exec)
            return
        try:
            token = Path(self._config.token_file).read_text().strip()
        except OSError as error:
            raise ConfigError(f"failed to read token file {self._config.token_file}: {error.strerror}") from error
        self._headers = self._with_token(token)
        self._valid_until = time.monotonic() + TOKEN_FILE_SECONDS

    async def _run_plugin(self, plugin: ExecPlugin) -> None:
        status = await run_exec_plugin(plugin, self._config)
        self._headers = self._with_token(status.token) if status.token else self._fixed
        if status.clientCertificateData:
            self.certificate = (status.clientCertificateData.encode(), status.clientKeyData.encode())
        self._valid_until = time.monotonic() + _seconds_left(status.expirationTimestamp)


def _fixed_headers(config: ClientConfig) -> bytes:
    lines: list[str] = []
    if config.username and not config.token:
        secret = base64.b64encode(f"{config.username}:{config.password}".encode()).decode()
        lines.append(f"Authorization: Basic {secret}")
    if config.impersonate_user:
        lines.append(f"Impersonate-User: {config.impersonate_user}")
    lines.extend(f"Impersonate-Group: {group}" for group in config.impersonate_groups)
    if config.impersonate_uid:
        lines.append(f"Impersonate-Uid: {config.impersonate_uid}")
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")


def _seconds_left(expires: str | None) -> float:
    """Seconds until an RFC3339 time; without one the credential stays until the server refuses it."""
    if not expires:
        return 10 * 365 * 86400.0
    from datetime import UTC, datetime

    return (datetime.fromisoformat(expires.replace("Z", "+00:00")) - datetime.now(UTC)).total_seconds()


def _exec_info(plugin: ExecPlugin, config: ClientConfig) -> str:
    spec: dict[str, Any] = {"interactive": False}
    if plugin.provide_cluster_info:
        cluster: dict[str, Any] = {"server": config.server, "insecure-skip-tls-verify": config.insecure}
        if config.ca_data:
            cluster["certificate-authority-data"] = base64.b64encode(config.ca_data).decode()
        spec["cluster"] = cluster
    info = {"kind": "ExecCredential", "apiVersion": plugin.api_version, "spec": spec}
    return msgspec.json.encode(info).decode()


async def run_exec_plugin(plugin: ExecPlugin, config: ClientConfig) -> _ExecStatus:
    """Run the command and read the credential it prints; a `ConfigError` names what went wrong."""
    environment = {**os.environ, **dict(plugin.env), "KUBERNETES_EXEC_INFO": _exec_info(plugin, config)}
    try:
        process = await asyncio.create_subprocess_exec(
            plugin.command, *plugin.args, env=environment, stdout=asyncio.subprocess.PIPE
        )
    except OSError as error:
        hint = f"\n\n{plugin.install_hint}" if plugin.install_hint else ""
        raise ConfigError(f"exec: executable {plugin.command} not found{hint}") from error
    output, _ = await process.communicate()
    if process.returncode:
        raise ConfigError(f"exec: executable {plugin.command} failed with exit code {process.returncode}")
    try:
        credential = msgspec.json.decode(output, type=_ExecCredential)
    except msgspec.DecodeError as error:
        raise ConfigError(f"exec: decoding stdout: {error}") from error
    if credential.status is None:
        raise ConfigError("exec: plugin didn't return a credential: status is missing")
    return credential.status

"""The TLS settings of the port, renewed when their files change, without dropping a connection.

What: `Serving` with the `context` that the port is opened with, and `load`. Why: certificates live for months,
servers for years; a removed authority must stop counting for new connections at once. Flow: the port keeps its first
context; each handshake is moved to the newest one by the callback that TLS calls first. What is open stays open.
Source: apiserver/pkg/server/dynamiccertificates.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Any

from kubelite.apiserver.http.listener import tls_context


class Serving:
    """Raises OSError (ssl.SSLError) for files that cannot be used."""

    def __init__(self, cert_file: str, key_file: str, client_ca_files: Sequence[str]) -> None:
        self.files = tuple(path for path in (cert_file, key_file, *client_ca_files) if path)
        self._pair = (cert_file, key_file)
        self._authorities = tuple(path for path in client_ca_files if path)
        self.context = self._current = self._make()
        self.context.sni_callback = self._choose

    def _make(self) -> ssl.SSLContext:
        context = tls_context(*self._pair)
        for path in self._authorities:
            context.load_verify_locations(path)
            context.verify_mode = ssl.CERT_OPTIONAL
        return context

    def load(self) -> None:
        """Uses the files as they are now for every handshake from now on."""
        self._current = self._make()

    def _choose(self, connection: Any, name: str | None, context: ssl.SSLContext) -> None:
        if self._current is not context:
            connection.context = self._current
